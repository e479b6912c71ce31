#!/usr/bin/env python3
"""Tables as other programs write them: separators, compression, archives, chosen columns, words. Usage: this PROGRAM"""
import gzip
import io
import zipfile

import program


class TableKinds(program.ProgramTest):
    EXPERIMENT = program.ON_A_TABLE

    def run_on(self, name, content, *settings):
        (self.root / name).write_bytes(content.encode() if isinstance(content, str) else content)
        with_value = [word for setting in (f'task.path="{name}"', *settings) for word in ("--set", setting)]
        return self.mfld("run", "a.toml", "--out", f"o{len(list(self.root.glob('o*')))}", *with_value)

    def assert_rows(self, count, name, content, *settings):
        result = self.run_on(name, content, *settings)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn(f"{count} training rows", result.stderr)
        return result.stderr

    def test_separators(self):
        for separator in ";", "\t", "|", "  ":
            with self.subTest(separator):
                rows = "a,b,y\n1,2,3\n4,5,6\n".replace(",", separator)
                self.assertIn('column 3 "y"', self.assert_rows(2, "t.csv", rows))
        self.assert_rows(2, "t.tsv", "a, b\tc\ty\n1\t2\t3\n4\t5\t6\n")
        self.assert_rows(1, "t.csv", "a,b;c;y\n1;2;3\n", 'task.separator=";"')
        self.assert_sentence(self.run_on("t.csv", "a,b\n1,2\n", 'task.separator="tab"'), 2, 'task.separator = "tab" splits nothing')
        self.assert_sentence(self.run_on("t.csv", "a,b\n1,2\n", 'task.separator="x"'), 2, "task.separator", '"blanks"')
        self.assert_sentence(self.run_on("t.csv", "a;b\n1,5;2\n"), 2, "line 2, column 1", "the decimal sign must be a point")

    def test_it_reads_what_it_writes(self):
        self.assert_rows(2, "t.csv", "a,b,y\n1,2,3\n4,5,7\n5,6,7\n6,7,8\n", "task.test_fraction=0.5", "observe.predictions=true")
        self.assert_rows(2, "p.csv", (self.root / "o0/predictions.csv").read_text())
        self.assertEqual(self.mfld("kernel", "t.csv", "--out", "k.csv", "--quiet").returncode, 0)
        self.assert_rows(4, "k2.csv", (self.root / "k.csv").read_text())

    def test_compressed_text(self):
        comments = "".join(f"# line {i} of many\n" for i in range(20000))
        packed = gzip.compress((comments + "# a;b;y\n1;2;3\n4;5;6\n").encode())
        self.assertIn('column 3 "y"', self.assert_rows(2, "t.csv.gz", packed))
        result = self.run_on("t.csv.gz", packed[:-20])
        self.assert_sentence(result, 4, "t.csv.gz", "it ends within its compressed data")

    def test_archives(self):
        header = "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }"
        array = b"\x93NUMPY\x01\x00\x76\x00" + header.ljust(118).encode() + bytes(range(6))

        def archive(*names):
            file = io.BytesIO()
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
                for name in names:
                    with packed.open(name + ".npy", "w", force_zip64=True) as member:
                        member.write(array)
            return file.getvalue()

        self.assert_rows(2, "t.npz", archive("arr_0"))
        self.assert_rows(2, "t.npz", archive("x", "table"), 'task.dataset="table"')
        self.assert_sentence(self.run_on("t.npz", archive("x", "table")), 2, 'task.dataset = "data"', '"x", "table"')

    def test_columns(self):
        flowers = "id,length,width,colour,price\nr1,1,2,red,10\nr2,3,4,blue,20\n"
        said = self.assert_rows(2, "t.csv", flowers, 'task.target_column="price"', 'task.drop_columns=["id", 3]')
        self.assertIn('x = its columns 2 "length", 3 "width"', said)
        self.assert_rows(2, "t.csv", flowers, 'task.target_column="price"', 'task.input_columns=["width", 1]')
        result = self.run_on("t.csv", flowers, 'task.target_column="prise"')
        self.assert_sentence(result, 2, 'task.target_column = "prise"', 'did you mean "price"?')
        result = self.run_on("t.csv", flowers, 'task.drop_columns=[0.5]')
        self.assert_sentence(result, 2, "task.drop_columns = [0.5]", "names of columns")
        keys = self.mfld("list", "keys").stdout
        for key in "task.separator", "task.drop_columns", "task.input_columns":
            self.assertIn(key, keys)

    def test_an_index_without_a_name(self):
        said = self.assert_rows(3, "t.csv", ",a,b,y\n0,1.5,2,1\n1,3,4,0\n2,5,6,1\n")
        warning = 'warning: the first column of '
        self.assertIn(warning, said)
        self.assertIn("task.drop_columns = [0] leaves it out", said)
        self.assertIn("# " + warning, (self.root / "o0/metrics.csv").read_text())
        self.assertNotIn(warning, self.assert_rows(3, "t.csv", ",a,b,y\n0,1.5,2,1\n1,3,4,0\n2,5,6,1\n", "task.drop_columns=[0]"))

    def test_labels(self):
        words = "a,b,diagnosis\n1,2,M\n3,4,B\n5,6,M\n"
        self.assertIn('labels "B" -> -1 and "M" -> +1', self.assert_rows(3, "t.csv", words, "task.binary_labels=true"))
        self.assert_sentence(self.run_on("t.csv", words), 2, "line 2, column 3", "task.binary_labels = true")
        result = self.run_on("t.csv", "1,2,1\n3,4,0\n", 'loss.kind="logistic"')
        self.assert_sentence(result, 2, "needs labels -1 and +1", "task.binary_labels = true")

    def test_the_choice_is_a_part_of_what_a_run_is(self):
        self.assert_rows(2, "t.csv", "k;a;y\n0;1;2\n1;3;4\n", "task.drop_columns=[\"k\"]")
        self.assertIn('drop_columns = ["k"]', (self.root / "o0/experiment.toml").read_text())
        self.assertNotIn("separator", (self.root / "o0/experiment.toml").read_text())
        result = self.mfld("resume", "o0", "--steps", "4", "--quiet")
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_a_sweep_over_columns(self):
        (self.root / "t.csv").write_text("a,b,y\n1,2,3\n4,5,6\n")
        text = self.EXPERIMENT + '[sweep]\n"task.drop_columns" = [[0], [1], []]\n'
        (self.root / "s.toml").write_text(text)
        result = self.mfld("run", "s.toml", "--out", "s", "--quiet")
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_kernels(self):
        (self.root / "k.csv").write_text("id;a;b;y\nr;1;2;x\ns;3;4;z\n")
        one = self.mfld("kernel", "k.csv", "--drop-columns", "id", "--target-column", "y", "--quiet")
        other = self.mfld("kernel", "k.csv", "--input-columns", "1,b", "--separator", ";", "--quiet")
        self.assertEqual(one.returncode, 0, one.stderr)
        numbers = [line for line in one.stdout.splitlines() if not line.startswith("#")]
        self.assertEqual(numbers, [line for line in other.stdout.splitlines() if not line.startswith("#")])
        self.assertEqual(len(numbers), 2)


if __name__ == "__main__":
    program.main()
