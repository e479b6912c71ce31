#!/usr/bin/env python3
"""What a readout that is always solved leaves to learn: the kernel of the hidden layer during training.

    plots/two_timescale.py RUN_DIR [--out FOLDER]

Against the step, case by case: the alignment of the first-layer kernel with the labels, its effective dimension, and the
test loss, each as a median over seeds with the quartiles and each seed. Prints how both begin and end.
Writes two_timescale.png, .pdf and .svg.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # python3 -I does not look there
import interpreter  # noqa: E402, F401  (first: it may start the script over)

import numpy as np

import arguments
import series
import style
import words
from words import say

FIGURE = "the figure of two time scales"
PANELS = {
    "feature_alignment": ("alignment of kernel and labels", r"$y^\top K y \,/\, (|K|_F\, |y|^2)$"),
    "effective_dimension": ("effective dimension of the kernel", r"$\mathrm{tr}\, K (K + n\lambda I)^{-1}$"),
    "test_loss": ("test loss, no penalty", "$R(f)$ on new samples"),
}
LINESTYLES = ("-", (0, (3, 2)), "-.", ":", (0, (5, 1, 1, 1)))  # curves may lie on each other


def draw_panel(axes, cases, column):
    for index, (label, runs) in enumerate(cases.items()):
        series.draw(axes, runs, "step", column, True, label=words.in_figure(label or "runs", 24),
                    linestyle=LINESTYLES[index], **style.look(index))
    axes.set_xscale("symlog", linthresh=1)
    axes.set_xlabel("step $k$")
    title, unit = PANELS[column]
    axes.set_title(title, loc="left")
    axes.set_ylabel(unit)
    style.from_zero(axes)


def report(cases):
    for label, runs in cases.items():
        for column in PANELS:
            first, last = (np.median([run.metrics[column].iloc[place] for run in runs]) for place in (0, -1))
            say(f"{label or 'runs'} ({len(runs)}, median): {column} from {first:.3g} to {last:.3g}")


def draw(runs, args):
    for column in PANELS:
        series.require(runs, column, FIGURE)
    cases = series.by_case(runs)
    style.require_few(cases, FIGURE)
    figure = style.figure(style.WIDTH_INCHES * 1.3, 3.0)
    for axes, column in zip(figure.subplots(1, len(PANELS)), PANELS):
        draw_panel(axes, cases, column)
    figure.axes[0].legend(loc="upper left", handlelength=3)
    report(cases)
    style.save(figure, args, "two_timescale", series.in_words(cases))


if __name__ == "__main__":
    arguments.run(__doc__, draw)
