"""Runs of `mfld` that the benchmark makes: certified ones, whose steps are counted, and plain ones, which are timed."""

import csv
import dataclasses
import json
import math
import os
import pathlib
import subprocess
import tempfile

from . import problems

HELD = 2  # rows in a row below a level
NEVER = -1e9  # a gap that no run has


@dataclasses.dataclass(frozen=True)
class Row:
    step: int
    phase: int
    gradients: int
    gap: float
    error: float


class Failed(RuntimeError):
    """A run that mfld refused or could not make."""


def execute(mfld, text, threads=1):
    """(rows of metrics.csv, summary.json, processor seconds of the process). A run that diverges has rows, too."""
    with tempfile.TemporaryDirectory(prefix="mfld-gap-") as folder:
        experiment = pathlib.Path(folder) / "experiment.toml"
        experiment.write_text(text)
        out = pathlib.Path(folder) / "run"
        command = [mfld, "run", experiment, "--out", out, "--quiet", "--threads", str(threads)]
        with open(pathlib.Path(folder) / "errors", "w+") as errors:
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            errors.seek(0)
            if process.returncode not in (0, 3):
                raise Failed(errors.read().strip())
        lines = [line for line in (out / "metrics.csv").read_text().splitlines() if not line.startswith("#")]
        summary = json.loads((out / "summary.json").read_text())
    return list(csv.DictReader(lines)), summary, usage.ru_utime + usage.ru_stime


def geometric(last, ratio, first=1):
    """0, first, ... up to `last`, each at least the one before and at most about `ratio` times it."""
    steps = [0, min(first, last)]
    while steps[-1] < last:
        steps.append(min(last, max(steps[-1] + 1, int(steps[-1] * ratio))))
    return steps


def certified(mfld, problem, phases, seed, most_steps, ratio, below, samples=None, first=1):
    """Rows of a run that ends once the certificate is below in HELD rows, or after most_steps in all."""
    fixed = sum(phase.get("steps", 0) for phase in phases)
    last = {**phases[-1], "steps": max(1, most_steps - fixed),
            "until": {"column": problems.COLUMN, "below": below, "held": HELD}}
    looks = geometric(fixed + last["steps"], ratio, first)
    rows, _, _ = execute(mfld, problem.experiment([*phases[:-1], last], seed, looks, samples=samples))
    whole, real = ("step", "phase", "gradient_evaluations"), (problems.COLUMN, f"{problems.COLUMN}_error")
    return [Row(*(int(row[name]) for name in whole), *(float(row[name]) for name in real)) for row in rows]


def first_below(rows, level, phases):
    """The first of HELD rows in a row whose gap is below, at the wanted temperature; None where there is none."""
    return next((row for row, gap in _held(rows, phases) if gap < level), None)


def least_held(rows, phases):
    """The least gap that HELD rows in a row were not above; infinity where there is none."""
    return min((gap for _, gap in _held(rows, phases)), default=math.inf)


def _held(rows, phases):
    """[(row, the largest gap of it and the next ones)], from the second row on; infinity where one is not a number or not at
    the wanted temperature."""
    wanted = phases[-1]["lambda2"]
    gaps = [row.gap if math.isfinite(row.gap) and phases[row.phase]["lambda2"] == wanted else math.inf for row in rows]
    return [(rows[k], max(gaps[k : k + HELD])) for k in range(1, len(rows) - HELD + 1)]


def timed(mfld, problem, phase, steps):
    """(processor seconds of the process, seconds of its steps by the program's own stopwatch): no looks but the first."""
    text = problem.experiment([{**phase, "steps": steps}], 1, [0], ["train_loss"])
    _, summary, processor = execute(mfld, text)
    return processor, summary["wall_seconds_by_part"]["step"]
