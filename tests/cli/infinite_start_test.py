#!/usr/bin/env python3
"""Kernels of infinite width in runs whose first particles have a law of their own. Usage: this PROGRAM"""
import csv

import program


class InfiniteStartTest(program.ProgramTest):
    EXPERIMENT = """\
seed = 1
[task]
kind = "single-index"
link = "relu"
input_dim = 3
num_train = 12
num_test = 5
[network]
neuron = "r-sigma"
activation = "erf"
bias = false
width = 8
[[phase]]
method = "kernel-regression"
kernel = "infinite-tangent"
[observe]
columns = ["train_loss"]
predictions = true
"""

    def run_with(self, *settings):
        """The comments of the table, and the standard deviations."""
        out = "run" + "".join(settings).replace("/", "")
        sets = [word for setting in settings for word in ("--set", setting)]
        result = self.mfld("run", "a.toml", "--out", out, *sets)
        self.assertEqual(result.returncode, 0, result.stderr)
        lines = (self.root / out / "predictions.csv").read_text().splitlines()
        comments = "\n".join(line for line in lines if line.startswith("#"))
        rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
        self.assertEqual(len(rows), 5)
        return comments, [float(row["std"]) for row in rows]

    def test_the_standard_law_is_no_news(self):
        comments, std = self.run_with()
        self.assertNotIn("warning", comments)
        self.assertTrue(all(each > 0.01 for each in std), std)

    def test_networks_that_start_at_zero_all_end_alike(self):
        comments, std = self.run_with("network.init.symmetric=true")
        self.assertNotIn("warning", comments)
        self.assertEqual(std, [0.0] * 5)

    def test_another_law_is_named(self):
        for setting in ("input_std = 2", "output_std = 0.5", 'input_law = "sphere"', 'output_law = "uniform"'):
            with self.subTest(setting):
                key, value = setting.split(" = ")
                comments, _ = self.run_with(f"network.init.{key}={value}")
                self.assertIn("warning", comments)
                self.assertIn(setting, comments)

    def test_a_symmetric_start_is_no_gaussian_process(self):
        comments, std = self.run_with("network.init.symmetric=true", "phase.0.kernel=infinite-features")
        self.assertIn("symmetric = true", comments)
        self.assertTrue(all(each > 0.01 for each in std), std)


if __name__ == "__main__":
    program.main()
