"""Runs that differ only in their seeds, as one curve with a band."""

import fnmatch

import numpy as np

from mfld import results
import words

SECTIONS = ("task", "network", "loss", "phase")  # of an experiment: what decides its numbers, beside the seeds
# What follows from a key unless it is set.
FOLLOW = {"task.num_train": ("phase.*.batch_size", "phase.*.snapshot_every")}


def is_seed(key):
    return key == "seed" or key.startswith("seeds.")


def _short_names(keys):
    """{key: its last part, or all of it where two keys share that}"""
    last = [key.rsplit(".", 1)[-1] for key in keys]
    return {key: name if last.count(name) == 1 else key for key, name in zip(keys, last)}


def by_case(runs, without=()):
    """{label: Runs that differ only in their seeds}, in the order of the runs; the label has the case and the keys that
    the sweep set, but for seeds and those in `without`."""
    names = _short_names(list(dict.fromkeys(key for run in runs for key in run.keys if not is_seed(key))))
    cases = {}
    for run in runs:
        keys = [f"{names[key]} = {value}" for key, value in run.keys.items() if not is_seed(key) and key not in without]
        cases.setdefault(", ".join(([run.case] if run.case else []) + keys), []).append(run)
    return {label: results.Runs(members) for label, members in cases.items()}


def _flat(value, key=""):
    """{dotted key: value}"""
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        items = enumerate(value)
    else:
        return {key: value}
    parts = (_flat(item, f"{key}.{name}" if key else str(name)) for name, item in items)
    return {inner: found for part in parts for inner, found in part.items()}


def differences(runs, sections=SECTIONS):
    """The dotted keys in which the resolved experiments of the runs differ."""
    experiments = [_flat({name: run.setting(name, {}) for name in sections}) for run in runs]
    keys = dict.fromkeys(key for experiment in experiments for key in experiment)
    return [key for key in keys if any(each.get(key) != experiments[0].get(key) for each in experiments)
            and not fnmatch.fnmatch(key, "phase.*.name")]


def require_alike(runs, figure, axes=(), sections=SECTIONS):
    """An Error, naming the keys, unless the runs differ in nothing but their seeds and these keys."""
    allowed = [*axes, *(pattern for axis in axes for pattern in FOLLOW.get(axis, ()))]
    others = [key for key in differences(runs, sections)
              if not any(fnmatch.fnmatch(key, pattern) for pattern in allowed)]
    if others:
        several = len({run.case for run in runs}) > 1 or any(key in run.keys for key in others for run in runs)
        raise results.Error(
            f"{figure} compares runs that differ in {' and '.join([*axes, 'their seeds'])} only; these differ in "
            f"{words.some(others)} too{'; choose some with --only KEY=VALUE' if several else ''}."
        )


def has(runs, column):
    """Whether every run recorded the column, in a row at least."""
    return all(column in run.metrics and len(run.metrics) for run in runs)


def marks(x, logarithmic, count=8):
    """Positions in x, which increases, of points that are evenly spaced along a linear or a logarithmic axis."""
    x = np.asarray(x, float)
    first = int(np.searchsorted(x, 0, side="right")) if logarithmic else 0
    if first >= len(x):
        return []
    along = np.log(x[first:]) if logarithmic else x
    places = np.searchsorted(along, np.linspace(along[0], along[-1], count + 1))
    return [first + int(place) for place in np.unique(np.minimum(places, len(along) - 1))]


def draw(axes, runs, x, column, logarithmic=False, **look):
    """The median over the runs with the band between the quartiles, and each run as a thin line. Markers, if the look
    has any, are spread along an axis that is or will be logarithmic or not."""
    if len(runs) > 1:
        thin = {key: look[key] for key in ("color", "linestyle") if key in look}
        for run in runs:
            axes.plot(run.metrics[x], run.metrics[column], **thin, linewidth=0.5, alpha=0.5)
    middle = runs.aggregate(column)
    grid = middle["time"] if x == "time" else middle.index
    if len(runs) > 1:
        axes.fill_between(grid, middle["low"], middle["high"], color=look["color"], alpha=0.22, linewidth=0)
    axes.plot(grid, middle["median"], markevery=marks(grid, logarithmic), **look)


def in_words(cases):
    """What the lines and bands are over; empty for single runs."""
    counts = sorted({len(runs) for runs in cases.values()})
    if counts == [1]:
        return ""
    return f"median, quartiles and each of {' or '.join(map(str, counts))} seeds"


def require(runs, column, figure):
    """An Error, naming what is missing, unless every run recorded the column."""
    for run in runs:
        if column not in run.metrics:
            raise results.Error(
                f"{figure} needs the column {column}, which {run.path / 'metrics.csv'} does not have; "
                "add it to columns under [observe] and run again."
            )
        if not len(run.metrics):
            raise results.Error(f"{run.path / 'metrics.csv'} has no row yet.")
