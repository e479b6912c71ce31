#!/usr/bin/env python3
"""Runs that share their noise through one experiment file. Usage: this PROGRAM"""
import csv
import signal

import program

EXPERIMENT = """\
seed = 3
[task]
kind = "teacher-student"
num_train = 20
[network]
width = 64
activation = "tanh"
[[phase]]
method = "mfld"
steps = 40
step_size = 0.05
lambda1 = 0.05
lambda2 = 0.05
[noise]
substeps = 4
[observe]
columns = ["train_loss", "mean_r"]
at = [1]
[[case]]
name = "coarse"
[[case]]
name = "fine"
noise.substeps = 2
phase.0.steps = 80
phase.0.step_size = 0.025
[[case]]
name = "wide"
network.width = 128
[[case]]
name = "single"
network.precision = "single"
noise.precision = "double"
[[case]]
name = "apart"
noise.substeps = 1
"""


class CoupledRuns(program.ProgramTest):
    EXPERIMENT = EXPERIMENT

    def last(self, path, column):
        lines = [line for line in (self.root / path / "metrics.csv").read_text().splitlines() if line[:1] != "#"]
        return float(list(csv.DictReader(lines))[-1][column])

    def test_cases_of_one_file_share_their_noise(self):
        result = self.mfld("run", "a.toml", "--out", "out", "--quiet")
        self.assertEqual(result.returncode, 0, result.stderr)
        coarse = self.last("out/coarse", "mean_r")
        apart = abs(self.last("out/apart", "mean_r") - coarse)
        self.assertLess(abs(self.last("out/fine", "mean_r") - coarse), apart / 5)
        self.assertLess(abs(self.last("out/single", "mean_r") - coarse), 1e-5)
        self.assertIn("noise: in step k of the run (xi^(4k) + ... + xi^(4k + 3)) / sqrt(4)",
                      (self.root / "out/coarse/metrics.csv").read_text())

    def alone(self):
        """The file without its cases, a long run."""
        text = EXPERIMENT.split("[[case]]")[0].replace("steps = 40", "steps = 30000").replace("at = [1]", "every = 3000")
        (self.root / "b.toml").write_text(text)

    def test_a_run_goes_on_with_the_noise_of_the_unbroken_one(self):
        self.alone()
        process = self.launch("run", "b.toml", "--out", "part")
        self.wait_for_step("part", 3000)
        self.stop(process, signal.SIGINT)
        self.assertEqual(self.mfld("resume", "part").returncode, 0)
        self.assertEqual(self.mfld("run", "b.toml", "--out", "whole").returncode, 0)
        self.assert_same("part", "whole", ("metrics.csv",))

    def test_what_is_not_possible_is_one_sentence(self):
        self.alone()
        self.assert_sentence(self.mfld("run", "b.toml", "--out", "no", "--set", "noise.substeps=0"), 2,
                             "noise.substeps = 0: must be an integer from 1 to 1024")


program.main()
