#!/usr/bin/env python3
"""trajectory.h5 as others read it: with h5py alone, while the run goes on, after a kill, in many dimensions; and how much
of it there may be. Usage: this PROGRAM"""
import re
import signal
import subprocess
import sys

import program

EXPERIMENT = """\
seed = 1
[task]
kind = "teacher-student"
num_train = 4
num_test = 2
[network]
width = 8
[[phase]]
method = "gd"
steps = 3000000
step_size = 0.01
[observe]
every = 100000
[observe.trajectory]
particles = "all"
every = 1
"""

# Looks at a file that grows, so many times: each time what a reader of H5MD relies on. Opens value first: what is
# opened later may hold more.
LOOK = """
import sys
import h5py
import numpy as np

def look(path):
    with h5py.File(path, "r") as file:
        group = file["particles/neurons/position"]
        value, step, time = group["value"], group["step"], group["time"]
        assert len(value) <= len(step) <= len(time), (len(value), len(step), len(time))
        assert value.maxshape[0] is None and step.maxshape == time.maxshape == (None,)
        steps = step[()]
        assert (steps == np.arange(len(step))).all(), steps
        assert (np.diff(time[()]) > 0).all()
        last = value[max(0, len(value) - 100):]
        assert (last != 0).any(axis=(1, 2)).all(), "a frame that nobody recorded"
        return len(value), len(step), len(time)

for i in range(int(sys.argv[2])):
    counts = look(sys.argv[1])
print(*counts)
"""

MANY_DIMENSIONS = """
import sys
import h5py
with h5py.File(sys.argv[1], "r") as file:
    box = file["particles/neurons/box"].attrs
    p = int(box["dimension"])
    assert p == int(sys.argv[2]), p
    assert box["boundary"].shape == (p,) and set(box["boundary"]) == {b"none"}
    assert len(file["parameters/names"]) == p
    assert file["particles/neurons/position/value"].shape == (3, 2, p)
"""


KINETIC = ["--set", "phase.0.step=kinetic", "--set", "observe.trajectory.velocities=true"]

# What the velocities are: those of a checkpoint of the same step; 0 where the step of the phase has none; N(0, T) where
# a phase begins, which a step that is nearly none leaves as they are.
VELOCITIES = """
import h5py
with h5py.File("phases/trajectory.h5", "r") as file:
    particles = file["particles/neurons"]
    velocity, step = particles["velocity/value"][()], list(particles["velocity/step"][()])
    assert velocity.shape == particles["position/value"].shape == (len(step), 2, 4)
    assert particles["velocity/step"] == particles["position/step"]
with h5py.File("phases/checkpoint.previous.h5", "r") as file:
    assert file.attrs["step"] == 12
    assert (velocity[step.index(12)] == file["velocities"][()][[1, 5]]).all()
assert (velocity[:5] == 0).all()
assert (velocity[5:] != 0).all()
assert abs(velocity[6] - velocity[5]).max() < 1e-9 < abs(velocity[5]).min()
assert abs(velocity[17] - velocity[16]).max() > 1e-9
"""


