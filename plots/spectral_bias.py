#!/usr/bin/env python3
"""Low frequencies first: eigenvalues of the tangent kernel on the sphere, and the learning of each frequency.

    plots/spectral_bias.py RUN_DIR [--out FOLDER]

Left: the largest eigenvalues of K_0 / n against their index j, for every dimension p of the inputs, with the fitted
power and the theoretical one, j^(-p/(p-1)). Then, one panel a dimension: the share of the target's part in the harmonics
of degree k that is still to be learnt; dotted, exp(-mu_k t) with mu_k the mean of the eigenvalues that belong to degree k.
Runs that recorded tangent_eigenvalues give the former, runs that recorded residual_harmonics the latter.
Writes spectral_bias.png, .pdf and .svg and prints exponents and half-lives.
"""

import interpreter  # noqa: F401  (first: it may start the script over)

import math

import matplotlib.pyplot as plt
import numpy as np

import arguments
import results
import series
import style
import sweeps

FIRST_INDEX = 10  # of the fit: the law is asymptotic
NAMES = {2: "circle, $p = 2$", 3: "sphere, $p = 3$"}


def name_of(p):
    return NAMES.get(p, f"$p = {p}$")


def eigenvalue_columns(run):
    return [name for name in run.metrics if name.startswith("tangent_eigenvalue_")]


def by_dimension(runs, wanted):
    """{p: Runs} of those for which `wanted` holds."""
    groups = {}
    for run in runs:
        if wanted(run):
            groups.setdefault(run.config["task"]["input_dim"], []).append(run)
    return {p: results.Runs(groups[p]) for p in sorted(groups)}


def eigenvalues(runs):
    """Median over the runs of the eigenvalues at the start, in order."""
    return np.median([run.metrics[eigenvalue_columns(run)].iloc[0] for run in runs], axis=0)


def multiplicity(p, k):
    """N(p, k): harmonics of degree k in dimension p."""
    return 1 if k == 0 else (2 * k + p - 2) * math.comb(k + p - 3, p - 2) // k


def degree_means(values, p):
    """[mu_0, mu_1, ...]: means over blocks of N(p, k) eigenvalues, as long as there are whole blocks. The eigenvalues
    of a relu network with bias decrease in k, so that the sorted ones come in this order."""
    means, first = [], 0
    while first + multiplicity(p, len(means)) <= len(values):
        last = first + multiplicity(p, len(means))
        means.append(values[first:last].mean())
        first = last
    return means


def draw_spectrum(axes, spectra):
    for index, (p, runs) in enumerate(spectra.items()):
        values = eigenvalues(runs)
        j = np.arange(1, len(values) + 1)
        tail = j >= min(FIRST_INDEX, len(j) // 2)
        power = sweeps.fit_power(j[tail], values[tail])
        expected = -p / (p - 1)
        look = style.look(index)
        axes.plot(j, values, linestyle="none", markersize=3, label=f"{name_of(p)}: {power.label}", **look)
        middle = j[tail][len(j[tail]) // 2]
        theory = sweeps.Power(expected, 2.5 * power(middle) * middle**-expected, np.nan)
        sweeps.draw_power(axes, j[tail], theory, color=look["color"], linestyle="--",
                          label=rf"theory: $j^{{{expected:.3g}}}$")
        print(f"p = {p}: eigenvalue against index, j = {j[tail][0]} to {j[-1]}: slope {power}; theory {expected:.4g}")
    axes.set(xscale="log", yscale="log", xlabel="index $j$", ylabel="$j$-th eigenvalue of $K_0 / n$")
    axes.set_title("tangent kernel at the start", loc="left")
    axes.set_ylim(bottom=axes.get_ylim()[0] / 300)
    axes.legend(loc="lower left", handlelength=1.5)


def draw_learning(axes, p, runs, means):
    for index, k in enumerate(runs[0].config["task"]["degrees"]):
        column = f"residual_harmonics_{k}"
        series.require(runs, column, "the figure of spectral bias")
        time = runs[0].metrics["time"].to_numpy()
        left = np.array([run.metrics[column] / run.metrics[column].iloc[0] for run in runs])
        low, middle, high = np.quantile(left, (0.25, 0.5, 0.75), axis=0)
        look = style.look(index)
        axes.plot(time, middle, markevery=0.12, label=f"$k$ = {k}", **look)
        axes.fill_between(time, low, high, color=look["color"], alpha=0.22, linewidth=0)
        if k < len(means):
            fine = np.geomspace(time[time > 0].min(), time.max(), 200)
            axes.plot(fine, np.exp(-means[k] * fine), color=look["color"], linestyle=":", linewidth=1)
        below = np.flatnonzero(middle < 0.5)
        half = f"at t = {time[below[0]]:.4g}" if len(below) else "not reached"
        print(f"p = {p}, degree {k}: half of it learnt {half}"
              + (f"; ln 2 / mu_k = {math.log(2) / means[k]:.4g}" if k < len(means) else ""))
    axes.set(xscale="log", xlabel="time $t$ (sum of step sizes)")
    axes.set_ylabel(r"share left, $|\Pi_k (f_t - y)| \,/\, |\Pi_k (f_0 - y)|$")
    axes.set_xlim(left=time[time > 0].min())
    axes.set_ylim(0, 1.25)
    axes.set_title(f"learning, {name_of(p)}" + (r"  (dotted: $e^{-\mu_k t}$)" if means else ""), loc="left")
    axes.legend(loc="upper center", ncol=4, handlelength=1.2, columnspacing=1)


def main():
    args = arguments.parse(__doc__)
    runs = arguments.load_runs(args)
    spectra = by_dimension(runs, eigenvalue_columns)
    learning = by_dimension(runs, lambda run: any(name.startswith("residual_harmonics_") for name in run.metrics))
    if not spectra and not learning:
        raise results.ResultError(f"{args.run_dir} recorded neither tangent_eigenvalues nor residual_harmonics.")
    style.apply()
    count = bool(spectra) + len(learning)
    figure, row = plt.subplots(1, count, figsize=(0.45 * count * style.WIDTH_INCHES, 3.4), squeeze=False)
    panels = list(row[0])
    if spectra:
        draw_spectrum(panels.pop(0), spectra)
    for axes, (p, members) in zip(panels, learning.items()):
        draw_learning(axes, p, members, degree_means(eigenvalues(spectra[p]), p) if p in spectra else [])
    words = series.in_words(learning or spectra)
    if words:
        figure.suptitle(words.replace(" and each of", " over"), x=0.01, ha="left",
                        fontsize=plt.rcParams["legend.fontsize"])
    style.save(figure, args.out, "spectral_bias")


if __name__ == "__main__":
    main()
