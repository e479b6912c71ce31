#!/usr/bin/env python3
"""Where the neurons go: paths of r_j w_j in the plane, one panel per case, and an animation of them.

    plots/trajectories.py RUN_DIR [--out FOLDER] [--plane i,j] [--particles K] [--width N] [--no-animation]

Rings are starts, dots are ends, rays from the origin are the teacher directions. Where a few neurons go much further than
the others start from the origin, a second row shows the middle, which a grey frame marks in the first. For inputs of more
than two dimensions the plane is the one of the first two relevant directions; --plane 1,3 draws that of the teachers 1 and 3
(or of two relevant directions, or of two inputs, where there is no teacher), --plane inputs:1,2 that of two inputs. One input
has its bias beside it. Needs [observe.trajectory] particles in the experiment.
Writes trajectories.png, .pdf, .svg and .gif. Where the runs differ in width, trajectories_width.png, .pdf and .svg show
how far neurons move against the width, and the fitted slopes are printed.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # python3 -I does not look there
import interpreter  # noqa: E402, F401  (first: it may start the script over)

import dataclasses
import io

import numpy as np

import arguments
import plane
from mfld import results
import series
import style
import sweeps
import words
from words import say

from matplotlib.collections import LineCollection
from matplotlib.patches import Rectangle
from PIL import Image

FIGURE = "the figure of trajectories"
WIDTH = "network.width"
POSITIVE, NEGATIVE = style.COLOURS[0], style.COLOURS[1]
FRAMES = 60  # of the animation, at most
HELD = 10  # times the last frame is shown
FRAME_MILLISECONDS = 80
CENTRE = 0.98  # of all starts are within the middle that is drawn again
FAR = 2.0  # times as wide as the middle: what the paths reach where it is drawn again
DRAWN_WIDTH = 200  # of several widths the one nearest to it is drawn: enough neurons, and they can be told apart


@dataclasses.dataclass
class Picture:
    """What a panel shows."""

    label: str
    times: np.ndarray  # [frames]
    paths: np.ndarray  # [frames, particles, 2]
    positive: np.ndarray  # [particles], whether r_j ends positive
    teachers: np.ndarray  # [m, 2], of length 1: those that are not at a right angle to the plane
    axis_labels: tuple


def plane_of_one_input(names, label):
    """(columns, axis labels, whether r_j multiplies) for inputs of one dimension: w beside the bias, or beside r."""
    weight = names.index("w_1")
    if "b" in names:
        return [weight, names.index("b")], ("along $x$", "along the bias"), "r" in names
    if "r" in names:
        return [weight, names.index("r")], ("$w_j$", "$r_j$"), False
    raise results.Error(f"{label}: a neuron has a single parameter, and no path in a plane.")


def rays(teachers, basis, label):
    """Unit vectors of the teachers' shadows on the plane; of a teacher at a right angle to it none."""
    shadows = np.asarray(teachers, float) @ basis
    lengths = np.linalg.norm(shadows, axis=1)
    seen = lengths > 1e-6 * np.linalg.norm(teachers, axis=1)
    for number in np.flatnonzero(~seen) + 1:
        say(f"{label}: teacher {number} is at a right angle to the plane, and has no ray in it")
    return shadows[seen] / lengths[seen, None]


def picture_of(label, run, num_particles, choice=None):
    names = list(run.trajectory.names)
    columns = [index for index, name in enumerate(names) if name.startswith("w_")]
    positions = np.asarray(run.trajectory.positions)[:, :num_particles]
    times, data = np.asarray(run.trajectory.times), run.data or {}
    output = positions[:, :, names.index("r")] if "r" in names else None
    symbol, basis = "" if output is None else "r_j ", None
    if len(columns) == 1 and choice is None:
        columns, axes, multiplied = plane_of_one_input(names, label)
        paths = positions[:, :, columns]
        symbols = (f"${symbol}w_j$ ", f"${symbol}b_j$ ") if "b" in names else ("", "")
    else:
        chosen = plane.of(data, len(columns), choice)
        axes, multiplied, basis = chosen.names, output is not None, chosen.basis
        paths, symbols = positions[:, :, columns] @ basis, (f"${symbol}w_j$ ",) * 2
    paths = output[:, :, None] * paths if multiplied else paths
    labels = tuple(symbol + axis for symbol, axis in zip(symbols, axes))
    positive = np.ones(paths.shape[1], bool) if output is None else output[-1] >= 0
    teachers = data.get("teacher_directions")
    shown = np.zeros((0, 2)) if teachers is None or basis is None else rays(teachers, basis, label)
    return Picture(label, times, paths, positive, shown, labels)