class Trajectory(program.ProgramTest):
    EXPERIMENT = EXPERIMENT

    def setUp(self):
        super().setUp()
        self.python = next(p for p in (sys.executable, "/usr/bin/python3", "python3")
                           if subprocess.run([p, "-c", "import h5py"], capture_output=True).returncode == 0)

    def read(self, script, *arguments):
        result = subprocess.run([self.python, "-c", script, *map(str, arguments)], cwd=self.root, capture_output=True,
                                text=True, timeout=program.TIMEOUT)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def test_any_reader_while_it_runs_and_after_a_kill(self):
        process = self.launch("run", "a.toml", "--out", "out", "--quiet", "--threads", "1")
        self.wait_until((self.root / "out/trajectory.h5").exists)
        self.read(LOOK, "out/trajectory.h5", 200)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        counts = set(self.read(LOOK, "out/trajectory.h5", 1).split())
        self.assertEqual(len(counts), 1)  # of value, step and time: all the same once nothing moves

    def test_a_resumed_trajectory_is_the_unbroken_one_byte_for_byte(self):
        for name, length, more in (("plain", 20000, []), ("kinetic", 20000, KINETIC),
                                   ("large", 200, ["--set", "network.width=8000"])):
            steps = ["--set", f"phase.0.steps={length}", "--set", f"checkpoint.every_steps={length // 20}", *more]
            whole, out = f"{name}/whole", f"{name}/out"
            self.assertEqual(self.mfld("run", "a.toml", "--out", whole, "--quiet", *steps).returncode, 0)
            process = self.launch("run", "a.toml", "--out", out, "--quiet", *steps)
            self.wait_until((self.root / out / "checkpoint.h5").exists)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            self.assertEqual(self.mfld("resume", out, "--quiet").returncode, 0)
            self.assert_same(out, whole, ("metrics.csv", "checkpoint.h5", "trajectory.h5"))

    def test_large_frames_are_the_same_on_any_number_of_threads(self):
        """Beside the steps or, in --jobs, beside those of other runs."""
        large = ["--set", "phase.0.steps=60", "--set", "network.width=8000", "--quiet"]
        for threads in "1", "2", "5":
            result = self.mfld("run", "a.toml", "--out", threads, "--threads", threads, *large)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            self.assert_same(threads, "1", ("metrics.csv", "checkpoint.h5", "trajectory.h5"))
        result = self.mfld("run", "a.toml", "--out", "sweep", "--jobs", "2", "--threads", "2", "--set",
                           "sweep.seed=[1, 2, 3]", "--set", "checkpoint.every_steps=7", *large)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assert_same("sweep/seed=1", "1", ("trajectory.h5",))
        self.assertNotEqual((self.root / "sweep/seed=2/trajectory.h5").read_bytes(),
                            (self.root / "1/trajectory.h5").read_bytes())

    def test_frames_in_memory_are_announced(self):
        def said(*settings):
            result = self.mfld("run", "a.toml", "--dry-run", "--set", "phase.0.steps=20", *settings)
            self.assertEqual(result.returncode, 0, result.stderr)
            size, unit = re.search(r"(?m)^memory: about ([0-9.e+]+) (\S+)$", result.stdout).groups()
            self.assertEqual(unit, "MiB")
            return float(size) * 2**20
        wide = ["--set", "network.width=100000"]
        # Of 3.2 MB each: two wait in 8 MiB, one is made, one is copied.
        frames = said(*wide) - said(*wide, "--set", "observe.trajectory.particles=1")
        self.assertAlmostEqual(frames / 3.2e6, 4, places=0)

    def test_velocities_are_those_of_the_state(self):
        phases = """
[[phase]]
method = "gd"
steps = 5
step_size = 0.01
[[phase]]
method = "underdamped-mfld"
steps = 6
step_size = 1e-12
friction = 1e-9
lambda2 = 1.0
[[phase]]
method = "underdamped-mfld"
steps = 8
step_size = 0.1
lambda2 = 1.0
"""
        text = EXPERIMENT[:EXPERIMENT.index("[[phase]]")] + phases + EXPERIMENT[EXPERIMENT.index("[observe]"):]
        text = text.replace('particles = "all"', "particles = [1, 5]\nvelocities = true")
        (self.root / "phases.toml").write_text(text + "[checkpoint]\nevery_steps = 12\n")
        result = self.mfld("run", "phases.toml", "--out", "phases", "--quiet")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.read(VELOCITIES)

    def test_velocities_take_room_too(self):
        # 1000 particles of 4 numbers: 32 kB a frame and as much for velocities.
        settings = ["--set", "network.width=1000", "--set", "phase.0.steps=1000000000000000"]
        needed = []
        for more in ([], KINETIC):
            result = self.mfld("run", "a.toml", "--out", "out", "--quiet", *settings, *more)
            self.assert_sentence(result, 2, "observe.trajectory", " are free in ")
            needed.append(float(re.search(r"particles take ([0-9.e+]+) GiB", result.stderr)[1]))
        self.assertAlmostEqual(needed[1] / needed[0], 2, places=2)

    def test_velocities_of_a_step_that_has_none_are_refused(self):
        result = self.mfld("run", "a.toml", "--out", "out", "--quiet", "--set", "observe.trajectory.velocities=true")
        self.assert_sentence(result, 2, "observe.trajectory.velocities = true", "step = kinetic")
        self.assertFalse((self.root / "out").exists())

    def test_many_dimensions(self):
        for dimension in (16381, 16382, 16383, 17000, 100000):
            out = f"out{dimension}"
            result = self.mfld("run", "a.toml", "--out", out, "--quiet", "--set", f"task.input_dim={dimension}", "--set",
                               "network.width=2", "--set", "phase.0.steps=2")
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            self.read(MANY_DIMENSIONS, f"{out}/trajectory.h5", dimension + 2)  # with an outer weight and a bias

    def test_more_than_the_disk_holds_is_refused(self):
        too_much = ["--set", "phase.0.steps=1000000000000000"]
        for before in (lambda: None, (self.root / "out").mkdir):
            before()
            result = self.mfld("run", "a.toml", "--out", "out", "--quiet", *too_much)
            self.assert_sentence(result, 2, "observe.trajectory", "1000000000000001 frames of 8 particles", " are free in ",
                                 "fewer")
            self.assertEqual(list((self.root / "out").iterdir()) if (self.root / "out").exists() else [], [])
        # As many steps with fewer frames are welcome.
        result = self.mfld("run", "a.toml", "--out", "few", "--quiet", *too_much, "--set",
                           "observe.trajectory.every=100000000000", "--max-wall", "0.05s")
        self.assertEqual(result.returncode, 130, result.stderr)

    def test_a_large_one_is_announced(self):
        for setting, is_large in (("phase.0.steps=5000000", True), ("phase.0.steps=3000000", False)):
            process = self.launch("run", "a.toml", "--out", setting, "--set", setting)
            self.wait_until((self.root / setting / "trajectory.h5").exists)
            said = self.stop(process, signal.SIGTERM)
            self.assertEqual("trajectory: large, up to 1." in said, is_large, said)


if __name__ == "__main__":
    program.main()
