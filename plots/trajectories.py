#!/usr/bin/env python3
"""Where the neurons go: paths of r_j w_j in the plane, one panel per case, and an animation of them.

    plots/trajectories.py RUN_DIR [--out FOLDER] [--particles K] [--width N] [--no-animation]

Rings are starts, dots are ends, rays from the origin are the teacher directions. For inputs of more than two dimensions
the plane is the one of the first two relevant directions. Needs [observe.trajectory] particles in the experiment.
Writes trajectories.png, .pdf, .svg and .gif. Where the runs differ in width, trajectories_width.png, .pdf and .svg show
how far neurons move against the width, and the fitted slopes are printed.
"""

import interpreter  # noqa: F401  (first: it may start the script over)

import dataclasses

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import FuncAnimation, PillowWriter
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D

import arguments
import results
import series
import style
import sweeps

WIDTH = "network.width"
POSITIVE, NEGATIVE = style.COLOURS[0], style.COLOURS[1]
FRAMES = 60  # of the animation, at most
DRAWN_WIDTH = 200  # of several widths the one nearest to it is drawn: enough neurons, and they can be told apart


@dataclasses.dataclass
class Picture:
    """What a panel shows."""

    label: str
    times: np.ndarray  # [frames]
    paths: np.ndarray  # [frames, particles, 2]
    positive: np.ndarray  # [particles], whether r_j ends positive
    teachers: np.ndarray  # [m, 2]
    axis_labels: tuple


def plane_of(data, dimension):
    """Orthonormal basis [d, 2] of the plane that is drawn."""
    if dimension == 2:
        return np.eye(2)
    subspace = (data or {}).get("relevant_subspace")
    if dimension < 2 or subspace is None or subspace.shape[1] < 2:
        raise results.ResultError(
            f"the inputs have dimension {dimension}; a plane to draw in needs dimension 2 or a task with at least two "
            "relevant directions."
        )
    return np.asarray(subspace)[:, :2]


def picture_of(label, run, num_particles):
    names = list(run.trajectory.names)
    columns = [index for index, name in enumerate(names) if name.startswith("w_")]
    positions = np.asarray(run.trajectory.positions)[:, :num_particles]
    plane = plane_of(run.data, len(columns))
    paths = positions[:, :, columns] @ plane
    positive = np.ones(paths.shape[1], bool)
    symbol = "w_j"
    if "r" in names:
        output = positions[:, :, names.index("r")]
        paths = output[:, :, None] * paths
        positive = output[-1] >= 0
        symbol = "r_j w_j"
    teachers = (run.data or {}).get("teacher_directions")
    teachers = np.zeros((0, 2)) if teachers is None else np.asarray(teachers) @ plane
    axes = ("x_1", "x_2") if len(columns) == 2 else ("u_1", "u_2")
    labels = tuple(f"${symbol}$ along ${axis}$" for axis in axes)
    return Picture(label, np.asarray(run.trajectory.times), paths, positive, teachers, labels)


def width_of(run):
    return run.config["network"]["width"]


def pictures(runs, width, num_particles):
    """One per case: of its runs the first whose width is nearest to the wanted one."""
    several = len({width_of(run) for run in runs}) > 1
    shown = []
    for case, members in series.by_case(runs, without=[WIDTH]).items():
        with_paths = [run for run in members if run.trajectory is not None]
        if with_paths:
            run = min(with_paths, key=lambda run: abs(width_of(run) - width))
            label = case or run.name
            shown.append(picture_of(f"{label}, $N$ = {width_of(run)}" if several else label, run, num_particles))
    return shown


def box_around(shown):
    """(lower, upper) corners of one box for every panel: all paths and the origin, with a margin."""
    points = np.concatenate([picture.paths.reshape(-1, 2) for picture in shown] + [np.zeros((1, 2))])
    lower, upper = points.min(axis=0), points.max(axis=0)
    margin = 0.06 * (upper - lower).max() or 1.0
    return lower - margin, upper + margin


def prepare(axes, picture, lower, upper):
    beyond = 2 * np.abs([lower, upper]).max()
    for teacher in picture.teachers:
        ray = teacher / np.linalg.norm(teacher) * beyond
        axes.plot([0, ray[0]], [0, ray[1]], color=style.COLOURS[2], linewidth=1.2, linestyle="--", zorder=1)
    axes.scatter(*picture.paths[0].T, s=9, facecolors="white", edgecolors=style.GREY, linewidths=0.6, zorder=3)
    axes.set(xlim=(lower[0], upper[0]), ylim=(lower[1], upper[1]), aspect="equal", xlabel=picture.axis_labels[0])
    axes.set_title(picture.label, loc="left")


def colours_of(picture):
    return np.where(picture.positive, POSITIVE, NEGATIVE)


def path_lines(picture, last):
    return picture.paths[: last + 1].transpose(1, 0, 2)


def legend(axes, picture):
    handles = [
        Line2D([], [], linestyle="none", marker="o", color="white", markeredgecolor=style.GREY, label="start"),
        Line2D([], [], color=POSITIVE, marker="o", label="path and end, $r_j > 0$"),
        Line2D([], [], color=NEGATIVE, marker="s", label="path and end, $r_j < 0$"),
        Line2D([], [], color=style.COLOURS[2], linestyle="--", label="teacher direction"),
    ]
    if picture.positive.all():
        handles[1].set_label("path and end")
        handles.pop(2)
    if not len(picture.teachers):
        handles.pop()
    axes.axis("off")
    axes.legend(handles=handles, loc="center", ncol=len(handles))


