#!/usr/bin/env python3
"""Runs that stop and go on: resume, branch, --max-wall, locks, shards, jobs. Usage: this PROGRAM"""
import json
import re
import shutil
import signal
import time

import program

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


class Stopping(program.ProgramTest):
    EXPERIMENT = EXPERIMENT

    def start(self, out, *arguments):
        """A run in the background that has recorded something."""
        process = self.launch("run", "a.toml", "--out", out, *arguments)
        self.wait_for_step(out, 100)
        return process

    def summary(self, out):
        return json.loads((self.root / out / "summary.json").read_text())

    def test_an_interrupted_run_goes_on_to_the_same_bytes(self):
        self.assertEqual(self.mfld("run", "a.toml", "--out", "whole", "--quiet").returncode, 0)
        self.stop(self.start("out", "--threads", "1"), signal.SIGTERM)
        result = self.mfld("resume", "out", "--threads", "3")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stderr, r"out: goes on from step \d+\n(.|\n)*out: finished after 60000 steps")
        self.assert_same("out", "whole")
        result = self.mfld("resume", "out")
        self.assertEqual(result.returncode, 0)
        self.assertIn("nothing is left to do", result.stderr)

    def test_max_wall_stops_in_time_again_and_again(self):
        self.assertEqual(self.mfld("run", "a.toml", "--out", "whole", "--quiet").returncode, 0)
        # A millisecond is over before the first step on any machine; what the longer ones do is the machine's affair.
        result = self.mfld("run", "a.toml", "--out", "out", "--quiet", "--max-wall", "0.001s")
        self.assertEqual(result.returncode, 130, result.stderr)
        stops = 0
        while result.returncode == 130:
            stops += 1
            self.assertRegex(result.stderr, r"^out: interrupted at step \d+, with a checkpoint\n$")
            limit = ["--max-wall", f"{0.02 * 2 ** (stops // 2):.3f}s"] if stops < 10 else []
            result = self.mfld("resume", "out", "--quiet", *limit)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assert_same("out", "whole")
        for wrong in ("soon", "-3s", "0", "3 weeks"):
            result = self.mfld("run", "a.toml", "--out", "other", "--max-wall", wrong)
            self.assertEqual(result.returncode, 2, wrong)
            self.assertEqual(result.stderr.count("\n"), 1)
            self.assertFalse((self.root / "other").exists())

    def test_a_killed_run_leaves_its_time(self):
        process = self.launch("run", "a.toml", "--out", "out", "--quiet", *ENDLESS, "--set", "checkpoint.every_steps=1000")
        self.wait_until((self.root / "out/summary.json").exists)
        time.sleep(0.3)
        process.kill()
        process.communicate()
        killed = self.summary("out")
        self.assertEqual((killed["ending"], killed["sessions"]), ("running", 1))
        self.assertIn(f"running, or stopped without notice, with a checkpoint at step {killed['step']}",
                      self.mfld("info", "out").stdout)
        seconds = killed["wall_seconds"]
        for sessions in (2, 3):  # each shorter than the one that was killed
            self.assertEqual(self.mfld("resume", "out", "--max-wall", "0.1s").returncode, 130)
            summary = self.summary("out")
            self.assertEqual(summary["sessions"], sessions)
            self.assertGreater(summary["wall_seconds"], seconds)
            seconds = summary["wall_seconds"]

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

    def test_a_run_made_longer_is_the_longer_run(self):
        for name, steps in (("short", 20), ("long", 32)):
            result = self.mfld("run", "a.toml", "--set", f"phase.0.steps={steps}", "--set", "observe.every=7", "--out", name)
            self.assertEqual(result.returncode, 0, result.stderr)
        for arguments in (["--steps", "25"], ["--more-steps", "7"]):
            result = self.mfld("resume", "short", *arguments, "--quiet")
            self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assert_same("short", "long", ("metrics.csv", "trajectory.h5", "checkpoint.h5"))
        for arguments, words in ((["--steps", "32"], "--steps 32: must make phase.0.steps more than 32"),
                                 (["--steps", "40", "--more-steps", "2"], "--more-steps"), (["--steps", "0"], "--steps")):
            self.assert_sentence(self.mfld("resume", "short", *arguments), 2, words)

    def test_a_branch_with_changes_is_called_after_them(self):
        self.mfld("run", "a.toml", "--set", "phase.0.steps=20", "--out", "out", "--quiet")
        result = self.mfld("branch", "out", "--set", "phase.0.step_size=0.01", "--set", "phase.0.steps=24", "--quiet")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertIn("# changed in the branch: phase.0.step_size=0.01",
                      (self.root / "out_step_size=0.01_steps=24/metrics.csv").read_text())
        for arguments, words in ((["branch", "out", "--set", 'observe.columns=["train_loss"]'], "give one with --out"),
                                 (["branch", "out"], "needs --seed S"),
                                 (["run", "a.toml", "--out", "out"], "or go on with what is there")):
            self.assert_sentence(self.mfld(*arguments), 2, words)

    def test_a_branch_begins_at_a_checkpoint_that_was_kept(self):
        kept = ["--set", "phase.0.steps=3000", "--set", "checkpoint.keep_at=[0, 1000, 3000]"]
        self.mfld("run", "a.toml", "--out", "whole", "--quiet", *kept)
        first = self.mfld("run", "a.toml", "--out", "o", "--quiet", "--max-wall", "0.001s", *kept)
        self.assertEqual(first.returncode, 130)
        self.assertEqual(self.mfld("resume", "o", "--quiet").returncode, 0)
        names = ["checkpoint.0.h5", "checkpoint.1000.h5", "checkpoint.3000.h5"]
        for out in ("whole", "o"):
            self.assertEqual(sorted(path.name for path in (self.root / out).glob("checkpoint.[0-9]*.h5")), names)
        self.assert_same("whole", "o", [*names, "metrics.csv", "checkpoint.h5"])
        self.assertEqual((self.root / "o/checkpoint.3000.h5").read_bytes(), (self.root / "o/checkpoint.h5").read_bytes())

        # Looks alone are other ones, so that what comes after is the same.
        done = self.mfld("branch", "o", "--at", "1000", "--set", "observe.every=500", "--quiet")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        branch = [line.split(",") for line in (self.root / "o_every=500_at=1000/metrics.csv").read_text().splitlines()]
        rows = [row for row in branch if row[0].isdigit()]
        self.assertEqual([row[0] for row in rows], ["1000", "1500", "2000", "2500", "3000"])
        parent = (self.root / "o/metrics.csv").read_text().splitlines()
        for row in rows:
            self.assertIn(",".join(row), parent)

        # Of the other, the last but one may be from where it was stopped.
        self.assert_sentence(self.mfld("branch", "whole", "--at", "2000", "--seed", "5", "--out", "b"), 2,
                             "--at 2000: whole has no checkpoint of that step, and those of 0, 1000, 3000")
        self.assertFalse((self.root / "b").exists())
        self.assert_sentence(self.mfld("run", "a.toml", "--out", "c", "--set", "checkpoint.keep_at=[-1]"), 2,
                             "checkpoint.keep_at")

    def test_a_branch_without_noise_says_that_it_repeats_its_parent(self):
        gradient_descent = ["--set", 'phase=[{method="gd", steps=200, step_size=0.1}]', "--set", "checkpoint.every_steps=50"]
        self.assertEqual(self.mfld("run", "a.toml", "--out", "out", "--quiet", *gradient_descent).returncode, 0)
        result = self.mfld("branch", "out", "--seed", "7")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("this branch repeats its parent", result.stderr)

    def test_a_branch_is_a_run_of_its_own(self):
        self.stop(self.start("out"), signal.SIGTERM)
        before = sorted((path.name, path.read_bytes()) for path in (self.root / "out").iterdir())
        result = self.mfld("branch", "out", "--seed", "7", "--quiet")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(sorted((path.name, path.read_bytes()) for path in (self.root / "out").iterdir()), before)
        text = (self.root / "out_seed=7/experiment.toml").read_text()
        self.assertRegex(text, r"(?m)^# branched from /.*/out at step \d+, seed 1, experiment [0-9a-f]{16}$")
        parent = self.summary("out_seed=7")["parent"]
        self.assertEqual((parent["seed"], parent["step"]), (1, self.summary("out")["step"]))
        self.assertEqual(parent["directory"], str((self.root / "out").absolute()))
        self.assertNotIn("parent", self.summary("out"))
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

    def test_a_branch_that_ended_before_it_began_can_be_made_again(self):
        self.stop(self.start("out"), signal.SIGTERM)
        begin = ["branch", "out", "--seed", "7", "--quiet", "--out"]
        self.assertEqual(self.mfld(*begin, "other").returncode, 0)
        (self.root / "one/experiment.new.toml").mkdir(parents=True)  # where a file has to be written next
        self.assertEqual(self.mfld(*begin, "one").returncode, 4)
        (self.root / "one/experiment.new.toml").rmdir()
        self.assertEqual([path.name for path in (self.root / "one").iterdir()], ["checkpoint.h5"])
        self.assertEqual(self.mfld(*begin, "one").returncode, 0)
        self.assert_same("one", "other")

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
        process = self.launch("run", "s.toml", "--out", "out", "--quiet")
        self.wait_until((self.root / "out/seed=2/metrics.csv").exists)
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
        self.stop(self.start("out", "--instruction-set", one), signal.SIGTERM)
        self.assertIn(f"instruction set {one}\n", (self.root / "out/experiment.toml").read_text())
        self.assertEqual(self.mfld("resume", "out", "--quiet").returncode, 0)
        self.assert_same("out", "whole")
        self.assertEqual(self.mfld("run", "a.toml", "--instruction-set", "abacus").returncode, 2)


if __name__ == "__main__":
    program.main()
