#!/usr/bin/env python3
"""What can go wrong outside: each fault gives one sentence and the right status, and spoils nothing. Usage: this PROGRAM"""
import os
import resource
import shutil
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
width = 200
[[phase]]
method = "svrg-mfld"
steps = 400
step_size = 0.1
lambda2 = 0.001
batch_size = 5
[observe]
every = 2
[observe.trajectory]
particles = "all"
every = 2
[checkpoint]
every_steps = 20
"""


class Faults(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.root = Path(self.directory.name)
        (self.root / "a.toml").write_text(EXPERIMENT)

    def tearDown(self):
        self.directory.cleanup()

    def mfld(self, *arguments, limit=None):
        def restrict():
            if limit is not None:
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        return subprocess.run([PROGRAM, *arguments, "--quiet"], cwd=self.root, capture_output=True, text=True,
                              timeout=120, preexec_fn=restrict)

    def assert_sentence(self, result, status, *parts):
        self.assertEqual(result.returncode, status, result.stderr)
        self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
        for part in parts:
            self.assertIn(part, result.stderr)

    def assert_whole(self, out):
        for file in ("metrics.csv", "checkpoint.h5"):
            self.assertEqual((out / file).read_bytes(), (self.root / "whole" / file).read_bytes(), file)

    def make_whole(self):
        self.assertEqual(self.mfld("run", "a.toml", "--out", "whole").returncode, 0)

    def test_a_file_that_cannot_grow(self):
        """At every limit the run stops with a sentence, or ends; with room again it goes on to the same bytes."""
        self.make_whole()
        sizes = [path.stat().st_size for path in (self.root / "whole").iterdir()]
        failed = 0
        for i in range(25):
            out = self.root / f"out{i}"
            result = self.mfld("run", "a.toml", "--out", out.name, limit=(i * max(sizes)) // 20)
            if result.returncode != 0:
                failed += 1
                self.assert_sentence(result, 4, "cannot ", "File too large")
            if (out / "experiment.toml").exists():
                result = self.mfld("resume", out.name)
                self.assertEqual((result.returncode, result.stderr), (0, ""))
                self.assert_whole(out)
        self.assertGreater(failed, 10)

    def test_a_full_disk(self):
        """A small file system of its own, where that is allowed; else the limit above stands for it."""
        disk = self.root / "disk"
        disk.mkdir()
        mounted = os.geteuid() == 0 and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", disk], capture_output=True).returncode == 0
        if not mounted:
            self.assert_sentence(self.mfld("run", "a.toml", limit=200_000), 4, "File too large")
            return
        try:
            self.make_whole()
            self.assert_sentence(self.mfld("run", "a.toml", "--out", "disk/out"), 4, "No space left on device")
            subprocess.run(["mount", "-o", "remount,size=100m", disk], check=True)
            result = self.mfld("resume", "disk/out")
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            self.assert_whole(disk / "out")
        finally:
            subprocess.run(["umount", disk], check=True)

    def test_the_directory_goes_away(self):
        process = subprocess.Popen([PROGRAM, "run", "a.toml", "--out", "out", "--quiet", "--set",
                                    "phase.0.steps=100000000"], cwd=self.root, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 60
        while not (self.root / "out/checkpoint.h5").exists():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        (self.root / "out").rename(self.root / "gone")
        shutil.rmtree(self.root / "gone")
        errors = process.communicate(timeout=60)[1]
        self.assertEqual(process.returncode, 4, errors)
        self.assertEqual(errors.count("\n"), 1, errors)
        self.assertIn("No such file or directory", errors)
        self.assertFalse((self.root / "out").exists())

    def test_a_directory_that_cannot_be_written(self):
        (self.root / "out").symlink_to("/proc/self/fdinfo")  # a place where nobody makes files, root or not
        self.assertIn(self.mfld("run", "a.toml", "--out", "out").returncode, (2, 4))
        self.assert_sentence(self.mfld("run", "a.toml", "--out", "/proc/mfld"), 4, "cannot make directory /proc/mfld")

    def test_data_that_cannot_be_read(self):
        for name, content in (("folder.csv", None), ("empty.csv", b""), ("binary.npy", bytes(range(256))),
                              ("binary.h5", b"\x89HDF\r\n\x1a\n" + bytes(100)), ("cut.npy", b"\x93NUMPY\x01\x00")):
            if content is None:
                (self.root / name).mkdir()
            else:
                (self.root / name).write_bytes(content)
            result = self.mfld("run", "a.toml", "--out", "out", "--set",
                               f'task={{kind = "file", path = "{name}"}}')
            self.assertIn(result.returncode, (2, 4), f"{name}: {result.stderr}")
            self.assert_sentence(result, result.returncode, name)
            self.assertFalse((self.root / "out").exists())

    def test_a_directory_without_a_run(self):
        (self.root / "empty").mkdir()
        for command in (["resume", "empty"], ["branch", "empty", "--seed", "1"], ["resume", "nowhere"]):
            self.assert_sentence(self.mfld(*command), 4, "experiment.toml: No such file or directory")
        self.assertFalse((self.root / "nowhere").exists())

    def test_files_missing_from_a_run(self):
        self.make_whole()
        for file in ("metrics.csv", "trajectory.h5"):
            out = self.root / f"without {file}"
            shutil.copytree(self.root / "whole", out)
            (out / file).unlink()
            (out / "summary.json").unlink()
            self.assert_sentence(self.mfld("resume", out.name), 4, file)
            for damage in (b"", b"damaged", (self.root / "whole" / file).read_bytes()[:700]):
                (out / file).write_bytes(damage)
                self.assert_sentence(self.mfld("resume", out.name), 4, file)

    def test_memory_is_flat_and_counters_are_exact_over_a_million_steps(self):
        peaks = []
        for steps in (10_000, 1_000_000):
            process = subprocess.Popen(
                [PROGRAM, "run", "a.toml", "--out", str(steps), "--quiet", "--threads", "1", "--set", f"phase.0.steps={steps}",
                 "--set", "network.width=4", "--set", "task.num_train=10", "--set", "observe={every = 1000}", "--set",
                 'phase.0.method=sgd-mfld', "--set", "checkpoint.every_steps=100000"], cwd=self.root)
            status, usage = os.wait4(process.pid, 0)[1:]
            process.returncode = 0
            self.assertEqual(status, 0)
            peaks.append(usage.ru_maxrss)
            last = (self.root / str(steps) / "metrics.csv").read_text().splitlines()[-1].split(",")
            self.assertEqual((int(last[0]), int(last[3])), (steps, 5 * steps))
            # 10^6 additions of 0.1 would be off by 1e-6; the compensated sum is within one rounding.
            self.assertLess(abs(float(last[2]) - 0.1 * steps), 2e-16 * 0.1 * steps)
        self.assertLess(peaks[1] - peaks[0], 2048)  # KiB

    def test_sizes_beyond_memory(self):
        for setting in ("network.width=2000000000", "task.num_train=100000000000", "task.input_dim=1000000000",
                        "network.width=9223372036854775807", "task.num_train=9223372036854775807"):
            result = self.mfld("run", "a.toml", "--out", "out", "--set", setting)
            self.assert_sentence(result, 2)
            if "9223372036854775807" not in setting:
                self.assertRegex(result.stderr, r"need [0-9.e+]+ GiB and this machine has [0-9.e+]+ GiB")
            self.assertFalse((self.root / "out").exists())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
