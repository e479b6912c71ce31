#!/usr/bin/env python3
"""`pip install ./src/python` in a fresh virtual environment, with the library that was built in place of another build of
it; where there is an index."""
import importlib.util
import os
import pathlib
import subprocess
import unittest
import venv

import package
from package import ROOT

BUILD = pathlib.Path(os.environ.get("MFLD_BUILD_DIR", ROOT / "build"))
LOOK = """
import sys, time
start = time.perf_counter()
import mfld
X = [[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
result = mfld.run({"seed": 1, "task": {"kind": "arrays", "train_inputs": X, "train_targets": [0, 1, 2]},
                   "network": {"width": 4}, "phase": [{"method": "gd", "steps": 3, "step_size": 0.5}]})
print(mfld.__file__, result.summary["message"], sep="\\n")
"""


class Pip(package.PackageTest):
    def run_or_fail(self, *command, **how):
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        done = subprocess.run([*map(str, command)], capture_output=True, text=True, env=environment, check=False, **how)
        self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
        return done.stdout

    def fresh_python(self):
        if importlib.util.find_spec("ensurepip") is None:
            self.skipTest("this Python makes no virtual environments (python3-venv)")
        venv.create(self.root / "venv", with_pip=True)
        python = self.root / "venv/bin/python"
        asked = [python, "-m", "pip", "download", "--quiet", "--no-deps", "--retries", "0", "--timeout", "15", "-d",
                 self.root, "scikit-build-core"]
        if subprocess.run(asked, capture_output=True, check=False).returncode != 0:
            self.skipTest("no package index can be reached from here")
        return python

    def test_in_a_fresh_environment(self):
        python = self.fresh_python()
        self.run_or_fail("cmake", "--install", BUILD, "--prefix", self.root / "prefix")
        settings = ["cmake.source-dir=.", f"cmake.define.CMAKE_PREFIX_PATH={self.root / 'prefix'}",
                    f"build-dir={self.root / 'build'}", "cmake.build-type=Plain",
                    "cmake.define.CMAKE_UNITY_BUILD=ON"]
        self.run_or_fail(python, "-m", "pip", "install", "--quiet", ROOT / "src/python",
                         *(f"--config-settings={setting}" for setting in settings))
        place, message = self.run_or_fail(python, "-c", LOOK, cwd=self.root).split("\n")[:2]
        self.assertTrue(place.startswith(str(self.root / "venv")), place)
        self.assertEqual(message, "finished after 3 steps")


if __name__ == "__main__":
    unittest.main()
