#!/usr/bin/env python3
"""Runs that stop and go on: resume, branch, --max-wall, locks, shards, jobs. Usage: this PROGRAM"""
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

PROGRAM = os.path.abspath(sys.argv[1])

EXPERIMENT = """\
seed = 1
[task]
kind = "teacher-student"
num_train = 40
num_test = 10
[network]
width = 20
[[phase]]
method = "sgd-mfld"
steps = 60000
step_size = 0.1
lambda2 = 0.001
batch_size = 5
[observe]
every = 100
[observe.trajectory]
particles = 4
every = 500
"""

ENDLESS = ["--set", "phase.0.steps=1000000000"]


class Stopping(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.root = Path(self.directory.name)
        (self.root / "a.toml").write_text(EXPERIMENT)

    def tearDown(self):
        self.directory.cleanup()

    def mfld(self, *arguments):
        return subprocess.run([PROGRAM, *arguments], cwd=self.root, capture_output=True, text=True, timeout=120)

    def start(self, out, *arguments):
        """A run in the background that has recorded something."""
        process = subprocess.Popen([PROGRAM, "run", "a.toml", "--out", out, *arguments], cwd=self.root,
                                   stderr=subprocess.PIPE, text=True)
        metrics = self.root / out / "metrics.csv"
        deadline = time.monotonic() + 60
        while not metrics.exists() or b"\n100," not in metrics.read_bytes():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        return process

    def stop(self, process, number=signal.SIGTERM):
        process.send_signal(number)
        errors = process.communicate(timeout=60)[1]
        self.assertEqual(process.returncode, 130, errors)

    def assert_same(self, one, other):
        for file in ("metrics.csv", "checkpoint.h5"):
            self.assertEqual((self.root / one / file).read_bytes(), (self.root / other / file).read_bytes(), file)

    def test_an_interrupted_run_goes_on_to_the_same_bytes(self):
        self.assertEqual(self.mfld("run", "a.toml", "--out", "whole", "--quiet").returncode, 0)
        self.stop(self.start("out", "--threads", "1"))
        result = self.mfld("resume", "out", "--threads", "3")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stderr, r"out: goes on from step \d+\n(.|\n)*out: finished after 60000 steps")
        self.assert_same("out", "whole")
        result = self.mfld("resume", "out")
        self.assertEqual(result.returncode, 0)
        self.assertIn("nothing is left to do", result.stderr)

    def test_max_wall_stops_in_time_again_and_again(self):
        start = time.monotonic()
        self.assertEqual(self.mfld("run", "a.toml", "--out", "whole", "--quiet").returncode, 0)
        limit = ["--quiet", "--max-wall", f"{(time.monotonic() - start) / 4:.3f}s"]
        result = self.mfld("run", "a.toml", "--out", "out", *limit)
        stops = 0
        while result.returncode == 130:
            stops += 1
            self.assertLess(stops, 200)
            self.assertRegex(result.stderr, r"^out: interrupted at step \d+, with a checkpoint\n$")
            result = self.mfld("resume", "out", *(limit if stops < 10 else ["--quiet"]))
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertGreater(stops, 0)
        self.assert_same("out", "whole")
        for wrong in ("soon", "-3s", "0", "3 weeks"):
            result = self.mfld("run", "a.toml", "--out", "other", "--max-wall", wrong)
            self.assertEqual(result.returncode, 2, wrong)
            self.assertEqual(result.stderr.count("\n"), 1)
            self.assertFalse((self.root / "other").exists())

    def test_a_second_process_is_refused(self):
        process = self.start("out", *ENDLESS)
        try:
            for arguments, status in ((["resume", "out"], 4), (["run", "a.toml", "--out", "out"], 2)):
                result = self.mfld(*arguments)
                self.assertEqual(result.returncode, status, result.stderr)
                self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
            self.assertIn("another process is running there", self.mfld("resume", "out").stderr)
        finally:
            process.kill()
            process.communicate()
        # The lock goes with its holder.
        result = self.mfld("resume", "out", "--max-wall", "0.1s")
        self.assertEqual(result.returncode, 130, result.stderr)

    def test_a_branch_is_a_run_of_its_own(self):
        self.stop(self.start("out"))
        before = sorted((path.name, path.read_bytes()) for path in (self.root / "out").iterdir())
        result = self.mfld("branch", "out", "--seed", "7", "--quiet")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(sorted((path.name, path.read_bytes()) for path in (self.root / "out").iterdir()), before)
        text = (self.root / "out_seed=7/experiment.toml").read_text()
        self.assertRegex(text, r"(?m)^# branched from /.*/out at step \d+, experiment [0-9a-f]{16}$")
        self.assertRegex(text, r"(?m)^noise = 7 ")
        self.assertRegex(text, r"(?m)^batches = 7 ")
        self.assertRegex(text, r"(?m)^data = 1 ")
        again = self.mfld("branch", "out", "--seed", "7", "--out", "again", "--quiet", "--max-wall", "0.1s")
        self.assertIn(again.returncode, (0, 130), again.stderr)
        self.assertEqual(self.mfld("resume", "again", "--quiet").returncode, 0)
        self.assert_same("again", "out_seed=7")
        result = self.mfld("branch", "out", "--seed", "7")
        self.assertEqual(result.returncode, 2)
        self.assertIn("exists and is not empty", result.stderr)
        self.assertEqual(self.mfld("branch", "out", "--seed", "-7").returncode, 2)

    def test_a_damaged_checkpoint_is_refused_and_the_previous_one_offered(self):
        self.assertEqual(self.mfld("run", "a.toml", "--out", "whole", "--quiet", "--set",
                                   "checkpoint.every_steps=25000").returncode, 0)
        (self.root / "whole").rename(self.root / "out")
        good = {path.name: path.read_bytes() for path in (self.root / "out").iterdir()}
        (self.root / "out/summary.json").unlink()
        (self.root / "out/checkpoint.h5").write_bytes(good["checkpoint.h5"][:-100])
        result = self.mfld("resume", "out")
        self.assertEqual(result.returncode, 4)
        self.assertRegex(result.stderr, r"^mfld: cannot use checkpoint out/checkpoint.h5: .*; --previous goes on from "
                                        r"the one before it\n$")
        self.assertEqual((self.root / "out/metrics.csv").read_bytes(), good["metrics.csv"])
        self.assertEqual(self.mfld("resume", "out", "--previous", "--quiet").returncode, 0)
        for file in ("metrics.csv", "checkpoint.h5"):
            self.assertEqual((self.root / "out" / file).read_bytes(), good[file])

    def test_a_sweep_stops_and_goes_on(self):
        sweep = EXPERIMENT.replace("60000", "9000") + "[sweep]\nseed = [1, 2, 3, 4]\n"
        (self.root / "s.toml").write_text(sweep)
        self.assertEqual(self.mfld("run", "s.toml", "--out", "whole", "--quiet").returncode, 0)
        process = subprocess.Popen([PROGRAM, "run", "s.toml", "--out", "out", "--quiet"], cwd=self.root,
                                   stderr=subprocess.PIPE)
        deadline = time.monotonic() + 60
        while not (self.root / "out/seed=2/metrics.csv").exists():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        process.kill()
        process.communicate()
        result = self.mfld("resume", "out", "--quiet", "--jobs", "2")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        for i in (1, 2):
            result = self.mfld("run", "s.toml", "--out", "shards", "--quiet", "--shard", f"{i}/2")
            self.assertEqual((result.returncode, result.stderr), (0, ""))
        without_seconds = lambda name: [line.split(",")[:5] + line.split(",")[6:] for line in
                                        (self.root / name / "index.csv").read_text().splitlines()]
        for name in ("out", "shards"):
            self.assertEqual(without_seconds(name), without_seconds("whole"))
            for seed in range(1, 5):
                self.assert_same(f"{name}/seed={seed}", f"whole/seed={seed}")
        for wrong in ("0/2", "3/2", "2", "1/2x"):
            result = self.mfld("run", "s.toml", "--out", "other", "--shard", wrong)
            self.assertEqual(result.returncode, 2)
            self.assertIn("must be i/k", result.stderr)

    def test_a_run_goes_on_with_its_instruction_set(self):
        sets = re.findall(r"{(.*)}", self.mfld("run", "--help").stdout.split("--instruction-set")[1].split("\n")[0] +
                          self.mfld("run", "--help").stdout.split("--instruction-set")[1].split("\n")[1])
        self.assertTrue(sets)
        one = sets[0].split(",")[-1]
        self.assertEqual(self.mfld("run", "a.toml", "--out", "whole", "--quiet", "--instruction-set", one).returncode, 0)
        self.stop(self.start("out", "--instruction-set", one))
        self.assertIn(f"instruction set {one}\n", (self.root / "out/experiment.toml").read_text())
        self.assertEqual(self.mfld("resume", "out", "--quiet").returncode, 0)
        self.assert_same("out", "whole")
        self.assertEqual(self.mfld("run", "a.toml", "--instruction-set", "abacus").returncode, 2)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
