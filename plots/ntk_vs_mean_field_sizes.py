#!/usr/bin/env python3
"""Test error of several methods on one task, against the number of samples and against the width.

    plots/ntk_vs_mean_field_sizes.py RUN_DIR [--out FOLDER] [--width N] [--samples n]

One curve per case: medians over the seeds with the quartiles. The left panel shows the runs of one width (default: the
largest), the right one those of one number of samples (default: the middle one of the sweep). The error is the share of
test samples that are classified wrongly, or the test loss where the labels are not classes.
Writes ntk_vs_mean_field_sizes.png, .pdf and .svg and prints the medians.
"""

import interpreter  # noqa: F401  (first: it may start the script over)

import matplotlib.pyplot as plt

import arguments
import results
import series
import style
import sweeps

SAMPLES, WIDTH = "task.num_train", "network.width"
FIGURE = "the figure of sizes"
LINESTYLES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))


def error_of(runs):
    """(function of a run, title, axis)"""
    if series.has(runs, "test_accuracy"):
        return lambda run: 1 - sweeps.last_value(run, "test_accuracy"), "test error", "share classified wrongly"
    for run in runs:
        series.require([run], "test_loss", FIGURE)
    return lambda run: sweeps.last_value(run, "test_loss"), "test loss", "$R(f)$, no penalty"


def value_for(runs, key, wanted):
    """The value of the sweep that is nearest to the wanted one."""
    return min({run.keys[key] for run in runs}, key=lambda value: abs(value - wanted))


def draw_panel(axes, runs, key, error, label):
    cases = list(dict.fromkeys(run.case for run in runs))
    for index, case in enumerate(cases):
        members = [run for run in runs if run.case == case]
        grid, middle = sweeps.draw(axes, members, key, error, label=case or "runs",
                                   linestyle=LINESTYLES[index % len(LINESTYLES)], **style.look(index))
        print(f"{case or 'runs'}: " + ", ".join(f"{label} = {x:g}: {y:.3g}" for x, y in zip(grid, middle)))
    sweeps.show_values(axes, sorted({run.keys[key] for run in runs}))
    axes.set_ylim(bottom=-0.01)


def main():
    def add(parser):
        parser.add_argument("--width", metavar="N", type=int, help="of the left panel (default: the largest)")
        parser.add_argument("--samples", metavar="n", type=int, help="of the right panel (default: the middle one)")

    args = arguments.parse(__doc__, add)
    runs = arguments.load_runs(args)
    for key in (SAMPLES, WIDTH):
        sweeps.require_key(runs, key, FIGURE)
    error, title, axis = error_of(runs)
    sizes = sorted({run.keys[SAMPLES] for run in runs})
    width = value_for(runs, WIDTH, args.width or max(run.keys[WIDTH] for run in runs))
    samples = value_for(runs, SAMPLES, args.samples or sizes[(len(sizes) - 1) // 2])
    style.apply()
    figure, grid = plt.subplot_mosaic([["legend", "legend"], ["left", "right"]], figsize=(style.WIDTH_INCHES, 3.5),
                                      gridspec_kw={"height_ratios": (1, 6)})
    left, right = grid["left"], grid["right"]
    right.sharey(left)
    print(f"{title} at width N = {width:g}:")
    draw_panel(left, [run for run in runs if run.keys[WIDTH] == width], SAMPLES, error, "n")
    print(f"{title} at n = {samples:g} samples:")
    draw_panel(right, [run for run in runs if run.keys[SAMPLES] == samples], WIDTH, error, "N")
    left.set(xlabel="training samples $n$", ylabel=axis)
    right.set(xlabel="width $N$")
    left.set_title(f"{title}, $N$ = {width:g}", loc="left")
    right.set_title(f"{title}, $n$ = {samples:g}", loc="left")
    grid["legend"].axis("off")
    handles, labels = left.get_legend_handles_labels()
    grid["legend"].legend(handles, labels, loc="center", ncol=min(len(labels), 5), handlelength=2.5, columnspacing=1.2,
                          title=series.in_words(series.by_case(runs)) or None)
    style.save(figure, args.out, "ntk_vs_mean_field_sizes")


if __name__ == "__main__":
    main()
