#!/usr/bin/env python3
"""Test error of several methods on one task, against the number of samples and against the width.

    plots/ntk_vs_mean_field_sizes.py RUN_DIR [--out FOLDER] [--width N] [--samples n]

One curve per case: medians over the seeds with the quartiles. The left panel shows the runs of one width (default: the
largest), the right one those of one number of samples (default: the middle one of the sweep); a size that was not swept
has no panel. The error is the share of test samples that are classified wrongly, or the test loss where the labels are
not classes.
Writes ntk_vs_mean_field_sizes.png, .pdf and .svg and prints the medians.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # python3 -I does not look there
import interpreter  # noqa: E402, F401  (first: it may start the script over)

import arguments
from mfld import results
import series
import style
import sweeps
import words
from words import say

SAMPLES, WIDTH = "task.num_train", "network.width"
SYMBOLS = {SAMPLES: "n", WIDTH: "N"}
AXES = {SAMPLES: "training samples $n$", WIDTH: "width $N$"}
FIGURE = "the figure of sizes"
LINESTYLES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))


def error_of(runs):
    """(function of a run, title, axis)"""
    if series.has(runs, "test_accuracy"):
        return lambda run: 1 - sweeps.last_value(run, "test_accuracy"), "test error", "share classified wrongly"
    series.require(runs, "test_loss", FIGURE)
    return lambda run: sweeps.last_value(run, "test_loss"), "test loss", "$R(f)$, no penalty"


def size_of(run, key):
    return run.keys.get(key, run.setting(key, None))


def chosen_size(runs, key, wanted, default, option):
    """The value of `key` that the panel against the other size is for; an Error if the wanted one is not there."""
    there = sorted({size_of(run, key) for run in runs} - {None})
    if wanted is None or wanted in there:
        return wanted if wanted is not None or not there else default(there)
    raise results.Error(f"{option} {wanted}: no run has {key} = {wanted}; there are {words.some(there, 20)}.")


def draw_panel(axes, runs, key, error, cases):
    """One curve per case; `cases` are all their labels, so that a case looks the same in both panels."""
    for label, members in series.by_case(runs, without=[SAMPLES, WIDTH]).items():
        index = cases.index(label)
        grid, middle = sweeps.draw(axes, members, key, error, label=words.in_figure(label or "runs"),
                                   linestyle=LINESTYLES[index], **style.look(index))
        symbol = SYMBOLS[key]
        say(f"{label or 'runs'}: " + ", ".join(f"{symbol} = {x:g}: {y:.3g}" for x, y in zip(grid, middle)))
    sweeps.show_values(axes, [run.keys[key] for run in runs])
    axes.set_xlabel(AXES[key])


def swept_sizes(runs):
    swept = [key for key in (SAMPLES, WIDTH) if len({run.keys.get(key) for run in runs} - {None}) > 1]
    if not swept:
        raise results.Error(f"{FIGURE} needs runs of several values of {SAMPLES} or {WIDTH}; list them under [sweep].")
    for key in swept:
        sweeps.require_key(runs, key, FIGURE)
    return swept


def frame(num_panels, cases):
    """Figure, the axes of the legend with its columns, and the panels."""
    width = style.WIDTH_INCHES if num_panels > 1 else 0.65 * style.WIDTH_INCHES
    handles = [style.handle(words.in_figure(label or "runs"), linestyle=LINESTYLES[index], **style.look(index))
               for index, label in enumerate(cases)]
    columns, height = style.legend_rows(handles, width)
    figure = style.figure(width, 3.1 + height)
    names = [str(index) for index in range(num_panels)]
    grid = figure.subplot_mosaic([["legend"] * num_panels, names], gridspec_kw={"height_ratios": (height, 3.0)})
    grid["legend"].axis("off")
    grid["legend"].legend(handles=handles, loc="center", ncol=columns, handlelength=2.5, columnspacing=1.2)
    return figure, [grid[name] for name in names]


def draw(runs, args):
    swept = swept_sizes(runs)
    grouped = series.by_case(runs, without=[SAMPLES, WIDTH])
    style.require_few(grouped, "cases")
    for members in grouped.values():
        series.require_alike(members, FIGURE, swept)
    series.require_alike(runs, FIGURE, [*swept, *runs.keys], sections=("task",))
    error, title, axis = error_of(runs)
    fixed = {
        SAMPLES: (WIDTH, chosen_size(runs, WIDTH, args.width, max, "--width")),
        WIDTH: (SAMPLES, chosen_size(runs, SAMPLES, args.samples, lambda all: all[(len(all) - 1) // 2], "--samples")),
    }
    figure, panels = frame(len(swept), list(grouped))
    for axes, key in zip(panels, swept):
        other, size = fixed[key]
        at = f"{SYMBOLS[other]} = {size}" if size is not None else ""
        say(f"{title} against {SYMBOLS[key]}" + (f" at {at}:" if at else ":"))
        draw_panel(axes, [run for run in runs if size_of(run, other) == size], key, error, list(grouped))
        axes.set_title(title + (f", ${SYMBOLS[other]}$ = {size}" if at else ""), loc="left")
    panels[0].set_ylabel(axis)
    if len(panels) > 1:
        panels[1].sharey(panels[0])
    style.from_zero(panels[0])
    style.save(figure, args, "ntk_vs_mean_field_sizes", series.in_words(series.by_case(runs)))


def add_options(parser):
    parser.add_argument("--width", metavar="N", type=arguments.at_least(1),
                        help="of the left panel (default: the largest)")
    parser.add_argument("--samples", metavar="n", type=arguments.at_least(1),
                        help="of the right panel (default: the middle one)")


if __name__ == "__main__":
    arguments.run(__doc__, draw, add_options)
