#!/usr/bin/env python3
"""Where neurons of many inputs go: the size of each against its angle to the nearest teacher.

    plots/lazy_paths.py RUN_DIR [--out FOLDER] [--particles K]

A panel for each case, of the first run that has a trajectory: |r_j| |w_j| against the angle between w_j and the teacher
direction nearest to it at that time, from the start (rings) to the end (dots). Angles are from 0 to 180 degrees: a ReLU and
its mirror image differ. A neuron whose r_j changes its sign passes the size 0, below the panel. Prints, at the start and the
end, the share of sum_j |r_j| |w_j| within 20 degrees of a teacher, and the median turn of a neuron between them.
Needs [observe.trajectory] particles and a task with teachers.
Writes lazy_paths.png, .pdf and .svg.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # python3 -I does not look there
import interpreter  # noqa: E402, F401  (first: it may start the script over)

import dataclasses

import numpy as np

import arguments
from mfld import results
import series
import style
import sweeps
import words
from trajectories import NEGATIVE, POSITIVE
from words import say

from matplotlib.collections import LineCollection

FIGURE = "the figure of sizes and angles"
NEAR = 20  # degrees
LEAST = 0.01  # of the sizes at the start and the end may lie below the panels


@dataclasses.dataclass
class Paths:
    angles: np.ndarray  # [frames, particles], in degrees, to the teacher that is nearest
    sizes: np.ndarray  # [frames, particles]
    turns: np.ndarray  # [particles], in degrees, from the first frame to the last
    positive: np.ndarray  # [particles], whether r_j ends positive


def degrees(cosines):
    return np.degrees(np.arccos(np.clip(cosines, -1, 1)))


def paths_of(run):
    teachers, names = (run.data or {}).get("teacher_directions"), list(run.trajectory.names)
    columns = [index for index, name in enumerate(names) if name.startswith("w_")]
    if teachers is None or np.ndim(teachers) != 2 or np.shape(teachers)[1] != len(columns) or not len(teachers):
        raise results.Error(f"{FIGURE} needs a task with teachers, and {run.name} has none.")
    positions = np.asarray(run.trajectory.positions, float)
    weights = positions[:, :, columns]
    outputs = positions[:, :, names.index("r")] if "r" in names else np.ones(weights.shape[:2])
    norms = np.linalg.norm(weights, axis=2)
    units = weights / np.where(norms > 0, norms, np.nan)[:, :, None]
    teachers = np.asarray(teachers, float) / np.linalg.norm(teachers, axis=1, keepdims=True)
    return Paths(degrees((units @ teachers.T).max(axis=2)), np.abs(outputs) * norms,
                 degrees((units[0] * units[-1]).sum(axis=1)), outputs[-1] >= 0)


def near(paths, frame):
    """The share of the sizes that is near a teacher."""
    return paths.sizes[frame, paths.angles[frame] < NEAR].sum() / paths.sizes[frame].sum()


def draw_panel(axes, paths, count):
    angles, sizes, positive = paths.angles[:, :count], paths.sizes[:, :count], paths.positive[:count]
    lines = np.stack([angles, sizes], axis=2).transpose(1, 0, 2)
    axes.add_collection(LineCollection(lines, colors=np.where(positive, POSITIVE, NEGATIVE), linewidths=0.7, alpha=0.6))
    axes.scatter(angles[0], sizes[0], s=9, facecolors="white", edgecolors=style.GREY, linewidths=0.6, zorder=3)
    for sign, colour, marker in ((True, POSITIVE, "o"), (False, NEGATIVE, "s")):
        axes.scatter(angles[-1, positive == sign], sizes[-1, positive == sign], s=12, color=colour, marker=marker,
                     edgecolors="white", linewidths=0.3, zorder=4)


def draw(runs, args):
    recorded = [run for run in runs if run.trajectory is not None and np.asarray(run.trajectory.positions).size]
    if not recorded:
        raise results.Error(f"{args.run_dir} holds no trajectory; set observe.trajectory.particles.")
    cases = series.by_case(recorded)
    style.require_few(cases, "cases")
    figure = style.figure(max(3.3 * len(cases) + 0.4, 5.5), 3.9)
    names = [str(index) for index in range(len(cases))]
    grid = figure.subplot_mosaic([["legend"] * len(cases), names], gridspec_kw={"height_ratios": (0.25, 3.4)})
    panels, bottoms = [grid[name] for name in names], []
    for axes, (label, members) in zip(panels, cases.items()):
        paths = paths_of(members[0])
        draw_panel(axes, paths, args.particles)
        bottoms.append(np.quantile(paths.sizes[[0, -1]], LEAST))
        say(f"{label or members[0].name}: {near(paths, 0):.2f} of the sizes within {NEAR} degrees of a teacher at the start, "
            f"{near(paths, -1):.2f} at the end; a neuron turns by {np.nanmedian(paths.turns):.3g} degrees (median)")
        alpha = members[0].setting("network.alpha", None)
        scale = rf", $\alpha$ = {alpha:g}" if sweeps.is_number(alpha) else ""
        axes.set_title(words.in_figure(label or members[0].name) + scale, loc="left")
        axes.set(yscale="log", xlabel="angle to the nearest teacher (degrees)")
        axes.axvspan(0, NEAR, color=style.SHADE, linewidth=0, zorder=0)
    right, top = (max(getattr(axes, f"get_{axis}lim")()[1] for axes in panels) for axis in "xy")
    bottom = 0.5 * min(bottoms)
    for axes in panels:
        axes.set(xlim=(0, right), ylim=(bottom, top))
    panels[0].set_ylabel("$|r_j|\\, |w_j|$")
    handles = [style.handle("start", linestyle="none", marker="o", color="white", markeredgecolor=style.GREY),
               style.handle("path and end, $r_j > 0$", color=POSITIVE, marker="o"),
               style.handle("path and end, $r_j < 0$", color=NEGATIVE, marker="s"),
               style.handle(f"within {NEAR} degrees", color=style.SHADE, linewidth=6)]
    grid["legend"].axis("off")
    grid["legend"].legend(handles=handles, loc="center", ncol=4)
    style.save(figure, args, "lazy_paths")


def add_options(parser):
    parser.add_argument("--particles", metavar="K", type=arguments.at_least(1), default=200,
                        help="draw at most K paths (default 200)")


if __name__ == "__main__":
    arguments.run(__doc__, draw, add_options)