def width_of(run):
    return run.setting(WIDTH, kind=int)


def with_frames(runs):
    return [run for run in runs if run.trajectory is not None and np.asarray(run.trajectory.positions).size]


def pictures(runs, args):
    """One per case: of its runs the first of the wanted width, or of that nearest to the one that is usually drawn."""
    several = len({width_of(run) for run in runs}) > 1
    recorded = with_frames(runs)
    there = sorted({width_of(run) for run in recorded})
    if args.width is not None and args.width not in there:
        raise results.Error(f"--width {args.width}: no trajectory has {WIDTH} = {args.width}; there are "
                            f"{words.some(there, 20) or 'none'}.")
    shown = []
    for case, members in series.by_case(recorded, without=[WIDTH]).items():
        members = [run for run in members if args.width in (None, width_of(run))]
        if members:
            run = min(members, key=lambda run: abs(width_of(run) - DRAWN_WIDTH))
            label = case or run.name
            say(f"{label}: paths of the run {run.name}")
            label = f"{label}, N = {width_of(run)}" if several else label
            shown.append(picture_of(label, run, args.particles, args.plane))
    return shown


def box_around(shown):
    """(lower, upper) corners of one box for every panel: all paths and the origin, with a margin."""
    points = np.concatenate([picture.paths.reshape(-1, 2) for picture in shown] + [np.zeros((1, 2))])
    points = points[np.isfinite(points).all(axis=1)]
    lower, upper = points.min(axis=0), points.max(axis=0)
    margin = 0.06 * (upper - lower).max() or 1.0
    return lower - margin, upper + margin


def middle_of(shown, lower, upper):
    """(lower, upper) corners of the square that nearly all starts are in; None where the paths do not go far beyond."""
    starts = np.abs(np.concatenate([picture.paths[0] for picture in shown]))
    starts = starts[np.isfinite(starts).all(axis=1)].max(axis=1)
    half = 1.3 * np.quantile(starts, CENTRE) if len(starts) else 0.0
    corners = np.full(2, -half), np.full(2, half)
    return corners if half > 0 and (upper - lower).max() > FAR * 2 * half else None


def mark(axes, lower, upper):
    """The frame of what the row below shows."""
    axes.add_patch(Rectangle(lower, *(upper - lower), fill=False, edgecolor=style.GREY, linewidth=0.8, zorder=5))


def prepare(axes, picture, lower, upper):
    beyond = 2 * np.abs([lower, upper]).max()
    for teacher in picture.teachers:
        axes.plot(*np.outer([0, beyond], teacher).T, color=style.COLOURS[2], linewidth=1.2, linestyle="--", zorder=1)
    axes.scatter(*picture.paths[0].T, s=9, facecolors="white", edgecolors=style.GREY, linewidths=0.6, zorder=3)
    axes.set(xlim=(lower[0], upper[0]), ylim=(lower[1], upper[1]), aspect="equal")


def colours_of(picture):
    return np.where(picture.positive, POSITIVE, NEGATIVE)


def path_lines(picture, last):
    return picture.paths[: last + 1].transpose(1, 0, 2)


def legend_handles(shown):
    handles = [
        style.handle("start", linestyle="none", marker="o", color="white", markeredgecolor=style.GREY),
        style.handle("path and end, $r_j > 0$", color=POSITIVE, marker="o"),
        style.handle("path and end, $r_j < 0$", color=NEGATIVE, marker="s"),
        style.handle("teacher direction", color=style.COLOURS[2], linestyle="--"),
    ]
    if not any(len(picture.teachers) for picture in shown):
        handles.pop()
    if all(picture.positive.all() for picture in shown):
        handles[1].set_label("path and end")
        handles.pop(2)
    return handles


