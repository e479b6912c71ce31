#!/usr/bin/env python3
"""Particles as draws of the posterior of logistic regression on real data, beside a long Markov chain.

    plots/posterior_coefficients.py RUN_DIR [--out FOLDER]

Left: the squared kernel Stein discrepancy against the step, for each number of particles N. Middle: mean and standard
deviation of every coefficient, by the chain (plots/posterior_coefficients.csv, which plots/posterior_chain.py makes)
and by the particles of the first run of the largest N. Right, against N: the root mean square over the coefficients of
the distance of the means, in standard deviations of the chain, and of the relative error of the standard deviations,
each seed and their median. Prints both, the means of the signed errors and the error of the chain itself, and writes
posterior_coefficients.png, .pdf and .svg.
"""

import csv
import os
import pathlib
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # python3 -I does not look there
import interpreter  # noqa: E402, F401  (first: it may start the script over)

import numpy as np

import arguments
from mfld import results
import points
import series
import style
import sweeps
from words import say

FIGURE = "the figure of the coefficients"
REFERENCE = pathlib.Path(__file__).resolve().with_suffix(".csv")


def read_reference():
    """(names of the coefficients, {column: numbers})"""
    with REFERENCE.open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    names = [row.pop("coefficient") for row in rows]
    return names, {key: np.array([float(row[key]) for row in rows]) for key in rows[0]}


def errors_of(run, reference):
    """(distances of the means in standard deviations, relative errors of these) of the last particles."""
    positions = run.trajectory.positions[-1]
    deviation = reference["standard_deviation"]
    return (positions.mean(axis=0) - reference["mean"]) / deviation, positions.std(axis=0) / deviation - 1


def check(runs, names):
    series.require_alike(runs, FIGURE, ["network.width"])
    for run in runs:
        if run.setting("objective.target", None) != "logistic-regression":
            raise results.Error(f"{FIGURE} needs objective.target = \"logistic-regression\", which {run.name} has not.")
        points.require_plane(run, FIGURE)
        if run.trajectory.positions.shape[2] != len(names):
            raise results.Error(f"{FIGURE} has a reference of {len(names)} coefficients, and {run.name} has "
                                f"{run.trajectory.positions.shape[2]}.")


def draw_coefficients(axes, names, reference, run):
    places = np.arange(len(names))
    positions = run.trajectory.positions[-1]
    chain = axes.errorbar(places - 0.15, reference["mean"], reference["standard_deviation"], linestyle="none",
                          capsize=3, label="Markov chain", **style.look(0))
    chain[0].set_markerfacecolor("white")
    axes.errorbar(places + 0.15, positions.mean(axis=0), positions.std(axis=0), linestyle="none", capsize=3,
                  label=f"{len(positions)} particles", **style.look(1))
    axes.set_xticks(places, names, rotation=30, ha="right", rotation_mode="anchor")
    axes.set_title("coefficient: mean ± std. deviation", loc="left")
    axes.legend(loc="lower right")


def root_mean_square(errors):
    return np.sqrt((np.asarray(errors) ** 2).mean(axis=-1))


def draw_errors(axes, widths, reference):
    """Of the means and the standard deviations, against N; prints them."""
    of_all = {width: np.array([errors_of(run, reference) for run in runs]) for width, runs in widths.items()}
    floor = root_mean_square(reference["mean_error"] / reference["standard_deviation"])
    for index, label in enumerate(("means, in std. deviations", "std. deviations, relative")):
        look = style.look(index)
        sizes = {width: root_mean_square(errors[:, index]) for width, errors in of_all.items()}
        for width, each in sizes.items():
            axes.plot([width] * len(each), each, linestyle="none", alpha=0.4, **look)
        axes.plot(list(sizes), [np.median(each) for each in sizes.values()], label=label, **look)
        for width, each in sizes.items():
            say(f"N = {width}: error of the {label}: {np.median(each):.3g} (median of {len(each)}; "
                f"signed mean {of_all[width][:, index].mean():.3g})")
    axes.axhline(floor, linestyle=":", color=style.GREY, label="error of the chain's means")
    say(f"error of the means of the chain, in standard deviations: {floor:.2g}")
    axes.set_xscale("log")
    axes.set_yscale("log")
    errors = [floor, *(error for each in of_all.values() for error in root_mean_square(each).ravel())]
    room = 0.8  # of a decade, for the legend
    axes.set_ylim(10 ** np.floor(np.log10(min(errors))), 10 ** (np.ceil(np.log10(max(errors))) + room))
    axes.set_xticks(list(widths), [str(width) for width in widths])
    axes.minorticks_off()
    axes.set_xlabel("number of particles $N$")
    axes.set_title("error against the chain", loc="left")
    axes.legend(loc="upper right")


def draw(runs, args):
    names, reference = read_reference()
    column = points.column_of(runs, FIGURE)
    check(runs, names)
    widths = {}
    for run in runs:
        widths.setdefault(run.setting("network.width", kind=int), []).append(run)
    widths = {width: results.Runs(widths[width]) for width in sorted(widths)}
    style.require_few(widths, FIGURE)
    figure = style.figure(style.WIDTH_INCHES * 1.3, 3.2)
    left, middle, right = figure.subplots(1, 3)
    points.draw_discrepancy(left, {f"N = {width}": members for width, members in widths.items()}, column)
    draw_coefficients(middle, names, reference, widths[max(widths)][0])
    draw_errors(right, widths, reference)
    style.save(figure, args, "posterior_coefficients", series.in_words(widths))


if __name__ == "__main__":
    arguments.run(__doc__, draw)
