#!/usr/bin/env python3
"""How fast students and kernels learn a teacher with the number of samples, and how the loss ends without noise.

    plots/two_phase_rates.py RUN_DIR [--out FOLDER]

Left: the test loss at the end against the number n of training samples, of the cases with label noise; test labels have
none, so that it is the excess risk. Medians over the seeds with the quartiles and each seed. Of the cases of kernel ridge
regression, one a ridge, each n has the one whose median test loss is the least. Slopes are of the medians, with intervals
of 95 % from their scatter. Dotted: the rate n^(-(d+2) / (2d+2)), which bounds the worst case of all estimators that are linear
in the labels from below (Akiyama & Suzuki, ICLR 2023), through the kernel's first point. Right: the training loss of the
cases without label noise, with the most samples, against the step.
Writes two_phase_rates.png, .pdf and .svg and prints medians and slopes.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # python3 -I does not look there
import interpreter  # noqa: E402, F401  (first: it may start the script over)

import numpy as np

import arguments
from lazy_to_rich import is_kernel_regression
from mfld import fits, results
import series
import style
import sweeps
import words
from words import say

KEY = "task.num_train"
FIGURE = "the figure of rates in the samples"
LOSS = "test_loss"
LINESTYLES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1)))


def with_noise(run):
    return run.setting("task.label_noise", "none") != "none"


def at(runs, samples):
    return [sweeps.last_value(run, LOSS) for run in runs if run.keys[KEY] == samples]


def samples_of(runs):
    return sorted({run.keys[KEY] for run in runs})


def best_kernel(cases):
    """The runs, for each n, of the case with the least median."""
    samples = samples_of([run for runs in cases.values() for run in runs])
    chosen = []
    for count in samples:
        there = [label for label in cases if at(cases[label], count)]
        label = min(there, key=lambda label: np.median(at(cases[label], count)))
        say(f"kernel, n = {count}: the best of {len(cases)} is {label}")
        chosen += [run for run in cases[label] if run.keys[KEY] == count]
    return results.Runs(chosen)


def draw_rates(axes, curves):
    for index, (label, runs) in enumerate(curves.items()):
        grid, middle = sweeps.draw(axes, runs, KEY, LOSS, linestyle=LINESTYLES[index], **style.look(index))
        say(f"{label}: test loss " + ", ".join(f"{value:.3g} (n = {count:g})" for count, value in zip(grid, middle)))
        text = ""
        if len(grid) > 2 and (middle > 0).all():
            slope = fits.slope(grid, middle)
            say(f"{label}: slope {slope.value:.2f}, 95 % interval {slope.low:.2f} to {slope.high:.2f}")
            text = f": slope {slope.value:.2f} [{slope.low:.2f}, {slope.high:.2f}]".replace("-", "\N{MINUS SIGN}")
        axes.lines[-1].set_label(words.in_figure(label, 30) + text)


def draw_bound(axes, runs):
    dimension = runs[0].setting("task.input_dim", kind=int)
    power = -(dimension + 2) / (2 * dimension + 2)
    samples = np.array(samples_of(runs), float)
    level = np.median(at(runs, samples[0]))
    axes.plot(samples, level * (samples / samples[0]) ** power, linestyle=":", color=style.GREY,
              label=rf"worst case of linear estimators, $n^{{{power:.2f}}}$")


def draw_tails(axes, cases):
    for index, (label, runs) in enumerate(cases.items()):
        most = samples_of(runs)[-1]
        members = results.Runs([run for run in runs if run.keys[KEY] == most])
        series.draw(axes, members, "step", "train_loss", label=words.in_figure(label, 30), linestyle=LINESTYLES[index],
                    **style.look(index))
        end = np.median([sweeps.last_value(run, "train_loss") for run in members])
        say(f"{label}, n = {most}: training loss {end:.2g} at the end")
    axes.set(yscale="log", xlabel="step $k$", ylabel="training loss $R(f)$")
    axes.set_title(f"without label noise, $n$ = {most}", loc="left")
    axes.legend(loc="lower left", handlelength=3)


def check(runs):
    sweeps.require_key(runs, KEY, FIGURE)
    for column in (LOSS, "train_loss"):
        series.require(runs, column, FIGURE)
    return {label or "runs": members for label, members in series.by_case(runs, without=[KEY]).items()}


def draw(runs, args):
    cases = check(runs)
    kernels = {label: members for label, members in cases.items() if is_kernel_regression(members[0])}
    networks = {label: members for label, members in cases.items() if label not in kernels}
    noisy = {label: members for label, members in networks.items() if with_noise(members[0])}
    exact = {label: members for label, members in networks.items() if label not in noisy}
    if not noisy:
        raise results.Error(f"{FIGURE} needs a network with task.label_noise.")
    curves = {**noisy, **({"kernel, best ridge": best_kernel(kernels)} if kernels else {})}
    for group in (curves, exact):
        style.require_few(group, FIGURE)
    figure = style.figure(1.3 * style.WIDTH_INCHES, 3.9)
    panels = figure.subplots(1, 1 + bool(exact), squeeze=False)[0]
    draw_rates(panels[0], curves)
    if kernels:
        draw_bound(panels[0], curves["kernel, best ridge"])
    sweeps.show_values(panels[0], samples_of(runs))
    panels[0].set(yscale="log", xlabel="training samples $n$", ylabel="test loss, labels without noise")
    low, high = panels[0].get_ylim()
    panels[0].set_ylim(low, high * (high / low) ** 0.4)
    panels[0].legend(loc="upper right", handlelength=3)
    panels[0].set_title("excess risk", loc="left")
    if exact:
        draw_tails(panels[1], exact)
    seeds = len({run.setting("seed", None) for run in runs})
    style.save(figure, args, "two_phase_rates", f"median, quartiles and each of {seeds} seeds" if seeds > 1 else "")


if __name__ == "__main__":
    arguments.run(__doc__, draw)
