"""Runs that differ only in their seeds, as one curve with a band."""

import results


def is_seed(key):
    return key == "seed" or key.startswith("seeds.")


def by_case(runs, without=()):
    """{label: Runs that differ only in their seeds}, in the order of the runs; the label has the case and the keys that
    the sweep set, but for seeds and those in `without`."""
    cases = {}
    for run in runs:
        keys = [
            f"{key.rsplit('.', 1)[-1]} = {value}"
            for key, value in run.keys.items()
            if not is_seed(key) and key not in without
        ]
        cases.setdefault(", ".join(([run.case] if run.case else []) + keys), []).append(run)
    return {label: results.Runs(members) for label, members in cases.items()}


def has(runs, column):
    """Whether every run recorded the column."""
    return all(column in run.metrics for run in runs)


def draw(axes, runs, x, column, **look):
    """The median over the runs with the band between the quartiles, and each run as a thin line."""
    if len(runs) > 1:
        thin = {key: look[key] for key in ("color", "linestyle") if key in look}
        for run in runs:
            axes.plot(run.metrics[x], run.metrics[column], **thin, linewidth=0.5, alpha=0.5)
    middle = runs.aggregate(column)
    grid = middle["time"] if x == "time" else middle.index
    if len(runs) > 1:
        axes.fill_between(grid, middle["low"], middle["high"], color=look["color"], alpha=0.22, linewidth=0)
    axes.plot(grid, middle["median"], **look)


def in_words(cases):
    """What the lines and bands are over; empty for single runs."""
    counts = sorted({len(runs) for runs in cases.values()})
    if counts == [1]:
        return ""
    return f"median, quartiles and each of {' or '.join(map(str, counts))} seeds"


def require(runs, column, figure):
    """Ends the program, naming what is missing, unless every run recorded the column."""
    for run in runs:
        if column not in run.metrics:
            raise results.ResultError(
                f"{figure} needs the column {column}, which {run.path / 'metrics.csv'} does not have; "
                "add it to columns under [observe] and run again."
            )
