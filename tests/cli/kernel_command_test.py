#!/usr/bin/env python3
"""`mfld kernel` and kernel regression from the command line. Usage: this PROGRAM"""
import array
import math
import os
import pty
import random
import signal
import struct
import subprocess
import time

import program

# Inputs of dimension 2 and a target.
TABLE = "1,2,9\n0.5,-1,8\n0,1,7\n"
OTHER = "2,0,1\n-1,1,0\n"

EXPERIMENT = """\
seed = 1
[task]
kind = "teacher-student"
num_train = 20
num_test = 10
[network]
activation = "relu"
bias = false
width = 50
[[phase]]
method = "kernel-regression"
kernel = "infinite-tangent"
[observe]
predictions = true
"""


def two_layer_relu(x, z):
    """N^(-1/2) sum r max(w.x, 0), both layers trained: |x| |z| (kappa_1 + u kappa_0) / 2 at the cosine u."""
    norms = math.hypot(*x) * math.hypot(*z)
    u = max(-1.0, min(1.0, sum(a * b for a, b in zip(x, z)) / norms))
    angle = math.acos(u)
    return norms * (2 * (math.pi - angle) * u + math.sin(angle)) / (2 * math.pi)


class KernelTest(program.ProgramTest):
    EXPERIMENT = EXPERIMENT

    @staticmethod
    def parse(text):
        """Comments, names of columns if there are any, and numbers of a table."""
        comments = [line for line in text.splitlines() if line.startswith("#")]
        rows = [line.split(",") for line in text.splitlines() if not line.startswith("#")]
        names = rows.pop(0) if rows[0][0][0].isalpha() else None
        return comments, names, [[float(field) for field in row] for row in rows]

    def assert_fails(self, status, sentence, *arguments):
        """Exit status, the last line on stderr has the sentence, nothing on stdout, nothing written."""
        before = sorted(path.name for path in self.root.rglob("*"))
        result = self.mfld(*arguments)
        self.assertEqual(result.returncode, status, result.stderr)
        self.assertIn(sentence, result.stderr)
        self.assertTrue(result.stderr.splitlines()[-1].startswith("mfld: "), result.stderr)
        self.assertEqual(result.stdout, "")
        self.assertEqual(sorted(path.name for path in self.root.rglob("*")), before)


