#!/usr/bin/env python3
"""Figures of how runs end against a number that was swept: what they fit, write, print and refuse."""

from drawing import STEPS, DrawingTest, write_run, write_runs  # first: it may start the test over

import math
import unittest

import numpy as np

import ntk_limit
import spectral_bias
import sweeps

SEEDS = (1, 2, 3)
SPHERE = """
[task]
input_dim = {dimension}
num_train = {samples}
degrees = [1, 2]
[network]
width = {{width}}
bias = {bias}
activation = "relu"
init = {{{{ symmetric = {symmetric} }}}}
"""

KERNEL_REGRESSION = """
[task]
kind = "sparse-parity"
sparsity = 2
input_dim = 8
[network]
width = {width}
[[phase]]
method = "kernel-regression"
"""


def sphere(dimension=2, samples=5, bias="true", symmetric="true"):
    return SPHERE.format(dimension=dimension, samples=samples, bias=bias, symmetric=symmetric)


class SweepsTest(unittest.TestCase):
    def test_a_power_is_found_with_its_error(self):
        x = np.repeat([1.0, 10, 100], 2)
        power = sweeps.fit_power(x, 3 * x**-0.5)
        self.assertAlmostEqual(power.slope, -0.5, places=12)
        self.assertAlmostEqual(power(4), 1.5, places=12)
        self.assertLess(power.error, 1e-12)
        # Log-errors +-e at each x: residual variance 6 e^2 / 4 over the squared deviations 4 ln(10)^2.
        noise = np.tile([0.1, -0.1], 3)
        power = sweeps.fit_power(x, 3 * x**-0.5 * np.exp(noise))
        self.assertAlmostEqual(power.slope, -0.5, places=12)
        self.assertAlmostEqual(power.error, math.sqrt(0.06 / 4 / (4 * math.log(10) ** 2)), places=12)

    def test_points_without_a_logarithm_are_left_out(self):
        power = sweeps.fit_power([1, 2, 4, 8], [1, np.nan, 0, 64])
        self.assertAlmostEqual(power.slope, 2, places=12)
        self.assertTrue(math.isnan(power.error))
        self.assertIsNone(sweeps.fit_power([2, 2], [1, 3]))

    def test_bands_are_quartiles_at_each_value(self):
        grid, (low, middle, high) = sweeps.band(np.array([2, 1, 2, 2, 1]), np.array([5.0, 7, 1, 3, 9]))
        self.assertEqual(grid.tolist(), [1, 2])
        self.assertEqual(low.tolist(), [7.5, 2])
        self.assertEqual(middle.tolist(), [8, 3])
        self.assertEqual(high.tolist(), [8.5, 4])


class LazyToRichTest(DrawingTest):
    def write(self, without=(), kernel=False):
        runs = []
        for alpha in (1.0, 10.0, 100.0):
            for seed in SEEDS:
                columns = {"train_loss": 1e-4, "test_loss": 0.01 * alpha**0.5 * seed, "movement_relative": 2 / alpha,
                           "teacher_cosine_min": 0.9}
                for name in without:
                    del columns[name]
                runs.append((f"alpha={alpha}_seed={seed}", "", alpha, seed, {"columns": columns, "width": 100}))
                if kernel:
                    content = {"columns": {"test_loss": 0.25}, "experiment": KERNEL_REGRESSION}
                    runs.append((f"kernel_alpha={alpha}_seed={seed}", "kernel", alpha, seed, content))
        write_runs(self.folder / "run", ["network.alpha", "seed"], runs)

    def test_medians_and_the_slope_of_the_lazy_end(self):
        self.write()
        printed = self.draw("lazy_to_rich").stdout
        self.assertIn("slope -1.000", printed)
        self.assertIn("alpha = 10 (3 runs, median): train_loss 0.0001, test_loss 0.0632, movement_relative 0.2",
                      printed)
        self.assert_written("lazy_to_rich")
        svg = (self.folder / "out" / "lazy_to_rich.svg").read_text()
        for text in ("relative movement", "mean field", "each of 3 seeds", "test", "training"):
            self.assertIn(text, svg)

    def test_the_kernel_regression_of_the_lazy_limit_is_a_level(self):
        self.write(kernel=True)
        printed = self.draw("lazy_to_rich").stdout
        self.assertIn("regression with the tangent kernel at the start: test_loss 0.25", printed)
        self.assertIn("alpha = 10 (3 runs, median)", printed)
        self.assertIn("tangent kernel", (self.folder / "out" / "lazy_to_rich.svg").read_text())

    def test_cosine_and_training_loss_may_be_missing(self):
        self.write(without=("teacher_cosine_min", "train_loss"))
        self.draw("lazy_to_rich")
        self.assert_written("lazy_to_rich")

    def test_what_is_missing_is_said(self):
        self.write(without=("test_loss",))
        self.assert_refuses("lazy_to_rich", "test_loss", "metrics.csv")

    def test_a_single_run_is_refused(self):
        write_run(self.folder / "run", {"test_loss": 1})
        self.assert_refuses("lazy_to_rich", "network.alpha", "[sweep]")


