#!/usr/bin/env python3
"""Who may stop a run, and how: signals, limits and the threads that a system allows. Usage: this PROGRAM"""
import os
import re
import resource
import shutil
import signal
import subprocess
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
method = "mfld"
steps = 1000000000
step_size = 0.1
lambda2 = 0.001
[observe]
every = 100
"""

ASKING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGXCPU)


def ignore_all():
    for number in (*ASKING, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)


def block_all():
    signal.pthread_sigmask(signal.SIG_BLOCK, (*ASKING, signal.SIGALRM))


class Signals(program.ProgramTest):
    EXPERIMENT = EXPERIMENT

    def start(self, out, *arguments, **how):
        """A run in the background that has recorded something."""
        process = subprocess.Popen([program.PROGRAM, "run", "a.toml", "--out", out, "--quiet", "--threads", "1", *arguments],
                                   cwd=self.root, stderr=subprocess.PIPE, text=True, **how)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.wait_for_step(out, 100)
        return process

    def assert_interrupted(self, process, out):
        self.assertEqual(process.wait(timeout=program.TIMEOUT), 130, out)
        self.assertRegex(process.stderr.read(), rf"^{out}: interrupted at step \d+, with a checkpoint\n$")
        self.assertTrue((self.root / out / "checkpoint.h5").exists())

    def test_warnings_stop_a_run_with_a_checkpoint(self):
        for number in ASKING:
            process = self.start(number.name)
            process.send_signal(number)
            self.assert_interrupted(process, number.name)

    def test_signals_that_were_blocked_arrive(self):
        for number in ASKING:
            process = self.start(number.name, preexec_fn=block_all)
            process.send_signal(number)
            self.assert_interrupted(process, number.name)

    def test_what_was_ignored_stays_ignored(self):
        process = self.start("out", preexec_fn=ignore_all)
        for number in ASKING:
            process.send_signal(number)
        step = (self.root / "out/metrics.csv").read_text().count("\n")
        self.wait_until(lambda: (self.root / "out/metrics.csv").read_text().count("\n") > step + 20)
        self.assertIsNone(process.poll())

    def test_a_time_limit_holds_whatever_the_caller_did_with_the_alarm(self):
        for name, prepare in (("ignored", ignore_all), ("blocked", block_all)):
            result = self.mfld("run", "a.toml", "--out", name, "--quiet", "--max-wall", "1s", preexec_fn=prepare)
            self.assert_sentence(result, 130, f"{name}: interrupted at step ")

    def test_a_limit_on_processor_time_leaves_a_checkpoint(self):
        for name, limit in (("soft", (1, 100)), ("hard", (2, 2))):
            process = self.start(name, preexec_fn=lambda limit=limit: resource.setrlimit(resource.RLIMIT_CPU, limit))
            self.assert_interrupted(process, name)

    def test_one_wish_sent_twice_is_one_wish(self):
        """As `timeout` sends it, to the process and to its group; what comes much later is another one."""
        for number in (signal.SIGINT, signal.SIGTERM):
            process = self.start(number.name)
            began = time.monotonic()
            process.send_signal(number)
            process.send_signal(number)
            if time.monotonic() - began < 0.1:
                self.assert_interrupted(process, number.name)

    def test_a_second_wish_ends_what_does_not_stop(self):
        """The solution of many equations, in which nobody looks up."""
        (self.root / "a.toml").write_text(re.sub(r'method = .*\n(.*\n){3}', 'method = "kernel-regression"\n'
                                                 'kernel = "infinite-tangent"\nridge = 0.1\n', EXPERIMENT))
        for number in (signal.SIGINT, signal.SIGTERM):
            process = self.launch("run", "a.toml", "--out", number.name, "--quiet", "--threads", "1", "--set",
                                  "task.num_train=5000")
            self.addCleanup(process.stderr.close)
            self.wait_until((self.root / number.name / "experiment.toml").exists)
            process.send_signal(number)
            time.sleep(0.3)
            process.send_signal(number)
            self.assertEqual(process.wait(timeout=program.TIMEOUT), -number)

    def test_threads_that_the_system_does_not_allow_are_done_without(self):
        """Under a limit that holds for all processes of a user, of one that has none where this one may choose."""
        room = shutil.copy(program.PROGRAM, self.root / "mfld")
        self.root.chmod(0o777)
        # Frames that are large are written beside the steps, in a thread that there may be none for.
        frames = ["--set", "network.width=6000", "--set", 'observe.trajectory={particles = "all", every = 5}']
        steps = ["--set", "phase.0.steps=100"]
        for out, more in (("whole", []), ("large", frames)):
            self.assertEqual(self.mfld("run", "a.toml", "--out", out, "--quiet", *steps, *more).returncode, 0)

        def limit(count):
            def prepare():
                if os.getuid() == 0:
                    os.setgroups([])
                    os.setgid(65534)
                    os.setuid(65534)
                resource.setrlimit(resource.RLIMIT_NPROC, (count, count))
            return prepare
        for count in (1, 2, 3, 4, 5, 7, 12, 18):
            for threads in (["--threads", "8"], ["--threads", "3"], []):
                for whole, more in (("whole", []), ("large", frames)):
                    result = subprocess.run([room, "run", "a.toml", "--out", "out", "--quiet", *steps, *more, *threads],
                                            cwd=self.root, capture_output=True, text=True, timeout=program.TIMEOUT,
                                            preexec_fn=limit(count))
                    self.assertEqual((result.returncode, result.stderr), (0, ""))
                    self.assert_same("out", whole)
                    if more:
                        self.assert_same("out", whole, ("trajectory.h5",))
                    shutil.rmtree(self.root / "out")


if __name__ == "__main__":
    program.main()
