#!/usr/bin/env python3
"""Help, version, the manual and completion, all from the one table of commands. Usage: this PROGRAM"""
import json
import os
import pty
import resource
import select
import shutil
import signal
import subprocess
import time
import unittest
from pathlib import Path

import program

COMMANDS = ["run", "resume", "branch", "merge", "info", "list", "export", "new", "kernel", "selfcheck", "help", "version"]
COMPLETION = Path(__file__).resolve().parents[2] / "sims/completion.bash"


class HelpTest(program.ProgramTest):
    EXPERIMENT = """
seed = 1
[task]
kind = "teacher-student"
num_train = 20
[network]
width = 4
[[phase]]
method = "gd"
steps = 3
step_size = 0.1
"""

    def said(self, *arguments):
        result = self.mfld(*arguments)
        self.assertEqual((result.returncode, result.stderr), (0, ""), arguments)
        return result.stdout

    def test_alone_and_help_say_the_same(self):
        everything = self.said()
        self.assertEqual(everything, self.said("help"))
        self.assertEqual(everything, self.said("--help"))
        for command in COMMANDS:
            self.assertIn(f"\n  {command} ", everything)
            self.assertEqual(self.said("help", command), self.said(command, "--help"))
        self.assertNotIn("complete", everything)
        self.assert_sentence(self.mfld("help", "rnu"), 2, "unknown command rnu, did you mean run?")
        self.assert_sentence(self.mfld("help", "--json"), 2, "--json")

    def test_version(self):
        self.assertEqual(self.said("version"), self.said("--version"))

    def test_info_as_json(self):
        self.said("run", "a.toml", "--out", "one", "--quiet")
        self.said("run", "a.toml", "--out", "two", "--quiet", "--set", "sweep.seed=[1, 2]")
        one = json.loads(self.said("info", "one", "--json"))
        last = (self.root / "one/metrics.csv").read_text().splitlines()[-1].split(",")
        self.assertEqual(one["last_numbers"]["train_loss"], float(last[4]))
        self.assertIs(one["has_ended"], True)
        two = json.loads(self.said("info", "two", "--json"))
        self.assertEqual((two["num_runs"], two["num_ended"], [run["name"] for run in two["runs"]]),
                         (2, 2, ["seed=1", "seed=2"]))
        (self.root / "one/summary.json").unlink()
        self.assertIs(json.loads(self.said("info", "one", "--json"))["has_ended"], False)

    def test_the_manual_is_the_help(self):
        for command in COMMANDS:
            page = self.said("manual", command).replace("\\-", "-")
            self.assertTrue(page.startswith(f".TH MFLD-{command.upper()} 1 "), page[:40])
            self.assertIn(f"\nmfld-{command} \\- ".replace("\\-", "-"), page)
        for name in ("--set", "--shard", "KEY=VALUE"):
            self.assertIn(name, self.said("manual", "run").replace("\\-", "-"))
        for command in COMMANDS:
            self.assertIn(f"mfld\\-{command} (1)", self.said("manual"))

    @unittest.skipUnless(shutil.which("man") and shutil.which("lexgrog"), "needs man-db")
    def test_man_reads_the_pages(self):
        for command in ("", *COMMANDS):
            page = self.root / f"mfld{command and '-'}{command}.1"
            page.write_text(self.said("manual", *([command] if command else [])))
            self.assertIn(f'"{page.stem} - ', subprocess.run(["lexgrog", page], capture_output=True, text=True).stdout)
            shown = subprocess.run(["man", "--warnings", "-l", page], capture_output=True, text=True)
            self.assertEqual((shown.returncode, shown.stderr), (0, ""), page)

    def completed(self, *words):
        return self.said("complete", *words).splitlines()

    def test_words_that_can_follow(self):
        self.assertEqual(self.completed(""), sorted(COMMANDS))
        self.assertEqual(self.completed("re"), ["resume"])
        self.assertEqual(self.completed("run", "--s"), ["--set", "--shard"])
        self.assertEqual(self.completed("list", "keys", "task.lin"), ["task.link"])
        self.assertEqual(self.completed("kernel", "--activation", "relu-"), ["relu-right"])
        self.assertEqual(self.completed("kernel", "--part=n"), ["--part=nngp", "--part=ntk"])
        self.assertEqual(self.completed("run", "--set", "network.neur"), ["network.neuron="])
        self.assertEqual(self.completed("run", "--set", "phase.3.sampli"), ["phase.3.sampling="])
        self.assertIn("network.neuron=bounded-r", self.completed("run", "a.toml", "--set", "network.neuron="))
        self.assertEqual(self.completed("run", "--set", "phase.1.method=mf"), ["phase.1.method=mfld"])
        self.assertEqual(self.completed("new", "two"), ["two-phase"])
        self.assertEqual(self.completed("help", "ker"), ["kernel"])
        for words in (["nothing", ""], ["run", "--json="], ["kernel", "--out", ""], ["version", ""]):
            self.assertEqual(self.completed(*words), [], words)

    def test_runs_and_experiments(self):
        self.said("run", "a.toml", "--out", "runs/one", "--quiet")
        self.said("run", "a.toml", "--out", "runs/two", "--quiet", "--set", "sweep.seed=[1, 2]")
        self.assertEqual(self.completed("info", "r"), ["runs/"])
        self.assertEqual(self.completed("info", "runs/"), ["runs/one", "runs/two", "runs/two/"])
        self.assertEqual(self.completed("resume", "runs/two/"), ["runs/two/seed=1", "runs/two/seed=2"])
        self.assertEqual(self.completed("merge", "runs/one", "runs/o"), ["runs/one"])
        self.assertEqual(self.completed("run", "a"), ["a.toml"])

    def in_bash(self, line):
        """What the shell has on offer at the end of the line, split as the shell does."""
        script = r"""
source "$1"
compopt() { :; }
read -ra COMP_WORDS <<< "$(sed 's/=/ = /g' <<< "$2")"
[[ $2 == *' ' ]] && COMP_WORDS+=("")
COMP_WORDS[0]=$3
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_mfld
printf '%s\n' "${COMPREPLY[@]}"
"""
        result = subprocess.run(["bash", "-c", script, "bash", COMPLETION, line, program.PROGRAM], cwd=self.root,
                                capture_output=True, text=True, timeout=program.TIMEOUT)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return result.stdout.split()

    def test_bash(self):
        self.assertEqual(self.in_bash("mfld re"), ["resume"])
        self.assertEqual(self.in_bash("mfld "), sorted(COMMANDS))
        self.assertEqual(self.in_bash("mfld run a.toml --set phase.0.meth"), ["phase.0.method="])
        self.assertEqual(self.in_bash("mfld run a.toml --set phase.0.method=under"), ["underdamped-mfld"])
        self.assertIn("relu", self.in_bash("mfld run a.toml --set network.activation="))
        self.assertEqual(self.in_bash("mfld run a.toml --set seed=2 --max"), ["--max-wall"])

    @unittest.skipUnless(shutil.which("zsh"), "needs zsh")
    def test_zsh(self):
        """At a terminal: what Tab makes of a line."""
        (self.root / "mfld").symlink_to(program.PROGRAM)
        child, terminal = pty.fork()
        if child == 0:
            os.chdir(self.root)
            os.execve(shutil.which("zsh"), ["zsh", "-f", "-i"], {"PATH": f"{self.root}:/usr/bin:/bin", "TERM": "dumb"})

        def answered(line, wanted):
            os.write(terminal, line.encode())
            shown, deadline = "", time.monotonic() + program.TIMEOUT
            while wanted not in shown and time.monotonic() < deadline:
                if select.select([terminal], [], [], 0.2)[0]:
                    shown += os.read(terminal, 65536).decode(errors="replace")
            self.assertIn(wanted, shown)

        try:
            answered("autoload -Uz compinit bashcompinit && compinit -D && bashcompinit\n"
                     f"source {COMPLETION} && print rea''dy\n", "ready")
            answered("mfld li\t", "mfld list ")
            answered("\x15mfld run --set phase.0.method=under\t", "=underdamped-mfld ")
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            os.close(terminal)

    def test_completion_is_quick(self):
        """50 ms is what a person does not notice. In time of a processor: the machine may do other things."""
        spent = []
        for _ in range(20):
            begin = resource.getrusage(resource.RUSAGE_CHILDREN)
            self.completed("run", "--set", "phase.0.method=")
            end = resource.getrusage(resource.RUSAGE_CHILDREN)
            spent.append(end.ru_utime + end.ru_stime - begin.ru_utime - begin.ru_stime)
        self.assertLess(min(spent), 0.05 * program.PATIENCE, os.fspath(program.PROGRAM))


if __name__ == "__main__":
    program.main()
