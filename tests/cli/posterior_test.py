#!/usr/bin/env python3
"""Particles that go down the kernel Stein discrepancy from a posterior, against a long chain. Usage: this PROGRAM

sims/posterior_coefficients.toml with 20 particles, which reads Debian's breast-cancer table and is left out without.
The chain (plots/posterior_coefficients.csv) is another program, with a score of its own; its means have standard errors
of 0.003 of a standard deviation at most, its standard deviations relative ones of 0.0015, and five of these are
allowed. The rest is the bias of 20 particles at the end of these steps, as measured over seeds 1 to 3: means off by
MEAN_BIAS standard deviations at most, and standard deviations (of the particles, divided by N and not N - 1) by
DEVIATION_BIAS of themselves. Only the first particles are drawn, so that chance raises no alarm. With twice the
precision of the prior the mode moves by up to 1.3 standard deviations, and the comparison has to fail.
"""
import csv
import pathlib
import unittest

import program

try:
    import h5py
    import numpy as np
except ImportError:
    h5py = None

ROOT = pathlib.Path(__file__).resolve().parents[2]
TABLE = pathlib.Path("/usr/lib/python3/dist-packages/sklearn/datasets/data/breast_cancer.csv")
MEAN_BIAS = 0.01
DEVIATION_BIAS = 0.04


@unittest.skipIf(h5py is None or not TABLE.exists(), "numpy, h5py or the table of python3-sklearn is missing")
class Posterior(program.ProgramTest):
    def reference(self):
        lines = (ROOT / "plots/posterior_coefficients.csv").read_text().splitlines()
        rows = list(csv.DictReader(line for line in lines if line[:1] != "#"))
        return {key: np.array([float(row[key]) for row in rows]) for key in rows[0] if key != "coefficient"}

    def excess(self, *settings):
        """The largest errors of means and of standard deviations, over what is allowed."""
        options = [f"--set={each}" for each in ("sweep={}", "network.width=20", *settings)]
        result = self.mfld("run", str(ROOT / "sims/posterior_coefficients.toml"), "--out", "out", "--quiet", "--force",
                           *options)
        self.assertEqual(result.returncode, 0, result.stderr)
        with h5py.File(self.root / "out/trajectory.h5") as file:
            particles = file["particles/neurons/position/value"][-1]
        chain = self.reference()
        deviation = chain["standard_deviation"]
        means = np.abs(particles.mean(axis=0) - chain["mean"]) / deviation
        deviations = np.abs(particles.std(axis=0) / deviation - 1)
        print(f"{settings}: means off by {means.max():.4f} standard deviations, these by {deviations.max():.4f}")
        return ((means / (MEAN_BIAS + 5 * chain["mean_error"] / deviation)).max(),
                (deviations / (DEVIATION_BIAS + 5 * chain["standard_deviation_error"] / deviation)).max())

    def test_particles_agree_with_the_chain(self):
        for seed in (1, 2, 3):
            means, deviations = self.excess(f"seed={seed}")
            self.assertLess(means, 1)
            self.assertLess(deviations, 1)

    def test_another_prior_is_noticed(self):
        means, _ = self.excess("objective.prior_std=0.7071067811865476")
        self.assertGreater(means, 10)

    def test_the_chain_is_long(self):
        chain = self.reference()
        self.assertGreater(chain["effective_sample_size"].min(), 1e5)
        np.testing.assert_allclose(chain["effective_sample_size"],
                                   (chain["standard_deviation"] / chain["mean_error"]) ** 2, rtol=2e-3)


if __name__ == "__main__":
    program.main()
