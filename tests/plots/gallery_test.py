#!/usr/bin/env python3
"""Every picture of plots/gallery is shown on a page, and was drawn by today's scripts from today's experiments; and how
sims/gallery, which makes them again, fails."""

from drawing import PLOTS  # first: it may start the test over

import pathlib
import re
import subprocess
import tempfile
import tomllib
import unittest

from PIL import Image

import style

ROOT = PLOTS.parent
SCRIPTS = {"trajectories_width": "trajectories"}  # of pictures with another name


class GalleryTest(unittest.TestCase):
    def test_pictures_are_those_of_the_pages(self):
        pages = [ROOT / "README.md", ROOT / "sims/README.md"]
        text = "".join(page.read_text(encoding="utf-8") for page in pages)
        named = set(re.findall(r"\]\((?:\.\./)?plots/gallery/([^)]*)\)", text))
        self.assertEqual(sorted(named), sorted(path.name for path in (PLOTS / "gallery").iterdir()))

    def test_every_experiment_with_a_script_has_a_picture(self):
        names = {path.stem for path in (ROOT / "sims").glob("*.toml")} & {path.stem for path in PLOTS.glob("*.py")}
        self.assertEqual(names - {path.stem for path in (PLOTS / "gallery").iterdir()}, set())

    def test_no_picture_is_stale(self):
        for picture in sorted((PLOTS / "gallery").glob("*.png")):
            stem = SCRIPTS.get(picture.stem, picture.stem)
            experiment = tomllib.loads((ROOT / f"sims/{stem}.toml").read_text(encoding="utf-8"))
            with Image.open(picture) as image:
                made_from = {key: image.info.get(key) for key in ("mfld script", "mfld experiment")}
            self.assertEqual(made_from, style.origin(PLOTS / f"{stem}.py", experiment),
                             f"{picture.name} is stale: draw it again as plots/README.md says")


class MakingTest(unittest.TestCase):
    def make(self, *options):
        return subprocess.run([ROOT / "sims/gallery", *options], capture_output=True, text=True)

    def test_what_is_wrong_is_named(self):
        for options, text in ((["--fast"], "'--fast'"), (["--build", "/nowhere"], "/nowhere/mfld"), (["--out"], "--out")):
            done = self.make(*options)
            self.assertEqual((done.returncode, done.stderr.count("\n")), (2, 1), done.stderr)
            self.assertIn(text, done.stderr)

    def test_runs_that_fail_are_named_and_no_picture_is_touched(self):
        before = {path: path.stat().st_mtime_ns for path in (PLOTS / "gallery").iterdir()}
        with tempfile.TemporaryDirectory() as folder:
            program = pathlib.Path(folder) / "mfld"
            program.write_text("#!/bin/sh\necho no disk >&2\nexit 4\n")
            program.chmod(0o755)
            done = self.make("--build", folder)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("annealing: no disk", done.stderr)
        self.assertRegex(done.stderr, r"sims/gallery: (\d+) of \1 failed: .*\bannealing\b")
        self.assertEqual(before, {path: path.stat().st_mtime_ns for path in (PLOTS / "gallery").iterdir()})


if __name__ == "__main__":
    unittest.main()
