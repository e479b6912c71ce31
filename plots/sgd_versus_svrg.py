#!/usr/bin/env python3
"""What a mini-batch costs in the end: the certified gap in gradients and in seconds, and the error that N does not lower.

    plots/sgd_versus_svrg.py RUN_DIR [--out FOLDER]

Left and middle, of the widest networks: the column dual_gap, an estimate of an upper bound on L(mu) - L*, against gradient
evaluations and seconds of the steps, without those of what is recorded (a step takes as long as with the fastest seed).
Medians over the seeds with the quartiles and each seed; in the grey band the gap is below the standard error of its
estimate (at the end, of the case whose median is the least). Right: the variance of the output f(x) over the seeds at the
end, a mean over the test inputs, against N, with intervals of 95 %. Needs observe.predictions. Prints when the gap of each
case is first below ten times the error, how it ends, and the variances.
Writes sgd_versus_svrg.png, .pdf and .svg.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # python3 -I does not look there
import interpreter  # noqa: E402, F401  (first: it may start the script over)

import numpy as np

import arguments
import family_comparison
import labels
from mfld import fits, results
import series
import style
import sweeps
import words
from words import say

KEY = "network.width"
FIGURE = "the figure of mini-batches"


def by_width(runs):
    """{N: Runs}, N ascending."""
    return {width: results.Runs([run for run in runs if run.keys[KEY] == width])
            for width in sorted({run.keys[KEY] for run in runs})}


def draw_spread(axes, cases):
    """The variance over the seeds against N, and the slope of its logarithm where it falls."""
    for index, (label, members) in enumerate(cases.items()):
        spreads = {width: runs.variance_of_outputs() for width, runs in by_width(members).items()}
        widths, (values, low, high) = np.array(list(spreads)), np.array(list(spreads.values())).T
        axes.errorbar(widths, values, [values - low, high - values], linestyle=family_comparison.LINESTYLES[index],
                      elinewidth=0.9, linewidth=1, **style.look(index))
        say(f"{label}: variance of f " + ", ".join(f"{value:.3g} (N = {width})" for width, value in zip(widths, values)))
        if len(widths) > 2 and (values > 0).all():
            slope = fits.slope(widths, values)
            say(f"{label}: slope {slope.value:.2f}, 95 % interval {slope.low:.2f} to {slope.high:.2f} of the scatter of the "
                "points")
    axes.set(yscale="log", xlabel="particles $N$", ylabel=r"$\mathrm{Var}\, f_N(x)$, mean over test inputs")
    sweeps.show_values(axes, [run.keys[KEY] for runs in cases.values() for run in runs])
    axes.set_title("variance over the seeds", loc="left")


def check(runs):
    series.require(runs, family_comparison.GAP, FIGURE)
    sweeps.require_key(runs, KEY, FIGURE)
    cases = series.by_case(runs, without=[KEY])
    style.require_few(cases, FIGURE)
    return {label or "runs": members for label, members in cases.items()}


def draw(runs, args):
    cases = check(runs)
    widest = max(run.keys[KEY] for run in runs)
    tables = {label: family_comparison.tables_of(by_width(members)[widest]) for label, members in cases.items()}
    error = family_comparison.least_error({"": tables})
    if not error > 0:
        raise results.Error(f"{FIGURE} needs numbers in the column {family_comparison.ERROR}.")
    figure = style.figure(1.45 * style.WIDTH_INCHES, 3.5)
    grid = figure.subplot_mosaic([["legend"] * 3, ["gradients", "seconds", "spread"]],
                                 gridspec_kw={"height_ratios": (0.25, 3)})
    for name, x in zip(("gradients", "seconds"), family_comparison.AXES):
        family_comparison.draw_panel(grid[name], tables, x, error)
    grid["gradients"].set_ylabel(labels.column(family_comparison.GAP))
    grid["gradients"].set_title(f"certified gap, $N$ = {widest}", loc="left")
    grid["seconds"].set_title("the same runs, in seconds", loc="left")
    draw_spread(grid["spread"], cases)
    grid["legend"].axis("off")
    grid["legend"].legend(handles=[style.handle(words.in_figure(label), linestyle=family_comparison.LINESTYLES[index],
                                                **style.look(index)) for index, label in enumerate(cases)],
                          loc="center", ncol=len(cases), handlelength=3)
    for label, members in tables.items():
        family_comparison.report(label, members, error)
    say(f"standard error of the gap at the end: {error:.2g}")
    style.save(figure, args, "sgd_versus_svrg", series.in_words(series.by_case(runs)) + "; bars: intervals of 95 %")


if __name__ == "__main__":
    arguments.run(__doc__, draw)
