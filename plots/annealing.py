#!/usr/bin/env python3
"""Particles that go down a discrepancy with annealed noise and without noise: how far they get, and where they end.

    plots/annealing.py RUN_DIR [--out FOLDER]

Left: the column mmd (or ksd) against the step, median over seeds with the quartiles and each seed, case by case. Right, one
panel a case: where the particles of its first run end, with their last positions before, and the points of the task; on
the torus, where they are modulo 2 pi. Prints the medians of the ends, in how many seeds the first case ends below the second,
and the ratio of their medians.
Writes annealing.png, .pdf and .svg.
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
import sweeps
import words
from words import say

FIGURE = "the figure of annealing"
TURN = 2 * np.pi


def is_torus(run):
    return run.setting("objective.kernel", "gaussian") == "torus"


def draw_end(axes, label, run, index):
    """The plane of the first two coordinates."""
    end = run.trajectory.positions[-1][:, :2]
    sought = run.data["train_inputs"][:, :2]
    if is_torus(run):
        end, sought = end % TURN, sought % TURN
        axes.set_xlim(0, TURN)
        axes.set_ylim(0, TURN)
    if len(sought):
        axes.plot(*sought.T, linestyle="none", marker="x", markersize=7, color=style.GREY, label="points")
    axes.plot(*end.T, linestyle="none", marker="o", markersize=3, alpha=0.6, color=style.COLOURS[index], label="particles")
    axes.set_aspect("equal", adjustable="box")
    axes.set_xlabel("$x_0$")
    axes.set_ylabel("$x_1$")
    axes.set_title(words.in_figure(label or "the end", 24), loc="left")


def seeds_of(runs):
    return {tuple(value for key, value in run.keys.items() if series.is_seed(key)): run for run in runs}


def report(cases, column):
    ends = {label: [sweeps.last_value(run, column) for run in runs] for label, runs in cases.items()}
    for label, values in ends.items():
        say(f"{label or 'runs'} ({len(values)}): {column} at the end {np.median(values):.3g} (median), "
            f"{min(values):.3g} to {max(values):.3g}")
    if len(cases) < 2:
        return
    (first, runs), (second, others) = list(cases.items())[:2]
    runs, others = seeds_of(runs), seeds_of(others)
    both = [seed for seed in runs if seed in others]
    below = sum(sweeps.last_value(runs[seed], column) < sweeps.last_value(others[seed], column) for seed in both)
    say(f"{first} ends below {second} in {below} of {len(both)} seeds; their medians are "
        f"{np.median(ends[second]) / np.median(ends[first]):.3g} times apart")


def draw(runs, args):
    column = points.column_of(runs, FIGURE)
    cases = series.by_case(runs)
    style.require_few(cases, FIGURE)
    shown = {label: members[0] for label, members in cases.items() if points.has_plane(members[0])}
    figure = style.figure(style.WIDTH_INCHES * (0.4 + 0.3 * len(shown)), 3.0)
    grid = figure.subplots(1, 1 + len(shown), squeeze=False)[0]
    points.draw_discrepancy(grid[0], cases, column)
    for axes, (label, run) in zip(grid[1:], shown.items()):
        draw_end(axes, label, run, list(cases).index(label))
    report(cases, column)
    style.save(figure, args, "annealing", series.in_words(cases))


if __name__ == "__main__":
    arguments.run(__doc__, draw)
