#!/usr/bin/env python3
"""Particles that become like draws of a law that is known through its score: the discrepancy, and the cloud over the law.

    plots/posterior.py RUN_DIR [--out FOLDER]

Left: the column ksd against the step, case by case. Right, one panel a case: the particles of its first run at the end, over
lines of the density at 0.5, 0.1 and 0.01 of its largest value, where the target is the banana. Prints the second moment of
each cloud beside that of the law.
Writes posterior.png, .pdf and .svg.
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
import words
from words import say

FIGURE = "the figure of the posterior"
LEVELS = (0.01, 0.1, 0.5)


def banana_of(run):
    """(scale, bend) of the target; None where it is another one."""
    if run.setting("objective.target", None) != "banana":
        return None
    return run.setting("objective.scale", kind=float), run.setting("objective.bend", kind=float)


def draw_density(axes, scale, bend):
    """Lines of x_0 ~ N(0, scale^2), x_1 + bend (x_0^2 - scale^2) ~ N(0, 1)."""
    first = np.linspace(-3.2 * scale, 3.2 * scale, 200)
    middle = -bend * (first**2 - scale**2)
    second = np.linspace(middle.min() - 3.2, middle.max() + 3.2, 300)
    height = second[:, None] - middle[None]
    axes.contour(first, second, np.exp(-(first[None] / scale) ** 2 / 2 - height**2 / 2), LEVELS, colors=style.GREY,
                 linewidths=0.8)


def report(label, run):
    positions = run.trajectory.positions[-1]
    moment = (positions**2).sum(axis=1).mean()
    banana = banana_of(run)
    law = "" if banana is None else f"; that of the law is {banana[0]**2 + 1 + 2 * banana[1]**2 * banana[0]**4:.3g}"
    say(f"{label or run.name}: second moment at the end {moment:.3g}{law}")


def draw(runs, args):
    column = points.column_of(runs, FIGURE)
    cases = series.by_case(runs)
    style.require_few(cases, FIGURE)
    for members in cases.values():
        points.require_plane(members[0], FIGURE)
    figure = style.figure(style.WIDTH_INCHES * (0.4 + 0.3 * len(cases)), 3.0)
    grid = figure.subplots(1, 1 + len(cases))
    points.draw_discrepancy(grid[0], cases, column)
    for index, (label, members) in enumerate(cases.items()):
        banana = banana_of(members[0])
        if banana is not None:
            draw_density(grid[1 + index], *banana)
        points.draw_cloud(grid[1 + index], members[0].trajectory.positions[-1], index, words.in_figure(label, 24))
        report(label, members[0])
    style.save(figure, args, "posterior", series.in_words(cases))


if __name__ == "__main__":
    arguments.run(__doc__, draw)
