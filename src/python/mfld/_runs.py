"""Runs from beginning to end, in a directory or in memory."""

import functools
import json
import os
import sys
import tomllib
from collections.abc import Callable

from . import results
from ._arguments import own_parts, threads_of, with_schedules
from ._interpreter import extension
from ._progress import teller


def run(experiment: str | os.PathLike | dict, out: str | os.PathLike | None = None, set: dict | None = None, *,
        threads: int | None = None, progress: bool | Callable[[dict], object] | None = None, loss: object = None,
        observables: dict[str, Callable] | None = None, until: Callable | None = None, only: str = "",
        jobs: int = 1) -> results.Run | results.Runs:
    """Run an experiment to its end, as `mfld run` does.

    experiment  the path of an experiment file, or a dictionary with its keys. Data may be arrays: task = {"kind": "arrays",
                "train_inputs": X [n, d], "train_targets": y [n], "test_inputs": ..., "test_targets": ...}, and so may the
                first particles: network = {"init": {"particles": theta [width, p]}}, columns as `parameter_names`.
                step_size, lambda1, lambda1_fourth and lambda2 of a phase may be a function of the step in it, which is
                asked once for each step, before the first, or an array of their values
    out         a new or empty folder: the run directory that the command line writes, byte for byte, or one directory a
                run where the experiment has cases or a sweep. None: nothing is written, and the result is in memory
    set         {"phase.0.steps": 100, ...}, as --set
    threads     number of threads; None: all. The results do not depend on it
    progress    True: a line on standard error. Or a function of a dictionary (step, num_steps, train_loss,
                steps_per_second, seconds_left), called about ten times a second; what it raises stops the run
    loss        an object with value(outputs, targets) and derivative(outputs, targets), arrays [m] each, in place of
                the keys of [loss]; one call a block of samples
    observables {name: function of a look}: columns of their own, recorded after the others. A look has step, particles
                [N, p], initial_particles, outputs(X), train_outputs, test_outputs, drift [N, p] and objective, of what the
                method predicts with, while the function runs; it returns a number. One call a row
    until       a function of a look, asked with every row but the first of a phase: true ends the phase there
    only        of several runs (cases, a sweep) the one whose directory would be called so: "ntk_seed=1"
    jobs        runs of a sweep at a time

    Returns a results.Run with .metrics (the columns of metrics.csv), .summary, .config, .trajectory, .predictions and .data;
    results.Runs where there are several. A run that diverged is a result, too: .summary["ending"] says so.

    ValueError has the sentence that the command line prints, OSError that about a file. Ctrl-C is KeyboardInterrupt after the
    step; in a folder there is a checkpoint then, from which `mfld resume` goes on.
    """
    core = extension()
    experiment, settings = with_schedules(experiment, dict(set or {}))
    count, own, tell = threads_of(threads), own_parts(loss, observables, until), teller(progress)
    try:
        if out is None:
            return MemoryRun(core.run_in_memory(experiment, settings, own, tell, count, only))
        command = "mfld.run in Python: " + " ".join(sys.argv)
        core.run_in_folder(experiment, settings, os.fspath(out), own, tell, count, only, jobs, command, 1, 1)
    finally:
        if hasattr(tell, "close"):
            tell.close()
    return results.load(os.path.expanduser(out))


class MemoryRun(results.Run):
    """A run that is nowhere on the disk; the same parts as one that is."""

    def __init__(self, parts, name="run", case="", keys=None):
        super().__init__("", name, case, keys)
        self.path = None
        self._parts = parts

    def __repr__(self):
        return f"MemoryRun({self.summary.get('message', '')!r})"

    @functools.cached_property
    def config(self):
        return tomllib.loads(self._parts["config"])

    @functools.cached_property
    def summary(self):
        return json.loads(self._parts["summary"])

    @functools.cached_property
    def metrics(self):
        return table(self._parts["metrics"])

    @functools.cached_property
    def trajectory(self):
        parts = self._parts["trajectory"]
        return None if parts is None else MemoryTrajectory({**parts, "data": self.data})

    @functools.cached_property
    def predictions(self):
        parts = self._parts["predictions"]
        if parts is None:
            return None
        inputs = self.data["test_inputs"]
        columns = {f"x_{k + 1}": inputs[:, k] for k in range(inputs.shape[1])}
        return table({**columns, "target": self.data["test_targets"], **parts})

    @property
    def data(self):
        """The data set used, {name: array}."""
        return self._parts["data"]

    @property
    def history(self):
        """What was changed while it ran, a sentence each."""
        return list(self._parts.get("history", []))


class MemoryTrajectory:
    """Recorded particles: positions [frames, particles, p], velocities (the same, or None), steps and times [frames], ids
    [particles], names [p], data."""

    def __init__(self, parts):
        self.__dict__.update(parts)


def table(columns):
    """A pandas table of columns by name."""
    import pandas as pd

    return pd.DataFrame(columns)
