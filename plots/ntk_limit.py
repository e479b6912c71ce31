#!/usr/bin/env python3
"""How networks approach their infinitely wide limit in the NTK scaling: rates in the width, kernel, and outputs.

    plots/ntk_limit.py RUN_DIR [--out FOLDER]

First row: error of the linearised network, drift of the tangent kernel and mean movement of a neuron at the end against
the width N, with fitted powers of N and the bound N^(-1/2) of the theorem (Lee et al., NeurIPS 2019, thm. 2.1).
Second row: the tangent kernel along the circle before and after training for relu networks of the narrowest and of the
middle width, with its infinite limit, and the outputs of the widest networks from independent starts (case "ensemble")
among the percentiles of the Gaussian process (case "infinite", or any run whose predictions.csv has std). A panel whose
runs or columns are missing is left out, and the program says so.
Writes ntk_limit.png, .pdf and .svg and prints the slopes.
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
import words
from words import say

from matplotlib.patches import Patch

KEY = "network.width"
FIGURE = "the figure of the infinitely wide limit"
# Column: title, axis, exponent of the theorem's bound.
RATES = {
    "linearisation_error": ("error of the linearised network", r"$|f_t - f^{\rm lin}_t| \,/\, |f_t - f_0|$", -0.5),
    "ntk_drift": ("drift of the tangent kernel", r"$|K_t - K_0|_F \,/\, |K_0|_F$", -0.5),
    "movement_mean": ("mean movement of a neuron", "mean over $j$ of $|w_j(t) - w_j(0)|$", None),
}
WHY = (
    "Dotted: the theorem's bound. The terms of first order in the movement are odd in $r$, whose law is even: they\n"
    "average out over the neurons. That leaves $N^{-1}$ for the smooth tanh; the kinks of relu keep it between the two."
)
TAIL = 0.1  # the band of the process: from this quantile to 1 minus it
TAIL_DEVIATIONS = 1.2815515655446004  # standard deviations to the quantile 0.9 of a Gaussian
KERNEL_SEEDS = 5  # networks drawn at each width


def relu_tangent_kernel(angles, bias):
    """Infinitely wide N^(-1/2) sum_j r_j relu(w_j . x + b_j), all N(0, 1) and trained, at (e_1, cos g e_1 + sin g e_2):
    |z|^2 (kappa_1(rho) + rho kappa_0(rho)) / 2, z = (x, 1) with a bias, else x (Cho & Saul, NIPS 2009)."""
    square = 2.0 if bias else 1.0
    rho = np.clip((np.cos(angles) + square - 1) / square, -1, 1)
    angle = np.pi - np.arccos(rho)
    return square * ((rho * angle + np.sqrt(1 - rho**2)) + rho * angle) / (2 * np.pi)


def has_distribution(run):
    return run.predictions is not None and "std" in run.predictions


def starts_from_zero(run):
    return bool(run.setting("network.init.symmetric", False))


def rate_cases(runs):
    """{case: runs} of the cases that started from zero output."""
    cases = {}
    for run in runs:
        if starts_from_zero(run) and not has_distribution(run):
            cases.setdefault(run.case or "networks", []).append(run)
    return {case: results.Runs(members) for case, members in cases.items()}


def draw_rate(axes, cases, column):
    title, label, bound = RATES[column]
    tops = []
    for index, (case, runs) in enumerate(cases.items()):
        power = sweeps.draw_with_power(axes, runs, KEY, column, index, words.in_figure(case, 24))
        say(f"{case}: {column} against width, slope {power}")
        grid, (_, middle, _) = sweeps.band(*sweeps.points(runs, KEY, column))
        tops.append(middle[0] if np.isfinite(middle[0]) and middle[0] > 0 else 0)
    if bound is not None and max(tops) > 0:
        reference = sweeps.Power(bound, 1.6 * max(tops) * grid[0] ** -bound, np.nan)
        sweeps.draw_power(axes, grid, reference, color=style.GREY, linestyle=":", label=r"bound $N^{-1/2}$")
    sweeps.log_if_positive(axes, tops)
    sweeps.show_values(axes, [run.keys[KEY] for runs in cases.values() for run in runs])
    axes.set(xlabel="width $N$", ylabel=label)
    axes.set_title(title, loc="left")
    if axes.get_yscale() == "log":
        axes.set_ylim(bottom=axes.get_ylim()[0] / 4)
    axes.legend(loc="lower left", handlelength=1)


def kernel_runs(cases):
    """Those of the relu networks that recorded the profile; the infinite limit below is that of relu."""
    columns = [f"kernel_profile_{m}" for m in range(1, 34)]
    for case, runs in cases.items():
        relu = runs[0].setting("network.activation", None) == "relu" and is_standard(runs[0])
        if relu and all(series.has(runs, name) for name in columns):
            return case, runs, columns
    return None


def is_standard(run):
    """Whether the limit below is that of the run: everything trained, every parameter N(0, 1) at the start."""
    blocks = run.setting("network.train", ["input", "bias", "output"], list)
    bias = run.setting("network.bias", True)
    return (set(blocks) == {"input", "output", *(["bias"] if bias else [])}
            and all(run.setting(f"network.init.{name}_std", 1) == 1 for name in ("input", "bias", "output"))
            and all(run.setting(f"network.init.{name}_law", "gaussian") == "gaussian" for name in ("input", "output")))


def draw_kernel(axes, case, runs, columns):
    angles = np.linspace(-np.pi, np.pi, len(columns))
    widths = sorted({run.keys[KEY] for run in runs})
    shown = (widths[0], widths[len(widths) // 2])
    for index, width in enumerate(shown):
        for run in [run for run in runs if run.keys[KEY] == width][:KERNEL_SEEDS]:
            for row, linestyle in ((0, "-"), (-1, "--")):
                axes.plot(angles, run.metrics[columns].iloc[row], linestyle=linestyle, linewidth=0.8,
                          color=style.COLOURS[index])
    limit = relu_tangent_kernel(angles, runs[0].setting("network.bias", True))
    axes.plot(angles, limit, color=style.COLOURS[2], linewidth=1.6)
    handles = [style.handle(f"$N$ = {width}", color=style.COLOURS[index]) for index, width in enumerate(shown)]
    handles.append(style.handle(r"$N = \infty$", color=style.COLOURS[2]))
    handles += [style.handle(label, color=style.GREY, linestyle=linestyle, linewidth=0.8)
                for linestyle, label in (("-", "at the start"), ("--", "after training"))]
    axes.legend(handles=handles, loc="upper left", handlelength=1.5, ncol=2)
    style.from_zero(axes, room=0.35)
    style.title(axes, f"tangent kernel of {case}", 0.4 * style.WIDTH_INCHES)
    axes.set(xlabel="angle $g$", ylabel=r"$K_t(e_1, \cos g\, e_1 + \sin g\, e_2)$")
    show_angles(axes)
    last = np.array([run.metrics[columns].iloc[0] for run in runs if run.keys[KEY] == widths[-1]])
    say(f"{case}: largest distance of the kernel at the start from its limit, N = {widths[-1]}, "
        f"mean of {len(last)}: {np.abs(last.mean(axis=0) - limit).max():.2g}")


def show_angles(axes):
    axes.set_xlim(-np.pi, np.pi)
    axes.set_xticks([-np.pi, 0, np.pi], [r"$-\pi$", "0", r"$\pi$"])


def on_circle(run, *columns):
    """Angles of the test inputs in order, and the columns in that order."""
    table = run.predictions
    angle = np.arctan2(table["x_2"], table["x_1"]).to_numpy()
    order = np.argsort(angle)
    return angle[order], *(table[name].to_numpy()[order] for name in columns)


def ensemble_runs(runs):
    """(widest networks from independent starts, the process they become) with the same test inputs, on the circle; None
    where one is missing."""
    networks = [run for run in runs if run.predictions is not None and not has_distribution(run)
                and not starts_from_zero(run)]
    processes = [run for run in runs if has_distribution(run)]
    if not networks or not processes:
        return None
    widest = max(run.keys[KEY] for run in networks)
    networks = [run for run in networks if run.keys[KEY] == widest]
    inputs = [run.predictions.filter(regex="^x_") for run in (processes[0], *networks)]
    if list(inputs[0]) != ["x_1", "x_2"] or not all(table.equals(inputs[0]) for table in inputs):
        return None
    series.require_alike(networks, FIGURE)
    series.require_alike([*networks, processes[0]], FIGURE, sections=("task",))
    return networks, processes[0]


def draw_ensemble(axes, networks, process):
    angles, mean, std, target = on_circle(process, "output", "std", "target")
    reach = TAIL_DEVIATIONS * std
    axes.fill_between(angles, mean - reach, mean + reach, color=style.COLOURS[3], alpha=0.6, linewidth=0)
    outputs = np.array([on_circle(run, "output")[1] for run in networks])
    axes.plot(angles, outputs.T, color=style.GREY, linewidth=0.5)
    low, middle, high = np.quantile(outputs, (TAIL, 0.5, 1 - TAIL), axis=0)
    for values, linestyle in ((low, "--"), (high, "--"), (middle, "-")):
        axes.plot(angles, values, color=style.COLOURS[1], linestyle=linestyle, linewidth=1.2)
    axes.plot(angles, mean, color=style.COLOURS[0])
    axes.plot(angles, target, color=style.COLOURS[2], linestyle=":", linewidth=1)
    band = f"{round(100 * TAIL)} to {round(100 - 100 * TAIL)} %"
    axes.legend(
        handles=[
            style.handle(f"{len(networks)} networks, $N$ = {networks[0].keys[KEY]}", color=style.GREY, linewidth=0.5),
            style.handle(f"their median, {band}", color=style.COLOURS[1], linestyle="--"),
            style.handle("mean of the Gaussian process", color=style.COLOURS[0]),
            Patch(color=style.COLOURS[3], alpha=0.6, linewidth=0, label=f"its {band}"),
            style.handle("target", color=style.COLOURS[2], linestyle=":"),
        ],
        loc="upper left", ncol=3,
    )
    axes.set_ylim(top=axes.get_ylim()[1] + 0.4 * np.ptp(axes.get_ylim()))
    axes.set_title("trained from independent starts", loc="left")
    axes.set(xlabel="angle $g$ of the input", ylabel="output $f(x)$")
    show_angles(axes)
    inside = np.mean(np.abs(outputs - mean) <= reach)
    say(f"outputs of {len(networks)} networks inside the {band} band of the process: {100 * inside:.1f} % "
          f"({100 - 200 * TAIL:.0f} % expected)")


def check(runs, cases, out):
    sweeps.require_key(runs, KEY, FIGURE)
    if not cases:
        raise results.Error(f"{FIGURE} needs runs with network.init.symmetric = true; {out} has none.")
    style.require_few(cases, "cases")
    for members in cases.values():
        sweeps.require_key(members, KEY, FIGURE)
        series.require_alike(members, FIGURE, [KEY])
        for column in RATES:
            series.require(members, column, FIGURE)
    series.require_alike([run for members in cases.values() for run in members], FIGURE, sections=("task",))


def draw(runs, args):
    cases = rate_cases(runs)
    check(runs, cases, args.run_dir)
    kernel, ensemble = kernel_runs(cases), ensemble_runs(runs)
    for panel, what in ((kernel, "kernel_profile of relu networks"), (ensemble, "networks and a process with std")):
        if panel is None:
            say(f"No panel of {what}: {args.run_dir} has none.")
    lower = ["kernel"] * 2 if kernel else []
    lower += ["outputs" if ensemble else "."] * (6 - len(lower))
    rows = [[name for name in RATES for _ in range(2)], lower][: 1 + bool(kernel or ensemble)]
    figure = style.figure(1.35 * style.WIDTH_INCHES, 0.5 + 2.9 * len(rows))
    grid = figure.subplot_mosaic(rows)
    for column in RATES:
        draw_rate(grid[column], cases, column)
    if kernel:
        draw_kernel(grid["kernel"], *kernel)
    if ensemble:
        draw_ensemble(grid["outputs"], *ensemble)
    tanh_and_relu = {members[0].setting("network.activation", None) for members in cases.values()} == {"tanh", "relu"}
    counts = series.in_words(series.by_case([run for members in cases.values() for run in members]))
    style.save(figure, args, "ntk_limit", "\n".join([WHY] * tanh_and_relu + [counts] * bool(counts)))


if __name__ == "__main__":
    arguments.run(__doc__, draw)
