#!/usr/bin/env python3
"""How fast N particles come to their limit, over replicas that differ in first particles and noise alone.

    plots/propagation_of_chaos.py RUN_DIR [--out FOLDER]

Left: the variance of the output f(x) over the replicas at the end, a mean over the test inputs, against N. Middle: by how
much the mean of the training loss is above that of the widest networks; these, of N_w particles, have an error of their own,
so that the difference is divided by 1 - N / N_w. Only widths up to a sixteenth of N_w are drawn there. Bars are intervals of
95 %. Both should fall like 1/N; slopes and their intervals of 95 % are by the jackknife over the replicas, for the networks
of one seed share their first particles and noise at all widths. Right: N times the variance of the objective F over the
replicas at every recorded time, which does not grow where chaos is propagated uniformly in time.
Needs observe.predictions. Writes propagation_of_chaos.png, .pdf and .svg and prints the slopes.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # python3 -I does not look there
import interpreter  # noqa: E402, F401  (first: it may start the script over)

import numpy as np

import arguments
from mfld import fits, results
import series
import style
import sweeps
import words
from words import say

KEY = "network.width"
FIGURE = "the figure of propagation of chaos"
LOSS, OBJECTIVE = "train_loss", "objective"
LINESTYLES = ("-", "--", ":")
SHARE = 16  # a bias is shown at widths of at most the widest over this
CONFIDENCE = 0.95


def replicas_of(label, runs):
    """{N: Runs in the order of their seeds}, N ascending; an Error unless all widths have the same three seeds or more."""
    widths = {}
    for run in runs:
        widths.setdefault(run.keys[KEY], {})[run.setting("seed", kind=int)] = run
    seeds = {tuple(sorted(members)) for members in widths.values()}
    if len(seeds) > 1 or len(next(iter(seeds))) < 3:
        raise results.Error(f"{FIGURE} needs the same three seeds at least for every width of {label}.")
    return {width: results.Runs([widths[width][seed] for seed in sorted(widths[width])]) for width in sorted(widths)}


def left_out(count):
    """Rows of replicas: all of them, then all but one."""
    return [np.arange(count)] + [np.delete(np.arange(count), index) for index in range(count)]


def jackknife(values):
    """(the value of all, its standard error) of what was computed from all and from all but one: [1 + R, ...]"""
    rest = values[1:]
    return values[0], np.sqrt((len(rest) - 1) * rest.var(axis=0))


def power_of(widths, values):
    """The slope of log values [1 + R, widths] against log N with its interval, and the factor. Points count by the inverse
    squares of their errors, which the jackknife of the slope does not vary."""
    if not (values > 0).all() or len(widths) < 2:
        return None
    logs = np.log(values)
    weights = jackknife(logs)[1] ** -2.0
    along = np.log(widths) - np.average(np.log(widths), weights=weights)
    slopes = logs @ (weights * along) / (weights @ along**2)
    slope, error = jackknife(slopes)
    half = fits.student_t(CONFIDENCE, len(values) - 2) * error
    offset = np.average(logs[0] - slope * np.log(widths), weights=weights)
    return fits.Interval(slope, slope - half, slope + half), np.exp(offset)


def variances(members):
    """[1 + R, widths]: of the output over the replicas."""
    outputs = [runs.outputs() for runs in members.values()]
    return np.array([[each[rows].var(axis=0, ddof=1).mean() for each in outputs] for rows in left_out(len(outputs[0]))])


def biases(members):
    """(widths, [1 + R, widths]): the mean loss less that of the widest, over 1 - N / N_w."""
    widest = max(members)
    losses = {width: np.array([sweeps.last_value(run, LOSS) for run in runs]) for width, runs in members.items()}
    widths = [width for width in members if width <= widest / SHARE]
    above = {width: (losses[width] - losses[widest]) / (1 - width / widest) for width in widths}
    return np.array(widths), np.array([[above[width][rows].mean() for width in widths]
                                       for rows in left_out(len(losses[widest]))])


def draw_points(axes, index, label, what, widths, values):
    """Points with their intervals, and the fitted power."""
    middle, error = jackknife(values)
    factor = fits.student_t(CONFIDENCE, len(values) - 2)
    power = power_of(widths, values)
    text = "no slope: not all are > 0"
    if power:
        interval, offset = power
        text = f"slope {interval.value:.2f} [{interval.low:.2f}, {interval.high:.2f}]".replace("-", "\N{MINUS SIGN}")
        ends = np.array([widths[0], widths[-1]], float)
        axes.plot(ends, offset * ends**interval.value, linestyle=LINESTYLES[index], linewidth=0.9,
                  color=style.COLOURS[index])
        say(f"{label}: {what} against N, slope {interval.value:.3f}, 95 % interval {interval.low:.3f} to "
            f"{interval.high:.3f}")
    say(f"{label}: {what} " + ", ".join(f"{value:.3g} +- {each:.1g} (N = {width})"
                                        for width, value, each in zip(widths, middle, error)))
    axes.errorbar(widths, middle, factor * error, linestyle="none", elinewidth=0.9,
                  label=f"{words.in_figure(label, 20)}\n{text}", **style.look(index))


def thickness(place):
    return 0.5 + 0.4 * place


def draw_times(axes, index, members):
    """N Var F at every recorded time, a line a width; the wider, the thicker."""
    for place, (width, runs) in enumerate(members.items()):
        scaled = width * np.array([run.metrics[OBJECTIVE] for run in runs]).var(axis=0, ddof=1)
        axes.plot(runs[0].metrics["time"], scaled, linestyle=LINESTYLES[index], color=style.COLOURS[index],
                  linewidth=thickness(place), label=f"$N$ = {width}" if index == 0 else None)


def check(runs):
    sweeps.require_key(runs, KEY, FIGURE)
    for column in (LOSS, OBJECTIVE):
        series.require(runs, column, FIGURE)
    cases = series.by_case(runs, without=[KEY])
    if len(cases) > len(LINESTYLES):
        raise results.Error(f"{FIGURE} has room for {len(LINESTYLES)} cases; choose some with --only case=NAME.")
    for members in cases.values():
        series.require_alike(members, FIGURE, [KEY])
    return {label or "runs": replicas_of(label or "the runs", members) for label, members in cases.items()}


def draw(runs, args):
    cases = check(runs)
    figure = style.figure(1.45 * style.WIDTH_INCHES, 3.4)
    spread, bias, times = figure.subplots(1, 3)
    for index, (label, members) in enumerate(cases.items()):
        draw_points(spread, index, label, "variance of f", np.array(list(members)), variances(members))
        widths, values = biases(members)
        if len(widths):
            draw_points(bias, index, label, "loss above the widest", widths, values)
        draw_times(times, index, members)
    for axes in (spread, bias):
        axes.set_yscale("log", nonpositive="mask")
        axes.set_xlabel("particles $N$")
        axes.set_ylim(top=5 * axes.get_ylim()[1])
        axes.legend(loc="upper right", handlelength=1)
    sweeps.show_values(spread, [run.keys[KEY] for run in runs])
    sweeps.show_values(bias, [width for members in cases.values() for width in biases(members)[0]])
    spread.set_title("variance of the output", loc="left")
    spread.set_ylabel(r"$\mathrm{Var}\, f_N(x)$, mean over test inputs")
    bias.set_title("mean loss above that of the widest", loc="left")
    bias.set_ylabel(r"$(\mathrm{E} R(f_N) - \mathrm{E} R(f_{N_w})) \,/\, (1 - N / N_w)$")
    times.set(yscale="log", xlabel="time $t$ (sum of step sizes)", ylabel=r"$N\, \mathrm{Var}\, F$")
    times.set_xscale("symlog", linthresh=0.1)
    times.set_xlim(left=0)
    times.set_title("$N$ times the variance of the objective", loc="left")
    times.legend(loc="lower left", handlelength=2.6)
    count = len(next(iter(next(iter(cases.values())).values())))
    style.save(figure, args, "propagation_of_chaos", f"{count} replicas of each width on one data set; intervals of 95 %")


if __name__ == "__main__":
    arguments.run(__doc__, draw)