class KernelCommand(KernelTest):
    def setUp(self):
        super().setUp()
        (self.root / "a.csv").write_text(TABLE)
        (self.root / "b.csv").write_text(OTHER)

    def kernel(self, *arguments):
        """What it prints, parsed."""
        result = self.mfld("kernel", *arguments)
        self.assertEqual(result.returncode, 0, result.stderr)
        return self.parse(result.stdout)

    def test_between_two_files(self):
        x = [row.split(",")[:2] for row in TABLE.split()]
        z = [row.split(",")[:2] for row in OTHER.split()]
        comments, names, rows = self.kernel("a.csv", "b.csv")
        self.assertIsNone(names)
        self.assertEqual((len(rows), len(rows[0])), (3, 2))
        for i, row in enumerate(rows):
            for j, value in enumerate(row):
                self.assertAlmostEqual(value, two_layer_relu([*map(float, x[i])], [*map(float, z[j])]), delta=1e-14)
        self.assertIn("# rows: the 3 inputs of a.csv; columns: the 2 of b.csv; dimension 2", comments)
        self.assertIn("# error of quadrature and truncation: ntk <= 0 (closed form)", comments)

    def test_a_line_of_names_is_said(self):
        (self.root / "c.csv").write_text("# c\nout of range,below limit,y\n" + TABLE)
        comments, _, rows = self.kernel("c.csv", "b.csv")
        self.assertEqual(len(rows), 3)
        self.assertIn("# rows: the 3 inputs of c.csv (its header is line 2); columns: the 2 of b.csv; dimension 2", comments)
        self.assertIn("3 inputs of c.csv (its header is line 2)", self.mfld("kernel", "c.csv", "--out", "k.npy").stderr)

    def test_of_one_file_is_symmetric_and_the_block_of_two(self):
        one = self.kernel("a.csv", "--part", "both", "--quiet")
        two = self.kernel("a.csv", "a.csv", "--part", "both")
        self.assertEqual(one[2], two[2])
        self.assertEqual(len(one[2]), 6)  # nngp, then ntk
        self.assertEqual((one[0].count("# nngp"), one[0].count("# ntk")), (1, 1))
        for first in (0, 3):
            block = one[2][first:first + 3]
            self.assertEqual(block, [list(column) for column in zip(*block)])

    def test_leading_eigenvalues(self):
        """Of K / 3: their sum is its trace, that of their squares its squared norm; in two parts, and in a file."""
        matrices = self.kernel("a.csv", "--part", "both")[2]
        comments, names, rows = self.kernel("a.csv", "--part", "both", "--leading", "3")
        self.assertEqual((names, [row[0] for row in rows]), (["number", "nngp", "ntk"], [1, 2, 3]))
        self.assertRegex(comments[-1], r"the largest eigenvalues .*; error beside that of the kernel: <= \S+e-1\d")
        for part, matrix in ((1, matrices[:3]), (2, matrices[3:])):
            values = [row[part] for row in rows]
            self.assertEqual(values, sorted(values, reverse=True))
            self.assertAlmostEqual(sum(values), sum(matrix[i][i] for i in range(3)) / 3, delta=1e-14)
            squares = sum(value**2 for row in matrix for value in row) / 9
            self.assertAlmostEqual(sum(value**2 for value in values), squares, delta=1e-14)
        result = self.mfld("kernel", "a.csv", "--leading", "2", "--out", "e.csv")
        self.assertRegex(result.stderr, r"^a kernel of 3 x 3 inputs and its eigenvalues: \S+ GiB of \S+ GiB ")
        self.assertEqual(self.parse((self.root / "e.csv").read_text())[2], [[row[0], row[2]] for row in rows[:2]])

    def test_wrong_leading_eigenvalues(self):
        self.assert_fails(2, "--leading 4: the kernel of 3 inputs has 3 eigenvalues", "kernel", "a.csv",
                          "--leading", "4")
        for arguments in (["a.csv", "b.csv"], ["--cosines", "5"]):
            self.assert_fails(2, "--leading 2: takes one data file", "kernel", *arguments, "--leading", "2")
        self.assert_fails(2, "eigenvalues are a table, whose name must end in .csv", "kernel", "a.csv",
                          "--leading", "2", "--out", "k.npy")
        self.assertEqual(self.mfld("kernel", "a.csv", "--leading", "0").returncode, 2)

    def test_files_without_a_target(self):
        (self.root / "c.csv").write_text("1,2\n0.5,-1\n0,1\n")
        self.assertEqual(self.kernel("c.csv", "--target-column", "none")[2], self.kernel("a.csv")[2])
        self.assertEqual(len(self.kernel("a.csv", "--target-column=0")[2]), 3)

    def test_files_it_writes(self):
        for name in ("k.csv", "k.npy", "both.npy"):
            part = "both" if name == "both.npy" else "ntk"
            result = self.mfld("kernel", "a.csv", "b.csv", "--part", part, "--out", name)
            self.assertEqual((result.returncode, result.stdout), (0, ""), result.stderr)
        rows = self.kernel("a.csv", "b.csv")[2]
        self.assertEqual(self.parse((self.root / "k.csv").read_text())[2], rows)
        self.assertEqual(self.read_npy("k.npy", "(3, 2)"), [row[j] for j in range(2) for row in rows])
        nngp = self.kernel("a.csv", "b.csv", "--part", "nngp")[2]
        self.assertEqual(self.read_npy("both.npy", "(3, 2, 2)"),
                         [row[j] for part in (nngp, rows) for j in range(2) for row in part])
        self.assertEqual(sorted(path.name for path in self.root.glob("*.part")), [])

    def read_npy(self, name, shape):
        """The numbers of a version 1.0 file, in their order."""
        content = (self.root / name).read_bytes()
        self.assertEqual(content[:8], b"\x93NUMPY\x01\x00")
        length = struct.unpack("<H", content[8:10])[0]
        self.assertEqual((10 + length) % 64, 0)
        header = content[10:10 + length].decode()
        self.assertIn(f"'descr': '<f8', 'fortran_order': True, 'shape': {shape}", header)
        self.assertTrue(header.endswith("\n"))
        return list(array.array("d", content[10 + length:]))

    def test_at_cosines(self):
        comments, names, rows = self.kernel("--cosines", "-1,0,0.5,1")
        self.assertEqual(names, ["angle", "cosine", "ntk"])
        self.assertEqual([row[1] for row in rows], [-1, 0, 0.5, 1])
        for angle, cosine, value in rows:
            self.assertAlmostEqual(angle, math.acos(cosine), delta=1e-15)
            self.assertAlmostEqual(value, two_layer_relu((1, 0), (cosine, math.sin(angle))), delta=1e-14)

    def test_at_evenly_spaced_angles(self):
        rows = self.kernel("--cosines", "5", "--part", "both")[2]
        self.assertEqual(len(rows), 5)
        for k, (angle, cosine, nngp, ntk) in enumerate(rows):
            self.assertAlmostEqual(angle, k * math.pi / 4, delta=1e-15)
            self.assertAlmostEqual(ntk, two_layer_relu((1, 0), (math.cos(angle), math.sin(angle))), delta=1e-14)
            self.assertAlmostEqual(nngp, (math.sin(angle) + (math.pi - angle) * math.cos(angle)) / (2 * math.pi),
                                   delta=1e-14)

    def test_conventions_and_activations(self):
        # Four layers of linear weights: Theta = L c, K = c (Arora's count: three hidden layers).
        row = self.kernel("--cosines", "0.25", "--convention", "arora", "--depth", "3", "--activation", "linear",
                          "--part", "both")[2][0]
        self.assertAlmostEqual(row[2], 0.25, delta=1e-15)
        self.assertAlmostEqual(row[3], 1.0, delta=1e-15)
        # One layer of weights in dimension 4: K = sigma_w^2 u / 4 + sigma_b^2.
        row = self.kernel("--cosines", "0.5", "--convention", "lee", "--depth", "1", "--input-dim", "4",
                          "--weight-variance", "3", "--bias-variance", "0.2")[2][0]
        self.assertAlmostEqual(row[2], 3 * 0.5 / 4 + 0.2, delta=1e-15)

    def test_quadrature_says_its_error(self):
        comments, _, rows = self.kernel("--cosines", "1,-1", "--activation", "tanh")
        bound = next(float(line.split("ntk <= ")[1]) for line in comments if "error" in line)
        self.assertGreater(bound, 0)
        self.assertLess(bound, 1e-12)
        for row, sign in zip(rows, (1, -1)):
            self.assertLessEqual(abs(row[2] - sign * 0.8586973928461094161639), bound)

    def test_spectrum(self):
        _, names, rows = self.kernel("--spectrum", "6", "--input-dim", "2", "--convention", "bietti-mairal")
        self.assertEqual(names, ["degree", "multiplicity", "ntk"])
        for degree, multiplicity, value in rows:
            self.assertEqual(multiplicity, 1 if degree == 0 else 2)
            exact = {0: 6 / math.pi**2, 1: 0.5}.get(
                degree, 0 if degree % 2 else 2 / math.pi**2 * (degree**2 + 3) / (degree**2 - 1)**2)
            self.assertAlmostEqual(value, exact, delta=1e-15)

    def test_the_same_bits_on_any_number_of_threads(self):
        self.assertEqual(self.kernel("a.csv", "--threads", "1"), self.kernel("a.csv", "--threads", "4"))

    def test_help_has_the_formulas(self):
        text = self.mfld("kernel", "--help").stdout
        for word in ("Theta^(l+1)", "two-layer-hidden", "--spectrum", "nngp"):
            self.assertIn(word, text)
        self.assertIn("kernel-regression", self.mfld("list", "methods").stdout)
        self.assertIn("infinite-tangent", self.mfld("list", "kernels").stdout)
        self.assertIn("bietti-mairal", self.mfld("list", "conventions").stdout)

    def test_bad_command_lines(self):
        fails = [
            ("one of them only", ()), ("one of them only", ("a.csv", "--cosines", "3")),
            ("--cosines 0.5,2", ("--cosines", "0.5,2")), ("--cosines 1,,0", ("--cosines", "1,,0")),
            ("--target-column x", ("a.csv", "--target-column", "x")),
            ("--target-column 7: must be in -3..2", ("a.csv", "--target-column", "7")),
            ("must end in .csv", ("a.csv", "--out", "k.txt")), ("must end in .csv", ("--cosines", "3", "--out", "k.npy")),
            ("needs --input-dim", ("--spectrum", "3")), ("--input-dim", ("a.csv", "--input-dim", "3")),
            ("--depth 3: is only read with --convention jacot, lee, arora, not two-layer",
             ("a.csv", "--depth", "3")),
            ("--bias-variance 1: is only read with", ("a.csv", "--convention", "arora", "--bias-variance", "1")),
            ("weight_variance = -1", ("a.csv", "--convention", "lee", "--weight-variance=-1")),
            ("has no closed form", ("a.csv", "--convention", "bietti-mairal", "--activation", "tanh")),
            ("must end in .csv, .tsv", ("a.xlsx",)),
        ]
        for sentence, arguments in fails:
            with self.subTest(arguments):
                self.assert_fails(2, sentence, "kernel", *arguments)

    def on_terminal(self, *arguments):
        """What it draws on one, and its exit status."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen([program.PROGRAM, *arguments], cwd=self.root, stderr=theirs, stdout=subprocess.DEVNULL)
        os.close(theirs)
        screen = program.read_screen(ours)
        return screen.decode(), process.wait(timeout=program.TIMEOUT)

    def test_a_terminal_is_drawn_how_far_it_is(self):
        rows = random.Random(1)
        (self.root / "l.csv").write_text("".join(f"{rows.random()},{rows.random()},1\n" for _ in range(1500)))
        network = ["--convention", "arora", "--depth", "200", "--threads", "1"]
        screen, status = self.on_terminal("kernel", "l.csv", *network, "--out", "k.npy")
        self.assertEqual(status, 0)
        self.assertRegex(screen, r"\[#*-+\] kernel  \d+ %  0:\d\d left")
        (self.root / "k.npy").unlink()  # nothing is replaced
        self.assertNotIn("left", self.on_terminal("kernel", "l.csv", *network, "--out", "k.npy", "--quiet")[0])

    def test_a_regression_stops_on_its_way(self):
        """Its kernel alone would take minutes."""
        large = ["--set", "phase.0.kernel=tangent", "--set", "phase.0.ridge=0.01", "--set", "task.num_train=1500",
                 "--set", "network.width=200000", "--threads", "1"]
        process = self.launch("run", "a.toml", "--out", "out", *large)
        self.wait_until(lambda: (self.root / "out/metrics.csv").exists() or (self.root / "out/experiment.toml").exists())
        time.sleep(0.5)
        self.assertIsNone(process.poll())
        start = time.monotonic()
        self.assertIn("out: interrupted before the solution", self.stop(process, signal.SIGINT))
        self.assertLess(time.monotonic() - start, 5 * program.PATIENCE)
        self.assertEqual(sorted(path.name for path in (self.root / "out").iterdir()),
                         ["experiment.toml", "metrics.csv", "summary.json"])

    def test_bad_files(self):
        self.assert_fails(4, 'rows = "none.csv" cannot be read', "kernel", "none.csv")
        (self.root / "wide.csv").write_text("1,2,3,4\n")
        self.assert_fails(2, "dimension", "kernel", "a.csv", "wide.csv", "--quiet")
        (self.root / "bad.csv").write_text("1,2\nx,3\n")
        self.assert_fails(2, "line 2, column 1", "kernel", "bad.csv")
        self.assert_fails(4, "cannot write no/k.csv", "kernel", "a.csv", "--out", "no/k.csv", "--quiet")

    def test_a_kernel_that_does_not_fit_is_refused_before_it_is_made(self):
        (self.root / "long.csv").write_text("1,2\n" * 300000)
        self.assert_fails(2, "a kernel of 300000 x 300000 inputs needs 671 GiB and", "kernel", "long.csv")


class KernelRegression(KernelTest):
    def test_run_info_and_resume(self):
        result = self.mfld("run", "a.toml")
        self.assertEqual((result.returncode, result.stdout), (0, ""), result.stderr)
        for word in ("kernel-regression: f(x) =", "kernel: infinite-tangent", "convention: two-layer", "runs/a: finished"):
            self.assertIn(word, result.stderr)
        run = self.root / "runs/a"
        self.assertEqual({path.name for path in run.iterdir()},
                         {"experiment.toml", "metrics.csv", "predictions.csv", "summary.json"})
        self.assertEqual(len(self.parse((run / "predictions.csv").read_text())[2]), 10)
        self.assertIn("generalisation_measure", self.mfld("info", "runs/a").stdout)
        before = (run / "predictions.csv").read_bytes()
        self.assertIn("nothing is left to do", self.mfld("resume", "runs/a").stderr)
        for name in ("summary.json", "predictions.csv"):
            (run / name).unlink()  # as if killed before the end
        self.assertEqual(self.mfld("resume", "runs/a").returncode, 0)
        self.assertEqual((run / "predictions.csv").read_bytes(), before)
        self.assert_fails(2, "kernel-regression takes no steps", "branch", "runs/a", "--seed", "2")

    def test_a_singular_kernel_leaves_nothing(self):
        (self.root / "t.csv").write_text("1,2,1\n3,1,-1\n2,4,1\n")
        (self.root / "t.toml").write_text(EXPERIMENT.replace(
            'kind = "teacher-student"\nnum_train = 20\nnum_test = 10', 'kind = "file"\npath = "t.csv"\ntest_path = "t.csv"'))
        self.assert_fails(2, "inputs 0 and 2 are equal or parallel", "run", "t.toml", "--out", "t", "--quiet")
        result = self.mfld("run", "t.toml", "--out", "t", "--set", "phase.0.ridge=0.1")
        self.assertEqual(result.returncode, 0, result.stderr)


if __name__ == "__main__":
    program.main()
