"""Runs whose particles are points: the discrepancy that they go down, and where they are."""

import numpy as np

import series
import style
import sweeps
import words
from mfld import results


def column_of(runs, figure):
    """The column of the discrepancy, called as [objective] kind is; an Error unless the runs have one and the same."""
    kinds = list(dict.fromkeys(run.setting("objective.kind", None) for run in runs))
    if None in kinds:
        raise results.Error(f"{figure} needs particles that are points, and an experiment without [objective] has none.")
    if len(kinds) > 1:
        raise results.Error(f"{figure} compares runs of one objective, and these have {words.some(kinds)}.")
    series.require(runs, kinds[0], figure)
    return kinds[0]


def has_plane(run):
    """Whether there are positions of two coordinates at least."""
    return run.trajectory is not None and run.trajectory.positions.shape[2] >= 2


def require_plane(run, figure):
    if not has_plane(run):
        raise results.Error(f"{figure} needs the positions of points in the plane; set particles = \"all\" under "
                            "[observe.trajectory] and run again.")


def draw_discrepancy(axes, cases, column):
    """Against the step, case by case."""
    for index, (label, runs) in enumerate(cases.items()):
        series.draw(axes, runs, "step", column, True, label=words.in_figure(label, 24), **style.look(index))
    axes.set_xscale("symlog", linthresh=1)
    sweeps.log_if_positive(axes, np.concatenate([run.metrics[column] for runs in cases.values() for run in runs]))
    axes.set_xlabel("step")
    axes.set_title("squared discrepancy", loc="left")
    if any(cases):
        axes.legend(loc="lower left")


def draw_cloud(axes, positions, index=0, title=""):
    """Points in the plane of the first two coordinates."""
    axes.plot(*positions[:, :2].T, linestyle="none", marker="o", markersize=2.5, alpha=0.7, color=style.COLOURS[index])
    axes.set_aspect("equal", adjustable="box")
    axes.set_xlabel("$x_0$")
    axes.set_title(title, loc="left")
