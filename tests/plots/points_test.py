#!/usr/bin/env python3
"""Figures of particles that are points: what they draw, print and refuse."""

from drawing import PLOTS, STEPS, DrawingTest, write_run, write_runs  # first: it may start the test over

import csv
import unittest

import h5py
import numpy as np

POINTS = """
[objective]
kind = "{kind}"
kernel = "torus"
target = "{target}"
scale = 2.0
bend = 0.25
[task]
kind = "mixture"
[network]
width = {{width}}
"""


def points(kind="mmd", target="banana"):
    return POINTS.format(kind=kind, target=target)


def write_inputs(run, inputs):
    with h5py.File(run / "trajectory.h5", "a") as file:
        file["data/train_inputs"] = inputs


class AnnealingTest(DrawingTest):
    def write(self, frames=True):
        runs = []
        for case, end in (("annealed", 0.01), ("noiseless", 0.08)):
            for seed in (1, 2, 3):
                columns = {"mmd": np.geomspace(1, end * seed, len(STEPS))}
                content = {"columns": columns, "experiment": points()}
                if frames:
                    content["frames"] = np.full((2, 4, 3), 7.0)
                runs.append((f"{case}_seed={seed}", case, seed, content))
        write_runs(self.folder / "run", ["seed"], runs)
        for name, *_ in runs if frames else ():
            write_inputs(self.folder / "run" / name, np.ones((2, 2)))

    def test_medians_and_how_often_the_noise_helps(self):
        self.write()
        printed = self.draw("annealing").stdout
        self.assertIn("annealed (3): mmd at the end 0.02 (median), 0.01 to 0.03", printed)
        self.assertIn("annealed ends below noiseless in 3 of 3 seeds; their medians are 8 times apart", printed)
        self.assert_written("annealing")
        svg = (self.folder / "out" / "annealing.svg").read_text()
        for text in ("squared discrepancy", "annealed", "noiseless", "each of 3 seeds"):
            self.assertIn(text, svg)

    def test_without_trajectories_the_discrepancy_is_drawn_alone(self):
        self.write(frames=False)
        self.draw("annealing")
        self.assert_written("annealing")

    def test_a_single_run_is_drawn(self):
        write_run(self.folder / "run", {"ksd": 0.5}, experiment=points("ksd"))
        self.assertIn("ksd at the end 0.5", self.draw("annealing").stdout)

    def test_networks_are_refused(self):
        write_run(self.folder / "run", {"train_loss": 1})
        self.assert_refuses("annealing", "[objective]")


class DensityTest(DrawingTest):
    def test_the_cloud_at_four_steps(self):
        frames = np.random.default_rng(1).normal(size=(11, 6, 3))
        write_run(self.folder / "run", {"mmd": np.geomspace(0.5, 0.001, len(STEPS))}, experiment=points(), frames=frames)
        write_inputs(self.folder / "run", np.random.default_rng(2).normal(size=(20, 3)))
        printed = self.draw("density").stdout
        self.assertIn("mmd: 0.5 at the start, 0.001 at the end", printed)
        self.assert_written("density")
        svg = (self.folder / "out" / "density.svg").read_text()
        for text in ("step 0", "step 10"):
            self.assertIn(text, svg)

    def test_what_is_missing_is_said(self):
        write_run(self.folder / "run", {"mmd": 0.5}, experiment=points())
        self.assert_refuses("density", "positions of points", "[observe.trajectory]")


class PosteriorTest(DrawingTest):
    def write(self, target):
        frames = np.full((2, 5, 2), 3.0)
        write_run(self.folder / "run", {"ksd": 0.5}, experiment=points("ksd", target), frames=frames)
        write_inputs(self.folder / "run", np.zeros((0, 2)))

    def test_the_moment_of_the_law_stands_beside_that_of_the_cloud(self):
        self.write("banana")
        self.assertIn("second moment at the end 18; that of the law is 7", self.draw("posterior").stdout)
        self.assert_written("posterior")

    def test_of_other_targets_the_cloud_is_drawn_alone(self):
        self.write("gaussian-mixture")
        self.assertNotIn("law", self.draw("posterior").stdout)

    def test_runs_of_several_objectives_are_refused(self):
        write_runs(self.folder / "run", ["seed"],
                   [("a", "a", 1, {"columns": {"mmd": 1, "ksd": 1}, "experiment": points()}),
                    ("b", "b", 1, {"columns": {"mmd": 1, "ksd": 1}, "experiment": points("ksd")})])
        self.assert_refuses("posterior", "one objective", "mmd", "ksd")


class PosteriorCoefficientsTest(DrawingTest):
    def write(self, target="logistic-regression", shift=0.0, num_coefficients=5):
        """Two widths; particles one standard deviation above and below the mean of the reference, by turns."""
        with (PLOTS / "posterior_coefficients.csv").open() as lines:
            rows = list(csv.DictReader(line for line in lines if line[0] != "#"))
        mean, deviation = (np.array([float(row[key]) for row in rows])[:num_coefficients]
                           for key in ("mean", "standard_deviation"))
        runs = []
        for width in (10, 20):
            frames = mean + deviation * (np.array([[1.0], [-1.0]] * (width // 2)) + shift)
            content = {"columns": {"ksd": np.geomspace(1, 0.01, len(STEPS))}, "width": width,
                       "experiment": points("ksd", target), "frames": np.array([frames, frames])}
            runs.append((f"w{width}", "", width, content))
        write_runs(self.folder / "run", ["network.width"], runs)
        for width in (10, 20):
            write_inputs(self.folder / "run" / f"w{width}", np.zeros((0, 4)))

    def test_the_errors_are_those_of_means_in_standard_deviations_and_of_standard_deviations(self):
        self.write(shift=0.25)
        printed = self.draw("posterior_coefficients").stdout
        self.assertIn("N = 20: error of the means, in std. deviations: 0.25 (median of 1; signed mean 0.25)", printed)
        self.assertRegex(printed, r"N = 10: error of the std. deviations, relative: (0|\d.*e-\d\d) ")
        self.assert_written("posterior_coefficients")
        svg = (self.folder / "out" / "posterior_coefficients.svg").read_text()
        for text in ("Markov chain", "20 particles", "intercept"):
            self.assertIn(text, svg)

    def test_what_has_no_reference_is_refused(self):
        self.write("banana")
        self.assert_refuses("posterior_coefficients", "logistic-regression")

    def test_another_number_of_coefficients_is_refused(self):
        self.write(num_coefficients=4)
        self.assert_refuses("posterior_coefficients", "reference of 5 coefficients", "has 4")


if __name__ == "__main__":
    unittest.main()
