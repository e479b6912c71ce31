#!/usr/bin/env python3
"""Low frequencies first: eigenvalues of the tangent kernel on the sphere, and the learning of each frequency.

    plots/spectral_bias.py RUN_DIR [--out FOLDER]

Left: the largest eigenvalues of K_0 / n against their index j, for every dimension p of the inputs, with the fitted
power and the theoretical one, j^(-p/(p-1)). Then, one panel a dimension: the share of the target's part in the harmonics
of degree k that is still to be learnt; dotted, exp(-mu_k t) with mu_k the mean of the eigenvalues that belong to degree k.
Runs that recorded tangent_eigenvalues give the former, runs that recorded residual_harmonics the latter.
Writes spectral_bias.png, .pdf and .svg and prints exponents and half-lives.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # python3 -I does not look there
import interpreter  # noqa: E402, F401  (first: it may start the script over)

import math

import numpy as np

import arguments
from mfld import results
import series
import style
import sweeps
from words import say

FIGURE = "the figure of spectral bias"
DIMENSION = "task.input_dim"
FIRST_INDEX = 10  # of the fit: the law is asymptotic
NAMES = {2: "circle, $p = 2$", 3: "sphere, $p = 3$"}


def name_of(p):
    return NAMES.get(p, f"$p = {p}$")


def eigenvalue_columns(run):
    return [name for name in run.metrics if name.startswith("tangent_eigenvalue_")]


def by_dimension(runs, wanted):
    """{p: Runs} of those for which `wanted` holds, and which have a row."""
    groups = {}
    for run in runs:
        if wanted(run) and len(run.metrics):
            groups.setdefault(run.setting(DIMENSION, kind=int), []).append(run)
    return {p: results.Runs(groups[p]) for p in sorted(groups)}


def eigenvalues(runs):
    """Median over the runs of the eigenvalues at the start, in order."""
    return np.median([run.metrics[eigenvalue_columns(run)].iloc[0] for run in runs], axis=0)


def multiplicity(p, k):
    """N(p, k): harmonics of degree k in dimension p."""
    if p == 1:
        return int(k < 2)
    return 1 if k == 0 else (2 * k + p - 2) * math.comb(k + p - 3, p - 2) // k


def degree_means(values, p):
    """[mu_0, mu_1, ...]: means over blocks of N(p, k) eigenvalues, as long as there are whole blocks. The eigenvalues
    of a relu network with bias decrease in k, so that the sorted ones come in this order."""
    means, first = [], 0
    while multiplicity(p, len(means)) and first + multiplicity(p, len(means)) <= len(values):
        last = first + multiplicity(p, len(means))
        means.append(values[first:last].mean())
        first = last
    return means


def draw_spectrum(axes, spectra):
    for index, (p, runs) in enumerate(spectra.items()):
        values = eigenvalues(runs)
        j = np.arange(1, len(values) + 1)
        tail = j >= min(FIRST_INDEX, max(1, len(j) // 2))
        power = sweeps.fit_power(j[tail], values[tail])
        look = style.look(index)
        slope = power.label if power else "no slope"
        axes.plot(j, values, linestyle="none", markersize=3, label=f"{name_of(p)}: {slope}", **look)
        if power is None or p < 2:
            say(f"p = {p}: no slope of the eigenvalues")
            continue
        expected = -p / (p - 1)
        middle = j[tail][len(j[tail]) // 2]
        theory = sweeps.Power(expected, 2.5 * power(middle) * middle**-expected, np.nan)
        sweeps.draw_power(axes, j[tail], theory, color=look["color"], linestyle="--",
                          label=rf"theory: $j^{{{expected:.3g}}}$")
        say(f"p = {p}: eigenvalue against index, j = {j[tail][0]} to {j[-1]}: slope {power}; theory {expected:.4g}")
    sweeps.log_if_positive(axes, np.concatenate([eigenvalues(runs) for runs in spectra.values()]))
    axes.set(xscale="log", xlabel="index $j$", ylabel="$j$-th eigenvalue of $K_0 / n$")
    axes.set_title("tangent kernel at the start", loc="left")
    if axes.get_yscale() == "log":
        axes.set_ylim(bottom=axes.get_ylim()[0] / 300)
    axes.legend(loc="lower left", handlelength=1.5)


def shares_left(runs, k):
    """Table of the share of degree k that is left, over the common steps; None where the target has no such part."""
    column = f"residual_harmonics_{k}"
    series.require(runs, column, FIGURE)
    name = f"share left of {k}"
    for run in runs:
        if not run.metrics[column].iloc[0] > 0:
            return None
        run.metrics[name] = run.metrics[column] / run.metrics[column].iloc[0]
    return runs.aggregate(name)


def draw_degree(axes, p, runs, k, index, means):
    left = shares_left(runs, k)
    if left is None:
        say(f"p = {p}, degree {k}: nothing to learn")
        return
    time, middle = left["time"].to_numpy(), left["median"].to_numpy()
    look = style.look(index)
    axes.plot(time, middle, markevery=series.marks(time, logarithmic=True), label=f"$k$ = {k}", **look)
    axes.fill_between(time, left["low"], left["high"], color=look["color"], alpha=0.22, linewidth=0)
    if k < len(means) and (time > 0).any():
        fine = np.geomspace(time[time > 0].min(), time.max(), 200)
        axes.plot(fine, np.exp(-means[k] * fine), color=look["color"], linestyle=":", linewidth=1)
    below = np.flatnonzero(middle < 0.5)
    half = f"at t = {time[below[0]]:.4g}" if len(below) else "not reached"
    known = f"; ln 2 / mu_k = {math.log(2) / means[k]:.4g}" if k < len(means) and means[k] > 0 else ""
    say(f"p = {p}, degree {k}: half of it learnt {half}{known}")


def draw_learning(axes, p, runs, means):
    for index, k in enumerate(runs[0].setting("task.degrees", kind=list)):
        draw_degree(axes, p, runs, k, index, means)
    times = np.concatenate([run.metrics["time"] for run in runs])
    times = np.unique(times[times > 0])
    axes.set(xlabel="time $t$ (sum of step sizes)")
    if len(times) > 1:
        axes.set(xscale="log", xlim=(times[0], times[-1]))
    axes.set_ylabel(r"share left, $|\Pi_k (f_t - y)| \,/\, |\Pi_k (f_0 - y)|$")
    axes.set_title(f"learning, {name_of(p)}" + (r"  (dotted: $e^{-\mu_k t}$)" if means else ""), loc="left")
    style.from_zero(axes, room=0.2)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="upper center", ncol=5, handlelength=1.2, columnspacing=1)


def check(spectra, learning):
    style.require_few({**spectra, **learning}, "dimensions")
    for groups in (spectra, learning):
        for members in groups.values():
            series.require_alike(members, FIGURE)
    everything = [run for groups in (spectra, learning) for members in groups.values() for run in members]
    series.require_alike(everything, FIGURE, [DIMENSION], sections=("task",))
    for members in learning.values():
        style.require_few(members[0].setting("task.degrees", kind=list), "degrees")


def draw(runs, args):
    spectra = by_dimension(runs, eigenvalue_columns)
    learning = by_dimension(runs, lambda run: any(name.startswith("residual_harmonics_") for name in run.metrics))
    if not spectra and not learning:
        raise results.Error(f"{args.run_dir} recorded neither tangent_eigenvalues nor residual_harmonics.")
    check(spectra, learning)
    count = bool(spectra) + len(learning)
    figure = style.figure(0.45 * count * style.WIDTH_INCHES, 3.4)
    panels = list(figure.subplots(1, count, squeeze=False)[0])
    if spectra:
        draw_spectrum(panels.pop(0), spectra)
    for axes, (p, members) in zip(panels, learning.items()):
        draw_learning(axes, p, members, degree_means(eigenvalues(spectra[p]), p) if p in spectra else [])
    style.save(figure, args, "spectral_bias", series.in_words(learning or spectra).replace(" and each of", " over"))


if __name__ == "__main__":
    arguments.run(__doc__, draw)
