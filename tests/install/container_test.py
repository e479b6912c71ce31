#!/usr/bin/env python3
"""The two definitions of a container do the same steps, on files that are there."""
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONTAINERFILE = (ROOT / "sims/cluster/Containerfile").read_text()
DEFINITION = (ROOT / "sims/cluster/mfld.def").read_text()


def section(name):
    """The lines of a section of the definition, without their indentation."""
    return re.sub(r"^ +", "", re.search(rf"^%{name}\n((?:  .*\n)+)", DEFINITION, re.M)[1], flags=re.M).splitlines()


class ContainerTest(unittest.TestCase):
    def test_they_begin_with_the_same_system(self):
        self.assertEqual(re.search(r"^FROM docker\.io/library/(\S+)$", CONTAINERFILE, re.M)[1],
                         re.search(r"^Bootstrap: docker\nFrom: (\S+)$", DEFINITION, re.M)[1])

    def test_they_copy_the_same_files(self):
        copied = re.findall(r"^COPY (.*)$", CONTAINERFILE, re.M)
        self.assertEqual(copied, section("files"))
        for line in copied:
            source, target = line.split()
            self.assertTrue((ROOT / source).exists(), source)
            self.assertEqual(target, f"/mfld/{source}")

    def test_they_run_the_same_commands(self):
        self.assertEqual(re.findall(r"^RUN (.*)$", CONTAINERFILE, re.M), section("post"))


if __name__ == "__main__":
    unittest.main()
