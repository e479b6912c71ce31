#!/usr/bin/env python3
"""mfld.kernel and mfld.kernel_regression."""
import unittest

import numpy as np

import mfld
import package
from package import arrays


class Kernels(package.PackageTest):
    def test_relu_has_its_closed_form(self):
        X, _ = arrays()
        kernel = mfld.kernel(X)
        norms = np.linalg.norm(X, axis=1)
        angle = np.arccos(np.clip(X @ X.T / np.outer(norms, norms), -1, 1))
        slope = (np.pi - angle) / (2 * np.pi)
        nngp = np.outer(norms, norms) * (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / (2 * np.pi)
        np.testing.assert_allclose(kernel.values, nngp + X @ X.T * slope, rtol=1e-7, atol=1e-12)
        self.assertEqual(kernel.error, 0)
        self.assert_bits(kernel.values, kernel.values.T.copy())

    def test_are_those_of_the_command_line(self):
        X, y = arrays()
        Z = X[:7] / 2
        for name, inputs in (("x", X), ("z", Z)):
            np.save(self.root / f"{name}.npy", inputs)
        values, error = mfld.kernel(X, Z, convention="jacot", activation="tanh", depth=3, bias_variance=0.2, threads=1)
        self.program("kernel", "x.npy", "z.npy", "--target-column", "none", "--convention", "jacot", "--activation", "tanh",
                     "--depth", "3", "--bias-variance", "0.2", "--out", "k.npy", "--quiet")
        self.assert_bits(values, np.ascontiguousarray(np.load(self.root / "k.npy").reshape(40, 7)))
        self.assertTrue(0 < error < 1e-6)
        both = mfld.kernel(X, Z, convention="jacot", activation="tanh", depth=3, bias_variance=0.2, part="both")
        self.assertEqual(sorted(both), ["nngp", "ntk"])
        self.assert_bits(both["ntk"].values, values)

    def test_regression_interpolates_and_shrinks(self):
        X, y = arrays()
        K = mfld.kernel(X, activation="erf").values
        prediction, coefficients = mfld.kernel_regression(K, y, K)
        np.testing.assert_allclose(prediction, y, atol=1e-6)
        prediction, coefficients = mfld.kernel_regression(K, y, K[:3], ridge=0.1)
        np.testing.assert_allclose(coefficients, np.linalg.solve(K + 40 * 0.1 * np.eye(40), y), rtol=1e-8)
        np.testing.assert_allclose(prediction, K[:3] @ coefficients, rtol=1e-12)
        self.assertIsNone(mfld.kernel_regression(K, y, ridge=0.1)[0])

    def test_refusals(self):
        X, y = arrays()
        for action, *parts in (
            (lambda: mfld.kernel(X, X[:, :2]), "3", "2"),
            (lambda: mfld.kernel(X, convention="jacto"), "convention = \"jacto\"", "did you mean jacot?"),
            (lambda: mfld.kernel(X, activation="relo"), "activation = \"relo\"", "did you mean relu?"),
            (lambda: mfld.kernel(X, part="all"), "part = \"all\""),
            (lambda: mfld.kernel(X, depth=3), "depth = 3: is only read with the convention jacot, lee, arora, not two-layer"),
            (lambda: mfld.kernel(X, convention="jacot", depth=0), "depth"),
            (lambda: mfld.kernel("x"), "X", "<U1"),
            (lambda: mfld.kernel_regression(np.ones((2, 2)), [0, 1]), "ridge"),
            (lambda: mfld.kernel_regression(np.eye(3), [0, 1]), "3", "2"),
        ):
            with self.subTest(parts=parts):
                self.assert_refused(ValueError, action, *parts)


if __name__ == "__main__":
    unittest.main()
