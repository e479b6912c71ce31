#!/usr/bin/env python3
"""One large gradient step: the singular values of the weights before and after it, the direction that it adds, and what
the new features are worth.

    plots/one_step.py RUN_DIR [--out FOLDER]

Left: singular values of the input weights at the start and after the step, for the step size whose spike is the first to
be predicted above 1.15 times the edge of the bulk, with the predicted edge and spike. Middle: the squared cosine of the
leading direction and the direction that the labels depend on, against the step size eta = sqrt(N) step_size (median and
each seed), with the limit for large dimensions as lines. Right: risk of the ridge regression on the new features, on
fresh samples, against n / d for step sizes N^a (median and quartiles), beside the risk of the best linear function.
Prints the values. Writes one_step.png, .pdf and .svg.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # python3 -I does not look there
import interpreter  # noqa: E402, F401  (first: it may start the script over)

import math
from fractions import Fraction

import numpy as np
from matplotlib.ticker import LogLocator, NullFormatter

import arguments
from mfld import results
import series
import style
import sweeps
from words import say

FIGURE = "the figure of one step"
KEY = "phase.0.step_size"
POWERS = (0, 0.25, 0.375, 0.5)  # a of the step sizes N^a that the last panel shows
FUNCTIONS = {"erf": np.vectorize(math.erf), "tanh": np.tanh, "relu": lambda z: np.maximum(z, 0)}


def expectation(function):
    """E function(z), z ~ N(0, 1)."""
    z, weights = np.polynomial.hermite_e.hermegauss(200)
    return weights @ function(z) / weights.sum()


class Prediction:
    """The limits of large n, N and d at fixed ratios, for labels y = g(beta . x) + noise and an activation of mean 0."""

    def __init__(self, run):
        self.d = run.setting("task.input_dim", kind=int)
        self.width = run.setting("network.width", kind=int)
        begin, end = run.phases[0]["samples"]
        self.n = end - begin
        names = run.setting("network.activation"), run.setting("task.link")
        unknown = [name for name in names if name not in FUNCTIONS]
        if unknown:
            raise results.Error(f"{FIGURE} knows {', '.join(FUNCTIONS)} as activation and link, and not {unknown[0]}.")
        sigma, link = (FUNCTIONS[name] for name in names)
        noise = run.setting("task.noise_level", 0.0)
        self.slope = expectation(lambda z: z * sigma(z))
        self.label_slope = expectation(lambda z: z * link(z))
        self.label_square = expectation(lambda z: link(z) ** 2)
        self.growth = math.sqrt(self.label_slope**2 + (self.label_square + noise**2) * self.d / self.n)
        self.edge = 1 + math.sqrt(self.width / self.d)

    def linear_risk(self):
        """E (g - its best linear function)^2."""
        return self.label_square - self.label_slope**2

    def spike(self, eta):
        """(largest singular value, squared cosine of its direction and beta)"""
        ratio, strength = self.width / self.d, (self.slope * eta * self.growth) ** 2
        if strength <= math.sqrt(ratio):
            return self.edge, 0.0
        cosine = (self.label_slope / self.growth) ** 2
        return (math.sqrt((1 + strength) * (ratio + strength) / strength),
                cosine * (1 - (ratio + strength) / (strength * (strength + 1))))


def eta_of(run):
    return run.phases[0]["step_size"] * math.sqrt(run.setting("network.width", kind=int))


def ratio_of(run):
    begin, end = run.phases[0]["samples"]
    return (end - begin) / run.setting("task.input_dim", kind=int)


def singular_values(run, row):
    names = [name for name in run.metrics.columns if name.startswith("singular_value_")]
    return run.metrics[names].iloc[row].to_numpy()


def risk_of(run):
    """E (f - g)^2: test labels have no noise."""
    return 2 * sweeps.last_value(run, "test_loss")


def plain_ticks(axis):
    """Ticks of a short logarithmic axis, at 1, 2 and 5 times powers of 10, as plain numbers."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())


def legend_of(axes, place, columns):
    """The legend of a panel above it, where nothing is drawn."""
    place.axis("off")
    place.legend(*axes.get_legend_handles_labels(), loc="lower left", ncol=columns, borderaxespad=0, columnspacing=1.0,
                 handlelength=1.6)


def draw_spectrum(axes, place, runs):
    far = [run for run in sorted(runs, key=eta_of)
           if Prediction(run).spike(eta_of(run))[0] > 1.15 * Prediction(run).edge]
    chosen = far[0] if far else runs[-1]
    prediction = Prediction(chosen)
    spike, _ = prediction.spike(eta_of(chosen))
    before, after = singular_values(chosen, 0), singular_values(chosen, -1)
    bins = np.linspace(0, 1.05 * max(spike, after[0]), 60)
    axes.hist(after, bins, color=style.COLOURS[3], label="after the step")
    axes.hist(before, bins, histtype="step", color=style.COLOURS[0], label="before it")
    axes.axvline(prediction.edge, color=style.GREY, linestyle=":", label="edge of the bulk")
    axes.axvline(spike, color=style.COLOURS[4], linestyle="--", label="predicted spike")
    axes.set_yscale("log")
    axes.set_ylim(0.5)
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("singular value of $W$")
    axes.set_ylabel("singular values in a bin")
    axes.set_title(rf"spectrum: $\eta$ = {eta_of(chosen):.3g}, $n/d$ = {ratio_of(chosen):g}", loc="left")
    legend_of(axes, place, 2)
    say(f"eta = {eta_of(chosen):.3g}, {chosen.name}: edge {prediction.edge:.4g}, largest before {before[0]:.4g}; "
        f"predicted spike {spike:.4g}, largest after {after[0]:.4g}, second {after[1]:.4g}")


