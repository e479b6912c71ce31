#!/usr/bin/env python3
"""How deep networks approach their infinitely wide limit: tangent kernel and outputs at two widths, by Monte Carlo.

    plots/deep_kernel.py RUN_DIR [--out FOLDER] [--networks K] [--widths N1,N2]

The program has no deep networks of finite width: those here are drawn and trained by this script (deep_networks.py), with
the depth, the bias factor and the training points of the runs. Left: the tangent kernel at (e_1, (cos g, sin g)) of each at
the start and after training, with the limit of infinite width. Right: what the trained networks put out, among the mean and
the 10 to 90 % of the Gaussian process of infinite width, which the program has computed. Prints the distance of kernels from
the limit, how far training moves them, and the training loss that is left.
Needs a case of kernel-regression with kernel = "infinite-tangent", convention = "jacot", activation relu, and a case with a
trajectory, whose training points are taken. Writes deep_kernel.png, .pdf and .svg.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # python3 -I does not look there
import interpreter  # noqa: E402, F401  (first: it may start the script over)

import argparse
import re

import numpy as np

import arguments
import deep_networks
from mfld import results
import style
from words import say

FIGURE = "the figure of deep networks"
STEPS, STEP_SIZE = 400, 4.0
SEED = 1
TAIL_DEVIATIONS = 1.2816  # the 10 and 90 % of a normal law
ANGLES = np.linspace(-np.pi, np.pi, 65)
CIRCLE = np.column_stack([np.cos(ANGLES), np.sin(ANGLES)])
START, END = "-", "--"


def infinite_run(runs):
    for run in runs:
        phase = run.phases[0] if run.phases else {}
        wanted = (phase.get("kernel"), phase.get("convention")) == ("infinite-tangent", "jacot")
        if wanted and run.predictions is not None:
            if run.setting("network.activation", None) != "relu" or "x_2" not in run.predictions or "x_3" in run.predictions:
                raise results.Error(f"{FIGURE} is of relu networks of two inputs, and {run.name} is another.")
            return run
    raise results.Error(f'{FIGURE} needs a run with kernel = "infinite-tangent", convention = "jacot" and predictions.')


def training_points(runs, infinite):
    for run in runs:
        if run.trajectory is not None and "train_inputs" in (run.data or {}):
            same = run.predictions is not None and np.array_equal(run.predictions["target"], infinite.predictions["target"])
            if not same:
                raise results.Error(f"{FIGURE} needs one data set, and {run.name} has another than {infinite.name}; "
                                    "set seeds.data.")
            return np.asarray(run.data["train_inputs"]), np.asarray(run.data["train_targets"])
    raise results.Error(f"{FIGURE} needs the training points, which a trajectory holds; set observe.trajectory.particles.")


def networks_of(width, count, depth, beta, points):
    """For each network: kernel before and after training, the outputs after, and the loss that is left."""
    generator = np.random.default_rng([SEED, width])
    made = []
    for _ in range(count):
        network = deep_networks.DeepNetwork(generator, 2, width, depth, beta)
        before = network.tangent_kernel(CIRCLE[len(ANGLES) // 2:][:1], CIRCLE)[0]
        loss = network.train(*points, STEPS, STEP_SIZE)
        after = network.tangent_kernel(CIRCLE[len(ANGLES) // 2:][:1], CIRCLE)[0]
        made.append((before, after, network.outputs(CIRCLE), loss))
    return [np.array(column) for column in zip(*made)]


def relative(difference, reference):
    return np.linalg.norm(difference, axis=1) / np.linalg.norm(reference, axis=-1)


def report(width, before, after, losses, limit):
    distance, movement = np.median(relative(before - limit, limit)), np.median(relative(after - before, before))
    say(f"N = {width} ({len(losses)} networks, median): kernel at the start {distance:.2g} from the limit, moved by "
        f"{movement:.2g} in training; loss left {np.median(losses):.1g}, at most {losses.max():.1g}")


def draw_kernels(axes, made, limit):
    for index, (width, (before, after, *_)) in enumerate(made.items()):
        for kernels, linestyle in ((before, START), (after, END)):
            axes.plot(ANGLES, kernels.T, linestyle=linestyle, linewidth=0.8, color=style.COLOURS[index])
    axes.plot(ANGLES, limit, color=style.COLOURS[2], linewidth=1.8)
    handles = [style.handle(f"$N$ = {width}", color=style.COLOURS[index]) for index, width in enumerate(made)]
    handles.append(style.handle(r"$N = \infty$", color=style.COLOURS[2]))
    handles += [style.handle(label, color=style.GREY, linestyle=linestyle, linewidth=0.8)
                for linestyle, label in ((START, "at the start"), (END, "after training"))]
    axes.legend(handles=handles, loc="upper left", handlelength=1.5, ncol=2)
    axes.set_ylim(0, 1.45 * max(axes.get_ylim()[1], limit.max()))
    axes.set(xlabel="angle $g$", ylabel=r"$K_t(e_1, \cos g\, e_1 + \sin g\, e_2)$")


def draw_outputs(axes, made, infinite, points):
    table = infinite.predictions
    angles = np.arctan2(table["x_2"], table["x_1"]).to_numpy()
    order = np.argsort(angles)
    mean, std, target = (table[name].to_numpy()[order] for name in ("output", "std", "target"))
    angles, reach = angles[order], TAIL_DEVIATIONS * std
    axes.fill_between(angles, mean - reach, mean + reach, color=style.COLOURS[3], alpha=0.6, linewidth=0,
                      label="10 to 90 % of the limit")
    for index, (width, (*_, outputs, _)) in enumerate(made.items()):
        axes.plot(ANGLES, outputs.T, linewidth=0.7, color=style.COLOURS[index], alpha=0.8,
                  label=[f"$N$ = {width}, trained"] + [None] * (len(outputs) - 1))
    axes.plot(angles, mean, color=style.COLOURS[2], linewidth=1.8, label=r"mean of the limit, $N = \infty$")
    axes.plot(angles, target, color=style.GREY, linestyle=":", label="target")
    axes.plot(np.arctan2(*points[0].T[::-1]), points[1], linestyle="none", marker="o", color="white",
              markeredgecolor=style.COLOURS[2], zorder=5, label="training points")
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.6 * (high - low))
    axes.legend(loc="upper left", ncol=2, handlelength=1.5)
    axes.set(xlabel="angle $g$ of the input", ylabel="output $f(x)$")


def draw(runs, args):
    infinite = infinite_run(runs)
    points = training_points(runs, infinite)
    depth, beta = infinite.phases[0]["depth"], infinite.phases[0]["bias_variance"] ** 0.5
    limit = deep_networks.limit_kernel(np.cos(ANGLES), depth, beta)
    made = {width: networks_of(width, args.networks, depth, beta, points) for width in args.widths}
    for width, (before, after, _, losses) in made.items():
        report(width, before, after, losses, limit)
    figure = style.figure(1.35 * style.WIDTH_INCHES, 3.5)
    kernels, outputs = figure.subplots(1, 2, width_ratios=(1, 1.4))
    draw_kernels(kernels, made, limit)
    draw_outputs(outputs, made, infinite, points)
    kernels.set_title(f"tangent kernel, {depth} layers of weights", loc="left")
    outputs.set_title("trained from independent starts", loc="left")
    for axes in (kernels, outputs):
        axes.set_xticks([-np.pi, 0, np.pi], [r"$-\pi$", "0", r"$\pi$"])
    style.save(figure, args, "deep_kernel", f"{args.networks} networks of each finite width, drawn and trained by the plot "
               "script; the limits are exact")


def two_widths(text):
    match = re.fullmatch(r"([1-9]\d{0,4}),([1-9]\d{0,4})", text)
    if not match or match[1] == match[2]:
        raise argparse.ArgumentTypeError(f"{text!r} must be two different widths from 1 to 99999, N1,N2")
    return [int(width) for width in match.groups()]


def add_options(parser):
    parser.add_argument("--networks", metavar="K", type=arguments.at_least(1), default=10,
                        help="how many of each width (default 10)")
    parser.add_argument("--widths", metavar="N1,N2", type=two_widths, default=[50, 500], help="default 50,500")


if __name__ == "__main__":
    arguments.run(__doc__, draw, add_options)
