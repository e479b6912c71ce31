#!/usr/bin/env python3
"""Data files: what they may be, and that all of them is read or none. Usage: this PROGRAM"""
import array
import fcntl
import os
import resource
import signal
import subprocess
import termios

import program


class Tables(program.ProgramTest):
    EXPERIMENT = program.ON_A_TABLE

    def run_on(self, content, *settings):
        """A run on t.csv; its data in words are in stderr."""
        (self.root / "t.csv").write_bytes(content.encode() if isinstance(content, str) else content)
        with_value = [word for setting in settings for word in ("--set", setting)]
        return self.mfld("run", "a.toml", "--out", f"o{len(list(self.root.glob('o*')))}", *with_value)

    def assert_refused(self, content, *parts):
        result = self.run_on(content)
        self.assert_sentence(result, 2, *parts)
        self.assertEqual(list(self.root.glob("o*")), [])

    def assert_rows(self, count, content, *settings):
        result = self.run_on(content, *settings)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn(f"{count} training rows", result.stderr)
        return result.stderr

    def test_a_first_row_of_data_is_not_dropped(self):
        for code in ("#N/A", "#DIV/0!", "n.a.", "ND", "unknown", "absent", "\u22125"):
            with self.subTest(code):
                self.assert_refused(f"1,{code},3\n4,5,6\n", "line 1, column 2 holds", "must hold a finite number")
        for row in ("\u22121,\u22122", "\u0661,\u0662", "\uff11,\uff12", '"1,5","2,5"', "#N/A,2"):
            with self.subTest(row):
                self.assert_refused(f"{row}\n4,5\n", "line 1, column 1")

    def test_the_header_key_is_read_and_listed(self):
        self.assertIn("1 training rows", self.assert_rows(1, "0,1,2\n3,4,5\n", 'task.header="yes"'))
        self.assert_rows(2, "0,1,2\n3,4,5\n", 'task.header="no"')
        self.assertIn("task.header", self.mfld("list", "keys").stdout)

    def test_a_header_is_never_taken_without_a_word(self):
        for row in ("n.v.,k.u.,n.v.", "\u4e00,\u4e8c,\u4e09", "\U00011f51,\u1369,\u09f4", "0,1,2"):
            with self.subTest(row):
                self.assert_refused(f"{row}\n4,5,6\n", "line 1", 'task.header = "yes"')
        self.assert_refused(",n.v.\n4,5\n", "line 1", 'task.header = "yes"')
        self.assertIn('t.csv" (its header is line 1)', self.assert_rows(1, "out of range,below limit\n1,2\n"))

    def test_comments_before_the_table(self):
        words = self.assert_rows(2, "# made by a simulation\n# a,b,y\n1,2,3\n4,5,6\n")
        self.assertIn('column 3 "y"', words)
        self.assert_rows(2, "# model = m\n# more\na,b,y\n1,2,3\n4,5,6\n# 1 second\n")
        self.assertEqual(self.mfld("kernel", "t.csv", "--out", "k.csv", "--quiet").returncode, 0)
        self.assert_rows(2, (self.root / "k.csv").read_text())

    def test_line_ends_of_another_kind(self):
        self.assert_refused("# a\r1,2\n3,4\n", "line 1", "carriage return")
        self.assert_refused("a,b\r1,2\n3,4\n", "line 1", "carriage return")

    def test_integers_that_no_double_is(self):
        self.assert_refused("1,9007199254740993\n", "line 1, column 2", '"9007199254740993"')

    def test_columns_of_the_test_table_by_name(self):
        (self.root / "a.toml").write_text(self.EXPERIMENT.replace("test_fraction = 0.0\n", ""))
        (self.root / "test.csv").write_text("y,b,a\n3,2,1\n")
        setting = f'task.test_path="{self.root}/test.csv"'
        self.assertIn("in the order of the names", self.assert_rows(1, "a,b,y\n1,2,3\n", setting))
        (self.root / "test.csv").write_text("a,c,y\n1,2,3\n")
        self.assert_sentence(self.run_on("a,b,y\n1,2,3\n", setting), 2, "task.test_path", 'no column "b"')

    def test_a_header_of_other_bytes_can_be_read_back(self):
        for name in (b"Gr\xf6\xdfe", b"a\x1b[2J", b"a\xc2\x85b", b"a\xe2\x80\xa8b", b"a\x0bb"):
            with self.subTest(name):
                said = self.assert_rows(2, b"x," + name + b"\n1,2\n3,4\n")
                out = self.root / f"o{len(list(self.root.glob('o*'))) - 1}"
                for text in ((out / "metrics.csv").read_bytes().decode(), said):
                    self.assertNotIn("\x1b", text)
                    comments = [line for line in text.splitlines() if "data: y = column 2" in line]
                    self.assertEqual(len(comments), 1)
                    self.assertIn("\\x", comments[0])

    def test_pipes(self):
        for name in ("p.csv", "p.npy", "p.h5"):
            os.mkfifo(self.root / name)
            result = self.mfld("run", "a.toml", "--out", "o", "--quiet", "--set", f"task.path={self.root}/{name}")
            self.assert_sentence(result, 4, name, "it is a pipe")

    def test_a_pipe_that_somebody_writes_to(self):
        os.mkfifo(self.root / "p.csv")
        writer = os.open(self.root / "p.csv", os.O_RDWR)
        os.write(writer, b"1,2\n3,4\n5,")
        process = self.launch("run", "a.toml", "--out", "o", "--set", f"task.path={self.root}/p.csv")
        left = array.array("i", [1])
        self.wait_until(lambda: fcntl.ioctl(writer, termios.FIONREAD, left) == 0 and left[0] == 0)
        os.write(writer, b"6\n")
        self.wait_until(lambda: fcntl.ioctl(writer, termios.FIONREAD, left) == 0 and left[0] == 0)
        os.close(writer)
        errors = process.communicate(timeout=program.TIMEOUT)[1]
        self.assertEqual(process.returncode, 0, errors)
        self.assertIn("3 training rows", errors)

    def test_a_pipe_without_end_is_interrupted(self):
        os.mkfifo(self.root / "p.csv")
        writer = os.open(self.root / "p.csv", os.O_RDWR)
        os.write(writer, b"1,2\n")
        process = self.launch("run", "a.toml", "--out", "o", "--quiet", "--set", f"task.path={self.root}/p.csv")
        left = array.array("i", [1])
        self.wait_until(lambda: fcntl.ioctl(writer, termios.FIONREAD, left) == 0 and left[0] == 0)
        self.stop(process, 15)
        os.close(writer)