def frame(shown):
    """Figure with a legend above one panel a picture, or two of different boxes; the legend, and the panels by row."""
    lower, upper = box_around(shown)
    middle = middle_of(shown, lower, upper)
    boxes = [(lower, upper)] + [middle] * (middle is not None)
    width = min(3.4, 12 / len(shown))
    heights = [0.87 * width * np.clip((high[1] - low[1]) / (high[0] - low[0]), 0.5, 1.5) for low, high in boxes]
    total = max(width * len(shown) + 0.4, 4.5)
    handles = legend_handles(shown)
    columns, rows = style.legend_rows(handles, total)
    figure = style.figure(total, sum(heights) + rows + 0.6 * len(boxes))
    names = [[f"{row},{column}" for column in range(len(shown))] for row in range(len(boxes))]
    grid = figure.subplot_mosaic([["legend"] * len(shown), *names], gridspec_kw={"height_ratios": (rows, *heights)})
    grid["legend"].axis("off")
    legend = grid["legend"].legend(handles=handles, loc="center", ncol=columns)
    panels = [[grid[name] for name in row] for row in names]
    for row, box in zip(panels, boxes):
        for column, (axes, picture) in enumerate(zip(row, shown)):
            prepare(axes, picture, *box)
            label = picture.label if row is panels[0] else f"{picture.label}: the middle"
            style.title(axes, label, 0.8 * width)
            if column == 0 or picture.axis_labels[1] != shown[0].axis_labels[1]:
                axes.set_ylabel(picture.axis_labels[1])
            if row is panels[-1]:
                axes.set_xlabel(picture.axis_labels[0])
            elif middle is not None:
                mark(axes, *middle)
    return figure, legend, panels


def draw_dots(axes, picture, sign):
    """The ends of the neurons whose r_j has this sign."""
    look = {"marker": "o", "color": POSITIVE} if sign else {"marker": "s", "color": NEGATIVE}
    ends = picture.paths[-1, picture.positive == sign]
    return axes.scatter(*ends.T, s=12, edgecolors="white", linewidths=0.3, zorder=4, **look)


def draw_still(shown):
    figure, _, panels = frame(shown)
    for axes, picture in zip(sum(panels, []), shown * len(panels)):
        lines = path_lines(picture, len(picture.times))
        axes.add_collection(LineCollection(lines, colors=colours_of(picture), linewidths=0.7, alpha=0.7))
        for sign in (True, False):
            draw_dots(axes, picture, sign)
    return figure


def animation_times(shown):
    """Evenly spaced among the frames of the picture that goes on longest, so that all of them are at the same time."""
    times = max((picture.times for picture in shown), key=lambda times: (times[-1], len(times)))
    return times[np.unique(np.linspace(0, len(times) - 1, FRAMES).round().astype(int))]


def animation_of(shown):
    """The bytes of the .gif, the last frame held."""
    figure, legend, panels = frame(shown)
    legend.set_title("time 0.00e+00")
    figure.set_dpi(90)
    lines, dots, drawn = [], [], shown * len(panels)
    for axes, picture in zip(sum(panels, []), drawn):
        lines.append(axes.add_collection(LineCollection([], colors=colours_of(picture), linewidths=0.8, alpha=0.6)))
        dots.append({sign: draw_dots(axes, picture, sign) for sign in (True, False)})
    figure.canvas.draw()
    figure.set_layout_engine("none")  # or every frame would be laid out anew
    images = []
    for time in animation_times(shown):
        for line, both, picture in zip(lines, dots, drawn):
            index = max(0, int(np.searchsorted(picture.times, time, side="right")) - 1)
            line.set_segments(path_lines(picture, index))
            for sign, dot in both.items():
                dot.set_offsets(picture.paths[index, picture.positive == sign])
        legend.set_title(f"time {time:.3g}")
        figure.canvas.draw()
        images.append(Image.fromarray(np.asarray(figure.canvas.buffer_rgba())).convert("RGB"))
    buffer = io.BytesIO()
    durations = [FRAME_MILLISECONDS] * (len(images) - 1) + [FRAME_MILLISECONDS * (1 + HELD)]
    images[0].save(buffer, format="GIF", save_all=True, append_images=images[1:], duration=durations, loop=0)
    return buffer.getvalue()


