#!/usr/bin/env python3
"""One large gradient step against the theory of its spike (Ba et al., NeurIPS 2022). Usage: this PROGRAM

Largest singular value within 5 % of the prediction from the realised strength theta_1 = mu_1 eta |X' y / n| |a| of the
step, and the squared cosine of its direction and beta within 0.06 of the prediction with the realised direction of X' y,
on both sides of the threshold theta_1 = (N / d)^(1/4). The strength is computed from the first particles and data in
trajectory.h5, which is why this test needs numpy and h5py and is left out without.
"""
import csv
import math
import unittest

import program

try:
    import h5py
    import numpy as np
except ImportError:
    h5py = None

SLOPE = 0.651470015870559895448512830451  # mu_1 = E z erf(z)


def experiment(d, width, num, eta, seed):
    return f"""\
seed = {seed}
[task]
kind = "single-index"
link = "erf"
input_dim = {d}
num_train = {2 * num}
num_test = 10
label_noise = "gaussian"
noise_level = 0.1
rotate = true
[network]
activation = "erf"
bias = false
width = {width}
init = {{ input_std = {1 / math.sqrt(d)!r} }}
[[phase]]
method = "gd"
train = ["input"]
steps = 1
step_size = {eta / math.sqrt(width)!r}
samples = [0, {num}]
[[phase]]
method = "ridge-readout"
ridge = {0.01 / width!r}
samples = [{num}, {2 * num}]
[observe]
at = [0]
columns = ["train_loss", "weight_spectrum"]
[observe.trajectory]
particles = "all"
at = [0]
"""


@unittest.skipIf(h5py is None, "numpy or h5py is missing")
class OneStep(program.ProgramTest):
    def rows(self):
        lines = (self.root / "out/metrics.csv").read_text().splitlines()
        return [{key: float(value) for key, value in row.items()}
                for row in csv.DictReader(line for line in lines if line[:1] != "#")]

    def check(self, d, width, num, eta, seed, beyond):
        (self.root / "a.toml").write_text(experiment(d, width, num, eta, seed))
        result = self.mfld("run", "a.toml", "--out", "out", "--quiet")
        self.assertEqual(result.returncode, 0, result.stderr)
        with h5py.File(self.root / "out/trajectory.h5") as file:
            frames = file["particles/neurons/position/value"][:]
            x = file["data/train_inputs"][:num]
            y = file["data/train_targets"][:num]
            beta = file["data/relevant_subspace"][:, 0]
        direction = x.T @ y / num
        strength = SLOPE * eta * np.linalg.norm(direction) * np.linalg.norm(frames[0, :, 0]) / math.sqrt(width)
        cosine = (direction @ beta) ** 2 / (direction @ direction)
        ratio, square = width / d, strength**2
        self.assertEqual(strength > ratio**0.25, beyond, "the case is on the other side of the threshold")
        spike = math.sqrt((1 + square) * (ratio + square) / square) if beyond else 1 + math.sqrt(ratio)
        aligned = cosine * (1 - (ratio + square) / (square * (square + 1))) if beyond else 0
        rows = self.rows()
        self.assertEqual([row["step"] for row in rows], [0, 1, 2])
        found, alignment = rows[1]["singular_value_1"], rows[1]["leading_alignment"]
        print(f"d = {d}, N = {width}, n = {num}, eta = {eta}: theta_1 = {strength:.3f} (threshold {ratio**0.25:.3f}), "
              f"largest singular value {found:.4f} (predicted {spike:.4f}), alignment {alignment:.4f} ({aligned:.4f})")
        self.assertLess(abs(found / spike - 1), 0.05)
        self.assertLess(abs(alignment - aligned), 0.06)
        by_numpy = np.linalg.svd(frames[1, :, 1:], full_matrices=False)
        self.assertAlmostEqual(by_numpy[1][0], found, delta=1e-10)
        self.assertAlmostEqual((by_numpy[2][0] @ beta) ** 2, alignment, delta=1e-8)
        # The readout is solved after the step, and leaves the weights.
        np.testing.assert_array_equal(frames[1, :, 1:], frames[2, :, 1:])
        self.assertTrue((frames[1, :, 0] == frames[0, :, 0]).all() and (frames[2, :, 0] != frames[1, :, 0]).all())

    def test_beyond_the_threshold_at_400(self):
        self.check(400, 400, 800, 3.0, 1, True)

    def test_far_beyond_the_threshold_at_400(self):
        self.check(400, 800, 1600, 6.0, 2, True)

    def test_before_the_threshold_at_400(self):
        self.check(400, 400, 800, 0.7, 3, False)

    def test_beyond_the_threshold_at_1024(self):
        self.check(1024, 1024, 2048, 3.0, 4, True)

    def test_before_the_threshold_at_1024(self):
        self.check(1024, 1024, 2048, 0.7, 5, False)


if __name__ == "__main__":
    program.main()