class OverparameterisedTest(DrawingTest):
    def write(self, columns_of):
        runs = [(f"width={width}_seed={seed}", "", width, seed,
                 {"columns": columns_of(width), "width": width, "experiment": sphere()})
                for width in (16, 64, 256) for seed in SEEDS]
        write_runs(self.folder / "run", ["network.width", "seed"], runs)

    def columns(self, width):
        eigenvalues = {f"tangent_eigenvalue_{j}": 1 / j for j in range(1, 6)}
        return {"train_loss": np.exp(-0.3 * 0.1 * STEPS), "pattern_change": width**-0.5,
                "movement_max": 3 * width**-0.4, "movement_mean": width**-0.5, **eigenvalues}

    def test_slopes_and_rates(self):
        self.write(self.columns)
        printed = self.draw("overparameterised_gd").stdout
        self.assertIn("pattern_change at the end against width, slope -0.500", printed)
        self.assertIn("movement_max at the end against width, slope -0.400", printed)
        self.assertIn("N = 64: rate of the loss over the second half 0.3 ", printed)
        self.assertIn("2 mu = 0.4,", printed)  # the fifth of five eigenvalues
        self.assert_written("overparameterised_gd")

    def test_no_eigenvalues_no_reference(self):
        self.write(lambda width: {name: value for name, value in self.columns(width).items() if "tangent" not in name})
        self.assertIn("No reference rate", self.draw("overparameterised_gd").stdout)
        self.assert_written("overparameterised_gd")

    def test_what_is_missing_is_said(self):
        self.write(lambda width: {"train_loss": 1})
        self.assert_refuses("overparameterised_gd", "pattern_change")


