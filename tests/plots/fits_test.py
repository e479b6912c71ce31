#!/usr/bin/env python3
"""mfld.results.fits: known quantiles, exact slopes, and intervals that hold the truth as often as they say."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "plots"))
import interpreter  # noqa: E402, F401  (may start the file over)

import numpy as np  # noqa: E402

from mfld import fits  # noqa: E402


class StudentT(unittest.TestCase):
    def test_is_that_of_the_tables(self):
        for degrees, expected in ((1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (10, 2.228), (29, 2.045), (1000, 1.962)):
            self.assertAlmostEqual(fits.student_t(0.95, degrees), expected, delta=6e-4)
        self.assertAlmostEqual(fits.student_t(0.5, 1), 1)

    def test_has_no_quantile_without_degrees(self):
        for degrees in (0, 1.5, -1):
            with self.assertRaises(ValueError):
                fits.student_t(0.95, degrees)


def share_within(truth, intervals):
    return np.mean([interval.low <= truth <= interval.high for interval in intervals])


# 2000 trials of 95 %: a standard error of 0.5 %, and five of them either side: a false alarm in 10^6.
TRIALS, WITHIN = 2000, 5 * 0.0049


class Slope(unittest.TestCase):
    x = 2.0 ** np.arange(4, 11)

    def test_of_a_power_is_its_exponent(self):
        for errors in (None, 0.1 / self.x):
            interval = fits.slope(self.x, 3 / self.x, errors)
            np.testing.assert_allclose(interval.value, -1, rtol=1e-12)
            self.assertLessEqual(interval.low, interval.value)
        self.assertLess(interval.high - interval.low, 0.2)

    def test_the_interval_holds_the_exponent_as_often_as_it_says(self):
        random = np.random.default_rng(1)
        noise = random.normal(size=(TRIALS, len(self.x)))
        scattered = [fits.slope(self.x, self.x**-1.0 * np.exp(0.1 * row)) for row in noise]
        self.assertAlmostEqual(share_within(-1, scattered), 0.95, delta=WITHIN)
        errors = np.linspace(0.02, 0.2, len(self.x))
        weighted = [fits.slope(self.x, self.x**-1.0 * np.exp(errors * row), errors / self.x) for row in noise]
        self.assertGreater(share_within(-1, weighted), 0.95 - WITHIN)  # the scatter widens some
        self.assertLess(share_within(-1, weighted), 0.99)

    def test_does_not_hold_another_exponent(self):
        interval = fits.slope(self.x, self.x**-0.5, 0.05 * self.x**-0.5)
        self.assertLess(interval.low, -0.5)
        self.assertGreater(interval.low, -1)

    def test_needs_points(self):
        for x, y, errors in (([1, 2], [1, 2], None), ([1, 1, 1], [1, 2, 3], None), ([1, 2, 3], [1, 0, 3], None),
                             ([1, 2, 3], [1, np.nan, 3], None), ([1, 2], [1, 2], [0, 1]), ([1], [1], [1])):
            with self.assertRaises(ValueError):
                fits.slope(x, y, errors)


class DecayRate(unittest.TestCase):
    t = np.linspace(0, 3, 12)

    def test_of_an_exponential_is_its_rate(self):
        for errors in (None, 0.1 * np.exp(-self.t)):
            interval = fits.decay_rate(self.t, 3 * np.exp(-0.7 * self.t), errors)
            np.testing.assert_allclose(interval, 0.7, rtol=1e-12)

    def test_the_interval_holds_it_as_often_as_it_says(self):
        noise = np.random.default_rng(4).normal(size=(TRIALS, len(self.t)))
        rates = [fits.decay_rate(self.t, np.exp(-2 * self.t + 0.05 * row)) for row in noise]
        self.assertAlmostEqual(share_within(2, rates), 0.95, delta=WITHIN)
        self.assertLess(share_within(2.05, rates), 0.8)

    def test_is_that_of_the_library(self):
        figures = pathlib.Path(__file__).resolve().parents[1] / "figures"
        gaps = np.genfromtxt(figures / "certificate.csv", delimiter=",", names=True)
        seen = gaps[gaps["dual_gap"] > 10 * gaps["dual_gap_error"]]
        late = seen[len(seen) // 2:]
        found = fits.decay_rate(late["time"], late["dual_gap"], late["dual_gap_error"])
        library = np.genfromtxt(figures / "certificate_rate.csv", delimiter=",", names=True)
        np.testing.assert_allclose(found, [library["rate"], library["low"], library["high"]], rtol=1e-6)

    def test_needs_values(self):
        for t, v, e in (([0, 1], [2, 1], None), ([0, 1, 2], [1, 0, 1], None), ([1, 1, 1], [3, 2, 1], None),
                        ([0, 1, 2], [3, 2, 1], [1, 0, 1]), ([0, 1, np.nan], [3, 2, 1], None)):
            with self.assertRaises(ValueError):
                fits.decay_rate(t, v, e)


class Variance(unittest.TestCase):
    def test_is_the_mean_of_those_at_each_input(self):
        outputs = np.random.default_rng(2).normal(size=(6, 4))
        np.testing.assert_allclose(fits.variance(outputs).value, outputs.var(axis=0, ddof=1).mean())

    def test_the_interval_holds_it_as_often_as_it_says(self):
        random = np.random.default_rng(3)
        common = 1 / np.sqrt(2)  # inputs of one replica are correlated
        trials = common * (random.normal(size=(TRIALS, 20, 5)) + random.normal(size=(TRIALS, 20, 1)))
        share = share_within(1, [fits.variance(outputs) for outputs in trials])
        self.assertGreater(share, 0.90)  # the jackknife is a little short for twenty
        self.assertLess(share, 0.98)

    def test_falls_like_the_inverse_width(self):
        random = np.random.default_rng(4)
        widths = [16, 64, 256, 1024]
        spreads = [fits.variance(random.normal(size=(40, 10, width)).mean(axis=2)) for width in widths]
        errors = [(spread.high - spread.low) / 4 for spread in spreads]
        interval = fits.slope(widths, [spread.value for spread in spreads], errors)
        self.assertLess(interval.low, -1)
        self.assertGreater(interval.high, -1)
        self.assertLess(interval.high - interval.low, 0.3)

    def test_needs_replicas(self):
        for outputs in ([[1], [2]], [1, 2, 3], [[1], [2], [np.inf]]):
            with self.assertRaises(ValueError):
                fits.variance(outputs)
        self.assertEqual(fits.variance([[1], [1], [1]]), (0, 0, 0))


if __name__ == "__main__":
    unittest.main()
