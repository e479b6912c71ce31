#!/usr/bin/env python3
"""A run writes into its own directory and nowhere else, whatever names, links and folders are there. Usage: this PROGRAM"""
import os
import shutil
import signal
import subprocess

import program

EXPERIMENT = """\
seed = 1
[task]
kind = "teacher-student"
input_dim = 3
num_teachers = 2
num_train = 20
num_test = 4
[network]
width = 5
[[phase]]
method = "mfld"
steps = 20
step_size = 0.1
lambda2 = 0.01
[observe]
every = 1
[observe.trajectory]
particles = 2
every = 5
[checkpoint]
every_steps = 10
"""


class OwnDirectory(program.ProgramTest):
    EXPERIMENT = EXPERIMENT

    def make(self, out):
        result = self.mfld("run", "a.toml", "--out", out, "--quiet")
        self.assertEqual((result.returncode, result.stderr), (0, ""))

    def test_a_branch_lies_beside_its_run_and_is_called_after_it(self):
        self.make("runs/r")
        (self.root / "link").symlink_to("runs/r")
        (self.root / "runs/r/sub").mkdir()
        inside = sorted(path.name for path in (self.root / "runs/r").iterdir())
        for seed, folder, name in ((2, "runs/r", "."), (3, "runs/r/sub", ".."), (4, ".", "runs/r/"), (5, ".", "link"),
                                   (6, "runs/r", "../r/."), (7, "runs", "r"), (8, ".", "./runs//r"), (9, "runs/r", "./")):
            result = subprocess.run([program.PROGRAM, "branch", name, "--seed", str(seed), "--quiet"],
                                    cwd=self.root / folder, capture_output=True, text=True, timeout=program.TIMEOUT)
            self.assertEqual((result.returncode, result.stderr), (0, ""), name)
            self.assertTrue((self.root / f"runs/r_seed={seed}/summary.json").exists(), name)
        self.assertEqual(sorted(path.name for path in (self.root / "runs/r").iterdir()), inside)
        self.assertEqual(sorted(path.name for path in self.root.iterdir()), ["a.toml", "link", "runs"])

    def test_a_tilde_is_the_home_directory(self):
        home = self.root / "home"
        home.mkdir()
        (home / "d.csv").write_text("1,2,3\n4,5,6\n7,8,9\n")
        environment = dict(os.environ, HOME=str(home))
        task = 'task={kind = "file", path = "~/d.csv"}'
        result = self.mfld("run", "a.toml", "--out=~/x", "--quiet", "--set", task, env=environment)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertTrue((home / "x/summary.json").exists())
        for arguments in (["info", "~/x"], ["resume", "~/x", "--quiet"], ["branch", "~/x", "--seed", "3", "--quiet"]):
            result = self.mfld(*arguments, env=environment)
            self.assertEqual((result.returncode, result.stderr), (0, ""), arguments)
        self.assertTrue((home / "x_seed=3").exists())
        self.assert_sentence(self.mfld("run", "a.toml", "--out=~nobody/x"), 2, "~nobody/x")
        self.assertEqual(sorted(path.name for path in self.root.iterdir()), ["a.toml", "home"])

    def test_a_directory_is_named_after_the_experiment_where_that_is_a_name(self):
        for name in (".toml", "..toml", "...toml", "-.toml", "a\nb.toml", "~x.toml", "\x1b[2J.toml"):
            (self.root / name).write_text(EXPERIMENT)
            before = sorted(self.root.rglob("*"))
            result = self.mfld("run", "./" + name, "--quiet")
            self.assert_sentence(result, 2, "give one with --out")
            self.assertEqual(sorted(self.root.rglob("*")), before)
        result = subprocess.run(["bash", "-c", f"{program.PROGRAM} run <(cat a.toml) --quiet"], cwd=self.root,
                                capture_output=True, text=True, timeout=program.TIMEOUT)
        self.assert_sentence(result, 2, "give one with --out")
        result = subprocess.run(["bash", "-c", f"{program.PROGRAM} run <(cat a.toml) --out o --quiet"], cwd=self.root,
                                capture_output=True, text=True, timeout=program.TIMEOUT)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        (self.root / "a.toml.toml").write_text(EXPERIMENT)
        self.assertEqual(self.mfld("run", "a.toml.toml", "--quiet").returncode, 0)
        self.assertEqual([path.name for path in (self.root / "runs").iterdir()], ["a.toml"])

    def test_links_at_the_names_of_temporary_files_lead_nowhere(self):
        precious = self.root / "precious"
        precious.write_text("precious")
        for name in ("experiment.new.toml", "checkpoint.new.h5"):
            (self.root / "out").mkdir()
            (self.root / "out" / name).symlink_to(precious)
            self.make("out")
            self.assertFalse((self.root / "out/experiment.toml").is_symlink())
            shutil.rmtree(self.root / "out")
        self.make("whole")
        for name in ("metrics.new.csv", "trajectory.new.h5", "checkpoint.new.h5", "summary.new.json",
                     "checkpoint.kept.h5"):
            shutil.copytree(self.root / "whole", self.root / "out")
            (self.root / "out/summary.json").unlink()
            (self.root / "out" / name).symlink_to(precious)
            self.assertEqual(self.mfld("resume", "out", "--previous", "--quiet").returncode, 0)
            self.assert_same("out", "whole")
            shutil.rmtree(self.root / "out")
        self.assertEqual(precious.read_text(), "precious")

    def test_a_run_goes_on_without_what_its_files_share_with_another(self):
        self.make("whole")
        shutil.copytree(self.root / "whole", self.root / "out")
        (self.root / "out/summary.json").unlink()
        (self.root / "elsewhere").mkdir()
        for file in list((self.root / "out").iterdir()):
            file.rename(self.root / "elsewhere" / file.name)
            file.symlink_to(self.root / "elsewhere" / file.name)
        before = {path.name: path.read_bytes() for path in (self.root / "elsewhere").iterdir()}
        self.assertEqual(self.mfld("resume", "out", "--previous", "--quiet").returncode, 0)
        self.assert_same("out", "whole")
        self.assertEqual({path.name: path.read_bytes() for path in (self.root / "elsewhere").iterdir()}, before)
        shutil.copytree(self.root / "whole", self.root / "hard", copy_function=os.link)
        (self.root / "hard/summary.json").unlink()
        before = {path.name: path.read_bytes() for path in (self.root / "whole").iterdir()}
        self.assertEqual(self.mfld("resume", "hard", "--previous", "--quiet").returncode, 0)
        self.assert_same("hard", "whole")
        self.assertEqual({path.name: path.read_bytes() for path in (self.root / "whole").iterdir()}, before)
        for name in ("metrics.csv", "trajectory.h5"):
            self.assertEqual((self.root / "hard" / name).stat().st_nlink, 1)

    def test_a_run_of_a_sweep_that_is_a_link_is_not_gone_on_with(self):
        (self.root / "s.toml").write_text(EXPERIMENT.replace("seed = 1\n", "") + "[sweep]\nseed = [1, 2]\n")
        self.assertEqual(self.mfld("run", "s.toml", "--out", "sweep", "--quiet").returncode, 0)
        (self.root / "sweep/seed=1").rename(self.root / "outside")
        (self.root / "sweep/seed=1").symlink_to(self.root / "outside")
        self.assertEqual(self.mfld("resume", "sweep", "--quiet").returncode, 0)  # of one that has ended nothing is written
        (self.root / "outside/summary.json").unlink()
        before = {path.name: path.read_bytes() for path in (self.root / "outside").iterdir()}
        self.assert_sentence(self.mfld("resume", "sweep", "--quiet"), 2, "sweep/seed=1: it is a link")
        self.assertEqual({path.name: path.read_bytes() for path in (self.root / "outside").iterdir()}, before)

    def test_another_run_at_its_path_is_left_alone(self):
        process = self.launch("run", "a.toml", "--out", "out", "--quiet", "--set", "phase.0.steps=1000000000", "--set",
                              "checkpoint.every_steps=0", "--set", "observe.trajectory.every=100000", "--set",
                              "observe.every=1000")
        self.wait_for_step("out", 1000)
        (self.root / "out").rename(self.root / "moved")
        self.make("out")
        before = {path.name: path.read_bytes() for path in (self.root / "out").iterdir()}
        self.stop(process, signal.SIGTERM)
        self.assertEqual({path.name: path.read_bytes() for path in (self.root / "out").iterdir()}, before)
        self.assertIn("interrupted", (self.root / "moved/summary.json").read_text())
        result = self.mfld("resume", "moved", "--quiet", "--max-wall", "0.1s")
        self.assertEqual(result.returncode, 130, result.stderr)

    def test_names_in_any_encoding_can_be_read_again(self):
        odd = os.fsdecode(b"gr\xf6\xdfe \x1b[2J\n\\x41 \xe2\x80\xa8")
        folder = self.root / odd
        folder.mkdir()
        (folder / "d.csv").write_text("1,2,3\n4,5,6\n7,8,9\n")
        task = EXPERIMENT[:EXPERIMENT.index("[task]")] + '[task]\nkind = "file"\npath = "d.csv"\n' + \
            EXPERIMENT[EXPERIMENT.index("[network]"):]
        (folder / "a.toml").write_text(task)
        (folder / "s.toml").write_text(task.replace("seed = 1", "[sweep]\nseed = [1, 2]"))
        for name, out in (("a", odd + "/run"), ("s", "sweep")):
            result = subprocess.run([program.PROGRAM, "run", f"{odd}/{name}.toml", "--out", out, "--quiet"], cwd=self.root,
                                    capture_output=True, timeout=program.TIMEOUT)
            self.assertEqual((result.returncode, result.stderr), (0, b""))
        for summary in (folder / "run/summary.json", self.root / "sweep/seed=2/summary.json"):
            summary.unlink()
        for arguments in (["resume", odd + "/run", "--quiet"], ["resume", "sweep", "--quiet"], ["info", odd + "/run"],
                          ["branch", odd + "/run", "--seed", "3", "--quiet"],
                          ["info", odd + "/run_seed=3"], ["info", "sweep"]):
            result = subprocess.run([program.PROGRAM, *arguments], cwd=self.root, capture_output=True,
                                    timeout=program.TIMEOUT)
            self.assertEqual((result.returncode, result.stderr), (0, b""), arguments)
        for file in ("metrics.csv", "experiment.toml"):
            (folder / "run" / file).read_text(encoding="utf-8", errors="strict")

    def test_files_of_a_run_that_are_pipes_are_not_waited_for(self):
        self.make("whole")
        for name, status in (("summary.json", 4), ("experiment.toml", 4), ("checkpoint.h5", 4), ("metrics.csv", 4)):
            shutil.copytree(self.root / "whole", self.root / "out")
            (self.root / "out/summary.json").unlink()
            if (self.root / "out" / name).exists():
                (self.root / "out" / name).unlink()
            os.mkfifo(self.root / "out" / name)
            self.assert_sentence(self.mfld("resume", "out", "--quiet"), status, name, "is not a regular file")
            shutil.rmtree(self.root / "out")

    def test_a_read_that_fails_is_said(self):
        self.make("whole")
        for name in ("summary.json", "experiment.toml", "metrics.csv"):
            shutil.copytree(self.root / "whole", self.root / "out")
            (self.root / "out/summary.json").unlink()
            if name != "summary.json":
                (self.root / "out" / name).unlink()
            (self.root / "out" / name).symlink_to("/proc/self/mem")
            self.assert_sentence(self.mfld("resume", "out", "--quiet"), 4, name, "Input/output error")
            shutil.rmtree(self.root / "out")

    def test_all_files_are_lasting_before_the_summary_says_finished(self):
        if shutil.which("strace") is None:
            self.skipTest("there is no strace")
        log = self.root / "log"
        result = subprocess.run(["strace", "-f", "-y", "-o", str(log), "-e", "trace=fsync,rename,renameat,renameat2",
                                 program.PROGRAM, "run", "a.toml", "--out", "out", "--quiet"], cwd=self.root,
                                capture_output=True, text=True, timeout=program.TIMEOUT)
        self.assertEqual(result.returncode, 0, result.stderr)
        calls = log.read_text().splitlines()
        renamed = max(i for i, call in enumerate(calls) if "summary.new.json" in call and "rename" in call)
        for name in ("metrics.csv", "trajectory.h5", "checkpoint.h5", "experiment.toml", "summary.new.json"):
            synced = [i for i, call in enumerate(calls) if "fsync(" in call and f"/out/{name}>" in call]
            self.assertTrue(synced and synced[-1] < renamed, name)
        folder = [i for i, call in enumerate(calls) if "fsync(" in call and "/out>" in call]
        self.assertTrue(any(i < renamed for i in folder) and folder[-1] > renamed)


if __name__ == "__main__":
    program.main()
