#!/usr/bin/env python3
"""Any column of metrics.csv against any key of a sweep, or along the runs.

    plots/compare.py RUN_DIR --x task.num_train --y test_error [--hue case] [--facet task.sparsity]
                     [--where KEY=VALUE] [--log x] [--out FOLDER] [--name STEM]

--x    a key of the experiment, as it is written there (task.num_train, phase.0.step_size, case): y at the end of each
       run; or step, time, gradient_evaluations or seconds: y along the runs. Two keys make a heat map.
--y    a column of metrics.csv, test_error (1 - test_accuracy), train_error, seconds, or an expression of them with
       + - * / ^, brackets, log, log2, log10, exp, sqrt, abs, min, max, and over the rows of a run first, last, lowest
       and highest.
Runs that differ in their seeds only are one point: a median with the band between the quartiles, and each run. What
else they differ in becomes the curves, then the panels, where --hue and --facet do not say otherwise. Seconds are steps
times the mean time of a step of that run. Prints the medians, and writes compare.png, .pdf and .svg.
"""

import argparse
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # python3 -I does not look there
import interpreter  # noqa: E402, F401  (first: it may start the script over)

import matplotlib
import numpy as np
from matplotlib import colors

import arguments
import comparison
import labels
from comparison import Question
from expression import Expression
from mfld import results
import series
import style
import sweeps
import words
from words import say

LINESTYLES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
MOST_CURVES = 12  # of numbers, whose colours are in order
MOST_PANELS = 12
MOST_WRITTEN = 64  # cells of a heat map whose values have room
MOST_THIN = 30  # runs along which thin lines can be followed
PANELS_A_ROW = 3
PANEL_INCHES = 2.6
TITLE_INCHES = 0.2  # of a legend
COLOUR_MAP = "cividis"  # its lightness rises evenly, for the colour-blind and in grey


def ordered(values):
    """Numbers by size, words in the order of the runs."""
    values = list(dict.fromkeys(values))
    return sorted(values) if all(sweeps.is_number(value) for value in values) else values


class Scale:
    """Where the values of a key lie on an axis: numbers where they are, words side by side."""

    def __init__(self, values):
        self.values = ordered(values)
        self.is_number = all(sweeps.is_number(value) for value in self.values)

    def __call__(self, value):
        return float(value) if self.is_number else float(self.values.index(value))

    def apply(self, axes, logarithmic):
        if not self.is_number:
            axes.set_xticks(range(len(self.values)), [labels.value(value) for value in self.values])
            axes.set_xlim(-0.5, len(self.values) - 0.5)
            if len(self.values) > 3:
                axes.tick_params(axis="x", labelrotation=30)
        elif logarithmic:
            sweeps.show_values(axes, self.values)


def looks(values):
    """{value: colour, marker and line style}; more numbers than there are colours have those of a map, in order."""
    if len(values) <= len(style.COLOURS):
        return {value: {**style.look(index), "linestyle": LINESTYLES[index]} for index, value in enumerate(values)}
    if len(values) > MOST_CURVES or not all(sweeps.is_number(value) for value in values):
        style.require_few(values, "curves")
    shades = matplotlib.colormaps[COLOUR_MAP](np.linspace(0, 0.9, len(values)))
    return {value: {"color": colors.to_hex(shade), "marker": style.MARKERS[index % len(style.MARKERS)],
                    "linestyle": LINESTYLES[index % 2]}
            for index, (value, shade) in enumerate(zip(values, shades))}


def of(record, key):
    return comparison.value(record.run, key) if key is not None else None


def split(records, key):
    """{value of the key: Records}, in order; {None: all} without a key."""
    values = ordered([of(record, key) for record in records]) if key is not None else [None]
    return {value: [record for record in records if of(record, key) == value] for value in values}


def spoken(question, panel, curve):
    """What a line of the printed medians begins with."""
    parts = [str(value) if key == "case" else f"{key} = {value}"
             for key, value in ((question.facet, panel), (question.hue, curve)) if key is not None]
    return ", ".join(parts) or "runs"


