#!/usr/bin/env python3
"""One problem, many methods: how fast each of them brings the certified gap down, in gradients and in seconds.

    plots/family_comparison.py RUN_DIR [--out FOLDER]

The column dual_gap, an estimate of an upper bound on L(mu) - L*, against gradient evaluations (left) and seconds of the
steps, without those of what is recorded (right; a step takes as long as with the fastest seed): above, methods that use all
samples in each step; below, those that use a few. Medians over the seeds with the quartiles and each seed. Of a run of
several phases only the last is drawn: while the temperature changes the gap is that of another problem. In the grey band
the gap is below the standard error of its estimate (at the end, of the method whose median is the least). Prints when the
gap of each method is first below ten times this error, and how it ends.
Writes family_comparison.png, .pdf and .svg.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # python3 -I does not look there
import interpreter  # noqa: E402, F401  (first: it may start the script over)

import numpy as np
import pandas as pd

import arguments
import labels
from mfld import results
import series
import style
import words
from words import say

FIGURE = "the figure of methods"
GAP, ERROR = "dual_gap", "dual_gap_error"
FULL = ("mfld", "underdamped-mfld", "pda")  # whose steps take every sample
AXES = {"gradient_evaluations": "gradient evaluations (of one sample)", "seconds": "seconds of the steps"}
LINESTYLES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
FAR = 10  # times the standard error: a gap that is well measured


def seconds_of_step(run):
    parts, steps = run.summary.get("wall_seconds_by_part", {}), run.summary.get("step", 0)
    if "step" not in parts or not steps:
        raise results.Error(f"{FIGURE} needs the seconds of the steps, which summary.json of {run.name} does not have.")
    return parts["step"] / steps


def tables_of(runs):
    """Of each run the rows of its last phase: step, the two axes and the gap. A step takes as long as in the fastest of the
    runs, for what else the machine does makes it longer, never shorter."""
    seconds = min(map(seconds_of_step, runs))
    tables = [run.metrics[run.metrics["phase"] == len(run.phases) - 1] for run in runs]
    tables = [table[["step", "gradient_evaluations", GAP, ERROR]].astype(float) for table in tables]
    return [table.assign(seconds=seconds * table["step"]) for table in tables]


def quartiles(tables, column):
    """Median and quartiles over the runs at each step that all of them recorded."""
    together = pd.concat(tables).groupby("step")[column]
    return together.quantile([0.25, 0.5, 0.75]).unstack()[together.count() == len(tables)]


def draw_method(axes, tables, x, index, lowest):
    """An estimate below `lowest`, or below 0, is drawn at it, outside the axes."""
    look = {"linestyle": LINESTYLES[index], **style.look(index)}
    middle, gap = quartiles(tables, x)[0.5], quartiles(tables, GAP).clip(lower=lowest)
    shown = (middle > 0).to_numpy()
    middle, gap = middle[shown], gap[shown]
    if len(tables) > 1:
        for table in tables:
            axes.plot(table[x], table[GAP].clip(lower=lowest), color=look["color"], linewidth=0.5, alpha=0.4)
        axes.fill_between(middle, gap[0.25], gap[0.75], color=look["color"], alpha=0.2, linewidth=0)
    axes.plot(middle, gap[0.5], markevery=series.marks(middle, True), **look)


def draw_panel(axes, cases, x, error):
    for index, tables in enumerate(cases.values()):
        draw_method(axes, tables, x, index, error / 100)
    axes.axhspan(error / 100, error, color=style.SHADE, linewidth=0)
    axes.set_xscale("log", nonpositive="mask")
    axes.set_yscale("log", nonpositive="mask")
    axes.set_ylim(bottom=error / 4)
    axes.set_xlabel(AXES[x])


def same_range(panels, axis):
    """From the least of their limits to the largest."""
    limits = np.array([getattr(axes, f"get_{axis}lim")() for axes in panels])
    for axes in panels:
        getattr(axes, f"set_{axis}lim")(limits[:, 0].min(), limits[:, 1].max())


def report(label, tables, error):
    below = [table[table[GAP] < FAR * error] for table in tables]
    ends = [table[GAP].iloc[-1] for table in tables]
    when = f"not below {FAR * error:.2g} in every run"
    if all(len(rows) for rows in below):
        first, seconds = (np.median([rows[x].iloc[0] for rows in below]) for x in AXES)
        when = f"below {FAR * error:.2g} after {first:.3g} gradient evaluations, {seconds:.3g} s"
    say(f"{label} ({len(tables)}): {when}; gap at the end {np.median(ends):.2g}")


def least_error(groups):
    """The least, over the methods, of the median standard error at the end."""
    errors = [np.median([table[ERROR].iloc[-1] for table in tables]) for members in groups.values()
              for tables in members.values()]
    return min((error for error in errors if error > 0), default=np.nan)


def frame(groups):
    """The figure, and for each group its legend's axes and its two panels."""
    handles = [[style.handle(words.in_figure(label or "runs"), linestyle=LINESTYLES[index], **style.look(index))
                for index, label in enumerate(cases)] for cases in groups.values()]
    rows = [style.legend_rows(each, style.WIDTH_INCHES) for each in handles]
    ratios = [height for _, legend in rows for height in (legend, 2.4)]
    figure = style.figure(style.WIDTH_INCHES, sum(ratios) + 0.4)
    mosaic = [line for index in range(len(groups)) for line in ([f"{index}", f"{index}"], [f"{index}l", f"{index}r"])]
    grid = figure.subplot_mosaic(mosaic, gridspec_kw={"height_ratios": ratios})
    for index, (each, (columns, _)) in enumerate(zip(handles, rows)):
        grid[f"{index}"].axis("off")
        grid[f"{index}"].legend(handles=each, loc="center", ncol=columns, handlelength=3, columnspacing=1.2)
    return figure, [(grid[f"{index}l"], grid[f"{index}r"]) for index in range(len(groups))]


def draw(runs, args):
    series.require(runs, GAP, FIGURE)
    cases = series.by_case(runs)
    groups = {"all samples in each step": {}, "a few samples in each step": {}}
    for label, members in cases.items():
        full = all(phase.get("method") in FULL for phase in members[0].phases)
        groups[list(groups)[0 if full else 1]][label] = tables_of(members)
    groups = {title: members for title, members in groups.items() if members}
    for title, members in groups.items():
        style.require_few(members, f"methods with {title}")
    error = least_error(groups)
    if not error > 0:
        raise results.Error(f"{FIGURE} needs numbers in the column {ERROR}.")
    figure, panels = frame(groups)
    for (title, members), pair in zip(groups.items(), panels):
        for axes, x in zip(pair, AXES):
            draw_panel(axes, members, x, error)
        pair[0].set_ylabel(labels.column(GAP))
        pair[0].set_title(title, loc="left")
        pair[1].set_title("the same runs, in seconds", loc="left")
        for label, tables in members.items():
            report(label or "runs", tables, error)
    for column in zip(*panels):
        same_range(column, "x")
    same_range([axes for pair in panels for axes in pair], "y")
    say(f"standard error of the gap at the end: {error:.2g}")
    style.save(figure, args, "family_comparison", series.in_words(cases))


if __name__ == "__main__":
    arguments.run(__doc__, draw)
