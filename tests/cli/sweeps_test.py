#!/usr/bin/env python3
"""Sweeps that stop, share a directory, or have runs that cannot be made. Usage: this PROGRAM"""
import json
import re
import shutil
import signal
import subprocess
import time

import program

SHORT = """\
[task]
kind = "sparse-parity"
input_dim = 5
sparsity = 2
num_train = 20
num_test = 5
[network]
width = 4
[[phase]]
method = "sgd-mfld"
steps = 5
step_size = 0.1
lambda2 = 0.001
batch_size = 5
[observe]
every = 100
"""
SEEDS = "[sweep]\nseed = [1, 2, 3, 4, 5, 6, 7, 8]\n"
ENDLESS = '[[case]]\nname = "quick"\n[[case]]\nname = "endless"\nphase.0.steps = 1000000000\n[[case]]\nname = "later"\n'
REGRESSION = """\
seed = 1
[task]
kind = "sparse-parity"
input_dim = 2
sparsity = 1
num_train = 20
num_test = 4
[network]
width = 4
[[phase]]
method = "kernel-regression"
kernel = "infinite-tangent"
"""


class Sweeps(program.ProgramTest):
    EXPERIMENT = SHORT

    def sweep(self, text):
        (self.root / "s.toml").write_text(text)

    def ending(self, run):
        return json.loads((self.root / run / "summary.json").read_text())["ending"]

    def test_one_that_stops_says_how_many_runs_are_left(self):
        self.sweep("seed = 1\n" + SHORT + ENDLESS)
        process = self.launch("run", "s.toml", "--out", "out", "--quiet", "--jobs", "1")
        self.wait_for_step("out/endless", 100)
        self.assertIn("out: interrupted with 2 of 3 runs left\n", self.stop(process, signal.SIGTERM))
        self.assertFalse((self.root / "out/later").exists())
        info = self.mfld("info", "out")
        self.assertIn("out: 1 of 3 runs have ended", info.stdout)
        self.assertRegex(info.stdout, r"  quick: finished after 5 steps.*\n  endless: interrupted at step")
        result = self.mfld("resume", "out", "--quiet", "--max-wall", "0.001s")
        self.assertEqual(result.returncode, 130, result.stderr)
        self.assertIn("out: interrupted with 2 of 3 runs left\n", result.stderr)

    def test_one_that_stops_before_its_first_run_is_interrupted(self):
        self.sweep(SHORT + SEEDS)
        result = self.mfld("run", "s.toml", "--out", "out", "--quiet", "--max-wall", "0.001s")
        self.assertEqual(result.returncode, 130, result.stderr)
        self.assertRegex(result.stderr, "^out: interrupted with 8 of 8 runs left")

    def test_many_runs_are_announced_while_they_are_checked(self):
        self.sweep(SHORT + "[sweep]\nseed = " + str(list(range(20000))) + "\n")
        process = self.launch("run", "s.toml", "--out", "out")
        self.assertEqual(process.stderr.readline(), "checking 20000 runs\n")
        errors = self.stop(process, signal.SIGTERM)
        self.assertEqual(errors, "out: interrupted with 20000 of 20000 runs left\n")
        self.assertIn("out: 0 of 20000 runs have ended", self.mfld("info", "out").stdout)

    def test_of_two_that_begin_at_once_one_is_made(self):
        for name, steps in (("one", 5), ("other", 6)):
            (self.root / f"{name}.toml").write_text(SHORT.replace("steps = 5", f"steps = {steps}") + SEEDS)
        for i in range(20):
            out = f"out{i}"
            processes = [self.launch("run", f"{name}.toml", "--out", out, "--quiet") for name in ("one", "other")]
            errors = [process.communicate(timeout=program.TIMEOUT)[1] for process in processes]
            self.assertEqual(sorted(process.returncode for process in processes), [0, 2], errors)
            self.assertRegex("".join(errors), rf"^mfld: output directory {out} (is taken|exists and is not empty).*\n$")
            steps = {json.loads(path.read_text())["step"] for path in (self.root / out).glob("*/summary.json")}
            self.assertEqual(steps, {5 if processes[0].returncode == 0 else 6})

    def test_a_stopped_sweep_goes_on_where_its_project_has_moved(self):
        (self.root / "project").mkdir()
        (self.root / "project/d.csv").write_text("".join(f"{i},{i * i},{-i}\n" for i in range(20)))
        (self.root / "project/s.toml").write_text(
            SHORT[:SHORT.index("[task]")] + '[task]\nkind = "file"\npath = "d.csv"\n' + SHORT[SHORT.index("[network]"):]
            + SEEDS)
        result = subprocess.run([program.PROGRAM, "run", "s.toml", "--out", "runs/o", "--quiet", "--max-wall", "0.001s"],
                                cwd=self.root / "project", capture_output=True, text=True, timeout=program.TIMEOUT)
        self.assertEqual(result.returncode, 130, result.stderr)
        (self.root / "elsewhere").mkdir()
        (self.root / "project").rename(self.root / "elsewhere/project")
        result = self.mfld("resume", "elsewhere/project/runs/o", "--quiet")
        self.assertEqual((result.returncode, result.stderr), (0, ""))

    def test_axes_go_on_in_the_order_of_the_text(self):
        self.sweep(SHORT + "[sweep]\nnetwork.width = [3, 4]\nseed = [1, 2]\n")
        self.assertEqual(self.mfld("run", "s.toml", "--out", "whole", "--quiet").returncode, 0)
        names = sorted(path.name for path in (self.root / "whole").iterdir())
        self.assertIn("width=3_seed=1", names)
        self.assertIn("4 of 4", self.mfld("info", "whole").stdout)
        self.assertEqual(self.mfld("resume", "whole", "--quiet").returncode, 0)
        self.assertEqual(sorted(path.name for path in (self.root / "whole").iterdir()), names)

    def test_by_itself_it_makes_the_same_files_the_longest_run_first(self):
        """Small runs as many at a time as there are threads; what they write does not depend on it."""
        self.sweep("seed = 1\n" + SHORT + "[sweep]\nphase.0.steps = [5, 3000, 700]\n")
        names = [f"steps={steps}" for steps in (5, 3000, 700)]
        for out, options in (("one", ["--jobs", "1"]), ("two", ["--threads", "2"]), ("all", []), ("alone", ["--threads", "1"])):
            result = self.mfld("run", "s.toml", "--out", out, *options)
            self.assertEqual(result.returncode, 0, result.stderr)
            begun = re.findall(r"^run \d of 3: (steps=\d+)", result.stderr, re.M)
            self.assertEqual(sorted(begun), sorted(names))
            if out == "one":
                self.assertEqual(begun, names)
            if out == "alone":
                self.assertEqual(begun, ["steps=3000", "steps=700", "steps=5"])
            rows = (self.root / out / "index.csv").read_text().splitlines()
            self.assertEqual([row.split(",")[0] for row in rows], ["run", *names])
            for name in names:
                self.assert_same(f"{out}/{name}", f"one/{name}")
        result = self.mfld("run", "s.toml", "--dry-run", "--threads", "2")
        self.assertRegex(result.stdout, r"(?m)^memory: about \S+ [KM]iB for 2 runs at a time$")
        result = self.mfld("run", "s.toml", "--dry-run", "--threads", "1")
        self.assertRegex(result.stdout, r"(?m)^memory: about \S+ [KM]iB$")

    def test_a_dry_run_writes_nothing(self):
        before = sorted(path.name for path in self.root.iterdir()) + ["s.toml"]
        self.sweep("seed = 1\n" + SHORT + "[sweep]\ntask.input_dim = [4, 5]\nseed = [1, 2, 3]\n")
        result = self.mfld("run", "s.toml", "--dry-run", "--jobs", "2")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertRegex(result.stdout, r"^runs: 6 over task\.input_dim, seed, 30 steps\n"
                         r"memory: about \S+ [KM]iB for 2 runs at a time\n"
                         r"disk: about \S+ KiB\ntime: about \d+ s\nnothing was written\n$")
        start = time.monotonic()
        result = self.mfld("run", "s.toml", "--dry-run", "--set", "phase.0.steps=1000000000000")
        self.assertRegex(result.stdout, r"(?m)^time: about \S+ h$")
        self.assertLess(time.monotonic() - start, 30 * program.PATIENCE)
        result = self.mfld("run", "s.toml", "--dry-run", "--set", "sweep.task.input_dim=[4, 1]")
        self.assert_sentence(result, 2, "run input_dim=1_seed=1: task.")
        self.assert_sentence(self.mfld("run", "s.toml", "--dry-run", "--shard", "1/2"), 2, "--dry-run: counts all runs")
        self.assertEqual(sorted(path.name for path in self.root.iterdir()), before)

    def test_what_went_wrong_comes_first(self):
        self.sweep("seed = 1\n" + SHORT + "[sweep]\nphase.0.step_size = [0.1, 1e300, 0.2]\n")
        self.assertEqual(self.mfld("run", "s.toml", "--out", "out", "--quiet").returncode, 3)
        lines = self.mfld("info", "out").stdout.splitlines()
        self.assertEqual(lines[0], "out: 3 of 3 runs have ended (final numbers in index.csv); 1 went wrong")
        self.assertIn("    advice: phase.0.step_size = 1e+300 is", lines[2])
        self.assertEqual([line.split(":")[0] for line in lines[1:2] + lines[3:]],
                         ["  step_size=1e+300", "  step_size=0.1", "  step_size=0.2"])
        shutil.rmtree(self.root / "out/step_size=0.2")
        self.assertRegex(self.mfld("info", "out").stdout,
                         r"^out: 2 of 3 runs have ended \(.*\); 1 went wrong; \d+ s left, one at a time\n")

    def test_many_runs_are_listed_and_indexed_in_no_time(self):
        """2000 summaries, the last of them made by a run that goes on: nothing takes the square of their number."""
        self.sweep(SHORT + "[sweep]\nseed = " + str(list(range(2000))) + "\n")
        result = self.mfld("run", "s.toml", "--out", "out", "--quiet", "--max-wall", "0.001s")
        self.assertEqual(result.returncode, 130, result.stderr)
        self.assertEqual(self.mfld("run", "s.toml", "--set", "sweep.seed=[0]", "--out", "one", "--quiet").returncode, 0)
        for seed in range(2000):
            (self.root / f"out/seed={seed}").mkdir(exist_ok=True)
            for file in ("experiment.toml", "summary.json"):
                shutil.copy(self.root / "one/seed=0" / file, self.root / f"out/seed={seed}")
        for command in ("info", "resume"):
            start = time.monotonic()
            result = self.mfld(command, "out")
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertLess(time.monotonic() - start, 20 * program.PATIENCE)
        self.assertEqual(len((self.root / "out/index.csv").read_text().splitlines()), 2001)

    def test_a_sweep_has_one_set_of_data(self):
        """Whether a copy of its project goes on with it, or a shard begins in another folder."""
        (self.root / "old").mkdir()
        (self.root / "old/d.csv").write_text("".join(f"{i},{i * i},{-i}\n" for i in range(20)))
        (self.root / "old/s.toml").write_text('[task]\nkind = "file"\npath = "d.csv"\n' + SHORT[SHORT.index("[network]"):]
                                              + SEEDS)
        run = ["run", "old/s.toml", "--out", "old/runs/o", "--quiet", "--shard"]
        self.assertEqual(self.mfld(*run, "1/2").returncode, 0)
        shutil.copytree(self.root / "old", self.root / "new")
        numbers = (self.root / "new/d.csv").read_text()
        (self.root / "new/d.csv").write_text(numbers.replace("3,9,-3", "3,9,3"))
        for command in (["resume", "new/runs/o", "--quiet"],
                        ["run", "new/s.toml", "--out", "old/runs/o", "--shard", "2/2", "--quiet"]):
            self.assert_sentence(self.mfld(*command), 2, 'task.path = "d.csv"', str(self.root / "new/d.csv"),
                                 str(self.root / "old/d.csv"))
        self.assertEqual(len(list(self.root.glob("*/runs/o/*/summary.json"))), 8)
        (self.root / "new/d.csv").write_text(numbers)
        self.assertEqual(self.mfld("resume", "new/runs/o", "--quiet").returncode, 0)
        self.assertEqual(self.mfld("run", "new/s.toml", "--out", "old/runs/o", "--shard", "2/2", "--quiet").returncode, 0)
        self.assertEqual(len(list(self.root.glob("*/runs/o/*/summary.json"))), 16)

    def test_an_index_that_cannot_be_written_stops_no_run(self):
        self.sweep(SHORT + SEEDS)
        (self.root / "out").mkdir()
        self.assertEqual(self.mfld("run", "s.toml", "--out", "out", "--shard", "1/8", "--quiet").returncode, 0)
        (self.root / "out/index.csv").unlink()
        (self.root / "out/index.csv").mkdir()
        result = self.mfld("resume", "out", "--quiet")
        self.assertEqual(result.returncode, 4, result.stderr)
        self.assertEqual(len(list((self.root / "out").glob("*/summary.json"))), 8)

    def test_a_shard_goes_on_where_another_was_killed(self):
        self.sweep(SHORT + SEEDS)
        (self.root / "out").mkdir()
        (self.root / "out/experiment.new.toml").write_text("half an exper")
        shards = [self.launch("run", "s.toml", "--out", "out", "--quiet", "--shard", f"{i}/4") for i in (1, 2, 3, 4)]
        for process in shards:
            errors = process.communicate(timeout=program.TIMEOUT)[1]
            self.assertEqual((process.returncode, errors), (0, ""))
        self.assertEqual({self.ending(f"out/seed={i}") for i in range(1, 9)}, {"finished"})
        self.assertEqual(len((self.root / "out/index.csv").read_text().splitlines()), 9)
        self.assertFalse((self.root / "out/experiment.new.toml").exists())

    def test_a_sweep_goes_on_in_its_own_directory(self):
        self.sweep("seed = 1\n" + SHORT + ENDLESS)
        process = self.launch("run", "s.toml", "--out", "out", "--quiet", "--jobs", "1")
        self.wait_for_step("out/endless", 100)
        (self.root / "out").rename(self.root / "moved")
        self.assertEqual(self.mfld("run", "a.toml", "--set", "seed=7", "--out", "out", "--quiet").returncode, 0)
        before = sorted(path.name for path in (self.root / "out").iterdir())
        self.stop(process, signal.SIGTERM)
        self.assertEqual(sorted(path.name for path in (self.root / "out").iterdir()), before)
        self.assertEqual(self.ending("moved/endless"), "interrupted")
        self.assertEqual(len((self.root / "moved/index.csv").read_text().splitlines()), 3)

    def test_each_run_goes_on_with_the_instruction_set_that_it_began_with(self):
        text = self.mfld("run", "--help").stdout
        sets = re.search(r"--instruction-set[^{]*{([^}]*)}", text)[1].replace("\n", "").replace(" ", "").split(",")
        endless = SHORT.replace("steps = 5", "steps = 20000").replace("width = 4", "width = 50")
        self.sweep(endless + "[sweep]\nseed = [1, 2]\n")
        names = (sets[0], sets[-1])
        for i, name in enumerate(names, 1):
            self.assertEqual(self.mfld("run", "s.toml", "--out", f"whole{i}", "--quiet", "--instruction-set",
                                       name).returncode, 0)
        for out in ("resumed", "sharded"):
            for i, name in enumerate(names, 1):
                process = self.launch("run", "s.toml", "--out", out, "--quiet", "--instruction-set", name, "--shard",
                                      f"{i}/2")
                self.wait_for_step(f"{out}/seed={i}", 100)
                self.stop(process, signal.SIGTERM)
        self.assertEqual(self.mfld("resume", "resumed", "--quiet").returncode, 0)
        for i in (1, 2):
            self.assertEqual(self.mfld("run", "s.toml", "--out", "sharded", "--quiet", "--shard", f"{i}/2").returncode, 0)
        for out in ("resumed", "sharded"):
            for i in (1, 2):
                self.assert_same(f"{out}/seed={i}", f"whole{i}/seed={i}")

    def test_a_run_that_its_data_make_wrong_does_not_keep_the_others(self):
        self.sweep(REGRESSION + "[sweep]\nphase.0.ridge = [0.0, 0.1]\n")  # 20 corners of a square: some are equal
        result = self.mfld("run", "s.toml", "--out", "out", "--quiet")
        self.assert_sentence(result, 2, "out/ridge=0.0: phase.0.ridge = 0.0: the inputs of the training samples")
        self.assertEqual(self.ending("out/ridge=0.1"), "finished")
        self.assertFalse((self.root / "out/ridge=0.0").exists())
        self.assert_sentence(self.mfld("resume", "out", "--quiet"), 2, "the inputs of the training samples")

    def test_a_table_that_is_wrong_does_not_keep_the_others(self):
        (self.root / "good.csv").write_text("1,2,3\n4,5,6\n7,8,9\n")
        (self.root / "bad.csv").write_text("1,2,3\n4,5\n")
        task = SHORT[SHORT.index("[network]"):].replace("batch_size = 5", "batch_size = 2")
        text = 'seed = 1\n[task]\nkind = "file"\n' + task + "[sweep]\ntask.path = {}\n"
        self.sweep(text.format('["bad.csv", "good.csv", "none.csv"]'))
        # One after the other: of two at a time any ends first.
        result = self.mfld("run", "s.toml", "--out", "out", "--quiet", "--jobs", "1")
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertRegex(result.stderr, r"^out/path=bad.csv: .*bad.csv.*\nout/path=none.csv: .*there is no file.*\n$")
        self.assertEqual([path.name for path in (self.root / "out").iterdir() if path.is_dir()], ["path=good.csv"])
        self.sweep(text.format('["bad.csv"]'))
        self.assert_sentence(self.mfld("run", "s.toml", "--out", "none", "--quiet"), 2, "run path=bad.csv: ")
        self.assertFalse((self.root / "none").exists())

    def test_what_the_text_alone_shows_is_refused_before_anything_is_written(self):
        for key, values, why in (("phase.0.batch_size", "[5, 50]", "batch_size=50: phase.0.batch_size = 50: must be at"),
                                 ("phase.0.step_size", "[0.1, -1]", "step_size=-1: phase.0.step_size"),
                                 ("network.neuron", '["r-sigma", "none"]', "neuron=none: network.neuron")):
            self.sweep(f"seed = 1\n{SHORT}[sweep]\n{key} = {values}\n")
            self.assert_sentence(self.mfld("run", "s.toml", "--out", "out", "--quiet"), 2, why)
            self.assertFalse((self.root / "out").exists())

    def test_names_that_no_directory_can_have_are_refused_before_anything_is_written(self):
        for name in ("index.csv", "experiment.toml", "..", ".", "a" * 256, "-x"):
            self.sweep(f'seed = 1\n{SHORT}[[case]]\nname = "{name}"\n')
            self.assert_sentence(self.mfld("run", "s.toml", "--out", "out", "--quiet"), 2, name[:20])
            self.assertFalse((self.root / "out").exists())

    def test_cases_may_differ_in_neuron(self):
        self.sweep("seed = 1\n" + SHORT.replace("width = 4", 'width = 4\nneuron = "bounded-r"\nbound = 3.0') +
                   '[[case]]\nname = "bounded"\n[[case]]\nname = "plain"\nnetwork.neuron = "r-sigma"\n'
                   'network.bound = "default"\n')
        result = self.mfld("run", "s.toml", "--out", "out", "--quiet")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertIn("bound = 3.0", (self.root / "out/bounded/experiment.toml").read_text())
        self.assertNotIn("bound", (self.root / "out/plain/experiment.toml").read_text().split("[network]")[1])


if __name__ == "__main__":
    program.main()
