#!/usr/bin/env python3
"""What can go wrong outside: each fault gives one sentence and the right status, and spoils nothing. Usage: this PROGRAM"""
import os
import random
import resource
import shutil
import signal
import subprocess

import program

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

# Of frames: written as they are made, and beside the steps.
SIZES = {"small": [], "large": ["--set", "network.width=6000", "--set", "phase.0.steps=60"]}


class Faults(program.ProgramTest):
    EXPERIMENT = EXPERIMENT

    def mfld(self, *arguments, limit=None, nobody=False):
        """With files limited to so many bytes; as a user without privileges."""
        def restrict():
            if limit is not None:
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            if nobody and os.geteuid() == 0:  # permissions do not bind root
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
        return super().mfld(*arguments, "--quiet", preexec_fn=restrict)

    def assert_whole(self, out):
        self.assert_same(out, "whole")

    def make_whole(self):
        self.assertEqual(self.mfld("run", "a.toml", "--out", "whole").returncode, 0)

    def test_a_file_that_cannot_grow(self):
        """At every limit the run stops with a sentence, or ends; with room again it goes on to the same bytes."""
        for kind, settings in SIZES.items():
            whole = f"{kind} whole"
            self.assertEqual(self.mfld("run", "a.toml", "--out", whole, *settings).returncode, 0)
            sizes = [path.stat().st_size for path in (self.root / whole).iterdir()]
            failed = 0
            for i in range(25):
                out = self.root / f"{kind} {i}"
                result = self.mfld("run", "a.toml", "--out", out.name, *settings, limit=(i * max(sizes)) // 20)
                if result.returncode != 0:
                    failed += 1
                    self.assert_sentence(result, 4, "cannot ", "File too large")
                if (out / "experiment.toml").exists():
                    result = self.mfld("resume", out.name)
                    self.assertEqual((result.returncode, result.stderr), (0, ""))
                    self.assert_same(out, whole, ("metrics.csv", "checkpoint.h5", "trajectory.h5"))
            self.assertGreater(failed, 10)

    def mount(self, size):
        """A small file system of its own, where that is allowed."""
        disk = self.root / "disk"
        disk.mkdir()
        mounted = os.geteuid() == 0 and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", disk], capture_output=True).returncode == 0
        return disk if mounted else None

    def test_a_full_disk(self):
        """On which there was room for the trajectory alone; where none can be mounted, the limit above stands for it."""
        self.make_whole()
        disk = self.mount((self.root / "whole/trajectory.h5").stat().st_size + 16384)
        if not disk:
            self.assert_sentence(self.mfld("run", "a.toml", limit=200_000), 4, "File too large")
            return
        try:
            self.assert_sentence(self.mfld("run", "a.toml", "--out", "disk/out"), 4, "No space left on device")
            subprocess.run(["mount", "-o", "remount,size=100m", disk], check=True)
            result = self.mfld("resume", "disk/out")
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            self.assert_same(disk / "out", "whole", ("metrics.csv", "checkpoint.h5", "trajectory.h5"))
        finally:
            subprocess.run(["umount", disk], check=True)

    def test_a_disk_too_small_for_the_trajectory(self):
        """Is refused before anything is written; a run that has begun says that it cannot go on, and can later."""
        self.make_whole()
        disk = self.mount("700k")
        if not disk:
            return
        try:
            self.assert_sentence(self.mfld("run", "a.toml", "--out", "disk/out"), 2, "observe.trajectory", "are free in")
            self.assertEqual(list(disk.iterdir()), [])
            subprocess.run(["mount", "-o", "remount,size=100m", disk], check=True)
            self.assert_sentence(self.mfld("run", "a.toml", "--out", "disk/out", limit=200_000), 4, "File too large")
            (disk / "ballast").write_bytes(bytes(shutil.disk_usage(disk).free - (300 << 10)))
            before = self.contents(disk / "out")
            self.assert_sentence(self.mfld("resume", "disk/out"), 4, "cannot continue", "trajectory.h5", "are free in")
            self.assertEqual(self.contents(disk / "out"), before)
            (disk / "ballast").unlink()
            self.assertEqual(self.mfld("resume", "disk/out").returncode, 0)
            self.assert_same(disk / "out", "whole", ("metrics.csv", "checkpoint.h5", "trajectory.h5"))
        finally:
            subprocess.run(["umount", disk], check=True)

    def test_a_disk_that_fills_during_a_sweep(self):
        """Runs for which there is no room any more have failed, and go on where there is; one too large for the disk is
        refused."""
        self.make_whole()
        size = (self.root / "whole/trajectory.h5").stat().st_size
        disk = self.mount(2 * size)
        if not disk:
            self.skipTest("nothing can be mounted")
        (self.root / "s.toml").write_text(EXPERIMENT.replace("seed = 1\n", "") + "[sweep]\nseed = [1, 2, 3]\n")
        try:
            for command in (["run", "s.toml", "--out", "disk/out"], ["resume", "disk/out"]):
                result = self.mfld(*command)
                self.assertEqual(result.returncode, 4, result.stderr)
                self.assertRegex(result.stderr, r"disk/out/seed=3: observe.trajectory: .* are free in .*; make room there")
                self.assertFalse((disk / "out/seed=3").exists())
            subprocess.run(["mount", "-o", "remount,size=100m", disk], check=True)
            result = self.mfld("resume", "disk/out")
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            self.assert_same(disk / "out/seed=1", "whole", ("metrics.csv", "checkpoint.h5", "trajectory.h5"))
            for path in (disk / "out").rglob("*.*"):
                path.unlink()
            subprocess.run(["mount", "-o", f"remount,size={size // 2}", disk], check=True)
            result = self.mfld("run", "s.toml", "--out", "disk/other")
            self.assertEqual(result.returncode, 2, result.stderr)
        finally:
            subprocess.run(["umount", disk], check=True)

    def test_the_directory_goes_away(self):
        process = self.launch("run", "a.toml", "--out", "out", "--quiet", "--set", "phase.0.steps=100000000",
                              "--set", "observe.trajectory.every=10000")
        self.wait_until((self.root / "out/checkpoint.h5").exists)
        (self.root / "out").rename(self.root / "gone")
        while (self.root / "gone").exists():  # the run may put a file there while its others are removed
            shutil.rmtree(self.root / "gone", ignore_errors=True)
        errors = process.communicate(timeout=program.TIMEOUT)[1]
        self.assertEqual(process.returncode, 4, errors)
        self.assertEqual(errors.count("\n"), 1, errors)
        self.assertIn("No such file or directory", errors)
        self.assertFalse((self.root / "out").exists())

    def test_a_directory_that_cannot_be_written(self):
        (self.root / "out").symlink_to("/proc/self/fdinfo")  # a place where nobody makes files, root or not
        self.assertIn(self.mfld("run", "a.toml", "--out", "out").returncode, (2, 4))
        self.assert_sentence(self.mfld("run", "a.toml", "--out", "/proc/mfld"), 4, "cannot make directory /proc/mfld")

    def contents(self, out):
        return {path.name: path.read_bytes() for path in (self.root / out).iterdir()}

    def test_a_read_only_directory(self):
        """New runs, resumed runs, sweeps and branches, each where nobody may write; as soon as one may, it goes on."""
        self.make_whole()
        copy = self.root / "mfld"
        shutil.copy2(program.PROGRAM, copy)  # where its folder is closed to others
        for name in ("shut", "stopped"):
            shutil.copytree(self.root / "whole", self.root / name)
        (self.root / "shut" / "summary.json").unlink()
        (self.root / "stopped" / "summary.json").unlink()
        (self.root / "empty").mkdir()
        (self.root / "sweep.toml").write_text(EXPERIMENT + "[sweep]\nseed = [1, 2]\n")
        before = self.contents("shut")
        for path in (self.root, *self.root.rglob("*")):
            path.chmod(0o555 if path.is_dir() or path == copy else 0o444)
        known, program.PROGRAM = program.PROGRAM, str(copy)
        try:
            for arguments in (["run", "a.toml", "--out", "new"], ["run", "a.toml", "--out", "empty"],
                              ["resume", "shut"], ["run", "sweep.toml", "--out", "new"], ["branch", "whole", "--seed", "7"],
                              ["branch", "whole", "--seed", "7", "--out", "empty"]):
                self.assert_sentence(self.mfld(*arguments, nobody=True), 4, "cannot ", "Permission denied")
            self.assertEqual(self.contents("shut"), before)
            self.assertEqual(self.contents("empty"), {})
            self.assertFalse((self.root / "new").exists())
        finally:
            program.PROGRAM = known
            for path in (self.root, *self.root.rglob("*")):
                path.chmod(0o755)
        self.assertEqual(self.mfld("resume", "shut").returncode, 0)
        self.assert_whole("shut")

    def test_rows_and_frames_that_were_removed(self):
        """What came after the checkpoint never fills the place of what it counts."""
        result = self.mfld("run", "a.toml", "--out", "whole", "--set", "checkpoint.every_steps=300")
        self.assertEqual(result.returncode, 0)
        for name in ("row", "header", "cut"):
            shutil.copytree(self.root / "whole", self.root / name)
            (self.root / name / "summary.json").unlink()
        lines = (self.root / "whole/metrics.csv").read_text().splitlines(keepends=True)
        header = next(i for i, line in enumerate(lines) if line.startswith("step,"))
        (self.root / "row/metrics.csv").write_text("".join(lines[:header + 5] + lines[header + 6:]))
        (self.root / "header/metrics.csv").write_text("".join(lines[:header] + lines[header + 1:]))
        (self.root / "cut/metrics.csv").write_text("".join(lines)[:-3])
        for name in ("row", "header"):
            before = self.contents(name)
            self.assert_sentence(self.mfld("resume", name, "--previous"), 4, "cannot continue", "metrics.csv")
            self.assertEqual(self.contents(name), before)
        self.assertEqual(self.mfld("resume", "cut", "--previous").returncode, 0)
        self.assert_whole("cut")

    def test_damaged_hdf5_files(self):
        """Bytes changed at random, and cut files: a sentence or the right bytes, never a crash. The library itself does
        crash on some; that is kept away from the run."""
        self.make_whole()
        dice = random.Random(1)
        whole = (self.root / "whole/trajectory.h5").read_bytes()
        shutil.copytree(self.root / "whole", self.root / "out")
        kept = self.contents("out")
        refused = 0
        for i in range(40):
            damaged = bytearray(whole)
            for _ in range(1 + i % 4):  # most of the structure is at the start
                damaged[dice.randrange(8192 if i % 3 else len(whole))] = dice.randrange(256)
            if i % 10 == 9:
                damaged = damaged[:dice.randrange(len(whole))]
            for name, content in kept.items():
                (self.root / "out" / name).write_bytes(content)
            (self.root / "out/summary.json").unlink()
            (self.root / "out/trajectory.h5").write_bytes(damaged)
            result = self.mfld("resume", "out")
            self.assertIn(result.returncode, (0, 4), result.stderr)
            if result.returncode == 4:
                refused += 1
                self.assert_sentence(result, 4, "trajectory.h5")
            self.assert_whole("out")
            (self.root / "data.h5").write_bytes(damaged)
            task = 'task={kind = "file", path = "data.h5", dataset = "/data/train_inputs"}'
            result = self.mfld("run", "a.toml", "--out", f"data{i}", "--set", task)
            self.assertIn(result.returncode, (0, 2, 3, 4), result.stderr)
            if result.returncode in (2, 4):
                self.assert_sentence(result, result.returncode, "data.h5")
                self.assertFalse((self.root / f"data{i}").exists())
        self.assertGreater(refused, 5)

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

    def test_sizes_beyond_memory(self):
        for setting in ("network.width=2000000000", "task.num_train=100000000000", "task.input_dim=1000000000",
                        "network.width=9223372036854775807", "task.num_train=9223372036854775807"):
            result = self.mfld("run", "a.toml", "--out", "out", "--set", setting)
            self.assert_sentence(result, 2)
            if "9223372036854775807" not in setting:
                self.assertRegex(result.stderr, r"need [0-9.e+]+ GiB and [0-9.e+]+ GiB are available")
            self.assertFalse((self.root / "out").exists())


if __name__ == "__main__":
    program.main()
