#!/usr/bin/env python3
"""One run by many processes: the same bytes as by one, and one voice, whatever becomes of them. More ranks than
processors share these. Usage: this PROGRAM MPI..., each of which is openmpi or mpich"""
import filecmp
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path

import program

MPIS = sys.argv[2:]
LAUNCHERS = {"openmpi": (("mpirun.openmpi", "mpirun"), ["--oversubscribe"], "OMPI_COMM_WORLD_RANK"),
             "mpich": (("mpiexec.mpich", "mpiexec.hydra", "mpiexec"), [], "PMI_RANK")}
# Root has to say that it means it, in a test or a container; ranks that wait give way to others.
SURROUNDINGS = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
                "OMPI_MCA_mpi_yield_when_idle": "1", "OMPI_MCA_btl_vader_single_copy_mechanism": "none"}

# More samples than are exchanged at once: messages are passed on by the threads.
EXPERIMENT = """\
seed = 3
[task]
kind = "teacher-student"
num_train = 2100
num_test = 10
input_dim = 5
[network]
width = 1031
precision = "{precision}"
[[phase]]
method = "mfld"
steps = 12
step_size = 0.05
lambda1 = 0.01
lambda2 = 0.001
[[phase]]
method = "svrg-mfld"
steps = 12
step_size = 0.05
lambda2 = 0.001
batch_size = 7
[[phase]]
method = "averaged-sgd"
steps = 6
step_size = 0.01
batch_size = 3
[[phase]]
method = "sgd-mfld"
steps = 12
step_size = 0.05
lambda2 = 0.001
batch_size = 7
step = "kinetic"
[observe]
every = 4
[observe.trajectory]
particles = "all"
every = 6
velocities = true
[checkpoint]
every_steps = 10
"""

# Some 300 MB of particles, their drift and what is carried from step to step, looked at, with a trajectory.
WIDE = """\
seed = 1
[task]
kind = "teacher-student"
input_dim = 32
num_train = 20
num_test = 10
[network]
width = 300000
[[phase]]
method = "svrg-mfld"
steps = 3
step_size = 0.05
lambda2 = 0.001
batch_size = 4
step = "kinetic"
[observe]
every = 1
[observe.trajectory]
particles = 50
every = 2
velocities = true
[checkpoint]
every_steps = 2
"""

# Long steps: ranks that share processors with others wait for these at every exchange. Frames so large that rank 0 writes
# them beside the steps.
STEPS = 300
LONG = """\
seed = 1
[task]
kind = "teacher-student"
num_train = 400
[network]
width = 5000
[[phase]]
method = "mfld"
steps = {steps}
step_size = 0.05
lambda2 = 0.001
[observe]
every = 10
[observe.trajectory]
particles = "all"
every = 40
[checkpoint]
every_steps = 50
"""


