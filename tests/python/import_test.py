#!/usr/bin/env python3
"""`import mfld`: quick, quiet, and one sentence where it cannot be."""
import resource
import shutil
import subprocess
import unittest

import package
from package import PACKAGE, ROOT


class ImportTest(package.PackageTest):
    def seconds_of_children(self):
        """Of processors, whatever else the machine does."""
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    def test_takes_less_than_a_third_of_a_second_and_no_pandas(self):
        seconds = []
        for _ in range(5):
            start = self.seconds_of_children()
            done = self.python("import mfld, sys; mfld.Simulation; mfld.Diverged; assert 'pandas' not in sys.modules; "
                               "assert 'h5py' not in sys.modules")
            seconds.append(self.seconds_of_children() - start)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        self.assertLess(min(seconds), 0.3 * package.PATIENCE)

    def test_the_extension_shows_nothing_but_its_first_function(self):
        extension, = (PACKAGE / "mfld").glob("_mfld.*.so")
        listed = subprocess.run(["nm", "-D", "--defined-only", str(extension)], capture_output=True, text=True, check=True)
        self.assertEqual([line.split()[-1] for line in listed.stdout.splitlines()], ["PyInit__mfld"])

    def test_another_interpreter_is_told_in_one_sentence(self):
        copy = self.root / "packages"
        shutil.copytree(PACKAGE / "mfld", copy / "mfld")
        (copy / "mfld" / "_built_for.py").write_text('TAG = "cpython-27"\nPYTHON = "/opt/old/python"\n')
        done = self.python("import mfld", env={"PYTHONPATH": str(copy)})
        last = done.stderr.strip().split("\n")[-1]
        self.assertTrue(last.startswith("ImportError: mfld in "), last)
        self.assertIn("was built for cpython-27, as /opt/old/python is, and this Python", last)

    def test_the_sources_alone_read_runs(self):
        done = self.python("import mfld; mfld.results.Run; mfld.load; mfld.run('a.toml')",
                           env={"PYTHONPATH": str(ROOT / "src/python")})
        last = done.stderr.strip().split("\n")[-1]
        self.assertTrue(last.startswith("ImportError: "), last)
        self.assertIn("has no compiled part", last)

    def test_lists_what_it_has(self):
        import mfld
        self.assertLessEqual({"run", "load", "Simulation", "kernel", "results"}, set(dir(mfld)))
        self.assertRaises(AttributeError, lambda: mfld.nothing)
        for name in mfld.__all__:
            self.assertTrue(getattr(mfld, name).__doc__, name)


if __name__ == "__main__":
    unittest.main()
