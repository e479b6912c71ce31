#!/usr/bin/env python3
"""Long runs: memory is flat, counters and times are exact. Usage: this PROGRAM"""
import os
import subprocess

import program


class Memory(program.ProgramTest):
    EXPERIMENT = """\
seed = 1
[task]
kind = "teacher-student"
num_train = 10
num_test = 10
[network]
width = 4
[[phase]]
method = "sgd-mfld"
steps = 1
step_size = 0.1
lambda2 = 0.001
batch_size = 5
[observe]
every = 1000
"""

    def test_memory_is_flat_and_counters_are_exact_over_a_million_steps(self):
        peaks = []
        for steps in (10_000, 1_000_000):
            process = subprocess.Popen(
                [program.PROGRAM, "run", "a.toml", "--out", str(steps), "--quiet", "--threads", "1", "--set",
                 f"phase.0.steps={steps}", "--set", "checkpoint.every_steps=100000"], cwd=self.root)
            status, usage = os.wait4(process.pid, 0)[1:]
            process.returncode = 0
            self.assertEqual(status, 0)
            peaks.append(usage.ru_maxrss)
            last = (self.root / str(steps) / "metrics.csv").read_text().splitlines()[-1].split(",")
            self.assertEqual((int(last[0]), int(last[3])), (steps, 5 * steps))
            # 10^6 additions of 0.1 would be off by 1e-6; the compensated sum is within one rounding.
            self.assertLess(abs(float(last[2]) - 0.1 * steps), 2e-16 * 0.1 * steps)
        self.assertLess(peaks[1] - peaks[0], 2048)  # KiB


if __name__ == "__main__":
    program.main()
