#!/usr/bin/env python3
"""One run of the particles of several. Usage: this PROGRAM"""
import csv
import json
import math
import re

import program

EXPERIMENT = """\
seed = 1
seeds.data = 7
[task]
kind = "single-index"
link = "tanh"
input_dim = 3
num_train = 30
num_test = 40
[network]
width = 16
activation = "tanh"
[[phase]]
method = "mfld"
steps = 20
step_size = 0.2
lambda1 = 0.01
lambda2 = 0.01
[observe]
columns = ["train_loss", "test_loss", "objective", "movement_mean", "second_moment"]
at = [1]
predictions = true
"""


def rows_of(path):
    return list(csv.DictReader(line for line in path.read_text().splitlines() if line[:1] != "#"))


class Merge(program.ProgramTest):
    EXPERIMENT = EXPERIMENT

    def run_it(self, out, *settings):
        arguments = [part for setting in settings for part in ("--set", setting)]
        result = self.mfld("run", "a.toml", "--out", out, "--quiet", *arguments)
        self.assertEqual(result.returncode, 0, result.stderr)

    def outputs(self, run):
        return [float(row["output"]) for row in rows_of(self.root / run / "predictions.csv")]

    def last(self, run):
        return {key: float(value) for key, value in rows_of(self.root / run / "metrics.csv")[-1].items()}

    def assert_refused(self, runs, *parts):
        self.assert_sentence(self.mfld("merge", *runs, "--out", "merged"), 2, *parts)
        self.assertFalse((self.root / "merged").exists())

    def test_the_output_is_the_mean_of_the_outputs_by_width(self):
        self.run_it("a", "seed=1")
        self.run_it("b", "seed=2", "network.width=48")
        result = self.mfld("merge", "a", "b", "--out", "merged", "--quiet")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""))
        for f, g, merged in zip(self.outputs("a"), self.outputs("b"), self.outputs("merged")):
            self.assertAlmostEqual((16 * f + 48 * g) / 64, merged, delta=1e-14)
        of_a, of_b, of_merged = (self.last(run) for run in ("a", "b", "merged"))
        for column in ("movement_mean", "second_moment"):
            self.assertAlmostEqual((16 * of_a[column] + 48 * of_b[column]) / 64, of_merged[column], delta=1e-13)
        self.assertEqual(len(rows_of(self.root / "merged/metrics.csv")), 1)
        self.assertEqual((of_merged["step"], of_merged["time"]), (20, of_a["time"]))

    def test_it_says_where_it_comes_from(self):
        self.run_it("a", "seed=1")
        self.run_it("b", "seed=2")
        said = self.mfld("merge", "a", "b", "--out", "merged").stderr
        self.assertIn("merged: finished after 20 steps", said)
        for file in ("experiment.toml", "metrics.csv"):
            text = (self.root / "merged" / file).read_text()
            for run, seed in (("a", 1), ("b", 2)):
                self.assertRegex(text, rf"# merged from {re.escape(str(self.root.resolve() / run))}: width 16, "
                                       rf"seeds.initialisation {seed}, seeds.noise {seed}, at step 20, experiment \w{{16}}")
        self.assertIn("width = 32", (self.root / "merged/experiment.toml").read_text())
        self.assertEqual(json.loads((self.root / "merged/summary.json").read_text())["ending"], "finished")
        self.assertIn("finished after 20 steps", self.mfld("info", "merged").stdout)
        self.assertIn("nothing is left to do", self.mfld("resume", "merged").stderr)

    def test_what_was_merged_can_be_merged(self):
        for seed in range(1, 5):
            self.run_it(str(seed), f"seed={seed}")
        self.assertEqual(self.mfld("merge", "1", "2", "--out", "12").returncode, 0)
        self.assertEqual(self.mfld("merge", "3", "4", "--out", "34").returncode, 0)
        self.assertEqual(self.mfld("merge", "12", "34", "--out", "1234").returncode, 0)
        self.assertEqual(self.mfld("merge", "1", "2", "3", "4", "--out", "at-once").returncode, 0)
        self.assertEqual(self.outputs("1234"), self.outputs("at-once"))
        self.assertEqual((self.root / "1234/metrics.csv").read_text().splitlines()[-1],
                         (self.root / "at-once/metrics.csv").read_text().splitlines()[-1])
        self.assert_refused(["12", "2"], "12 and 2: runs that share particles", "seeds.initialisation = 2")

    def test_runs_that_share_particles_are_refused(self):
        self.run_it("a", "seed=1")
        self.run_it("wider", "seed=1", "network.width=32")
        self.run_it("noise", "seed=2", "seeds.noise=1")
        self.run_it("start", "seed=2", "seeds.initialisation=1")
        self.assert_refused(["a", "a"], "a and a: runs that share particles", "seeds.initialisation = 1")
        self.assert_refused(["a", "wider"], "share particles")
        self.assert_refused(["a", "start"], "share particles")
        self.assert_refused(["a", "noise"], "a and noise: runs that share their noise", "seeds.noise = 1")
        self.mfld("branch", "a", "--seed", "5", "--out", "branch")
        self.assert_refused(["a", "branch"], "share particles")

    def test_without_noise_its_seed_does_not_matter(self):
        cold = 'phase=[{method = "gd", steps = 5, step_size = 0.1}]'
        self.run_it("a", "seed=1", cold)
        self.run_it("b", "seed=2", "seeds.noise=1", cold)
        self.assertEqual(self.mfld("merge", "a", "b", "--out", "merged").returncode, 0)

    def test_runs_of_other_experiments_are_refused(self):
        self.run_it("a", "seed=1")
        for name, setting, part in (
                ("activation", "network.activation=relu", 'network.activation is "tanh" and "relu"'),
                ("bias", "network.bias=false", "network.bias is true and false"),
                ("samples", "task.num_train=31", "task.num_train is 30 and 31"),
                ("data", "seeds.data=8", "seeds.data is 7 and 8"),
                ("step", "phase.0.step_size=0.1", "phase.0.step_size is 0.2 and 0.1"),
                ("steps", "phase.0.steps=19", "phase.0.steps is 20 and 19"),
                ("loss", "loss.kind=huber", 'loss.kind is "squared" and "huber"'),
                ("single", "network.precision=single", 'network.precision is "double" and "single"')):
            self.run_it(name, "seed=2", setting)
            self.assert_refused(["a", name], f"a and {name}: ", part)

    def test_scalings_that_are_no_mean_are_refused(self):
        gd = 'phase=[{method = "gd", steps = 5, step_size = 0.1}]'
        for scaling in ("ntk", "standard"):
            for seed in (1, 2):
                self.run_it(f"{scaling}-{seed}", f"seed={seed}", f"network.scaling={scaling}", gd)
            self.assert_refused([f"{scaling}-1", f"{scaling}-2"], f'network.scaling is "{scaling}"')

    def test_runs_without_an_end_or_without_particles_are_refused(self):
        self.run_it("a", "seed=1")
        stopped = self.mfld("run", "a.toml", "--out", "part", "--quiet", "--set", "seed=2", "--set",
                            "phase.0.steps=100000000", "--max-wall", "0.3s")
        self.assertEqual(stopped.returncode, 130)
        self.assert_refused(["a", "part"], "part: only runs that have finished", "interrupted")
        self.run_it("kernel", "seed=2", 'phase=[{method = "kernel-regression", ridge = 1.0}]')
        self.assert_refused(["a", "kernel"], "kernel: kernel-regression has no particles")
        (self.root / "sweep.toml").write_text(EXPERIMENT + "[sweep]\nseed = [3, 4]\n")
        self.assertEqual(self.mfld("run", "sweep.toml", "--out", "sweep", "--quiet").returncode, 0)
        self.assert_refused(["a", "sweep"], "sweep is a directory of several runs")
        self.assertEqual(self.mfld("merge", "a", "sweep/seed=3", "sweep/seed=4", "--out", "three").returncode, 0)

    def test_the_command_line(self):
        self.run_it("a", "seed=1")
        self.run_it("b", "seed=2")
        self.assert_refused(["a"], "takes two runs at least, and there is 1")
        self.assert_sentence(self.mfld("merge", "a", "b"), 2, "--out")
        self.assert_sentence(self.mfld("merge", "a", "nowhere", "--out", "merged"), 4, "nowhere")
        self.assertFalse((self.root / "merged").exists())
        self.assert_sentence(self.mfld("merge", "a", "b", "--out", "a", "--quiet"), 2, "a", "empty")

    def test_threads_change_nothing(self):
        self.run_it("a", "seed=1", "network.width=300")
        self.run_it("b", "seed=2", "network.width=300")
        for threads in ("1", "2"):
            self.assertEqual(self.mfld("merge", "a", "b", "--out", threads, "--threads", threads).returncode, 0)
        self.assert_same("1", "2", ("metrics.csv", "checkpoint.h5", "predictions.csv"))

    def test_points_are_merged_too(self):
        (self.root / "a.toml").write_text("""\
seed = 1
seeds.data = 1
objective = { kind = "mmd" }
task = { kind = "mixture", centres = [[0, 0], [3, 1]], num_train = 20 }
network.width = 10
[[phase]]
method = "mfld"
steps = 5
step_size = 0.1
lambda2 = 0.001
[observe]
columns = ["discrepancy", "second_moment"]
""")
        self.run_it("a", "seed=1")
        self.run_it("b", "seed=2")
        self.assertEqual(self.mfld("merge", "a", "b", "--out", "merged").returncode, 0)
        one, other, merged = (self.last(run)["second_moment"] for run in ("a", "b", "merged"))
        self.assertAlmostEqual((one + other) / 2, merged, delta=1e-13)

    def test_the_squared_error_falls_like_the_number_of_particles(self):
        """Means of outputs are those of merges (the first test), so that sizes that are not merged come from them."""
        widths, seeds, reference = (16, 64), range(1, 65), 8192
        text = EXPERIMENT + (f"[sweep]\nseed = {list(seeds)}\n[[case]]\nname = \"16\"\n[[case]]\nname = \"64\"\n"
                             "network.width = 64\n")
        (self.root / "sweep.toml").write_text(text)
        self.assertEqual(self.mfld("run", "sweep.toml", "--out", "runs", "--quiet").returncode, 0)
        self.run_it("wide", "seed=100", f"network.width={reference}")
        exact = self.outputs("wide")
        merged = self.mfld("merge", *(f"runs/16_seed={seed}" for seed in seeds), "--out", "merged", "--quiet")
        self.assertEqual(merged.returncode, 0, merged.stderr)
        points = []
        for width in widths:
            outputs = [self.outputs(f"runs/{width}_seed={seed}") for seed in seeds]
            for size in (1, 2, 4, 8):
                errors = []
                for first in range(0, len(outputs), size):
                    mean = [sum(values) / size for values in zip(*outputs[first:first + size])]
                    errors.append(sum((f - g) ** 2 for f, g in zip(mean, exact)) / len(exact))
                points.append((math.log(size * width), math.log(sum(errors) / len(errors))))
        centre = [sum(values) / len(points) for values in zip(*points)]
        slope = (sum((x - centre[0]) * (y - centre[1]) for x, y in points) / sum((x - centre[0]) ** 2 for x, _ in points))
        print(f"squared error against M N = 16 .. 512: slope {slope:.3f}")
        self.assertLess(abs(slope + 1), 0.1)


if __name__ == "__main__":
    program.main()
