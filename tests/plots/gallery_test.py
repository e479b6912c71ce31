#!/usr/bin/env python3
"""Every picture of plots/gallery is shown on a page, and was drawn by today's scripts from today's experiments."""

from drawing import PLOTS  # first: it may start the test over

import re
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


if __name__ == "__main__":
    unittest.main()
