#!/usr/bin/env python3
"""What one number does to what is learnt: the end of training against alpha in f = (alpha / N) sum_j h.

    plots/lazy_to_rich.py RUN_DIR [--out FOLDER]

Training and test loss (and that of the regression with the tangent kernel at the start, where the experiment has it as
a case with method = "kernel-regression"), relative movement and, where it was recorded, the cosine of the teacher
neuron that is found worst, each as a median over seeds with the quartiles. A relative movement of slope -1 is the lazy
regime: the network is its linearisation at the start, and a step of size 1/alpha is enough to fit the data.
Writes lazy_to_rich.png, .pdf and .svg and prints the medians.
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

KEY = "network.alpha"
FIGURE = "the figure of lazy and rich training"
LAZY_VALUES = 3  # the largest alphas, where the slope is fitted
MARKS = {"linewidth": 0.8, "color": style.GREY}


def is_kernel_regression(run):
    return bool(run.phases) and run.phases[0].get("method") == "kernel-regression"


def draw_limit(axes, kernels):
    """The test loss that the lazy end approaches: regression with the tangent kernel at the start, whatever alpha."""
    level = np.median([sweeps.last_value(run, "test_loss") for run in kernels])
    axes.axhline(level, color=style.COLOURS[2], linewidth=1, linestyle="-.", label="test, tangent kernel")
    say(f"regression with the tangent kernel at the start: test_loss {level:.3g} (median of {len(kernels)})")


def draw_loss(axes, runs):
    sweeps.draw(axes, runs, KEY, "test_loss", label="test", **style.look(0))
    if series.has(runs, "train_loss"):
        sweeps.draw(axes, runs, KEY, "train_loss", linestyle="--", label="training", **style.look(1))
    axes.set_title("loss at the end", loc="left")
    axes.set_ylabel("$R(f)$, no penalty")


def draw_movement(axes, runs):
    x, y = sweeps.points(runs, KEY, "movement_relative")
    grid, _ = sweeps.draw(axes, runs, KEY, "movement_relative", **style.look(0))
    lazy = grid[-LAZY_VALUES:]
    power = sweeps.fit_power(x[x >= lazy[0]], y[x >= lazy[0]])
    if power:
        say(f"relative movement against alpha over alpha >= {lazy[0]:g}: slope {power}")
        sweeps.draw_power(axes, grid, power, color=style.COLOURS[2], linestyle="--",
                          label=f"{power.label}\n" rf"for $\alpha \geq {lazy[0]:g}$")
        axes.legend(loc="lower left", frameon=True, facecolor="white", edgecolor="none", framealpha=1)
    sweeps.log_if_positive(axes, y)
    axes.set_title("relative movement", loc="left")
    axes.set_ylabel(r"$|\Theta_t - \Theta_0|_F \,/\, |\Theta_0|_F$")


def draw_cosine(axes, runs):
    sweeps.draw(axes, runs, KEY, "teacher_cosine_min", **style.look(0))
    axes.set_title("teacher neuron found worst", loc="left")
    axes.set_ylabel(r"$\min_l\, \max_j\, \cos(w_j, w^*_l)$")


def named_scalings(runs):
    """[(alpha, name, line style)] where the family passes through the scalings that have names."""
    alphas = [run.keys[KEY] for run in runs]
    width = runs[0].setting("network.width", kind=int)
    named = [
        (1.0, r"mean field, $\alpha = 1$", ":"),
        (np.sqrt(width), r"NTK, $\alpha = \sqrt{N}$", (0, (6, 2, 1, 2, 1, 2))),
    ]
    return [scaling for scaling in named if min(alphas) <= scaling[0] <= max(alphas)]


def report(runs):
    for alpha in sorted({run.keys[KEY] for run in runs}):
        members = [run for run in runs if run.keys[KEY] == alpha]
        columns = [name for name in ("train_loss", "test_loss", "movement_relative", "teacher_cosine_min")
                   if series.has(members, name)]
        values = ", ".join(f"{name} {np.median([sweeps.last_value(run, name) for run in members]):.3g}"
                           for name in columns)
        say(f"alpha = {alpha:g} ({len(members)} run{'s' if len(members) > 1 else ''}, median): {values}")


def check(runs, kernels):
    sweeps.require_key(runs, KEY, FIGURE)
    for column in ("test_loss", "movement_relative"):
        series.require(runs, column, FIGURE)
    series.require(kernels, "test_loss", FIGURE)
    series.require_alike(runs, FIGURE, [KEY])
    series.require_alike(kernels, FIGURE, [KEY])
    series.require_alike([*runs, *kernels], FIGURE, sections=("task",))


def draw(everything, args):
    kernels = [run for run in everything if is_kernel_regression(run)]
    runs = results.Runs([run for run in everything if run not in kernels], args.run_dir)
    check(runs, kernels)
    panels = [draw_loss, draw_movement] + [draw_cosine] * series.has(runs, "teacher_cosine_min")
    figure = style.figure(style.WIDTH_INCHES * (0.1 + 0.35 * len(panels)), 3.2)
    names = [panel.__name__ for panel in panels]
    grid = figure.subplot_mosaic([["legend"] * len(panels), names], gridspec_kw={"height_ratios": (0.2, 2.8)})
    scalings = named_scalings(runs)
    for panel, name in zip(panels, names):
        panel(grid[name], runs)
        for alpha, _, linestyle in scalings:
            grid[name].axvline(alpha, linestyle=linestyle, zorder=1, **MARKS)
        sweeps.show_values(grid[name], [run.keys[KEY] for run in runs])
        grid[name].set_xlabel(r"$\alpha$   (rich $\leftarrow\;\rightarrow$ lazy)")
    if kernels:
        draw_limit(grid[names[0]], kernels)
    for name in {names[0], *names[2:]}:
        style.from_zero(grid[name])
    handles = grid[names[0]].get_legend_handles_labels()[0]
    handles += [style.handle(label, linestyle=linestyle, **MARKS) for _, label, linestyle in scalings]
    grid["legend"].axis("off")
    grid["legend"].legend(handles=handles, loc="center", ncol=len(handles))
    report(runs)
    style.save(figure, args, "lazy_to_rich", series.in_words(series.by_case(runs)))


if __name__ == "__main__":
    arguments.run(__doc__, draw)
