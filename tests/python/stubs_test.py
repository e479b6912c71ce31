#!/usr/bin/env python3
"""What the stubs say is what there is: mypy's stubtest."""
import importlib.util
import os
import subprocess
import sys
import unittest

import package
from package import PACKAGE

# Modules of the package have their annotations in their sources; these have files of their own.
STUBS = ("mfld", "mfld._mfld")


@unittest.skipIf(importlib.util.find_spec("mypy") is None, "mypy is not installed (sims/setup extra)")
class Stubs(package.PackageTest):
    def test_say_what_there_is(self):
        ignored = self.root / "ignored.txt"
        # Without signatures in the sources, or loaded when first asked for.
        ignored.write_text("mfld\\.(_interpreter|fits|results|sklearn|_processes|_sweeps|_runs|_simulation|_kernels|_checks"
                           "|_arguments|_progress|_built_for).*\nmfld\\.__getattr__\nmfld\\.__dir__\nmfld\\.importlib\n")
        config = self.root / "mypy.ini"
        config.write_text("[mypy]\nignore_missing_imports = True\n")
        for module in STUBS:
            with self.subTest(module):
                done = subprocess.run(
                    [sys.executable, "-m", "mypy.stubtest", module, "--allowlist", ignored, "--ignore-unused-allowlist",
                     "--mypy-config-file", config],
                    capture_output=True, text=True, cwd=self.root, check=False,
                    env={**os.environ, "PYTHONPATH": str(PACKAGE), "MYPYPATH": str(PACKAGE)})
                self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr[-1000:])


if __name__ == "__main__":
    unittest.main()
