#!/usr/bin/env python3
"""What the program says and prints, and where that cannot be: standard descriptors that are closed, full or read by
nobody, terminals, names with control characters. Usage: this PROGRAM"""
import fcntl
import os
import pty
import re
import resource
import struct
import subprocess
import termios
import unittest

import program

EXPERIMENT = """\
seed = 1
[task]
kind = "teacher-student"
num_train = 40
num_test = 10
[network]
width = 20
[[phase]]
method = "mfld"
steps = 20
step_size = 0.1
lambda2 = 0.001
[observe.trajectory]
particles = "all"
"""

# What a command says is decoration; what it prints is its result.
PRINTING = (["--help"], ["run", "--help"], ["--version"], ["list"], ["list", "keys"], ["info", "done"], ["info", "several"],
            ["kernel", "--cosines=-1,0,1", "--quiet"], ["selfcheck"])
SILENT = (["run", "a.toml", "--out", "out"], ["run", "a.toml", "--out", "sweep", "--set", "sweep.seed=[1,2]"],
          ["resume", "done"], ["branch", "done", "--seed", "2", "--out", "branch"])
FAILING = ((2, ["rnu"]), (2, ["run", "a.toml", "--set", "seed=-1"]), (4, ["run", "none.toml"]), (4, ["info", "none"]),
           (3, ["run", "a.toml", "--out", "diverged", "--quiet", "--set", "phase.0.step_size=1e200"]))


def full(descriptor):
    return lambda: os.dup2(os.open("/dev/full", os.O_WRONLY), descriptor)


def closed(*descriptors):
    return lambda: [os.close(descriptor) for descriptor in descriptors]


def without_reader(descriptor):
    def prepare():
        reading, writing = os.pipe()
        os.close(reading)
        os.dup2(writing, descriptor)
    return prepare


def unread(descriptor):
    """A pipe that is full and that nobody empties, though somebody could."""
    def prepare():
        reading, writing = os.pipe()
        os.set_inheritable(reading, True)
        os.set_blocking(writing, False)
        try:
            while os.write(writing, bytes(4096)):
                pass
        except BlockingIOError:
            os.set_blocking(writing, True)
        os.dup2(writing, descriptor)
    return prepare


