#!/usr/bin/env python3
"""MDAnalysis, from a package index in an environment of its own, reads trajectory.h5 where particles have three
coordinates, and three of more through `mfld export --to npz`. Usage: this PROGRAM"""
import importlib.util
import subprocess
import venv

import program

# Frame by frame against h5py: steps, times, no box, velocities, and positions in the single precision that they have there.
COMPARE = """
import sys
import h5py
import MDAnalysis
import numpy as np

with h5py.File("run/trajectory.h5") as file:
    group = file["particles/neurons"]
    steps, times, values = (group["position"][name][()] for name in ("step", "time", "value"))
    velocities = group["velocity/value"][()]
frames = MDAnalysis.Universe.empty(values.shape[1]).load_new("run/trajectory.h5", format="H5MD", convert_units=False)
assert len(frames.trajectory) == len(steps) == 4, len(frames.trajectory)
for k, frame in enumerate(frames.trajectory):
    assert (frame.data["step"], frame.time) == (steps[k], times[k]), frame.data
    assert frame.dimensions is None
    assert (frame.positions == values[k].astype(np.float32)).all()
    assert (frame.velocities == velocities[k].astype(np.float32)).all()

arrays = np.load("chosen.npz")
chosen = MDAnalysis.Universe.empty(arrays["position"].shape[1]).load_new(arrays["position"], order="fac")
assert len(chosen.trajectory) == len(arrays["step"])
for k, frame in enumerate(chosen.trajectory):
    assert (frame.positions == arrays["position"][k].astype(np.float32)).all() and frame.positions.shape[1] == 3
assert np.ptp(chosen.trajectory[-1].positions) > 0
"""


class MDAnalysisTest(program.ProgramTest):
    EXPERIMENT = """
seed = 1
[task]
kind = "teacher-student"
input_dim = 2
num_train = 20
[network]
width = 6
bias = false
[[phase]]
method = "underdamped-mfld"
friction = 1.0
steps = 30
step_size = 0.1
lambda1 = 0.01
lambda2 = 0.01
[observe.trajectory]
particles = "all"
every = 10
velocities = true
"""

    def python_with_mdanalysis(self):
        if importlib.util.find_spec("ensurepip") is None:
            self.skipTest("this Python makes no virtual environments (python3-venv)")
        venv.create(self.root / "venv", with_pip=True)
        python = self.root / "venv/bin/python"
        install = [python, "-m", "pip", "install", "--quiet", "--only-binary", ":all:", "--retries", "0", "--timeout", "15",
                   "MDAnalysis", "h5py"]
        if (done := subprocess.run(install, capture_output=True, text=True, check=False)).returncode != 0:
            self.skipTest(f"MDAnalysis cannot be had from here: {done.stderr[-200:]}")
        return python

    def test_that_it_reads_positions(self):
        python = self.python_with_mdanalysis()
        for arguments in (("run", "a.toml", "--out", "run", "--quiet"),
                          ("run", "a.toml", "--out", "more", "--quiet", "--set", "task.input_dim=5"),
                          ("export", "more", "--to", "npz", "--coordinates", "w_1,w_5,r", "--out", "chosen.npz")):
            self.assertEqual(self.mfld(*arguments).returncode, 0, arguments)
        read = subprocess.run([python, "-W", "ignore", "-c", COMPARE], cwd=self.root, capture_output=True, text=True, check=False)
        self.assertEqual(read.returncode, 0, read.stderr)


if __name__ == "__main__":
    program.main()