def draw_ends(axes, records, scale, look):
    """The medians against a key; returns them as text."""
    x = np.array([scale(record.x[0]) for record in records])
    y = np.array([record.y for record in records])
    grid, (low, middle, high) = sweeps.band(x, y)
    how = look if scale.is_number else {**look, "linestyle": "none"}
    if len(x) > len(grid):
        axes.plot(x, y, linestyle="none", marker=".", markersize=2.5, color=look["color"], alpha=0.5)
        if scale.is_number and len(grid) > 1:
            axes.fill_between(grid, low, high, color=look["color"], alpha=0.22, linewidth=0)
        else:
            axes.vlines(grid, low, high, color=look["color"], alpha=0.5, linewidth=4)
    axes.plot(grid, middle, **how)
    names = {scale(value): value for value in scale.values}
    return ", ".join(f"{names[place]}: {median:.3g}" for place, median in zip(grid, middle))


def draw_curve(axes, records, look, thin, logarithmic):
    """The medians along the runs; returns the last as text."""
    if thin and len(records) > 1:
        for record in records:
            axes.plot(record.x, record.y, color=look["color"], linestyle=look["linestyle"], linewidth=0.5, alpha=0.5)
    x, (low, middle, high) = comparison.curve(records)
    if len(records) > 1:
        axes.fill_between(x, low, high, color=look["color"], alpha=0.22, linewidth=0)
    axes.plot(x, middle, markevery=series.marks(x, logarithmic), **look)
    return f"{middle[-1]:.4g} at {x[-1]:.4g}"


