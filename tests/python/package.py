"""What the tests of the Python package share: small experiments, the program beside the package, errors in one sentence.

    PYTHONPATH=build/python MFLD_PROGRAM=build/mfld /usr/bin/python3 tests/python/NAME_test.py
"""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import numpy as np

import mfld

ROOT = pathlib.Path(__file__).resolve().parents[2]
SIMS = ROOT / "sims"
PROGRAM = os.path.abspath(os.environ.get("MFLD_PROGRAM", "build/mfld"))
PACKAGE = pathlib.Path(mfld.__file__).parent.parent
PATIENCE = float(os.environ.get("MFLD_TEST_PATIENCE", "1"))  # sanitizers make all many times slower


def experiment(**changes):
    """A small one, with the dotted keys changed; double underscores are dots."""
    value = {
        "seed": 3,
        "task": {"kind": "single-index", "link": "hermite2", "input_dim": 4, "num_train": 60, "num_test": 20},
        "network": {"width": 30, "scaling": "mean-field"},
        "phase": [{"method": "mfld", "steps": 200, "step_size": 0.05, "lambda1": 0.01, "lambda2": 0.001}],
        "observe": {"every": 50},
    }
    for path, item in changes.items():
        *way, last = path.split("__")
        table = value
        for key in way:
            table = table[int(key) if key.isdigit() else key]
        table[last] = item
    return value


def arrays(n=40, d=3, seed=0):
    random = np.random.default_rng(seed)
    X = random.normal(size=(n, d))
    return X, np.tanh(X[:, 0]) - X[:, 1]


def with_arrays(X, y, **changes):
    return experiment(task={"kind": "arrays", "train_inputs": X, "train_targets": y}, **changes)


class PackageTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = pathlib.Path(directory.name)

    def program(self, *arguments):
        done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, cwd=self.root, check=False)
        return done.returncode, done.stderr

    def python(self, text, *options, **how):
        """A fresh interpreter with the package."""
        environment = {**os.environ, "PYTHONPATH": str(PACKAGE), **how.pop("env", {})}
        return subprocess.run([sys.executable, *options, "-c", text], capture_output=True, text=True, cwd=self.root,
                              env=environment, check=False, timeout=120 * PATIENCE, **how)

    def assert_refused(self, kind, action, *parts):
        with self.assertRaises(kind) as caught:
            action()
        sentence = str(caught.exception)
        for part in parts:
            self.assertIn(part, sentence)
        self.assertNotIn("\n", sentence)
        return sentence

    def assert_bits(self, one, other):
        one, other = np.asarray(one), np.asarray(other)
        self.assertEqual((one.shape, one.dtype), (other.shape, other.dtype))
        self.assertEqual(one.tobytes(), other.tobytes())
