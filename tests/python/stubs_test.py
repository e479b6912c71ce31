#!/usr/bin/env python3
"""What the stubs say is what there is: mypy's stubtest."""
import importlib.util
import os
import subprocess
import sys
import unittest

import package
from package import PACKAGE

# Names that are loaded when first asked for; the classes of pybind11, which have a metaclass and no __init__ of their own;
# and what stubtest does not see through in sources: cached properties, aliases, named tuples.
IGNORED = r"""
mfld\.__getattr__
mfld\.__dir__
mfld\.importlib
mfld\.(results|_runs|_sweeps)\.(Run|MemoryRun|Trajectory)\.\w+
mfld\.\w+\.Callable
mfld\.fits\.NamedTuple
mfld\._mfld\.(Look|Stepper)(\.__init__)?
"""


@unittest.skipIf(importlib.util.find_spec("mypy") is None, "mypy is not installed (sims/setup extra)")
class Stubs(package.PackageTest):
    def test_say_what_there_is(self):
        ignored = self.root / "ignored.txt"
        ignored.write_text(IGNORED)
        config = self.root / "mypy.ini"
        config.write_text("[mypy]\nignore_missing_imports = True\n")
        done = subprocess.run(
            [sys.executable, "-m", "mypy.stubtest", "mfld", "--allowlist", ignored, "--ignore-unused-allowlist",
             "--mypy-config-file", config],
            capture_output=True, text=True, cwd=self.root, check=False,
            env={**os.environ, "PYTHONPATH": str(PACKAGE), "MYPYPATH": str(PACKAGE)})
        self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr[-1000:])


if __name__ == "__main__":
    unittest.main()