class Launched:
    """What starts ranks and looks at what they leave; MPI is the name of theirs."""
    MPI = ""
    EXPERIMENT = EXPERIMENT.format(precision="double")

    @classmethod
    def setUpClass(cls):
        names, cls.options, cls.rank_variable = LAUNCHERS[cls.MPI]
        cls.launcher = next((path for path in map(shutil.which, names) if path), None)
        if cls.launcher is None:
            raise unittest.SkipTest(f"none of {', '.join(names)} is installed")

    def words(self, num_ranks, *arguments, started=program.PROGRAM):
        return [self.launcher, *self.options, "-n", str(num_ranks), started, *arguments]

    def ranks(self, num_ranks, *arguments, started=program.PROGRAM):
        return self.launched(self.words(num_ranks, *arguments, started=started))

    def launched(self, words):
        return subprocess.run(words, cwd=self.root, capture_output=True, text=True, timeout=program.TIMEOUT,
                              env={**os.environ, **SURROUNDINGS})

    def begin(self, num_ranks, *arguments):
        process = subprocess.Popen(self.words(num_ranks, *arguments), cwd=self.root, stderr=subprocess.PIPE, text=True,
                                   env={**os.environ, **SURROUNDINGS}, start_new_session=True)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def process_of(self, rank):
        """The number of the process of a rank that runs in this test's folder."""
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and os.path.samefile(entry / "exe", program.PROGRAM) and \
                        os.path.samefile(entry / "cwd", self.root) and \
                        f"{self.rank_variable}={rank}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                    return int(entry.name)
            except OSError:
                pass
        self.fail(f"rank {rank} does not run")

    def said(self, result):
        """Our sentences among what a launcher says."""
        return [line for line in result.stderr.splitlines() if "mfld: " in line]

    def assert_one_sentence(self, result, status, *parts):
        self.assertEqual(result.returncode, status, result.stderr)
        said = self.said(result)
        self.assertEqual(len(said), 1, result.stderr)
        for part in parts:
            self.assertIn(part, said[0])

    def contents(self, out):
        return {path.name: path.read_bytes() for path in (self.root / out).iterdir()}

    def assert_nothing_written(self, *others):
        self.assertEqual(sorted(path.name for path in self.root.iterdir()), sorted(["a.toml", *others]))

    @staticmethod
    def content(path):
        """Without times, machines and commands."""
        if path.name == "summary.json":
            summary = json.loads(path.read_text())
            return {key: value for key, value in summary.items() if "seconds" not in key}
        if path.name == "experiment.toml":
            return re.sub(r"(?m)^# (mfld [0-9].*|on .*|at [0-9].*|/.*|.*mfld run .*)\n", "", path.read_text())
        return path.read_bytes()

    def assert_same_run(self, one, other):
        names = [sorted(path.name for path in (self.root / out).iterdir()) for out in (one, other)]
        self.assertEqual(*names)
        for name in names[0]:
            first, second = self.root / one / name, self.root / other / name
            # Some are large, and what this process has in memory counts as that of those it starts.
            self.assertTrue(filecmp.cmp(first, second, shallow=False) or self.content(first) == self.content(second), name)


