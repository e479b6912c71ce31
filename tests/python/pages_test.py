#!/usr/bin/env python3
"""The Python of the pages runs as it stands there, from its first block to its last."""
import contextlib
import io
import os
import re
import unittest

import package
from package import ROOT

PAGES = ("README.md", "src/python/README.md")


class Pages(package.PackageTest):
    def test_run_as_they_stand(self):
        self.addCleanup(os.chdir, os.getcwd())
        for page in PAGES:
            with self.subTest(page):
                blocks = re.findall(r"^```python\n(.*?)^```$", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
                self.assertTrue(blocks)
                folder = self.root / page.replace("/", "_")
                folder.mkdir()
                (folder / "sims").symlink_to(ROOT / "sims")
                os.chdir(folder)
                names = {}
                with contextlib.redirect_stdout(io.StringIO()):
                    for block in blocks:
                        exec(compile(block, page, "exec"), names)


if __name__ == "__main__":
    unittest.main()