def draw_movement(axes, index, case, members):
    """Whether there was something to draw: positive movement at two widths; not of a run that diverged or made no
    step."""
    widths, movement = np.array([(width_of(run), run.metrics["movement_mean"].iloc[-1]) for run in members]).T
    usable = np.isfinite(movement) & (movement > 0)
    widths, movement = widths[usable], movement[usable]
    power = sweeps.fit_power(widths, movement)
    if power is None:
        return False
    medians = [np.median(movement[widths == width]) for width in np.unique(widths)]
    look = style.look(index)
    axes.plot(widths, movement, linestyle="none", label=f"{words.in_figure(case or 'runs')}: {power.label}", **look)
    sweeps.draw_power(axes, widths, power, color=look["color"])
    say(f"{case or 'runs'}: movement at the end against width, slope {power}, "
        f"largest over smallest median {100 * (max(medians) / min(medians) - 1):.1f} % above 1")
    return True


def width_figure(runs):
    """Mean movement of w at the end against N, in log-log, with the fitted power of N; None if there is none."""
    if not series.has(runs, "movement_mean"):
        say("No figure of the movement against the width: not every run recorded movement_mean.")
        return None
    figure = style.figure(0.6 * style.WIDTH_INCHES, 3.2)
    axes = figure.subplots()
    drawn = [draw_movement(axes, index, case, members)
             for index, (case, members) in enumerate(series.by_case(runs, without=[WIDTH]).items())]
    if not any(drawn):
        say("No figure of the movement against the width: nothing moved at two widths.")
        return None
    axes.set(yscale="log", xlabel="width $N$ (number of neurons)", ylabel="mean over $j$ of $|w_j - w_j(0)|$")
    sweeps.show_values(axes, [width_of(run) for run in runs])
    lower, upper = np.log10(axes.get_ylim())
    axes.set_ylim(10 ** np.floor(lower), 10 ** np.ceil(upper))
    axes.set_title("movement by the end of the run", loc="left")
    axes.legend()
    return figure


def check(runs):
    cases = series.by_case(runs, without=[WIDTH])
    style.require_few(cases, "cases")
    for members in cases.values():
        series.require_alike(members, FIGURE, [WIDTH])
    series.require_alike(runs, FIGURE, runs.keys, sections=("task",))


def draw(runs, args):
    check(runs)
    shown = pictures(runs, args)
    several_widths = len({width_of(run) for run in runs}) > 1
    if not shown and not several_widths:
        raise results.Error(f"{args.run_dir} holds no trajectory; set observe.trajectory.particles.")
    against_width = width_figure(runs) if several_widths else None
    if shown:
        animation = None if args.no_animation else animation_of(shown)
        style.save(draw_still(shown), args, "trajectories", animation=animation)
    if against_width:
        style.save(against_width, args, "trajectories_width")
    elif not shown:
        raise results.Error(f"{args.run_dir} holds no trajectory; set observe.trajectory.particles.")


def add_options(parser):
    parser.add_argument("--plane", metavar="[KIND:]i,j", type=plane.wanted,
                        help="the plane of two vectors; KIND is teachers, directions or inputs")
    parser.add_argument("--particles", metavar="K", type=arguments.at_least(1), default=200,
                        help="draw at most K paths (default 200)")
    parser.add_argument("--width", metavar="N", type=arguments.at_least(1),
                        help=f"the width to draw (default: the one nearest to {DRAWN_WIDTH})")
    parser.add_argument("--no-animation", action="store_true", help="leave out the .gif")


if __name__ == "__main__":
    arguments.run(__doc__, draw, add_options)
