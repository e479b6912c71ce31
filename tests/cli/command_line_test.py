#!/usr/bin/env python3
"""The command line's good and bad paths: exit status, one sentence, nothing written by accident. Usage: this PROGRAM"""
import os
import pty
import re
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
width = 20
[[phase]]
method = "mfld"
steps = 20
step_size = 0.1
lambda2 = 0.001
"""

SWEEP = EXPERIMENT + """
[[case]]
name = "mean-field"
[[case]]
name = "ntk"
network.scaling = "ntk"
phase.0 = { method = "gd", lambda2 = 0 }
[sweep]
seed = [1, 2]
"""


class CommandLine(program.ProgramTest):
    EXPERIMENT = EXPERIMENT

    def files(self):
        return sorted(str(path.relative_to(self.root)) for path in self.root.rglob("*"))

    def assert_fails(self, status, sentence, *arguments):
        """Exit status, one line on stderr that has the sentence, nothing on stdout, nothing written."""
        before = self.files()
        result = self.mfld(*arguments)
        self.assertEqual(result.returncode, status, result.stderr)
        self.assertIn(sentence, result.stderr)
        self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
        self.assertTrue(result.stderr.startswith("mfld: "), result.stderr)
        self.assertEqual(result.stdout, "")
        self.assertEqual(self.files(), before)

    # Good paths.

    def test_a_run_leaves_its_directory_and_prints_its_formulas(self):
        result = self.mfld("run", "a.toml")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stdout, "")
        for word in ("data: ", "network: ", "risk: ", "phase 0: mfld", "runs/a: finished after 20 steps"):
            self.assertIn(word, result.stderr)
        self.assertNotIn("\r", result.stderr)  # the bar is for terminals
        run = self.root / "runs/a"
        self.assertLessEqual({"experiment.toml", "metrics.csv", "checkpoint.h5", "summary.json"},
                             {path.name for path in run.iterdir()})

    def test_quiet_is_quiet(self):
        result = self.mfld("run", "a.toml", "--quiet", "--out", "deep/er")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""))
        self.assertTrue((self.root / "deep/er/summary.json").exists())

    def test_an_empty_directory_will_do(self):
        (self.root / "out").mkdir()
        self.assertEqual(self.mfld("run", "a.toml", "--out", "out").returncode, 0)

    def test_the_resolved_experiment_runs_to_the_same_bytes(self):
        self.mfld("run", "a.toml", "--out", "one", "--threads", "1")
        result = self.mfld("run", "one/experiment.toml", "--out", "two", "--threads", "3")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual((self.root / "one/metrics.csv").read_bytes(), (self.root / "two/metrics.csv").read_bytes())

    def test_set_reaches_lists_and_takes_bare_words(self):
        result = self.mfld("run", "a.toml", "--set", "phase.0.steps=7", "--set", "network.neuron=bounded-r", "--set",
                           "observe.columns=[\"train_loss\"]")
        self.assertEqual(result.returncode, 0, result.stderr)
        text = (self.root / "runs/a/experiment.toml").read_text()
        self.assertIn("steps = 7 ", text)
        self.assertIn('neuron = "bounded-r"', text)
        header = [line for line in (self.root / "runs/a/metrics.csv").read_text().splitlines() if line[0] != "#"][0]
        self.assertEqual(header, "step,phase,time,gradient_evaluations,train_loss")

    def test_a_sweep_is_a_directory_of_runs_with_an_index(self):
        (self.root / "s.toml").write_text(SWEEP)
        result = self.mfld("run", "s.toml", "--out", "out")
        self.assertEqual(result.returncode, 2)  # gd takes no lambda2
        self.assertIn("run ntk_seed=1: phase.0.lambda2 = 0: is only read with method = ", result.stderr)
        self.assertFalse((self.root / "out").exists())

        gd = 'phase = [{ method = "gd", steps = 5, step_size = 0.1 }]'
        (self.root / "s.toml").write_text(re.sub("phase.0 = .*", gd, SWEEP))
        result = self.mfld("run", "s.toml", "--out", "out")
        self.assertEqual(result.returncode, 0, result.stderr)
        names = ["mean-field_seed=1", "mean-field_seed=2", "ntk_seed=1", "ntk_seed=2"]
        rows = [line.split(",") for line in (self.root / "out/index.csv").read_text().splitlines()]
        self.assertEqual(rows[0][:6], ["run", "case", "seed", "ending", "step", "wall_seconds"])
        self.assertIn("train_loss", rows[0])
        self.assertEqual([row[0] for row in rows[1:]], names)
        self.assertEqual([row[1:5] for row in rows[1:]],
                         [["mean-field", "1", "finished", "20"], ["mean-field", "2", "finished", "20"],
                          ["ntk", "1", "finished", "5"], ["ntk", "2", "finished", "5"]])
        self.assertEqual(sorted(path.name for path in (self.root / "out").iterdir()),
                         sorted([*names, "experiment.toml", "index.csv"]))
        self.assertIn('scaling = "ntk"', (self.root / "out/ntk_seed=2/experiment.toml").read_text())
        again = self.mfld("run", "out/experiment.toml", "--out", "again", "--quiet")
        self.assertEqual(again.returncode, 0, again.stderr)
        info = self.mfld("info", "out")
        self.assertIn("4 runs", info.stdout)
        self.assertIn("ntk_seed=2: finished after 5 steps", info.stdout)

    def test_info_says_what_ran_and_how_it_ended(self):
        self.mfld("run", "a.toml", "--out", "out")
        result = self.mfld("info", "out")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        for words in ("finished after 20 steps", "phase 0: mfld", "built by", "run a.toml --out out",
                      "instruction set"):
            self.assertIn(words, result.stdout)
        last = (self.root / "out/metrics.csv").read_text().splitlines()[-1].split(",")
        self.assertRegex(result.stdout, r"\n  train_loss +" + re.escape(last[4]) + "\n")
        (self.root / "out/summary.json").unlink()
        self.assertIn("has no summary", self.mfld("info", "out").stdout)

    def test_help_and_lists_explain_everything(self):
        for arguments in (["--help"], ["run", "--help"], ["--version"]):
            result = self.mfld(*arguments)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            self.assertTrue(result.stdout)
        everything = self.mfld("list").stdout
        for word in ("teacher-student", "parity-unbounded", "svrg-mfld", "logistic", "train_loss", "softplus",
                     "alpha/N", "phase.snapshot_every", "checkpoint.every_minutes"):
            self.assertIn(word, everything)
        for topic in ("tasks", "neurons", "losses", "methods", "observables", "activations", "scalings", "keys"):
            result = self.mfld("list", topic)
            self.assertEqual(result.returncode, 0)
            self.assertIn(result.stdout, everything)

    def test_selfcheck_passes(self):
        result = self.mfld("selfcheck")
        self.assertEqual(result.returncode, 0, result.stdout)
        head, *rows = result.stdout.splitlines()
        self.assertEqual(re.split(r"\s{2,}", head), ["check", "of what", "value", "bound", "verdict"])
        self.assertGreaterEqual(len(rows), 20)
        for row in rows:
            self.assertEqual(re.split(r"\s{2,}", row)[4:], ["ok"], row)

    def test_a_terminal_gets_a_progress_bar(self):
        ours, theirs = pty.openpty()
        process = subprocess.Popen([program.PROGRAM, "run", "a.toml", "--set", "phase.0.steps=20000"], cwd=self.root,
                                   stderr=theirs, stdout=subprocess.PIPE)
        os.close(theirs)
        screen = program.read_screen(ours)
        self.assertEqual(process.communicate()[0], b"")
        self.assertEqual(process.returncode, 0)
        bar = r"\r\[#{24}\] step 20000/20000  train loss [0-9.e-]+  [0-9.e+]+ steps/s  0:00 left"
        self.assertRegex(screen.decode(), bar)

    # Outcomes.

    def test_divergence_has_status_3_and_keeps_what_it_recorded(self):
        result = self.mfld("run", "a.toml", "--quiet", "--set", "phase.0.step_size=1e200")
        self.assertEqual(result.returncode, 3)
        self.assertRegex(result.stderr, r"^runs/a: diverged at step \d+: particle \d+ is not finite\n$")
        self.assertGreaterEqual(len((self.root / "runs/a/metrics.csv").read_text().splitlines()), 3)
        self.assertIn("diverged at step", self.mfld("info", "runs/a").stdout)

    def test_a_sweep_goes_on_after_a_divergence(self):
        result = self.mfld("run", "a.toml", "--quiet", "--set", "sweep.phase={0 = {step_size = [1e200, 0.1]}}")
        self.assertEqual(result.returncode, 3, result.stderr)
        index = (self.root / "runs/a/index.csv").read_text()
        self.assertIn("step_size=1e+200,,1e+200,diverged,", index)
        self.assertIn("step_size=0.1,,0.1,finished,20,", index)

    def test_a_signal_leaves_a_checkpoint(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            out = self.root / str(int(number))
            arguments = ["--out", out.name, "--set", "phase.0.steps=1000000000", "--set", "observe.every=100"]
            process = self.launch("run", "a.toml", *arguments)
            self.wait_for_step(out, 100)
            errors = self.stop(process, number)
            self.assertRegex(errors, r"interrupted at step \d+, with a checkpoint")
            self.assertTrue((out / "checkpoint.h5").exists())
            self.assertIn('"ending": "interrupted"', (out / "summary.json").read_text())

    # Bad paths.

    def test_a_wrong_command_line(self):
        self.assert_fails(2, "unknown command rnu, did you mean run?", "rnu", "a.toml")
        self.assert_fails(2, "required", "run")
        self.assert_fails(2, "--ouut", "run", "a.toml", "--ouut", "x")
        self.assert_fails(2, "--threads", "run", "a.toml", "--threads", "0")
        self.assert_fails(2, "topic", "list", "everything")

    def test_an_empty_value_is_no_default(self):
        options = {"run": ["--out", "--set", "--threads", "--max-wall", "--jobs", "--shard", "--instruction-set"],
                   "resume": ["--threads", "--max-wall", "--jobs", "--shard"],
                   "branch": ["--seed", "--out", "--threads", "--max-wall"],
                   "kernel": ["--target-column", "--skip-lines", "--header", "--dataset", "--cosines", "--spectrum",
                              "--input-dim", "--convention", "--activation", "--depth", "--weight-variance",
                              "--bias-variance", "--part", "--out", "--threads"]}
        for command, names in options.items():
            for name in names:
                self.assert_fails(2, f"{name}: must not be empty", command, "a.toml", name, "")
                self.assert_fails(2, f"{name}= must not be empty", command, "a.toml", f"{name}=", "--quiet")
        for command in ("run", "resume", "branch", "info", "list", "kernel"):
            self.assert_fails(2, "must not be empty", command, "", *(["--seed", "1"] if command == "branch" else []))
        self.assert_fails(2, "must not be empty", "kernel", "a.csv", "")

    def test_a_wrong_experiment(self):
        for setting, sentence in (
                ("network.widht=3", "unknown key network.widht; did you mean network.width?"),
                ("network.width=0", "network.width = 0: must be an integer from 1 to"),
                ("network.width=ten", 'network.width = "ten": is a string, must be an integer from 1 to'),
                ("task.num_train=-3", "task.num_train = -3: must be an integer >= 1"),
                ("phase.0.step_size=nan", "phase.0.step_size = nan: must be a finite number > 0"),
                ("network.scaling=ntk", 'phase.0.method = "mfld": is defined in the mean-field scaling only'),
                ("loss.kind=logistic", 'loss.kind = "logistic": needs labels -1 and +1'),
                ("seed", "--set seed: must be path=value"),
                ("phase.5.steps=1", "--set phase.5.steps=1: phase.5: the list phase has 1 entries")):
            self.assert_fails(2, sentence, "run", "a.toml", "--set", setting)
        self.assert_fails(2, "phase.0.batch_size = 41: must be at most 40", "run", "a.toml", "--set",
                          "phase.0.method=sgd-mfld", "--set", "phase.0.batch_size=41")
        self.assert_fails(2, "needs an even network.width, not 21", "run", "a.toml", "--set", "network.width=21",
                          "--set", "network.init.symmetric=true")

    def test_a_file_that_is_not_toml(self):
        (self.root / "bad.toml").write_text("seed = 1\nseed = = 2\n")
        self.assert_fails(2, "bad.toml:2:", "run", "bad.toml")

    def test_a_file_that_is_not_there(self):
        self.assert_fails(4, "cannot read none.toml: No such file or directory", "run", "none.toml")
        self.assert_fails(4, "cannot read none/experiment.toml: No such file or directory", "info", "none")

    def test_wrong_data_files(self):
        def with_task(text):
            (self.root / "data.csv").write_text(text)
            (self.root / "f.toml").write_text(re.sub(r"kind = .*\nnum_train.*\nnum_test.*",
                                                     'kind = "file"\npath = "data.csv"', EXPERIMENT))
        with_task("1,2,3\n4,5\n")
        self.assert_fails(2, "data.csv", "run", "f.toml")
        with_task("1,2,3\n4,five,6\n")
        self.assert_fails(2, "line 2, column 2", "run", "f.toml")
        (self.root / "data.csv").unlink()
        self.assert_fails(2, 'task.path = "data.csv": there is no file ', "run", "f.toml")

    def test_an_output_directory_that_is_not_empty(self):
        (self.root / "out").mkdir()
        (self.root / "out/mine").write_text("keep")
        self.assert_fails(2, "output directory out exists and is not empty", "run", "a.toml", "--out", "out")
        self.assert_fails(2, "output directory a.toml is a file", "run", "a.toml", "--out", "a.toml")

    def test_a_directory_that_cannot_be_made(self):
        self.assert_fails(4, "cannot make directory a.toml/out", "run", "a.toml", "--out", "a.toml/out")


if __name__ == "__main__":
    program.main()
