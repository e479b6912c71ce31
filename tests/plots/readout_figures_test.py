#!/usr/bin/env python3
"""The figures of solved readouts and of ensembles, from runs that are made up."""

from drawing import DrawingTest, write_run, write_runs  # first: it may start the test over

import unittest

import numpy as np

STEP = """
[task]
kind = "single-index"
link = "erf"
input_dim = 100
noise_level = 0.1
[network]
width = 100
activation = "erf"
[[phase]]
method = "gd"
step_size = {{step}}
samples = [0, {{num}}]
[[phase]]
method = "ridge-readout"
"""


def step_run(step, num, alignment=0.25, **columns):
    values = {"test_loss": 0.05, "singular_value_1": 2.5, "singular_value_2": 2.0, "leading_alignment": alignment}
    return {"columns": {**values, **columns}, "experiment": STEP.replace("{{step}}", str(step)).replace("{{num}}", str(num))}


class OneStepTest(DrawingTest):
    def write(self, runs):
        write_runs(self.folder / "run", ["phase.0.step_size", "seed"], runs)

    def test_values_stand_beside_their_limits(self):
        self.write([(f"{num}-{step}", str(num), step, 1, step_run(step, num))
                    for num in (200, 400) for step in (0.1, 0.3, 1.0)])
        printed = self.draw("one_step").stdout
        # theory: psi_1 = 2, psi_2 = 1, eta = 3, noise 0.1
        mu = 0.651470015870560
        growth = np.sqrt(mu**2 + (0.464559054397540 + 0.01) / 2)
        square = (mu * 3 * growth) ** 2
        spike = np.sqrt((1 + square) * (1 + square) / square)
        cosine = (mu / growth) ** 2 * (1 - (1 + square) / (square * (square + 1)))
        self.assertIn(f"n/d = 2, eta = 3: alignment 0.25, predicted {cosine:.3g}", printed)
        self.assertIn("n/d = 2, eta = 1: alignment 0.25, predicted 0", printed)
        self.assertIn("edge 2, largest before 2.5", printed)
        self.assertIn("eta = N^0.5: risk 0.1 (n/d = 2), 0.1 (n/d = 4)", printed)
        self.assertIn(f"risk of the best linear function: {0.464559054397540 - mu**2:.3g}", printed)
        self.assertLess(spike, 2.5)
        self.assert_written("one_step")

    def test_unknown_links_are_refused(self):
        content = step_run(0.3, 200)
        content["experiment"] = content["experiment"].replace('link = "erf"', 'link = "bump"')
        other = step_run(1.0, 200)
        self.write([("a", "a", 0.3, 1, content), ("b", "b", 1.0, 1, other)])
        self.assert_refuses("one_step", "and not bump")

    def test_columns_that_are_missing_are_named(self):
        content = {"columns": {"test_loss": 1}, "experiment": step_run(0.3, 200)["experiment"]}
        self.write([("a", "a", 0.3, 1, content), ("b", "b", 1.0, 1, content)])
        self.assert_refuses("one_step", "singular_value_2")


class TwoTimescaleTest(DrawingTest):
    def test_both_cases_are_drawn(self):
        rise = np.linspace(0.2, 0.6, 11)
        columns = {"feature_alignment": rise, "effective_dimension": 10 * rise, "test_loss": 1 - rise}
        write_runs(self.folder / "run", ["seed"], [("a", "clean", 1, {"columns": columns}),
                                                   ("b", "noisy", 1, {"columns": columns})])
        printed = self.draw("two_timescale").stdout
        self.assertIn("clean (1, median): feature_alignment from 0.2 to 0.6", printed)
        self.assertIn("noisy (1, median): effective_dimension from 2 to 6", printed)
        self.assert_written("two_timescale")

    def test_columns_that_are_missing_are_named(self):
        write_run(self.folder / "run", {"feature_alignment": 1})
        self.assert_refuses("two_timescale", "effective_dimension")


class EnsembleTest(DrawingTest):
    EXPERIMENT = "seed = 1\n[seeds]\ndata = 1\n[network]\nwidth = {width}\n[[phase]]\nmethod = \"mfld\"\n"

    def write(self, widths, num=16, data=1, predictions=True):
        generator = np.random.default_rng(1)
        runs = []
        for width in widths:
            for seed in range(num):
                outputs = 0.5 + generator.normal(size=400) / np.sqrt(width)
                content = {"columns": {"train_loss": 1}, "width": width,
                           "experiment": self.EXPERIMENT.replace("data = 1", f"data = {data if seed else 1}")}
                if predictions:
                    content["predictions"] = {"target": outputs, "output": outputs}
                runs.append((f"{width}-{seed}", str(width), seed, content))
        write_runs(self.folder / "run", ["seed"], runs)

    def test_independent_outputs_have_the_slope_of_one_over_their_number(self):
        self.write([10, 100, 1000000])
        printed = self.draw("ensemble").stdout
        self.assertRegex(printed, r"N = 10: error 0\.\d+ \(M = 1\), .*\(M = 16\)")
        slope = float(printed.split("slope ")[1].split(" ")[0])
        self.assertLess(abs(slope + 1), 0.1)
        self.assert_written("ensemble")

    def test_one_width_is_refused(self):
        self.write([10], num=2)
        self.assert_refuses("ensemble", "two widths")

    def test_several_data_sets_are_refused(self):
        self.write([10, 20], num=2, data=2)
        self.assert_refuses("ensemble", "seeds.data")

    def test_runs_without_predictions_are_refused(self):
        self.write([10, 20], num=2, predictions=False)
        self.assert_refuses("ensemble", "predictions = true")


if __name__ == "__main__":
    unittest.main()