class Ranks(Launched):
    """The tests, for every MPI."""

    def test_any_number_of_ranks_leaves_the_same_bytes(self):
        for precision, numbers in (("double", (1, 2, 3, 5, 8)), ("single", (3, 8))):
            (self.root / "a.toml").write_text(EXPERIMENT.format(precision=precision))
            whole = f"{precision}_whole"
            self.assertEqual(self.mfld("run", "a.toml", "--out", whole, "--quiet").returncode, 0)
            for num_ranks in numbers:
                out = f"{precision}_{num_ranks}"
                result = self.ranks(num_ranks, "run", "a.toml", "--out", out, "--quiet", "--threads",
                                    str(num_ranks % 2 + 1))
                self.assertEqual((result.returncode, result.stderr), (0, ""), out)
                self.assert_same_run(whole, out)

    def peak(self, words):
        """MB of the largest of the processes."""
        process = subprocess.Popen(words, cwd=self.root, stderr=subprocess.PIPE, env={**os.environ, **SURROUNDINGS})
        errors = process.stderr.read()
        process.stderr.close()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual((process.returncode, errors), (0, b""))
        return usage.ru_maxrss / 1000

    @unittest.skipIf(os.environ.get("MFLD_TEST_PATIENCE"), "sanitizers take memory of their own")
    def test_the_memory_of_particles_is_divided(self):
        """Of ranks each has its share of what one process needs for particles, all data (3 MB), and 100 MB at most."""
        (self.root / "a.toml").write_text(WIDE)
        few = self.peak([program.PROGRAM, "run", "a.toml", "--set", "network.width=100", "--out", "few", "--quiet"])
        whole = self.peak([program.PROGRAM, "run", "a.toml", "--out", "whole", "--quiet"])
        divided = self.peak(self.words(4, "run", "a.toml", "--out", "divided", "--quiet"))
        self.assertGreater(whole - few, 300)  # or else the next line could not fail
        self.assertLess(divided, (whole - few) / 4 + 103)
        self.assert_same_run("whole", "divided")

    def test_rank_0_alone_speaks(self):
        alone = self.mfld("run", "a.toml", "--out", "out")
        shutil.rmtree(self.root / "out")
        result = self.ranks(3, "run", "a.toml", "--out", "out")
        self.assertEqual((result.returncode, result.stdout), (0, ""))
        self.assertEqual(result.stderr, alone.stderr)

    def make_whole(self, steps):
        (self.root / "a.toml").write_text(LONG.format(steps=steps))
        self.assertEqual(self.mfld("run", "a.toml", "--out", "whole", "--quiet").returncode, 0)

    def assert_goes_on(self, num_ranks, out):
        """With so many ranks, to the bytes of a run that did not stop."""
        result = self.ranks(num_ranks, "resume", out, "--quiet")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assert_same(out, "whole", ("metrics.csv", "checkpoint.h5", "trajectory.h5"))

    def assert_interrupted(self, out, errors):
        self.assertEqual(len(re.findall(rf"(?m)^{out}: interrupted at step \d+, with a checkpoint$", errors)), 1, errors)

    def test_a_rank_that_is_asked_to_stop_stops_all(self):
        """At one step, from which any other number of ranks goes on."""
        self.make_whole(STEPS)
        for rank, first, then in ((0, 3, 2), (1, 2, 1)):
            out = f"out{first}"
            process = self.begin(first, "run", "a.toml", "--out", out, "--quiet")
            self.wait_for_step(out, 20)
            os.kill(self.process_of(rank), signal.SIGUSR1)
            errors = process.communicate(timeout=program.TIMEOUT)[1]
            self.assertEqual(process.returncode, 130, errors)
            self.assert_interrupted(out, errors)
            self.assert_goes_on(then, out)

    def test_the_end_of_the_time_stops_all(self):
        (self.root / "a.toml").write_text(LONG.format(steps=10**6))
        result = self.ranks(3, "run", "a.toml", "--out", "out", "--quiet", "--max-wall", "1s")
        self.assertEqual(result.returncode, 130, result.stderr)
        self.assert_interrupted("out", result.stderr)

    def test_a_rank_that_is_killed_ends_all(self):
        self.make_whole(STEPS)
        for rank in (0, 2):
            out = f"out{rank}"
            process = self.begin(3, "run", "a.toml", "--out", out, "--quiet")
            self.wait_for_step(out, 20)
            began = time.monotonic()
            os.kill(self.process_of(rank), signal.SIGKILL)
            errors = process.communicate(timeout=program.TIMEOUT)[1]
            self.assertLess(time.monotonic() - began, 10 * program.PATIENCE)
            self.assertNotEqual(process.returncode, 0, errors)
            self.assertNotIn("mfld: ", errors)
            self.assert_goes_on(rank or 1, out)

    def test_a_file_of_rank_0_that_cannot_grow_ends_all(self):
        self.make_whole(STEPS)
        process = self.begin(3, "run", "a.toml", "--out", "out", "--quiet")
        self.wait_for_step("out", 20)
        size = (self.root / "out/metrics.csv").stat().st_size
        resource.prlimit(self.process_of(0), resource.RLIMIT_FSIZE, (size, size))
        errors = process.communicate(timeout=program.TIMEOUT)[1]
        result = subprocess.CompletedProcess([], process.returncode, "", errors)
        self.assert_one_sentence(result, 4, "cannot ", "File too large")
        self.assert_goes_on(2, "out")

    def test_what_is_wrong_is_said_once_and_nothing_is_written(self):
        for settings, parts in ((["network.widht=3"], ["network.widht", "did you mean network.width"]),
                                (["network.width=8"], ["network.width: 8 particles", "less than the 3 ranks"]),
                                (["sweep.seed=[1, 2]"], ["several runs", "--shard auto"])):
            result = self.ranks(3, "run", "a.toml", *[word for setting in settings for word in ("--set", setting)])
            self.assert_one_sentence(result, 2, *parts)
            self.assert_nothing_written()
        self.assert_one_sentence(self.ranks(3, "run", "a.toml", "--jobs", "2"), 2, "--jobs 2")
        self.assert_one_sentence(self.ranks(3, "run", "a.toml", "--jbos", "2"), 2, "--jbos")
        self.assert_one_sentence(self.ranks(3, "run", "b.toml"), 4, "b.toml")
        self.assert_one_sentence(self.ranks(2, "merge", "x", "y", "--out", "z"), 2, "one process")
        self.assert_nothing_written()
        result = self.ranks(2, "run", "a.toml", "--dry-run")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual(result.stdout.count("memory"), self.mfld("run", "a.toml", "--dry-run").stdout.count("memory"))
        self.assert_nothing_written()

    def apart(self, first, second, started=program.PROGRAM):
        """Two ranks with words of their own."""
        return self.launched([self.launcher, *self.options, "-n", "1", program.PROGRAM, *first, ":",
                              "-n", "1", started, *second])

    def test_ranks_that_differ_are_refused(self):
        run = ["run", "a.toml", "--out", "out", "--quiet"]
        result = self.apart(run, [*run, "--set", "phase.0.steps=13"])
        self.assert_one_sentence(result, 2, "rank 1 has another experiment than rank 0")
        self.assert_nothing_written()
        result = self.apart(run, [*run, "--set", "phase.0.stpes=13"])
        self.assert_one_sentence(result, 2, "rank 1: ", "stpes")
        self.assert_nothing_written()
        other = self.root / "other"
        other.mkdir()
        (other / "mfld").write_bytes(Path(program.PROGRAM).read_bytes() + b"\n")
        (other / "mfld").chmod(0o755)
        (other / "mpi").symlink_to(Path(program.PROGRAM).parent / "mpi")
        result = self.apart(run, run, started=str(other / "mfld"))
        self.assert_one_sentence(result, 2, "rank 1 runs another build of this program")
        self.assert_nothing_written("other")

    def test_force_empties_nothing_before_all_ranks_are_well(self):
        run = ["run", "a.toml", "--out", "out", "--quiet"]
        self.assertEqual(self.mfld(*run).returncode, 0)
        before = self.contents("out")
        result = self.apart([*run, "--force"], [*run, "--force", "--set", "phase.0.stpes=13"])
        self.assert_one_sentence(result, 2, "rank 1: ", "stpes")
        self.assertEqual(self.contents("out"), before)
        self.assertEqual(self.ranks(2, *run, "--force").returncode, 0)

    def test_rank_0_alone_may_have_force(self):
        run = ["run", "a.toml", "--out", "out", "--quiet"]
        for first, second in (([], ["--force"]), (["--force"], [])):
            result = self.apart([*run, *first], [*run, *second])
            self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assert_one_sentence(self.apart(run, [*run, "--force"]), 2, "out exists")

    def test_ranks_with_other_commands_are_refused(self):
        run = ["run", "a.toml", "--out", "out", "--quiet"]
        for first, second in ((run, [*run, "--dry-run"]), ([*run, "--dry-run"], run)):
            self.assert_one_sentence(self.apart(first, second), 2, "rank 1 has another command than rank 0")
            self.assert_nothing_written()

    def test_a_program_without_the_launchers_mpi_is_refused(self):
        bare = self.root / "bare"
        bare.mkdir()
        shutil.copy(program.PROGRAM, bare / "mfld")
        result = self.ranks(2, "run", "a.toml", started=str(bare / "mfld"))
        self.assert_one_sentence(result, 2, "one of 2 processes", "built without MPI")
        self.assert_nothing_written("bare")
        result = self.ranks(1, "run", "a.toml", "--out", "out", "--quiet", started=str(bare / "mfld"))
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        shutil.rmtree(self.root / "out")
        for other in set(MPIS) - {self.MPI}:
            (bare / "mpi").mkdir()
            shutil.copy(Path(program.PROGRAM).parent / f"mpi/mfld_{other}.so", bare / "mpi")
            result = self.ranks(2, "run", "a.toml", started=str(bare / "mfld"))
            self.assert_one_sentence(result, 2, "one of 2 processes", "another MPI")
            self.assert_nothing_written("bare")

    def test_a_finished_run_is_finished_for_all(self):
        self.assertEqual(self.mfld("run", "a.toml", "--out", "out", "--quiet").returncode, 0)
        result = self.ranks(2, "resume", "out")
        self.assertEqual((result.returncode, result.stderr.count("nothing is left to do")), (0, 1), result.stderr)

    def test_a_run_becomes_longer_and_branches(self):
        self.assertEqual(self.mfld("run", "a.toml", "--out", "one", "--quiet").returncode, 0)
        shutil.copytree(self.root / "one", self.root / "two")
        for number in ("one", "two"):
            start = self.mfld if number == "one" else lambda *words: self.ranks(2, *words)
            result = start("resume", number, "--more-steps", "5", "--quiet")
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            result = start("branch", number, "--seed", "9", "--out", f"{number}_branch", "--quiet")
            self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assert_same("one", "two", ("checkpoint.h5", "trajectory.h5"))


for name in MPIS:
    globals()[name] = type(name, (Ranks, program.ProgramTest), {"MPI": name})

if __name__ == "__main__":
    program.main()
