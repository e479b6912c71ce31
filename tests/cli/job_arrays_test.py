#!/usr/bin/env python3
"""Sweeps in job arrays, and directories that are emptied first. Usage: this PROGRAM"""
import os
import pathlib
import subprocess

import program

SWEEP = """seed = 1
task = { kind = "teacher-student", num_train = 20, num_test = 5 }
network.width = 4
[[phase]]
method = "gd"
steps = 3
step_size = 0.1
[sweep]
seed = [1, 2, 3, 4, 5]
"""

LONG = SWEEP.split("[sweep]")[0].replace("steps = 3", "steps = 300000")


class Written(program.ProgramTest):
    def put(self, name, text):
        (self.root / name).write_text(text)


class JobArrays(Written):
    def in_array(self, *arguments, **variables):
        plain = {key: value for key, value in os.environ.items() if not key.startswith(("SLURM_", "SGE_"))}
        return self.mfld(*arguments, env={**plain, **{key: str(value) for key, value in variables.items()}})

    def slurm(self, task, first, last, step=1, count=None):
        count = (last - first) // step + 1 if count is None else count
        return {"SLURM_ARRAY_TASK_ID": task, "SLURM_ARRAY_TASK_MIN": first, "SLURM_ARRAY_TASK_MAX": last,
                "SLURM_ARRAY_TASK_STEP": step, "SLURM_ARRAY_TASK_COUNT": count}

    def test_the_tasks_of_an_array_make_all_runs_once(self):
        self.put("s.toml", SWEEP)
        for name, first, step in (("zero", 0, 1), ("one", 1, 1), ("tens", 10, 10)):
            for task in (first, first + step):
                done = self.in_array("run", "s.toml", "--out", name, "--shard", "auto",
                                     **self.slurm(task, first, first + step, step))
                self.assertEqual(done.returncode, 0, done.stderr)
                made = [i for i in range(1, 6) if f"run {i} of 5" in done.stderr]
                self.assertEqual(made, [1, 3, 5] if task == first else [2, 4])
            self.assertEqual(len((self.root / name / "index.csv").read_text().splitlines()), 6)

    def test_grid_engine_too(self):
        self.put("s.toml", SWEEP)
        done = self.in_array("run", "s.toml", "--out", "o", "--shard", "auto", SGE_TASK_ID=2, SGE_TASK_FIRST=1, SGE_TASK_LAST=5,
                             SGE_TASK_STEPSIZE=1)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("run 2 of 5", done.stderr)

    def test_what_is_no_range_is_refused(self):
        self.put("s.toml", SWEEP)
        for variables, why in (({}, "this is no task of a job array"),
                               ({"SGE_TASK_ID": "undefined"}, "this is no task of a job array"),
                               (self.slurm(3, 1, 7, count=2), "the array leaves some out"),
                               (self.slurm(9, 1, 7), "does not go with"),
                               ({"SLURM_ARRAY_TASK_ID": 3}, "does not go with")):
            done = self.in_array("run", "s.toml", "--out", "o", "--shard", "auto", **variables)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(why, done.stderr)
            self.assertFalse((self.root / "o").exists())

    def test_a_sweep_says_where_it_is(self):
        self.put("s.toml", SWEEP)
        said = self.mfld("run", "s.toml", "--out", "o", "--jobs", "1").stderr
        self.assertRegex(said, r"(?m)^run 1 of 5: seed=1$")
        self.assertRegex(said, r"(?m)^run 5 of 5: seed=5 \(4 of 5 ended, \d+ s left\)$")