class Voice(program.ProgramTest):
    EXPERIMENT = EXPERIMENT

    def setUp(self):
        super().setUp()
        self.assertEqual(self.mfld("run", "a.toml", "--out", "done", "--quiet").returncode, 0)
        self.assertEqual(self.mfld("run", "a.toml", "--out", "several", "--quiet", "--set", "sweep.seed=[1]").returncode, 0)

    def assert_same_run(self, out):
        self.assert_same("done", out, ("metrics.csv", "checkpoint.h5"))

    def test_what_cannot_be_printed_is_status_4(self):
        for arguments in PRINTING:
            for prepare in (full(1), closed(1), closed(0, 1)):
                result = self.mfld(*arguments, preexec_fn=prepare)
                self.assert_sentence(result, 4, "mfld: cannot write to standard output: ")
            # Whoever read it has seen enough: there is nothing to complain of.
            result = self.mfld(*arguments, preexec_fn=without_reader(1))
            self.assertEqual((result.returncode, result.stderr), (4, ""), arguments)

    def test_a_message_that_cannot_be_said_changes_nothing(self):
        for prepare in (full(2), closed(2), closed(0, 1, 2), without_reader(2)):
            for number, arguments in enumerate(SILENT):
                result = self.mfld(*arguments, preexec_fn=prepare)
                self.assertEqual((result.returncode, result.stdout), (0, ""), arguments)
            self.assert_same_run("out")
            for status, arguments in FAILING:
                self.assertEqual(self.mfld(*arguments, preexec_fn=prepare).returncode, status, arguments)
            for out in ("out", "sweep", "branch", "diverged"):
                self.mfld_remove(out)

    def mfld_remove(self, out):
        subprocess.run(["rm", "-r", str(self.root / out)], check=True)

    def test_nobody_is_waited_for_to_read_messages(self):
        result = self.mfld("run", "a.toml", "--out", "out", preexec_fn=unread(2))
        self.assertEqual(result.returncode, 0)
        self.assert_same_run("out")

    def test_a_reader_of_messages_that_leaves_ends_nothing(self):
        process = self.launch("run", "a.toml", "--out", "out")
        process.stderr.readline()
        process.stderr.close()
        self.assertEqual(process.wait(timeout=program.TIMEOUT), 0)
        self.assert_same_run("out")

    def test_a_limit_on_files_is_an_error_that_is_read(self):
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20480, 20480))
        self.assert_sentence(self.mfld("run", "a.toml", "--out", "out", "--quiet", preexec_fn=limit), 4, "File too large")
        self.assertEqual(self.mfld("resume", "out", "--quiet").returncode, 0)
        self.assert_same_run("out")

    def test_no_control_character_and_no_flood(self):
        evil = "\x1b[2J\r\nx\x07\u202e\x9b"
        for status, arguments in (
                (2, [evil]), (4, ["run", evil + ".toml"]), (2, ["run", "a.toml", "--set", evil + "=1"]),
                (2, ["run", "a.toml", "--set", f"network.neuron={evil!r}"]), (2, ["list", evil]), (4, ["info", evil]),
                (4, ["resume", evil]), (2, ["run", "a.toml", "--threads", evil]), (2, ["run", "a.toml", "--" + evil]),
                (2, ["run", "a.toml", "--max-wall", evil]), (2, ["kernel", evil + ".csv"]), (2, ["x" * 50000]),
                (2, ["run", "a.toml", "--set", "network.neuron=" + "x" * 50000])):
            result = self.mfld(*arguments)
            self.assertIn(result.returncode, (status, 2, 4), result.stderr)
            self.assert_printable_lines(result.stderr, 1)
        result = self.mfld("run", "a.toml", "--out", "out" + evil, "--set", 'phase.0.name="\\u001b[2J\\n' + "y" * 5000 + '"')
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assert_printable_lines(result.stderr, 5)
        result = self.mfld("info", "out" + evil)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assert_printable_lines(result.stdout, None, 100000)

    def assert_printable_lines(self, text, count, longest=810):
        lines = text.split("\n")
        self.assertEqual(lines.pop(), "")
        if count is not None:
            self.assertEqual(len(lines), count, text)
        for line in lines:
            self.assertNotRegex(line, "[\x00-\x1f\x7f-\x9f\u2028-\u202e]")
            self.assertLessEqual(len(line.encode()), longest)

    def test_other_scripts_stay_as_they_are(self):
        self.assert_sentence(self.mfld("run", "größe-日本.toml"), 4, "cannot read größe-日本.toml: ")

    def on_terminal(self, columns, **environment):
        """What a run draws on a terminal of so many columns, as rows."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        process = subprocess.Popen([program.PROGRAM, "run", "a.toml", "--out", "drawn"], cwd=self.root, stderr=theirs,
                                   env={**os.environ, "TERM": "xterm", **environment})
        os.close(theirs)
        screen = program.read_screen(ours)
        self.assertEqual(process.wait(timeout=program.TIMEOUT), 0)
        self.mfld_remove("drawn")
        return screen.decode().split("\r\n")

    def test_progress_keeps_to_one_row(self):
        for columns, bar in ((120, r"\[#{24}\] step 20/20  train loss .* left"), (70, r"\[#{4,20}\] step 20/20 .* left"),
                             (30, "step 20/20  train loss [0-9.]+"), (12, "step 20/20")):
            rows = self.on_terminal(columns)
            self.assertEqual(rows[-2:], ["drawn: finished after 20 steps", ""])
            drawn = [line.removesuffix("\x1b[K") for line in rows[-3].split("\r")]
            self.assertRegex(drawn[-1], f"^{bar}")
            self.assertLess(max(len(line) for line in drawn), columns)
        rows = self.on_terminal(0, COLUMNS="30")
        self.assertLess(max(len(line.removesuffix("\x1b[K")) for line in rows[-3].split("\r")), 30)

    def test_a_dumb_terminal_gets_no_progress(self):
        self.assertNotIn("\x1b", "".join(self.on_terminal(120, TERM="dumb")))

    @unittest.skipIf("MFLD_TEST_ADDRESSES" in os.environ, "a sanitizer needs all addresses")
    def test_memory_that_runs_out_late_is_no_wrong_input(self):
        (self.root / "kernel.toml").write_text(re.sub(r'method = .*\n(.*\n){3}', 'method = "kernel-regression"\n'
                                                      'kernel = "infinite-tangent"\nridge = 0.1\n', EXPERIMENT))
        limit = lambda: resource.setrlimit(resource.RLIMIT_AS, (500 << 20, 500 << 20))
        large = ["--set", "task.num_train=6000", "--threads", "1"]
        result = self.mfld("run", "kernel.toml", "--out", "out", "--quiet", *large, preexec_fn=limit)
        self.assert_sentence(result, 4, "no memory was left for the run; what it wrote can be resumed where there is more")
        self.assert_sentence(self.mfld("resume", "out", "--quiet", "--threads", "1", preexec_fn=limit), 4, "no memory")
        result = self.mfld("run", "kernel.toml", "--out", "sweep", "--quiet", *large, "--set", "sweep.seed=[1]",
                           preexec_fn=limit)
        self.assert_sentence(result, 4, "sweep/seed=1: no memory was left for the run")

    def test_files_of_experiments(self):
        self.assert_sentence(self.mfld("run", "/dev/zero"), 2, "has more than 64 MiB")
        self.assert_sentence(self.mfld("run", "."), 4, "Is a directory")
        with open(self.root / "a.toml", encoding="utf-8") as text:
            self.assertEqual(self.mfld("run", "/dev/stdin", "--out", "out", "--quiet", stdin=text).returncode, 0)
        self.assert_same_run("out")
        os.mkfifo(self.root / "pipe")
        result = self.mfld("run", "pipe", "--out", "piped", "--max-wall", "0.1s")
        self.assert_sentence(result, 130, "interrupted while reading pipe")
        self.assertFalse((self.root / "piped").exists())

    def test_shards_beyond_counting(self):
        for shard in ("1/9223372036854775807", "9223372036854775807/9223372036854775807", "1/" + "9" * 30):
            result = self.mfld("run", "a.toml", "--shard", shard, "--set", "sweep.seed=[1]")
            self.assert_sentence(result, 2, "must be i/k with 1 <= i <= k <= 1000000")
        self.assertFalse((self.root / "runs").exists())

    def test_a_loss_that_is_not_finite_is_a_divergence(self):
        result = self.mfld("run", "a.toml", "--out", "out", "--quiet", "--set", "phase.0.step_size=1e300", "--set",
                           "phase.0.steps=1", "--set", "phase.0.lambda2=0")
        self.assert_sentence(result, 3, "diverged at step 1: the training loss is inf, although every particle is finite")


if __name__ == "__main__":
    program.main()
