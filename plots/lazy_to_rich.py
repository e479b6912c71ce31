#!/usr/bin/env python3
"""What one number does to what is learnt: the end of training against alpha in f = (alpha / N) sum_j h.

    plots/lazy_to_rich.py RUN_DIR [--out FOLDER]

Training and test loss (and that of the regression with the tangent kernel at the start, where the experiment has it as
a case with method = "kernel-regression"), relative movement and, where it was recorded, the cosine of the teacher neuron that is found
worst, each as a median over seeds with the quartiles. A relative movement of slope -1 is the lazy regime: the
network is its linearisation at the start, and a step of size 1/alpha is enough to fit the data.
Writes lazy_to_rich.png, .pdf and .svg and prints the medians.
"""

import interpreter  # noqa: F401  (first: it may start the script over)

import matplotlib.pyplot as plt
import numpy as np

import arguments
import results
import series
import style
import sweeps

KEY = "network.alpha"
FIGURE = "the figure of lazy and rich training"
LAZY_VALUES = 3  # the largest alphas, where the slope is fitted


def is_kernel_regression(run):
    return run.config.get("phase", [{}])[0].get("method") == "kernel-regression"


def draw_limit(axes, kernels):
    """The test loss that the lazy end approaches: regression with the tangent kernel at the start, whatever alpha."""
    level = np.median([sweeps.last_value(run, "test_loss") for run in kernels])
    axes.axhline(level, color=style.COLOURS[2], linewidth=1, linestyle="-.", label="test, tangent kernel")
    print(f"regression with the tangent kernel at the start: test_loss {level:.3g} (median of {len(kernels)})")


def draw_loss(axes, runs):
    sweeps.draw(axes, runs, KEY, "test_loss", label="test", **style.look(0))
    if series.has(runs, "train_loss"):
        sweeps.draw(axes, runs, KEY, "train_loss", linestyle="--", label="training", **style.look(1))
    axes.set_ylim(bottom=-0.03 * axes.get_ylim()[1])
    axes.set_title("loss at the end", loc="left")
    axes.set_ylabel("$R(f)$, no penalty")


def draw_movement(axes, runs):
    x, y = sweeps.points(runs, KEY, "movement_relative")
    grid, _ = sweeps.draw(axes, runs, KEY, "movement_relative", **style.look(0))
    lazy = grid[-LAZY_VALUES:]
    power = sweeps.fit_power(x[x >= lazy[0]], y[x >= lazy[0]])
    if power:
        print(f"relative movement against alpha over alpha >= {lazy[0]:g}: slope {power}")
        sweeps.draw_power(axes, grid, power, color=style.COLOURS[2], linestyle="--",
                          label=f"{power.label}\n" rf"for $\alpha \geq {lazy[0]:g}$")
    axes.set_yscale("log")
    axes.set_title("relative movement", loc="left")
    axes.set_ylabel(r"$|\Theta_t - \Theta_0|_F \,/\, |\Theta_0|_F$")
    axes.legend(loc="lower left")


def draw_cosine(axes, runs):
    sweeps.draw(axes, runs, KEY, "teacher_cosine_min", **style.look(0))
    axes.set_ylim(0, 1.03)
    axes.set_title("teacher neuron found worst", loc="left")
    axes.set_ylabel(r"$\min_l\, \max_j\, \cos(w_j, w^*_l)$")


def mark_scalings(axes, runs, named):
    """Where the family passes through the scalings that have names."""
    widths = {run.config["network"]["width"] for run in runs}
    sweeps.mark(axes, 1, "mean field,\n" r"$\alpha = 1$" if named else "", style.GREY)
    if len(widths) == 1:
        sweeps.mark(axes, np.sqrt(widths.pop()), "NTK,\n" r"$\alpha = \sqrt{N}$" if named else "", style.GREY)


def report(runs):
    for alpha in sorted({run.keys[KEY] for run in runs}):
        members = [run for run in runs if run.keys[KEY] == alpha]
        columns = [name for name in ("train_loss", "test_loss", "movement_relative", "teacher_cosine_min")
                   if series.has(members, name)]
        values = ", ".join(f"{name} {np.median([sweeps.last_value(run, name) for run in members]):.3g}"
                           for name in columns)
        print(f"alpha = {alpha:g} ({len(members)} run{'s' if len(members) > 1 else ''}, median): {values}")


def main():
    args = arguments.parse(__doc__)
    everything = arguments.load_runs(args)
    kernels = [run for run in everything if is_kernel_regression(run)]
    runs = results.Runs([run for run in everything if run not in kernels], args.run_dir)
    sweeps.require_key(runs, KEY, FIGURE)
    for column in ("test_loss", "movement_relative"):
        series.require(runs, column, FIGURE)
    panels = [draw_loss, draw_movement] + [draw_cosine] * series.has(runs, "teacher_cosine_min")
    style.apply()
    figure, row = plt.subplots(1, len(panels), figsize=(style.WIDTH_INCHES * (0.1 + 0.35 * len(panels)), 3.0))
    for axes, draw in zip(row, panels):
        draw(axes, runs)
        mark_scalings(axes, runs, named=draw is draw_movement)
        sweeps.show_values(axes, sorted({run.keys[KEY] for run in runs}))
        axes.set_xlabel(r"$\alpha$   (rich $\leftarrow\;\rightarrow$ lazy)")
    if kernels:
        draw_limit(row[0], kernels)
    row[0].set_ylim(top=1.35 * row[0].get_ylim()[1])  # room for the legend
    row[0].legend(loc="upper left")
    words = series.in_words(series.by_case(runs))
    if words:
        figure.suptitle(words, x=0.01, ha="left", fontsize=plt.rcParams["legend.fontsize"])
    report(runs)
    style.save(figure, args.out, "lazy_to_rich")


if __name__ == "__main__":
    main()
