#!/usr/bin/env python3
"""The figure of particles that are points: what it draws, prints and refuses."""

from drawing import STEPS, DrawingTest, write_run, write_runs  # first: it may start the test over

import unittest

import h5py
import numpy as np

POINTS = """
[objective]
kind = "{kind}"
kernel = "torus"
[task]
kind = "mixture"
[network]
width = {{width}}
"""


def points(kind="mmd"):
    return POINTS.format(kind=kind)


class AnnealingTest(DrawingTest):
    def write(self, frames=True):
        runs = []
        for case, end in (("annealed", 0.01), ("noiseless", 0.08)):
            for seed in (1, 2, 3):
                columns = {"mmd": np.geomspace(1, end * seed, len(STEPS))}
                content = {"columns": columns, "experiment": points()}
                if frames:
                    content["frames"] = np.full((2, 4, 3), 7.0)
                runs.append((f"{case}_seed={seed}", case, seed, content))
        write_runs(self.folder / "run", ["seed"], runs)
        for name, *_ in runs if frames else ():
            with h5py.File(self.folder / "run" / name / "trajectory.h5", "a") as file:
                file["data/train_inputs"] = np.ones((2, 2))

    def test_medians_and_how_often_the_noise_helps(self):
        self.write()
        printed = self.draw("annealing").stdout
        self.assertIn("annealed (3): mmd at the end 0.02 (median), 0.01 to 0.03", printed)
        self.assertIn("annealed ends below noiseless in 3 of 3 seeds; their medians are 8 times apart", printed)
        self.assert_written("annealing")
        svg = (self.folder / "out" / "annealing.svg").read_text()
        for text in ("squared discrepancy", "annealed", "noiseless", "each of 3 seeds"):
            self.assertIn(text, svg)

    def test_without_trajectories_the_discrepancy_is_drawn_alone(self):
        self.write(frames=False)
        self.draw("annealing")
        self.assert_written("annealing")

    def test_a_single_run_is_drawn(self):
        write_run(self.folder / "run", {"ksd": 0.5}, experiment=points("ksd"))
        self.assertIn("ksd at the end 0.5", self.draw("annealing").stdout)

    def test_networks_are_refused(self):
        write_run(self.folder / "run", {"train_loss": 1})
        self.assert_refuses("annealing", "[objective]")


if __name__ == "__main__":
    unittest.main()
