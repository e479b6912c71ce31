#!/usr/bin/env python3
"""What velocities are worth: the certified gap of steps with them and without, and what the friction does.

    plots/kinetic_versus_overdamped.py RUN_DIR [--out FOLDER]

Left: the column dual_gap, an estimate of an upper bound on L(mu) - L*, against the step, case by case; every step of every
case costs one gradient and one normal number a coordinate. Medians over the seeds with the quartiles and each seed. In the
grey band the gap is below the standard error of its estimate (at the end, of the case whose median is the least). Right:
after how many steps the gap is first below 0.001 (of those that were recorded; the median, and each seed as a dot), against
the friction of the steps with velocities; the horizontal line is that of the others, the vertical one the friction
2 sqrt(2 lambda1) that suits the slowest direction, of the penalty alone. Prints these numbers of steps and how the gap ends.
Writes kinetic_versus_overdamped.png, .pdf and .svg.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # python3 -I does not look there
import interpreter  # noqa: E402, F401  (first: it may start the script over)

import numpy as np

import arguments
import family_comparison
import labels
from mfld import results
import series
import style
import words
from words import say

FIGURE = "the figure of velocities"
GAP, ERROR, STEP = family_comparison.GAP, family_comparison.ERROR, "step"
REACHED = 1e-3


def is_kinetic(run):
    return run.phases[0].get("step") == "kinetic"


def steps_until(run):
    """The first recorded step with a gap below; infinite where there is none."""
    below = run.metrics[run.metrics[GAP] < REACHED]
    return float(below[STEP].iloc[0]) if len(below) else np.inf


def draw_gaps(axes, cases, error):
    tables = {label: [run.metrics.loc[run.metrics[STEP] > 0, [STEP, GAP]].astype(float) for run in runs]
              for label, runs in cases.items()}
    for index, members in enumerate(tables.values()):
        family_comparison.draw_method(axes, members, STEP, index, error / 100)
    axes.axhspan(error / 100, error, color=style.SHADE, linewidth=0)
    axes.set(xscale="log", yscale="log", xlabel="step $k$", ylabel=labels.column(GAP))
    axes.set_ylim(bottom=error / 4)
    axes.set_title("certified gap", loc="left")


def draw_steps(axes, cases):
    """Steps until REACHED against the friction."""
    for index, (label, runs) in enumerate(cases.items()):
        steps = [steps_until(run) for run in runs]
        middle = np.median(steps)
        say(f"{label} ({len(runs)}): gap below {REACHED:g} after {middle:g} steps (median); "
            f"{np.median([run.metrics[GAP].iloc[-1] for run in runs]):.2g} at the end")
        if not is_kinetic(runs[0]):
            axes.axhline(middle, linestyle=family_comparison.LINESTYLES[index], color=style.COLOURS[index])
            continue
        friction = runs[0].phases[0]["friction"]
        axes.plot([friction] * len(steps), steps, linestyle="none", marker=".", markersize=2.5,
                  color=style.COLOURS[index])
        axes.plot(friction, middle, linestyle="none", **style.look(index))
    penalty = next(iter(cases.values()))[0].phases[0].get("lambda1")
    if isinstance(penalty, float) and penalty > 0:
        axes.axvline(2 * np.sqrt(2 * penalty), linestyle=":", linewidth=1, color=style.GREY,
                     label=r"$2 \sqrt{2 \lambda_1}$")
        axes.legend(loc="lower right")
    style.from_zero(axes)
    axes.set(xscale="log", xlabel=r"friction $\gamma$", ylabel="step $k$")
    axes.set_title(f"first step with a gap below {REACHED:g}", loc="left")


def draw(runs, args):
    series.require(runs, GAP, FIGURE)
    series.require(runs, ERROR, FIGURE)
    cases = {label or "runs": members for label, members in series.by_case(runs).items()}
    style.require_few(cases, FIGURE)
    tables = {label: [run.metrics for run in members] for label, members in cases.items()}
    error = family_comparison.least_error({"": tables})
    if not error > 0:
        raise results.Error(f"{FIGURE} needs numbers in the column {ERROR}.")
    figure = style.figure(style.WIDTH_INCHES, 3.2)
    grid = figure.subplot_mosaic([["legend"] * 2, ["gaps", "steps"]],
                                 gridspec_kw={"height_ratios": (0.25, 2.8), "width_ratios": (1.3, 1)})
    draw_gaps(grid["gaps"], cases, error)
    draw_steps(grid["steps"], cases)
    grid["legend"].axis("off")
    handles = [style.handle(words.in_figure(label), linestyle=family_comparison.LINESTYLES[index], **style.look(index))
               for index, label in enumerate(cases)]
    grid["legend"].legend(handles=handles, loc="center", ncol=len(handles), handlelength=3)
    say(f"standard error of the gap at the end: {error:.2g}")
    style.save(figure, args, "kinetic_versus_overdamped", series.in_words(cases))


if __name__ == "__main__":
    arguments.run(__doc__, draw)
