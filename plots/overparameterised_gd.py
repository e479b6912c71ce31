#!/usr/bin/env python3
"""Why wide networks converge: loss, movement and activation patterns under gradient descent at several widths N.

    plots/overparameterised_gd.py RUN_DIR [--out FOLDER]

Left: training loss against time; dashed, what a kernel frozen at the start guarantees, R_0 exp(-2 mu t) with mu the
least eigenvalue of K_0 / n of the widest networks (needs the observable tangent_eigenvalues and n <= 100). Right: the
share of activation patterns that have changed, and the largest and mean movement of a neuron, at the end against N,
with fitted powers.
Writes overparameterised_gd.png, .pdf and .svg and prints slopes and rates.
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

KEY = "network.width"
FIGURE = "the figure of overparameterised networks"
COLUMNS = ("train_loss", "pattern_change", "movement_max", "movement_mean")
FLOOR = 1e-25  # losses below are rounding


def least_eigenvalue(runs):
    """Median over the runs of the least eigenvalue of K_0 / n; None where it was not recorded."""
    column = f"tangent_eigenvalue_{runs[0].setting('task.num_train', None)}"
    if not series.has(runs, column):
        return None
    return np.median([run.metrics[column].iloc[0] for run in runs])


def rate_of(run):
    """Of the exponential that the second half of the run follows, by least squares of the logarithm of the loss."""
    table = run.metrics[run.metrics["time"] >= run.metrics["time"].iloc[-1] / 2]
    table = table[(table["train_loss"] > FLOOR) & np.isfinite(table["train_loss"])]
    if table["time"].nunique() < 2:
        return np.nan
    return -np.polyfit(table["time"], np.log(table["train_loss"]), 1)[0]


def draw_loss(axes, widths):
    for index, (width, runs) in enumerate(widths.items()):
        series.draw(axes, runs, "time", "train_loss", label=f"$N$ = {width}", **style.look(index))
        say(f"N = {width}: rate of the loss over the second half {np.median([rate_of(run) for run in runs]):.4g} "
            f"(median of {len(runs)})")
    widest = list(widths.values())[-1]
    least = least_eigenvalue(widest)
    if least is None:
        say("No reference rate: tangent_eigenvalues were not recorded, or n > 100.")
    else:
        time = widest[0].metrics["time"].to_numpy()
        start = np.median([run.metrics["train_loss"].iloc[0] for run in widest])
        axes.plot(time, start * np.exp(-2 * least * time), color=style.COLOURS[2], linestyle="--", linewidth=1.2,
                  label=r"$R_0\, e^{-2 \mu t}$, kernel at the start")
        say(f"kernel at the start, N = {list(widths)[-1]}: 2 mu = {2 * least:.4g}, "
            "mu the least eigenvalue of K_0 / n")
    losses = [run.metrics["train_loss"] for runs in widths.values() for run in runs]
    sweeps.log_if_positive(axes, np.concatenate(losses))
    axes.set_title("training loss", loc="left")
    axes.set(xlabel="time $t$ (sum of step sizes)", ylabel="$R(f)$")
    axes.legend(loc="lower left", handlelength=1.5)


def draw_ends(axes, runs, columns, title, label):
    for index, (column, name) in enumerate(columns.items()):
        power = sweeps.draw_with_power(axes, runs, KEY, column, index, name)
        say(f"{column} at the end against width, slope {power}")
    sweeps.log_if_positive(axes, [sweeps.last_value(run, column) for run in runs for column in columns])
    sweeps.show_values(axes, [run.keys[KEY] for run in runs])
    axes.set_title(title, loc="left")
    axes.set(xlabel="width $N$", ylabel=label)
    axes.legend(loc="lower left", handlelength=1)


def draw(runs, args):
    sweeps.require_key(runs, KEY, FIGURE)
    for column in COLUMNS:
        series.require(runs, column, FIGURE)
    series.require_alike(runs, FIGURE, [KEY])
    widths = {width: results.Runs([run for run in runs if run.keys[KEY] == width])
              for width in sorted({run.keys[KEY] for run in runs})}
    style.require_few(widths, "widths")
    figure = style.figure(1.35 * style.WIDTH_INCHES, 3.2)
    loss, patterns, movement = figure.subplots(1, 3)
    draw_loss(loss, widths)
    draw_ends(patterns, runs, {"pattern_change": ""}, "activation patterns that changed", "share of pairs $(i, j)$")
    draw_ends(movement, runs, {"movement_max": "largest", "movement_mean": "mean"}, "movement of a neuron",
              "$|w_j(t) - w_j(0)|$")
    style.save(figure, args, "overparameterised_gd", series.in_words(widths))


if __name__ == "__main__":
    arguments.run(__doc__, draw)