class NtkLimitTest(DrawingTest):
    ANGLES = np.linspace(-np.pi, np.pi, 40)

    def predictions(self, outputs, std=None):
        table = {"x_1": np.cos(self.ANGLES), "x_2": np.sin(self.ANGLES), "target": np.cos(self.ANGLES)}
        table["output"] = np.broadcast_to(outputs, self.ANGLES.shape)
        return {**table, "std": np.full(40, std)} if std else table

    def write(self, with_process=True, profile=True):
        kernel = ntk_limit.relu_tangent_kernel(np.linspace(-np.pi, np.pi, 33), True)
        runs = []
        for width in (16, 64, 256):
            for seed in SEEDS:
                columns = {"linearisation_error": 1 / width, "ntk_drift": 2 / width, "movement_mean": width**-0.5}
                if profile:
                    columns |= {f"kernel_profile_{m + 1}": kernel[m] for m in range(33)}
                for case, symmetric in (("relu", "true"), ("ensemble", "false")):
                    content = {"columns": columns, "width": width, "experiment": sphere(symmetric=symmetric),
                               "predictions": self.predictions(seed - 2.0)}
                    runs.append((f"{case}_width={width}_seed={seed}", case, width, seed, content))
        if with_process:
            content = {"columns": {"train_loss": 0}, "width": 16, "experiment": sphere(symmetric="false"),
                       "predictions": self.predictions(0.0, std=0.5)}
            runs.append(("infinite", "infinite", 16, 1, content))
        write_runs(self.folder / "run", ["network.width", "seed"], runs)

    def test_slopes_kernel_and_ensemble(self):
        self.write()
        printed = self.draw("ntk_limit").stdout
        self.assertIn("relu: linearisation_error against width, slope -1.000", printed)
        self.assertIn("relu: movement_mean against width, slope -0.500", printed)
        self.assertRegex(printed, r"from its limit, N = 256, mean of 3: (0|\d(\.\d+)?e-1\d)\n")
        # Of the outputs -1, 0 and 1 one lies within 1.28 standard deviations of 0.5.
        self.assertIn("outputs of 3 networks inside the 10 to 90 % band of the process: 33.3 % (80 % expected)",
                      printed)
        self.assert_written("ntk_limit")
        self.assertIn("3 networks", (self.folder / "out" / "ntk_limit.svg").read_text())

    def test_panels_without_runs_are_left_out(self):
        self.write(with_process=False, profile=False)
        printed = self.draw("ntk_limit").stdout
        self.assertIn("No panel of kernel_profile", printed)
        self.assertIn("No panel of networks and a process", printed)
        self.assert_written("ntk_limit")

    def test_closed_form_of_the_kernel(self):
        # |z|^2 on the diagonal, for kappa_0(1) = kappa_1(1) = 1; at opposite points (without bias) kappas are 0.
        self.assertAlmostEqual(ntk_limit.relu_tangent_kernel(0.0, True), 2)
        self.assertAlmostEqual(ntk_limit.relu_tangent_kernel(0.0, False), 1)
        self.assertAlmostEqual(ntk_limit.relu_tangent_kernel(np.pi, False), 0)
        self.assertAlmostEqual(ntk_limit.relu_tangent_kernel(np.pi / 2, False), 1 / (2 * np.pi))
        # By sampling: E[relu(u) relu(v) + r^2 1[u > 0] 1[v > 0] (x . x' + 1)], 4 standard errors.
        draws = np.random.default_rng(1).normal(size=(200000, 3))
        u = draws @ [1, 0, 1]
        v = draws @ [np.cos(1.0), np.sin(1.0), 1]
        summand = np.maximum(u, 0) * np.maximum(v, 0) + (u > 0) * (v > 0) * (np.cos(1.0) + 1)
        error = summand.std() / math.sqrt(len(summand))
        self.assertLess(abs(summand.mean() - ntk_limit.relu_tangent_kernel(1.0, True)), 4 * error)


class SpectralBiasTest(DrawingTest):
    def write(self):
        runs = []
        for dimension in (2, 3):
            for seed in SEEDS:
                learning = {f"residual_harmonics_{k}": np.exp(-0.1 * STEPS / k) for k in (1, 2)}
                spectrum = {f"tangent_eigenvalue_{j}": j ** (-dimension / (dimension - 1)) for j in range(1, 41)}
                for case, columns in (("learning", learning), ("spectrum", spectrum)):
                    content = {"columns": columns, "experiment": sphere(dimension=dimension)}
                    runs.append((f"{case}{dimension}_seed={seed}", f"{case}{dimension}", seed, content))
        write_runs(self.folder / "run", ["seed"], runs)

    def test_exponents_and_half_lives(self):
        self.write()
        printed = self.draw("spectral_bias").stdout
        self.assertIn("p = 2: eigenvalue against index, j = 10 to 40: slope -2.000", printed)
        self.assertIn("p = 3: eigenvalue against index, j = 10 to 40: slope -1.500", printed)
        self.assertIn("theory -1.5", printed)
        self.assertIn("p = 2, degree 1: half of it learnt at t = 1;", printed)
        self.assert_written("spectral_bias")
        self.assertIn("learning, circle", (self.folder / "out" / "spectral_bias.svg").read_text())

    def test_learning_needs_no_spectrum(self):
        columns = {f"residual_harmonics_{k}": np.exp(-0.1 * STEPS / k) for k in (1, 2)}
        write_run(self.folder / "run", columns, experiment=sphere())
        self.draw("spectral_bias")
        self.assert_written("spectral_bias")

    def test_nothing_to_draw_is_refused(self):
        write_run(self.folder / "run", {"train_loss": 1}, experiment=sphere())
        self.assert_refuses("spectral_bias", "tangent_eigenvalues", "residual_harmonics")

    def test_eigenvalues_are_gathered_by_degree(self):
        self.assertEqual([spectral_bias.multiplicity(2, k) for k in range(4)], [1, 2, 2, 2])
        self.assertEqual([spectral_bias.multiplicity(3, k) for k in range(4)], [1, 3, 5, 7])
        self.assertEqual([spectral_bias.multiplicity(5, k) for k in range(4)], [1, 5, 14, 30])
        self.assertEqual(spectral_bias.degree_means(np.array([9.0, 5, 3, 2, 0, 7]), 2), [9, 4, 1])


