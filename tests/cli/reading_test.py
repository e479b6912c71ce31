#!/usr/bin/env python3
"""Data files that take long to read, or that have no end. Usage: this PROGRAM"""
import ctypes
import fcntl
import os
import shutil
import signal
import subprocess
from pathlib import Path

import program

DATA = Path(__file__).resolve().parent.parent / "support/data"

EXPERIMENT = """\
seed = 1
[task]
kind = "file"
path = "t.h5"
[network]
width = 4
[[phase]]
method = "sgd-mfld"
steps = 40
step_size = 0.1
lambda2 = 0.001
batch_size = 2
[observe]
every = 10
[observe.trajectory]
particles = 4
every = 5
[checkpoint]
every_steps = 10
"""


class Held:
    """A lease on a file: whoever opens it waits, for 45 seconds at most, until it is let go, and the kernel says so."""

    def __init__(self, path):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGIO})
        signal.signal(signal.SIGIO, lambda *_: None)
        self.descriptor = os.open(path, os.O_RDONLY)
        fcntl.fcntl(self.descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.descriptor)
        signal.sigtimedwait({signal.SIGIO}, 0)

    def wait_for_reader(self):
        return signal.sigtimedwait({signal.SIGIO}, program.TIMEOUT) is not None


class Reading(program.ProgramTest):
    EXPERIMENT = EXPERIMENT

    def setUp(self):
        super().setUp()
        shutil.copy(DATA / "table.h5", self.root / "t.h5")

    def launch_group(self, *arguments):
        """In a process group of its own, as a terminal has it."""
        return subprocess.Popen([program.PROGRAM, *arguments], cwd=self.root, stderr=subprocess.PIPE, text=True,
                                start_new_session=True)

    def children(self, process):
        return subprocess.run(["ps", "--ppid", str(process.pid), "-o", "pid="], capture_output=True,
                              text=True).stdout.split()

    def assert_interrupted(self, process, name):
        """Says so, in a sentence that blames nothing, while the file is still held."""
        said = process.communicate(timeout=program.TIMEOUT)[1]
        self.assertEqual(process.returncode, 130, said)
        self.assertIn("interrupted while", said)
        self.assertIn(name, said)
        self.assertEqual(said.count("\n"), 1, said)

    def test_a_signal_to_the_group_while_a_table_is_read(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with Held(self.root / "t.h5") as held:
                process = self.launch_group("run", "a.toml", "--out", "out", "--quiet")
                self.assertTrue(held.wait_for_reader())
                os.killpg(process.pid, number)
                self.assert_interrupted(process, "t.h5")
            self.assertFalse((self.root / "out").exists())

    def test_the_time_limit_while_a_table_is_read(self):
        with Held(self.root / "t.h5"):
            process = self.launch_group("run", "a.toml", "--out", "out", "--quiet", "--max-wall", "0.5s")
            self.assert_interrupted(process, "t.h5")

    def test_a_signal_while_the_runs_of_a_sweep_are_checked(self):
        sweep = EXPERIMENT.replace("seed = 1", "", 1) + "[sweep]\nseed = [1, 2, 3]\n"
        (self.root / "s.toml").write_text(sweep)
        with Held(self.root / "t.h5") as held:
            process = self.launch_group("run", "s.toml", "--out", "out", "--quiet")
            self.assertTrue(held.wait_for_reader())
            os.killpg(process.pid, signal.SIGINT)
            process.communicate(timeout=program.TIMEOUT)
        result = self.mfld("resume", "out", "--jobs", "3", "--quiet")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(len(list((self.root / "out").glob("*/summary.json"))), 3)

    def test_a_child_that_reads_dies_with_its_parent(self):
        with Held(self.root / "t.h5") as held:
            process = self.launch_group("run", "a.toml", "--out", "out", "--quiet")
            self.assertTrue(held.wait_for_reader())
            children = self.children(process)
            self.assertEqual(len(children), 1)
            process.kill()
            process.communicate(timeout=program.TIMEOUT)
            self.wait_until(lambda: not Path(f"/proc/{children[0]}").exists() or
                            " Z " in Path(f"/proc/{children[0]}/stat").read_text())
        self.assertEqual(self.mfld("run", "a.toml", "--out", "out", "--quiet").returncode, 0)

    def test_a_sweep_opens_its_table_once(self):
        shutil.copy(DATA / "table.csv", self.root / "t.csv")
        for name in ("t.csv", "t.h5"):
            (self.root / "s.toml").write_text(
                EXPERIMENT.replace("seed = 1", "", 1).replace("t.h5", name) + "[sweep]\nseed = [1, 2, 3, 4, 5, 6]\n")
            self.assertEqual(self.openings(name, "run", "s.toml", "--out", name + ".d", "--quiet", "--jobs", "3"), 1)
            for directory in (self.root / (name + ".d")).glob("seed=[1-4]"):
                shutil.rmtree(directory)
            self.assertEqual(self.openings(name, "resume", name + ".d", "--quiet", "--jobs", "3"), 1)

    def openings(self, name, *arguments):
        """How often the program opens a file."""
        libc = ctypes.CDLL(None, use_errno=True)
        notes = libc.inotify_init1(os.O_NONBLOCK)
        opened, closed = 0x20, 0x10  # equal events that follow one another are told as one; these alternate
        libc.inotify_add_watch(notes, os.fsencode(self.root / name), opened | closed)
        result = self.mfld(*arguments)
        self.assertEqual(result.returncode, 0, result.stderr)
        events = os.read(notes, 1 << 16)
        os.close(notes)
        masks = [int.from_bytes(events[i + 4:i + 8], "little") for i in range(0, len(events), 16)]
        return sum(mask == opened for mask in masks)

    def test_a_pipe_for_data_is_refused(self):
        (self.root / "t.h5").unlink()
        os.mkfifo(self.root / "t.h5")
        self.assert_sentence(self.mfld("run", "a.toml", "--out", "out", "--quiet"), 4, "t.h5", "it is a pipe")


if __name__ == "__main__":
    program.main()
