#!/usr/bin/env python3
"""Kills runs at random instants, resumes them, and compares what they leave with unbroken runs, byte by byte.
Usage: this PROGRAM KILLS [SEED]"""
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import program

PACKAGE = Path(__file__).resolve().parents[2] / "src/python"
KILLS = int(sys.argv[2])
SEED = int(sys.argv[3]) if len(sys.argv) > 3 else 1

COMMON = """\
seed = 5
[task]
kind = "teacher-student"
num_train = 60
num_test = 10
[network]
width = 30
scaling = "{scaling}"
precision = "{precision}"
[observe]
every = 3
[observe.trajectory]
particles = "all"
every = 2
[checkpoint]
every_steps = 7
"""

METHODS = {
    "mfld": """
[[phase]]
method = "mfld"
steps = 700
step_size = 0.05
lambda2 = 0.001
""",
    # So many particles that their frames are written beside the steps.
    "large frames": """
[[phase]]
method = "mfld"
steps = 120
step_size = 0.05
lambda2 = 0.001
""",
    "svrg-mfld": """
[[phase]]
method = "svrg-mfld"
steps = 700
step_size = { kind = "inverse", value = 0.1, timescale = 100.0 }
lambda2 = 0.001
batch_size = 5
snapshot_every = 11
""",
    "two phases": """
[[phase]]
method = "sgd-mfld"
steps = 350
step_size = 0.05
lambda2 = 0.001
batch_size = 7
[[phase]]
method = "gd"
steps = 400
step_size = 0.1
until_gradient_norm = 0.001
[[phase]]
method = "svrg-mfld"
steps = 200
step_size = 0.05
lambda2 = 0.0001
step = "kinetic"
""",
    "stop rules": """
[[phase]]
method = "mfld"
steps = 5000
step_size = 0.05
lambda2 = 0.001
until = { column = "time", above = 14.0, held = 30 }
[[phase]]
method = "averaged-sgd"
steps = 5000
step_size = 0.02
batch_size = 2
sampling = "with-replacement"
until = { column = "train_loss", above = 0.0, held = 90 }
""",
    "averaged and natural": """
[[phase]]
method = "averaged-sgd"
steps = 300
step_size = 0.05
batch_size = 2
sampling = "with-replacement"
lambda1 = 0.001
[[phase]]
method = "natural-gradient"
steps = 150
step_size = 0.05
damping = 0.1
[[phase]]
method = "averaged-sgd"
steps = 60
step_size = 0.02
""",
}

READ = """
import sys
sys.path.insert(0, sys.argv[1])
import mfld
run = mfld.load(sys.argv[2])
assert len(run.metrics) >= 0
trajectory = run.trajectory
if trajectory is not None:
    assert len(trajectory.positions) == len(trajectory.steps) == len(trajectory.times)
    assert trajectory.velocities is None or trajectory.velocities.shape == trajectory.positions.shape
    assert (trajectory.steps[1:] > trajectory.steps[:-1]).all()
    assert trajectory.data["train_inputs"].shape == (60, 2)
"""


class Kill(program.ProgramTest):
    def setUp(self):
        super().setUp()
        self.random = random.Random(SEED)
        self.python = next(p for p in (sys.executable, "/usr/bin/python3", "python3")
                           if subprocess.run([p, "-c", "import h5py, pandas"], capture_output=True).returncode == 0)

    def mfld(self, *arguments):
        return super().mfld(*arguments, "--quiet")

    def kill(self, arguments, longest):
        """Starts the program and kills it at a random instant; whether it was still running."""
        process = self.launch(*arguments, "--quiet")
        time.sleep(self.random.uniform(0, longest))
        process.send_signal(signal.SIGKILL)
        errors = process.communicate()[1]
        self.assertEqual(errors, "")
        self.assertIn(process.returncode, (0, -signal.SIGKILL))
        return process.returncode != 0

    def break_and_mend(self, name, file, longest):
        """One run, killed and resumed until it ends; how often it was killed."""
        threads = lambda: ["--threads", str(self.random.randint(1, 4))]
        kills = 0
        going = self.kill(["run", file, "--out", name, *threads()], longest)
        while going:
            kills += 1
            if not (self.root / name / "experiment.toml").exists():
                going = self.kill(["run", file, "--out", name, *threads()], longest)
                continue
            if (self.root / name / "metrics.csv").exists() and kills % 3 == 0:
                read = subprocess.run([self.python, "-c", READ, PACKAGE, self.root / name], capture_output=True,
                                      text=True)
                self.assertEqual(read.returncode, 0, read.stderr)
            going = self.kill(["resume", name, *threads()], longest) if kills % 40 else \
                self.mfld("resume", name).returncode != 0
        result = self.mfld("resume", name)  # the last kill may have come after the end
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return kills

    def test_a_killed_run_ends_as_an_unbroken_one(self):
        kills = 0
        compared = 0
        runs = 0
        while kills < KILLS:
            method = list(METHODS)[runs % len(METHODS)]
            precision = "single" if runs % 5 == 3 else "double"
            file = f"{method} {precision}.toml"
            whole = f"whole {method} {precision}"
            if not (self.root / whole).exists():
                scaling = "ntk" if "natural" in method else "mean-field"
                text = COMMON.format(precision=precision, scaling=scaling) + METHODS[method]
                if "large" in method:
                    text = text.replace("width = 30\n", "width = 6000\n")
                if "kinetic" in text:
                    text = text.replace("every = 2\n", "every = 2\nvelocities = true\n")
                (self.root / file).write_text(text)
                start = time.monotonic()
                result = self.mfld("run", file, "--out", whole)
                self.assertEqual((result.returncode, result.stderr), (0, ""))
                seconds = time.monotonic() - start
            name = f"broken {runs}"
            kills += self.break_and_mend(name, file, 0.4 * seconds)
            runs += 1
            for part in ("metrics.csv", "checkpoint.h5", "trajectory.h5"):
                ours, theirs = ((self.root / folder / part).read_bytes() for folder in (name, whole))
                self.assertEqual(ours, theirs, f"{name}: {part}")
                compared += len(theirs)
        print(f"{kills} instants, {runs} runs, {compared} bytes compared")


if __name__ == "__main__":
    program.main()