class KernelOut(program.ProgramTest):
    def setUp(self):
        super().setUp()
        (self.root / "a.csv").write_text("1,2,9\n0.5,-1,8\n0,1,7\n")

    def names(self):
        return sorted(path.name for path in self.root.iterdir())

    def test_what_is_there_and_not_ours_is_kept(self):
        (self.root / "notes.csv").write_text("1,2\n")
        (self.root / "n.npy").write_bytes(b"\x93NUMPY")
        (self.root / "l.csv").symlink_to("elsewhere.csv")
        (self.root / "d.csv").mkdir()
        os.mkfifo(self.root / "p.csv")
        os.link(self.root / "a.csv", self.root / "same.csv")
        before = self.names()
        for name in ("notes.csv", "n.npy", "l.csv", "d.csv", "p.csv", "a.csv", "same.csv"):
            with self.subTest(name):
                result = self.mfld("kernel", "a.csv", "--quiet", "--out", name)
                self.assert_sentence(result, 2, f"--out {name}")
        self.assertEqual(self.names(), before)
        self.assertEqual((self.root / "notes.csv").read_text(), "1,2\n")

    def test_its_own_kernel_is_replaced_but_not_if_it_is_the_input(self):
        for _ in range(2):
            result = self.mfld("kernel", "a.csv", "--quiet", "--out", "k.csv")
            self.assertEqual(result.returncode, 0, result.stderr)
        before = (self.root / "k.csv").read_bytes()
        self.assert_sentence(self.mfld("kernel", "k.csv", "--quiet", "--out", "k.csv"), 2, "is the data file k.csv")
        self.assert_sentence(self.mfld("kernel", "a.csv", "k.csv", "--quiet", "--out", "./k.csv"), 2, "is the data file")
        self.assertEqual((self.root / "k.csv").read_bytes(), before)

    def test_two_kernels_at_once_do_not_share_a_file(self):
        (self.root / "k.csv.part").symlink_to("elsewhere")
        processes = [self.launch("kernel", "a.csv", "--quiet", "--out", "k.csv") for _ in range(8)]
        for process in processes:
            self.assertEqual((process.communicate(timeout=program.TIMEOUT)[1], process.returncode), ("", 0))
        self.assertEqual((self.root / "k.csv").read_text(), self.mfld("kernel", "a.csv", "--quiet").stdout)
        self.assertEqual(self.names(), ["a.csv", "a.toml", "k.csv", "k.csv.part"])

    def test_one_that_is_stopped_leaves_nothing(self):
        (self.root / "long.csv").write_text("".join(f"{i % 89},{i % 97},{i}\n" for i in range(3000)))
        before = self.names()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            process = self.launch("kernel", "long.csv", "--activation", "tanh", "--convention", "lee", "--depth", "30",
                                  "--quiet", "--out", "k.npy")
            self.wait_until(lambda: self.names() != before)
            self.assertEqual(self.stop(process, number), "mfld: interrupted\n")
            self.assertEqual(self.names(), before)

    def test_names_of_files_stay_in_their_comment(self):
        name = "a\n9,9\t\x1b[2J\\.csv"
        (self.root / name).write_text("1,2,9\n0,1,7\n")
        lines = self.mfld("kernel", name, "--quiet").stdout.splitlines()
        self.assertEqual(sum(not line.startswith("#") for line in lines), 2)
        self.assertTrue(any(r"a\x0a9,9\x09\x1b[2J\\.csv" in line for line in lines), lines)

    def test_a_full_disk(self):
        (self.root / "long.csv").write_text("1,2,3\n" * 300)
        for name in ("k.csv", "k.npy"):
            process = subprocess.run(
                ["/usr/bin/env", "--ignore-signal=XFSZ", program.PROGRAM, "kernel", "long.csv", "--quiet", "--out", name],
                cwd=self.root, capture_output=True, text=True, timeout=program.TIMEOUT,
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536)))
            self.assert_sentence(process, 4, f"cannot write {name}: ", "File too large")
        self.assertEqual(self.names(), ["a.csv", "a.toml", "long.csv"])

    def test_a_kernel_that_is_not_finite_is_no_result(self):
        (self.root / "huge.csv").write_text("1e200,1e200,0\n1,2,0\n")
        for arguments in (("huge.csv",), ("a.csv", "huge.csv", "--part", "both"), ("huge.csv", "--out", "k.csv"),
                          ("--cosines", "0,1", "--convention", "lee", "--depth", "1000", "--weight-variance", "1e10")):
            with self.subTest(arguments):
                result = self.mfld("kernel", *arguments, "--quiet")
                self.assert_sentence(result, 3, "nothing is written")
                self.assertEqual(result.stdout, "")
        self.assertEqual(self.names(), ["a.csv", "a.toml", "huge.csv"])

    def test_columns_of_two_files_by_name(self):
        (self.root / "x.csv").write_text("a,b,y\n1,2,9\n")
        (self.root / "z.csv").write_text("y,b,a\n9,0.5,3\n")
        (self.root / "same.csv").write_text("3,0.5,9\n")
        by_name = self.mfld("kernel", "x.csv", "z.csv", "--quiet").stdout.splitlines()[-1]
        self.assertEqual(by_name, self.mfld("kernel", "x.csv", "same.csv", "--quiet").stdout.splitlines()[-1])
        (self.root / "z.csv").write_text("q,b,a\n9,0.5,3\n")
        self.assert_sentence(self.mfld("kernel", "x.csv", "z.csv", "--quiet"), 2, 'no column "y"')


if __name__ == "__main__":
    program.main()
