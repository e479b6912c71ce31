#!/usr/bin/env python3
"""How many samples a method needs in which dimension: its test accuracy over both.

    plots/sparse_parity.py RUN_DIR [--out FOLDER]

A heat map for each case of the medians over the seeds, at the end of the runs, over the number of samples and the
dimension; and, right, the same against n / d, a curve for each case and dimension. Prints the medians.
Writes sparse_parity.png, .pdf and .svg.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # python3 -I does not look there
import interpreter  # noqa: E402, F401  (first: it may start the script over)

import numpy as np
from matplotlib.ticker import LogLocator, NullFormatter

import arguments
import compare
from mfld import results
import series
import style
import sweeps
import words
from words import say

FIGURE = "the figure of samples and dimensions"
SAMPLES, DIMENSION, ACCURACY = "task.num_train", "task.input_dim", "test_accuracy"
LINESTYLES = ("-", "--", ":")


def table_of(runs, rows, columns):
    """[dimensions, samples]: medians; not a number where there is no run."""
    table = np.full((len(rows), len(columns)), np.nan)
    for place in np.ndindex(table.shape):
        found = [sweeps.last_value(run, ACCURACY) for run in runs
                 if (run.keys[DIMENSION], run.keys[SAMPLES]) == (rows[place[0]], columns[place[1]])]
        table[place] = np.median(found) if found else np.nan
    return table


def draw_map(axes, label, table, rows, columns):
    image = axes.imshow(np.ma.masked_invalid(table), vmin=0.5, vmax=1, cmap=compare.COLOUR_MAP, aspect="auto",
                        origin="lower")
    axes.set_facecolor(style.SHADE)
    axes.set_xticks(range(len(columns)), [f"{value:g}" for value in columns])
    axes.set_yticks(range(len(rows)), [f"{value:g}" for value in rows])
    compare.write_cells(axes, table, image)
    axes.set_xlabel("training samples $n$")
    style.title(axes, label or "runs", 2.2)
    return image


def draw_curves(axes, tables, rows, columns):
    for index, (label, table) in enumerate(tables.items()):
        for row, dimension in enumerate(rows):
            axes.plot(np.array(columns) / dimension, table[row], linestyle=LINESTYLES[index],
                      label=f"{words.in_figure(label or 'runs', 20)}, $d$ = {dimension:g}", **style.look(row))
    axes.axhline(0.5, color=style.GREY, linestyle=(0, (1, 3)), linewidth=1)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("samples per dimension $n / d$")
    axes.set_title("accuracy against $n / d$ (dots: guessing)", loc="left")
    axes.set_ylim(0.4, 1.03)


def draw(runs, args):
    series.require(runs, ACCURACY, FIGURE)
    for key in (SAMPLES, DIMENSION):
        sweeps.require_key(runs, key, FIGURE)
    cases = series.by_case(runs, without=[SAMPLES, DIMENSION])
    rows, columns = (sorted({run.keys[key] for run in runs}) for key in (DIMENSION, SAMPLES))
    style.require_few(rows, f"values of {DIMENSION}")
    if len(cases) > len(LINESTYLES):
        raise results.Error(f"{FIGURE} has room for {len(LINESTYLES)} cases, and there are {len(cases)}; choose some with "
                            "--only case=NAME.")
    tables = {label: table_of(members, rows, columns) for label, members in cases.items()}
    count = len(tables)
    figure = style.figure(style.WIDTH_INCHES * (0.55 + 0.4 * count), 3.6)
    grid = figure.subplot_mosaic([["."] * count + ["legend"], [*map(str, range(count)), "curves"]],
                                 gridspec_kw={"height_ratios": (0.65, 3.0), "width_ratios": [1] * count + [1.3]})
    for index, (label, table) in enumerate(tables.items()):
        image = draw_map(grid[str(index)], label, table, rows, columns)
        for dimension, values in zip(rows, table):
            say(f"{label or 'runs'}, d = {dimension:g}: "
                + ", ".join(f"{value:.3g} (n = {column:g})" for column, value in zip(columns, values)))
    grid["0"].set_ylabel("dimension $d$")
    figure.colorbar(image, ax=[grid[str(index)] for index in range(count)], label="test accuracy (share right)")
    draw_curves(grid["curves"], tables, rows, columns)
    grid["legend"].axis("off")
    grid["legend"].legend(*grid["curves"].get_legend_handles_labels(), loc="lower center", ncol=count, handlelength=2.6)
    counts = sorted({len(members) // (len(rows) * len(columns)) for members in cases.values()})
    style.save(figure, args, "sparse_parity", f"medians of {' or '.join(map(str, counts))} seeds" if counts[-1] > 1 else "")


if __name__ == "__main__":
    arguments.run(__doc__, draw)