class SizesTest(DrawingTest):
    def write(self, column, keys=("task.num_train", "network.width", "seed"), widths=(5, 50), seeds=SEEDS):
        runs = []
        for case, level in (("mean-field", 0.01), ("tangent-kernel", 0.3)):
            for samples in (10, 20, 40):
                for width in widths:
                    for seed in seeds:
                        columns = {column: 1 - level * 10 / samples - width / 1000}
                        runs.append((f"{case}_{samples}_{width}_{seed}", case, samples, width, seed,
                                     {"columns": columns, "width": width}))
        write_runs(self.folder / "run", keys, runs)

    def test_error_against_both_sizes(self):
        self.write("test_accuracy")
        printed = self.draw("ntk_vs_mean_field_sizes").stdout
        self.assertIn("test error against n at N = 50:\nmean-field: n = 10: 0.06, n = 20: 0.055, n = 40: 0.0525",
                      printed)
        self.assertIn("test error against N at n = 20:\nmean-field: N = 5: 0.01, N = 50: 0.055\n"
                      "tangent-kernel: N = 5: 0.155, N = 50: 0.2", printed)
        self.assert_written("ntk_vs_mean_field_sizes")
        svg = (self.folder / "out" / "ntk_vs_mean_field_sizes.svg").read_text()
        for text in ("tangent-kernel", "each of 3 seeds", "classified wrongly"):
            self.assertIn(text, svg)

    def test_the_sizes_that_are_asked_for_are_drawn(self):
        self.write("test_loss")
        printed = self.draw("ntk_vs_mean_field_sizes", "--width", "5", "--samples", "40").stdout
        self.assertIn("test loss against n at N = 5:", printed)
        self.assertIn("test loss against N at n = 40:", printed)

    def test_a_size_that_is_not_there_is_refused(self):
        self.write("test_loss")
        self.assert_refuses("ntk_vs_mean_field_sizes", "--width 10", "5, 50", options=["--width", "10"])
        self.assert_refuses("ntk_vs_mean_field_sizes", "--samples 100", "10, 20, 40", options=["--samples", "100"])

    def test_one_swept_size_has_one_panel(self):
        self.write("test_loss", widths=(50,))
        printed = self.draw("ntk_vs_mean_field_sizes").stdout
        self.assertIn("test loss against n at N = 50:", printed)
        self.assertNotIn("against N", printed)
        self.assert_written("ntk_vs_mean_field_sizes")

    def test_sizes_are_needed(self):
        self.write("test_loss", keys=("network.bound", "loss.delta", "seed"))
        self.assert_refuses("ntk_vs_mean_field_sizes", "task.num_train or network.width", "[sweep]")

    def test_another_swept_key_is_another_curve_and_not_another_seed(self):
        self.write("test_loss", keys=("task.num_train", "network.width", "phase.0.lambda1"), seeds=(0.1, 0.2))
        printed = self.draw("ntk_vs_mean_field_sizes").stdout
        self.assertIn("mean-field, lambda1 = 0.1: n = 10", printed)
        self.assertNotIn("seeds", (self.folder / "out" / "ntk_vs_mean_field_sizes.svg").read_text())


if __name__ == "__main__":
    unittest.main()
