#!/usr/bin/env python3
"""Particles that move to the data: the discrepancy, and the cloud over the points at several steps.

    plots/density.py RUN_DIR [--out FOLDER]

Left: the column mmd against the step. Right: the particles of the first run at the start, at two steps on the way and at
the end, over the points of the task. Prints the discrepancy at these.
Writes density.png, .pdf and .svg.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # python3 -I does not look there
import interpreter  # noqa: E402, F401  (first: it may start the script over)

import numpy as np

import arguments
import points
import series
import style
from words import say

FIGURE = "the figure of density estimation"
ON_THE_WAY = (0.35, 0.65)  # shares of the frames


def chosen_frames(run):
    last = len(run.trajectory.steps) - 1
    return sorted({0, *(round(share * last) for share in ON_THE_WAY), last})


def limits(run):
    """What holds the data, with a margin."""
    inputs = run.data["train_inputs"][:, :2]
    everything = inputs if len(inputs) else run.trajectory.positions[-1][:, :2]
    low, high = everything.min(axis=0), everything.max(axis=0)
    return low - 0.1 * (high - low), high + 0.1 * (high - low)


def draw(runs, args):
    column = points.column_of(runs, FIGURE)
    run = runs[0]
    points.require_plane(run, FIGURE)
    frames = chosen_frames(run)
    figure = style.figure(style.WIDTH_INCHES * (0.32 + 0.23 * len(frames)), 2.6)
    grid = figure.subplots(1, 1 + len(frames))
    cases = series.by_case(runs)
    style.require_few(cases, FIGURE)
    points.draw_discrepancy(grid[0], cases, column)
    (left, bottom), (right, top) = limits(run)
    for axes, frame in zip(grid[1:], frames):
        axes.plot(*run.data["train_inputs"][:, :2].T, linestyle="none", marker=".", markersize=1.5, color=style.GREY)
        points.draw_cloud(axes, run.trajectory.positions[frame], title=f"step {run.trajectory.steps[frame]}")
        axes.set_xlim(left, right)
        axes.set_ylim(bottom, top)
    start, end = (np.median([each.metrics[column].iloc[row] for each in runs]) for row in (0, -1))
    say(f"{column}: {start:.3g} at the start, {end:.3g} at the end (median of {len(runs)})")
    style.save(figure, args, "density", series.in_words(cases))


if __name__ == "__main__":
    arguments.run(__doc__, draw)