def frame(question, panels, handles, colour_bar=False):
    """Figure and panels, the first of the rows first; the legend stands above them all."""
    if len(panels) > MOST_PANELS:
        raise results.Error(f"--facet {question.facet}: at most {MOST_PANELS} panels have room, and there are "
                            f"{len(panels)}; choose some with --where {question.facet}=VALUE.")
    columns = 2 if len(panels) == 4 else min(len(panels), PANELS_A_ROW)
    rows = -(-len(panels) // columns)
    width = max(0.65 * style.WIDTH_INCHES, 0.6 + PANEL_INCHES * columns + (0.8 if colour_bar else 0))
    many, height = style.legend_rows(handles, width) if handles else (1, 0.0)
    title = labels.key(question.hue) if handles and question.hue != "case" else None
    height += TITLE_INCHES if title else 0
    figure = style.figure(width, 0.3 + height + rows * (3.1 if rows == 1 else 2.6))
    names = [f"panel {index}" if index < len(panels) else "." for index in range(rows * columns)]
    layout = [names[row * columns:(row + 1) * columns] for row in range(rows)]
    ratios = [2.6] * rows
    if handles:
        layout, ratios = [["legend"] * columns, *layout], [height, *ratios]
    grid = figure.subplot_mosaic(layout, gridspec_kw={"height_ratios": ratios})
    if handles:
        grid["legend"].axis("off")
        grid["legend"].legend(handles=handles, title=title, loc="center", ncol=many, handlelength=2.5, columnspacing=1.2)
    axes = [grid[f"panel {index}"] for index in range(len(panels))]
    for each in axes[1:]:
        each.sharex(axes[0])
        each.sharey(axes[0])
    for index, (each, value) in enumerate(zip(axes, panels)):
        if question.facet is not None:
            style.title(each, labels.setting(question.facet, value), width / columns - 0.4)
        each.tick_params(which="both", labelleft=index % columns == 0, labelbottom=index + columns >= len(panels))
    return figure, axes, columns


def require_positive(values, letter):
    values = np.asarray(values, float)
    if not (np.isfinite(values) & (values > 0)).any():
        raise results.Error(f"--log {letter}: no value of {letter} is above 0.")


def set_logarithmic(axes, records, question, scale, log):
    """The axes that are to be so; a run begins at step 0, which has no place on one."""
    if "x" in log:
        if scale is not None and (not scale.is_number or min(scale.values) <= 0):
            raise results.Error(f"--log x: {question.x[0]} = {words.some(scale.values)} has no place on a logarithmic "
                                "axis; only numbers above 0 have.")
        if scale is None:
            times = np.concatenate([record.x for record in records])
            require_positive(times, "x")
            for each in axes:
                each.set_xscale("log", nonpositive="mask")
            axes[0].set_xlim(times[times > 0].min(), times.max() if times.max() > times[times > 0].min() else None)
    if "y" in log:
        require_positive(np.concatenate([np.atleast_1d(record.y) for record in records]), "y")
        for each in axes:
            each.set_yscale("log", nonpositive="mask")


def caption(question, members, thin=True):
    """What points and bands are."""
    counts = sorted({len(runs) for runs in members})
    many = " or ".join(map(str, counts)) if len(counts) < 4 else f"{counts[0]} to {counts[-1]}"
    end = "" if question.is_curve else "at the end of each run; "
    if counts == [1]:
        return f"{end}one run a {'curve' if question.is_curve else 'point'}"
    if len(question.x) > 1:
        return f"{end}median of {many} seeds"
    return end + (f"median, quartiles and each of {many} seeds" if thin else f"median and quartiles of {many} seeds")


def draw_lines(records, question, args):
    panels, curves = split(records, question.facet), split(records, question.hue)
    look = looks(list(curves))
    scale = None if question.is_curve else Scale([record.x[0] for record in records])
    handles = [style.handle(labels.value(value), **look[value]) for value in curves if question.hue is not None]
    figure, axes, columns = frame(question, panels, handles)
    thin = len(records) <= MOST_THIN or not question.is_curve
    for each, (panel, inside) in zip(axes, panels.items()):
        for curve, members in split(inside, question.hue).items():
            text = draw_ends(each, members, scale, look[curve]) if scale is not None else draw_curve(
                each, members, look[curve], thin, "x" in args.log)
            say(f"{spoken(question, panel, curve)}: {text}")
    set_logarithmic(axes, records, question, scale, args.log)
    x_label = labels.column(question.x[0]) if question.is_curve else labels.key(question.x[0])
    for index, each in enumerate(axes):
        if scale is not None:
            scale.apply(each, "x" in args.log)
        if index + columns >= len(axes):
            each.set_xlabel(x_label)
        if index % columns == 0:
            each.set_ylabel(labels.column(question.y.text))
    return figure, thin


def cells(records, rows, columns):
    """[rows, columns]: the medians of y; not a number where there is no run."""
    table = np.full((len(rows), len(columns)), np.nan)
    for row, second in enumerate(rows):
        for column, first in enumerate(columns):
            values = [record.y for record in records if record.x == [first, second]]
            table[row, column] = np.median(values) if values else np.nan
    return table


def write_cells(axes, table, image):
    """Each value in its cell, black on light colours and white on dark ones."""
    for (row, column), value in np.ndenumerate(table):
        if np.isfinite(value):
            red, green, blue, _ = image.cmap(image.norm(value))
            dark = 0.3 * red + 0.59 * green + 0.11 * blue < 0.5
            axes.text(column, row, f"{value:.2g}", ha="center", va="center", fontsize=style.SMALL - 1,
                      color="white" if dark else "black")


def draw_map(records, question, args):
    panels = split(records, question.facet)
    columns, rows = (ordered([record.x[axis] for record in records]) for axis in (0, 1))
    tables = [cells(inside, rows, columns) for inside in panels.values()]
    finite = np.concatenate([table[np.isfinite(table)] for table in tables])
    if not len(finite):
        raise results.Error(f"--y {question.y.text}: no cell has a median, for every one has a run without a number.")
    if "y" in args.log:
        require_positive(finite, "y")
        finite = finite[finite > 0]
    norm = (colors.LogNorm if "y" in args.log else colors.Normalize)(finite.min(), finite.max())
    figure, axes, across = frame(question, panels, [], colour_bar=True)
    for index, (each, table, panel) in enumerate(zip(axes, tables, panels)):
        image = each.imshow(np.ma.masked_invalid(table), norm=norm, cmap=COLOUR_MAP, aspect="auto", origin="lower")
        each.set_facecolor(style.SHADE)
        each.set_xticks(range(len(columns)), [labels.value(value) for value in columns])
        each.set_yticks(range(len(rows)), [labels.value(value) for value in rows])
        if table.size <= MOST_WRITTEN and len(columns) <= 8:
            write_cells(each, table, image)
        if index + across >= len(axes):
            each.set_xlabel(labels.key(question.x[0]))
        if index % across == 0:
            each.set_ylabel(labels.key(question.x[1]))
        for row, values in zip(rows, table):
            say(f"{spoken(question, panel, None)}, {question.x[1]} = {row}: "
                + ", ".join(f"{first}: {median:.3g}" for first, median in zip(columns, values)))
    figure.colorbar(image, ax=axes, label=labels.column(question.y.text))
    return figure, True


def asked(args):
    """The Question of the command line."""
    x = [name for text in args.x for name in text.split(",") if name]
    if not 1 <= len(x) <= 2 or len(set(x)) < len(x) or (len(x) == 2 and set(x) & set(comparison.TIMES)):
        raise results.Error(f"--x {' '.join(args.x)}: must be a key, {', '.join(comparison.TIMES)}, or two different "
                            "keys for a heat map.")
    if len(x) == 2 and args.hue is not None:
        raise results.Error(f"--hue {args.hue}: a heat map has no curves; --facet {args.hue} makes panels of it.")
    return Question(x, Expression(args.y), args.hue, args.facet)


def draw(runs, args):
    question = asked(args)
    runs = comparison.where(runs, args.where)
    options = {"--x": question.x, "--hue": [question.hue], "--facet": [question.facet]}
    for option, keys in options.items():
        for key in keys:
            if key is not None and key not in comparison.TIMES:
                runs = comparison.having(runs, key, option, args)
    comparison.decide(runs, question)
    records = comparison.records(runs, question, args)
    comparison.require_numbers(records, question, args)
    say(f"{question.y.text} against {' and '.join(question.x)}" + ("" if question.is_curve else " at the end, medians"))
    figure, thin = (draw_map if len(question.x) > 1 else draw_lines)(records, question, args)
    members = comparison.groups([record.run for record in records], question.keys).values()
    style.save(figure, args, args.name, caption(question, members, thin))


def letters(text):
    if not re.fullmatch("[xy]{0,2}", text):
        raise argparse.ArgumentTypeError(f"{text!r} must be x, y or xy")
    return text


def stem(text):
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", text):
        raise argparse.ArgumentTypeError(f"{text!r} must be letters, digits, dots and dashes, and no folder")
    return text


def add_options(parser):
    parser.add_argument("--x", metavar="KEY", action="append", required=True,
                        help=f"a key, or {', '.join(comparison.TIMES)}; given twice, or as KEY,KEY: a heat map")
    parser.add_argument("--y", metavar="COLUMN", required=True, help="a column, or an expression of columns")
    parser.add_argument("--hue", metavar="KEY", help="curves of its values")
    parser.add_argument("--facet", metavar="KEY", help="panels of its values")
    parser.add_argument("--where", metavar="KEY=VALUE", action="append", default=[],
                        help="only the runs with this value of any key; may be repeated")
    parser.add_argument("--log", metavar="AXES", type=letters, default="",
                        help="x, y or xy: logarithmic axes; y of a heat map are its colours")
    parser.add_argument("--name", metavar="STEM", type=stem, default="compare", help="of the files (default: compare)")


if __name__ == "__main__":
    arguments.run(__doc__, draw, add_options)
