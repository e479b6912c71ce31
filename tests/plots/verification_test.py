#!/usr/bin/env python3
"""Every figure of tests/figures is shown on the page of tests, and was drawn by today's script from the tables beside it;
what is wrong with a folder is said."""

from drawing import PLOTS, DrawingTest  # first: it may start the test over

import re
import unittest

from PIL import Image

import style

ROOT = PLOTS.parent
FIGURES = ROOT / "tests/figures"


def data_of(name):
    import verification
    return verification.data_of(FIGURES, name)


class VerificationTest(DrawingTest):
    def test_pictures_are_those_of_the_page(self):
        page = (ROOT / "tests/README.md").read_text(encoding="utf-8")
        named = set(re.findall(r"\]\(figures/([^)]*\.png)\)", page))
        self.assertEqual(sorted(named), sorted(path.name for path in FIGURES.glob("*.png")))

    def test_no_picture_is_stale(self):
        for picture in FIGURES.glob("*.png"):
            with Image.open(picture) as image:
                made_from = {key: image.info.get(key) for key in ("mfld script", "mfld experiment")}
            self.assertEqual(made_from, style.origin(PLOTS / "verification.py", data_of(picture.stem)),
                             f"{picture.name} is stale: draw it again as tests/README.md says")

    def test_the_figures_are_drawn_and_say_what_they_show(self):
        (self.folder / "run").symlink_to(FIGURES)
        done = self.draw("verification")
        for name in ("step_order", "width_order", "certificate", "convergence", "convergence_line", "batch_noise", "entropy"):
            self.assert_written(name)
        slope, = re.findall(r"bias of N particles: order (\S+) ", done.stdout)
        self.assertTrue(-1.1 <= float(slope) <= -0.9, slope)
        for step, order in (("Euler-Maruyama", 1), ("Leimkuhler-Matthews", 2), ("kinetic", 2)):
            found, = re.findall(rf"{step}: order (\S+) ", done.stdout)
            self.assertAlmostEqual(float(found), order, delta=0.25)
        for number in re.findall(r"exact second moments: largest \|z\| (\S+) of 21 errors, (\S+) of 14", done.stdout)[0]:
            self.assertLess(float(number), 5)
        alone, corrected = re.findall(r"full batch: (\d+) times with samples alone, (\S+) times", done.stdout)[0]
        self.assertGreater(float(alone), 1000)
        self.assertLess(float(corrected), 1.05)
        for against in ("two of the steps against quadrature", "dual gap against quadrature"):
            worst, = re.findall(rf"{against}: largest \|z\| (\S+) ", done.stdout)
            self.assertLess(float(worst), 5)
        self.assertIn("at all of 240 times: yes", done.stdout)

    def test_an_empty_folder_is_said(self):
        (self.folder / "run").mkdir()
        self.assert_refuses("verification", "step_order.csv", status=4)


if __name__ == "__main__":
    unittest.main()
