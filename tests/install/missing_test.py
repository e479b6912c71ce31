#!/usr/bin/env python3
"""What cmake says where something is missing: all in one sentence, by the names of packages. Usage: this CMAKE COMPILER"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CMAKE, COMPILER = sys.argv[1:3]
NEEDS = re.findall(r'mfld_needs\("([^"]+)" \w+ (\S+) (\S+)\)', (ROOT / ".cmake/dependencies.cmake").read_text())


def configure(*options, **variables):
    """Exit status, and the error with its lines joined."""
    fixed = [f"-DCMAKE_CXX_COMPILER={COMPILER}", "-DMFLD_BUILD_TESTS=OFF", "-DMFLD_BUILD_PYTHON=OFF"]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([CMAKE, "-S", ROOT, "-B", folder, *fixed, *options], env={**os.environ, **variables},
                              capture_output=True, text=True, check=False)
    return done.returncode, " ".join(done.stderr.split())


class MissingTest(unittest.TestCase):
    def test_all_that_is_missing_is_said_at_once(self):
        status, said = configure("-DCMAKE_DISABLE_FIND_PACKAGE_fmt=ON", "-DCMAKE_DISABLE_FIND_PACKAGE_TBB=ON")
        self.assertEqual(status, 1)
        self.assertIn("mfld needs what is not found here, or only older: oneTBB (libtbb-dev of Debian, tbb-devel of "
                      "conda-forge), fmt (libfmt-dev of Debian, fmt of conda-forge); `sims/setup build` installs it on Debian", said)
        self.assertEqual(said.count("mfld needs"), 1)

    def test_hdf5_is_found_without_pkg_config_and_highway_is_not(self):
        with tempfile.TemporaryDirectory() as empty:
            status, said = configure(PKG_CONFIG_LIBDIR=empty)
        self.assertEqual(status, 1)
        self.assertIn("only older: Highway (libhwy-dev of Debian, libhwy of conda-forge);", said)

    def test_a_header_alone_is_nanoflann(self):
        self.assertEqual(configure("-DCMAKE_DISABLE_FIND_PACKAGE_nanoflann=ON"), (0, ""))

    def test_the_page_and_the_setup_have_the_same_names(self):
        self.assertGreater(len(NEEDS), 10)
        page = (ROOT / "sims/cluster/README.md").read_text()
        packages = re.search(r"build\) echo (.*?) ;;", (ROOT / "sims/setup").read_text(), re.S)[1].replace("\\", "").split()
        for name, debian, conda in NEEDS:
            self.assertIn(f"| {name} | `{debian}` | `{conda}` |", page)
            self.assertIn(debian, packages)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