def draw_alignment(axes, place, cases):
    for index, (ratio, runs) in enumerate(cases.items()):
        etas = sorted({eta_of(run) for run in runs})
        medians = []
        for eta in etas:
            found = [sweeps.last_value(run, "leading_alignment") for run in runs if eta_of(run) == eta]
            medians.append(np.median(found))
            axes.plot([eta] * len(found), found, linestyle="none", marker=".", markersize=2.5, alpha=0.5,
                      color=style.COLOURS[index])
        axes.plot(etas, medians, linestyle="none", **style.look(index))
        grid = np.geomspace(etas[0], etas[-1], 400)
        prediction = Prediction(runs[0])
        axes.plot(grid, [prediction.spike(eta)[1] for eta in grid], color=style.COLOURS[index], linewidth=1)
        axes.plot([], [], linewidth=1, label=f"$n/d$ = {ratio:g}", **style.look(index))
        for eta, median in zip(etas, medians):
            say(f"n/d = {ratio:g}, eta = {eta:.3g}: alignment {median:.3g}, predicted {prediction.spike(eta)[1]:.3g}")
    axes.set_xscale("log")
    plain_ticks(axes.xaxis)
    axes.set_xlabel(r"step size $\eta$")
    axes.set_ylabel(r"squared cosine $\langle u_1, \beta\rangle^2$")
    axes.set_title("direction of the spike (lines: limit)", loc="left")
    axes.set_ylim(-0.03, 1.03)
    legend_of(axes, place, 2)


def power_of(run):
    return math.log(eta_of(run)) / math.log(run.setting("network.width", kind=int))


def draw_risk(axes, place, cases):
    runs = [run for members in cases.values() for run in members]
    for index, power in enumerate(POWERS):
        chosen = [run for run in runs if abs(power_of(run) - power) < 1e-3]
        if not chosen:
            continue
        x, y = np.array([ratio_of(run) for run in chosen]), np.array([risk_of(run) for run in chosen])
        grid, (low, middle, high) = sweeps.band(x, y)
        axes.fill_between(grid, low, high, color=style.COLOURS[index], alpha=0.22, linewidth=0)
        axes.plot(grid, middle, label=rf"$\eta = N^{{{Fraction(power)}}}$", **style.look(index))
        say(f"eta = N^{power:g}: risk " + ", ".join(f"{value:.3g} (n/d = {ratio:g})"
                                                    for ratio, value in zip(grid, middle)))
    level = Prediction(runs[0]).linear_risk()
    axes.axhline(level, color=style.GREY, linestyle=":", label="best linear")
    say(f"risk of the best linear function: {level:.3g}")
    sweeps.show_values(axes, [ratio_of(run) for run in runs])
    sweeps.log_if_positive(axes, [risk_of(run) for run in runs])
    plain_ticks(axes.yaxis)
    axes.set_xlabel("samples per dimension $n / d$")
    axes.set_ylabel("risk $E\\,(f - g)^2$ on new samples")
    axes.set_title("ridge regression on the features", loc="left")
    legend_of(axes, place, 3)


def draw(runs, args):
    sweeps.require_key(runs, KEY, FIGURE)
    for column in ("test_loss", "singular_value_2", "leading_alignment"):
        series.require(runs, column, FIGURE)
    if any(len(run.phases[0].get("samples", [])) != 2 for run in runs):
        raise results.Error(f"{FIGURE} needs samples of the first phase.")
    cases = {ratio: [run for run in runs if ratio_of(run) == ratio] for ratio in sorted({ratio_of(run) for run in runs})}
    style.require_few(cases, FIGURE)
    figure = style.figure(style.WIDTH_INCHES * 1.35, 3.7)
    legends, panels = figure.subplots(2, 3, gridspec_kw={"height_ratios": (0.4, 3.0)})
    draw_spectrum(panels[0], legends[0], list(cases.values())[len(cases) // 2])
    draw_alignment(panels[1], legends[1], cases)
    draw_risk(panels[2], legends[2], cases)
    counts = sorted({len({run.keys.get("seed") for run in members}) for members in cases.values()})
    style.save(figure, args, "one_step", f"median, quartiles and each of {counts[0]} seeds" if counts[-1] > 1 else "")


if __name__ == "__main__":
    arguments.run(__doc__, draw)