def frame(shown):
    """Figure with a legend above one square panel a picture."""
    letters = [str(index) for index in range(len(shown))]
    lower, upper = box_around(shown)
    width = min(3.4, 12 / len(shown))
    height = width * np.clip((upper[1] - lower[1]) / (upper[0] - lower[0]), 0.5, 1.5)
    figure, grid = plt.subplot_mosaic(
        [["legend"] * len(shown), letters],
        figsize=(max(width * len(shown) + 0.4, 5.5), height + 0.9),
        gridspec_kw={"height_ratios": (0.3, height)},
    )
    legend(grid["legend"], shown[0])
    for letter, picture in zip(letters, shown):
        prepare(grid[letter], picture, lower, upper)
    grid["0"].set_ylabel(shown[0].axis_labels[1])
    return figure, [grid[letter] for letter in letters]


def draw_dots(axes, picture, sign):
    """The ends of the neurons whose r_j has this sign."""
    look = {"marker": "o", "color": POSITIVE} if sign else {"marker": "s", "color": NEGATIVE}
    ends = picture.paths[-1, picture.positive == sign]
    return axes.scatter(*ends.T, s=12, edgecolors="white", linewidths=0.3, zorder=4, **look)


def draw_still(shown, folder):
    figure, panels = frame(shown)
    for axes, picture in zip(panels, shown):
        lines = path_lines(picture, len(picture.times))
        axes.add_collection(LineCollection(lines, colors=colours_of(picture), linewidths=0.7, alpha=0.7))
        for sign in (True, False):
            draw_dots(axes, picture, sign)
    style.save(figure, folder, "trajectories")


def draw_animation(shown, folder):
    """Frames evenly spaced among those recorded, and the last one held."""
    figure, panels = frame(shown)
    count = min(len(picture.times) for picture in shown)
    indices = np.unique(np.linspace(0, count - 1, FRAMES).round().astype(int))
    lines, dots = [], []
    for axes, picture in zip(panels, shown):
        lines.append(axes.add_collection(LineCollection([], colors=colours_of(picture), linewidths=0.8, alpha=0.6)))
        dots.append({sign: draw_dots(axes, picture, sign) for sign in (True, False)})
    clock = panels[-1].text(0.98, 0.02, "", transform=panels[-1].transAxes, ha="right", va="bottom")

    def show(index):
        for line, both, picture in zip(lines, dots, shown):
            line.set_segments(path_lines(picture, index))
            for sign, dot in both.items():
                dot.set_offsets(picture.paths[index, picture.positive == sign])
        clock.set_text(f"time {shown[0].times[index]:.3g}")

    show(0)
    figure.canvas.draw()
    figure.set_constrained_layout(False)  # or every frame would be laid out anew
    order = [*indices, *[indices[-1]] * 10]
    path = folder / "trajectories.gif"
    FuncAnimation(figure, show, frames=order).save(path, writer=PillowWriter(fps=12), dpi=90)
    plt.close(figure)
    print(f"wrote {path}")


def draw_width(runs, folder):
    """Mean movement of w at the end against N, in log-log, with the fitted power of N."""
    series.require(runs, "movement_mean", "the figure of movement against width")
    figure, axes = plt.subplots(figsize=(0.6 * style.WIDTH_INCHES, 3.0))
    axes.set(xscale="log", yscale="log", xlabel="width $N$ (number of neurons)")
    axes.set_xticks(sorted({width_of(run) for run in runs}), minor=False)
    axes.set_xticks([], minor=True)
    axes.xaxis.set_major_formatter("{x:.0f}")
    axes.set_title("movement by the end of the run", loc="left")
    axes.set_ylabel("mean over $j$ of $|w_j - w_j(0)|$")
    for index, (case, members) in enumerate(series.by_case(runs, without=[WIDTH]).items()):
        widths, movement = np.array([(width_of(run), run.metrics["movement_mean"].iloc[-1]) for run in members]).T
        usable = np.isfinite(movement) & (movement > 0)  # not of a run that diverged or made no step
        widths, movement = widths[usable], movement[usable]
        if len(set(widths)) < 2:
            continue
        power = sweeps.fit_power(widths, movement)
        medians = [np.median(movement[widths == width]) for width in np.unique(widths)]
        spread = max(medians) / min(medians) - 1
        look = style.look(index)
        axes.plot(widths, movement, linestyle="none", **look)
        sweeps.draw_power(axes, widths, power, color=look["color"], label="_")
        axes.plot([], [], **look, label=f"{case or 'runs'}: {power.label}")
        print(f"{case or 'runs'}: movement at the end against width, slope {power}, "
              f"largest over smallest median {100 * spread:.1f} % above 1")
    lower, upper = np.log10(axes.get_ylim())
    axes.set_ylim(10 ** np.floor(lower), 10 ** np.ceil(upper))
    axes.legend()
    style.save(figure, folder, "trajectories_width")


def add_options(parser):
    parser.add_argument("--particles", metavar="K", type=int, default=200, help="draw at most K paths (default 200)")
    parser.add_argument("--width", metavar="N", type=int, default=DRAWN_WIDTH, help="the width to draw (default 200)")
    parser.add_argument("--no-animation", action="store_true", help="leave out the .gif")


def main():
    args = arguments.parse(__doc__, add_options)
    runs = arguments.load_runs(args)
    shown = pictures(runs, args.width, args.particles)
    several_widths = len({width_of(run) for run in runs}) > 1
    if not shown and not several_widths:
        raise results.ResultError(f"{args.run_dir} holds no trajectory; set observe.trajectory.particles.")
    style.apply()
    if shown:
        draw_still(shown, args.out)
        if not args.no_animation:
            draw_animation(shown, args.out)
    if several_widths:
        draw_width(runs, args.out)


if __name__ == "__main__":
    main()
