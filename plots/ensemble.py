#!/usr/bin/env python3
"""What merged runs are worth: the error of the output of M runs of width N together, against M N.

    plots/ensemble.py RUN_DIR [--out FOLDER]

The output of merged particles is the mean of the outputs of their runs, which predictions.csv of each has. Its error is the
mean square, over the test inputs and over as many ensembles of M different runs as there are, of its distance from the
output of all the widest runs together. Prints the slope of all the points, which is -1 for independent particles, and
writes ensemble.png, .pdf and .svg.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # python3 -I does not look there
import interpreter  # noqa: E402, F401  (first: it may start the script over)

import numpy as np

import arguments
from mfld import results
import series
import style
import sweeps
from words import say

FIGURE = "the figure of ensembles"


def outputs_of(run):
    if run.predictions is None:
        raise results.Error(f"{FIGURE} needs predictions, which {run.name} has not; set predictions = true under "
                            "[observe] and run again.")
    return run.predictions["output"].to_numpy()


def by_width(runs):
    """{N: outputs [runs, test inputs]}, N ascending."""
    widths = {}
    for run in runs:
        widths.setdefault(run.setting("network.width", kind=int), []).append(outputs_of(run))
    return {width: np.array(widths[width]) for width in sorted(widths)}


def errors_of(outputs, reference):
    """[(M, mean square error)] for M = 1, 2, 4, ...: of the means of M runs each."""
    errors, size = [], 1
    while size <= len(outputs):
        groups = outputs[:len(outputs) // size * size].reshape(-1, size, outputs.shape[1]).mean(axis=1)
        errors.append((size, np.mean((groups - reference) ** 2)))
        size *= 2
    return errors


def check(runs):
    series.require_alike(runs, FIGURE, ["network.width"])
    if len({run.setting("seeds.data", None) for run in runs}) > 1:
        raise results.Error(f"{FIGURE} compares outputs on one data set; set seeds.data.")
    if len({run.setting("network.width", kind=int) for run in runs}) < 2:
        raise results.Error(f"{FIGURE} needs two widths at least, for the widest is the reference.")


def draw(runs, args):
    check(runs)
    widths = by_width(runs)
    reference_width, wide = widths.popitem()
    style.require_few(widths, FIGURE)
    figure = style.figure(style.WIDTH_INCHES * 0.75, 3.4)
    axes = figure.subplots()
    products, errors = [], []
    for index, (width, outputs) in enumerate(widths.items()):
        of_width = errors_of(outputs, wide.mean(axis=0))
        products += [size * width for size, _ in of_width]
        errors += [error for _, error in of_width]
        axes.plot([size * width for size, _ in of_width], [error for _, error in of_width], linestyle="none",
                  label=f"$N = {width}$, $M$ = 1 to {of_width[-1][0]}", **style.look(index))
        say(f"N = {width}: error " + ", ".join(f"{error:.3g} (M = {size})" for size, error in of_width))
    power = sweeps.fit_power(products, errors)
    if power:
        say(f"error against M N: slope {power}")
        sweeps.draw_power(axes, np.array(products), power, color=style.GREY, label=power.label)
    axes.set_xscale("log")
    sweeps.log_if_positive(axes, errors)
    axes.set_xlabel("$M N$, particles together")
    axes.set_title(f"mean square distance from {len(wide)} runs of width {reference_width}", loc="left")
    axes.legend(loc="upper right")
    style.save(figure, args, "ensemble", "")


if __name__ == "__main__":
    arguments.run(__doc__, draw)