class Scripts(Written):
    """Those of sims/cluster, with a queue that puts its one job in again at once."""

    def job(self, script, *arguments, **variables):
        self.put("scontrol", "#!/bin/sh\necho \"$@\" >> requeued\n")
        (self.root / "scontrol").chmod(0o755)
        script = pathlib.Path(__file__).resolve().parents[2] / "sims/cluster" / script
        environment = {**os.environ, "MFLD": program.PROGRAM, "MFLD_MINUTES": str(0.003 * program.PATIENCE),
                       "PATH": f"{self.root}:{os.environ['PATH']}", **{key: str(value) for key, value in variables.items()}}
        for attempt in range(200):
            done = subprocess.run([script, *arguments], cwd=self.root, env=environment, capture_output=True, text=True,
                                  check=False, timeout=program.TIMEOUT)
            if done.returncode != 130:
                self.assertEqual(done.returncode, 0, done.stderr)
                return attempt
        self.fail("it does not end")

    def test_a_run_is_queued_until_it_has_ended(self):
        self.put("a.toml", LONG)
        self.assertEqual(self.mfld("run", "a.toml", "--out", "whole", "--quiet").returncode, 0)
        times = self.job("run.sbatch", "a.toml", "o", SLURM_JOB_ID=7)
        self.assertGreater(times, 0)
        self.assertEqual((self.root / "requeued").read_text(), "requeue 7\n" * times)
        self.assert_same("whole", "o")

    def test_a_run_on_ranks_is_told_and_queued_until_it_has_ended(self):
        self.put("a.toml", LONG.replace("steps = 300000", "steps = 3000000"))  # ten times as long as the first warning
        self.assertEqual(self.mfld("run", "a.toml", "--out", "whole", "--quiet").returncode, 0)
        # Starts the one rank there is here, and warns it after a while as SLURM does.
        self.put("srun", "#!/bin/sh\nwhile case $1 in -*) true ;; *) false ;; esac; do shift; done\n"
                         f"exec timeout --preserve-status -s USR1 {0.2 * program.PATIENCE} \"$@\"\n")
        (self.root / "srun").chmod(0o755)
        times = self.job("ranks.sbatch", "a.toml", "o", SLURM_JOB_ID=8, MFLD_MINUTES="")
        self.assertGreater(times, 0)
        self.assertEqual((self.root / "requeued").read_text(), "requeue 8\n" * times)
        self.assert_same("whole", "o")

    def test_a_sweep_is_queued_until_all_its_runs_have_ended(self):
        self.put("s.toml", LONG + "[sweep]\nseed = [1, 2, 3]\n")
        self.assertEqual(self.mfld("run", "s.toml", "--out", "whole", "--quiet").returncode, 0)
        times = [self.job("sweep.sbatch", "s.toml", "o", SLURM_ARRAY_JOB_ID=5, SLURM_ARRAY_TASK_ID=task,
                          SLURM_ARRAY_TASK_MIN=0, SLURM_ARRAY_TASK_MAX=1, SLURM_ARRAY_TASK_COUNT=2) for task in (0, 1)]
        self.assertGreater(times[0], 0)  # the other has one run alone, which may end in time
        self.assertEqual((self.root / "requeued").read_text(), "".join(f"requeue 5_{i}\n" * times[i] for i in (0, 1)))
        for seed in (1, 2, 3):
            self.assert_same(f"whole/seed={seed}", f"o/seed={seed}")


class Force(Written):
    def test_a_run_or_a_sweep_begins_again(self):
        self.put("s.toml", SWEEP)
        self.put("a.toml", SWEEP.split("[sweep]")[0])
        for one, other in (("a", "s"), ("s", "a"), ("s", "s"), ("a", "a")):
            for name in (one, other):
                done = self.mfld("run", f"{name}.toml", "--out", "o", "--quiet", "--force")
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual((self.root / "o/index.csv").exists(), name == "s")
                self.assertEqual((self.root / "o/metrics.csv").exists(), name == "a")

    def test_a_mistake_loses_nothing(self):
        self.put("a.toml", SWEEP.split("[sweep]")[0])
        self.mfld("run", "a.toml", "--out", "o", "--quiet")
        before = (self.root / "o/metrics.csv").read_bytes()
        self.assertEqual(self.mfld("run", "a.toml", "--out", "o", "--force", "--set", "phase.0.steps=-1").returncode, 2)
        self.put("o/notes.txt", "mine")
        done = self.mfld("run", "a.toml", "--out", "o", "--force")
        self.assertEqual(done.returncode, 2)
        self.assertIn("--force empties directories of runs alone, and o/notes.txt is none of their files", done.stderr)
        self.assertEqual((self.root / "o/metrics.csv").read_bytes(), before)
        done = self.mfld("run", "a.toml", "--out", ".", "--force")
        self.assertEqual(done.returncode, 2)
        self.assertTrue((self.root / "a.toml").exists())


if __name__ == "__main__":
    program.main()
