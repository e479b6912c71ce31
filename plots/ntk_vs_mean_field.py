#!/usr/bin/env python3
"""One task in several scalings: what each learns, how far its neurons move, and whether they turn to the task.

    plots/ntk_vs_mean_field.py RUN_DIR [--out FOLDER] [--against time|step]

Accuracy (or loss, where the labels are not classes), movement and alignment of every case on the same axes; runs that
differ only in their seeds become a median with a band. A panel whose columns were not recorded is left out, and the
program says so.
Writes ntk_vs_mean_field.png, .pdf and .svg and prints the last values.
"""

import interpreter  # noqa: F401  (first: it may start the script over)

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.lines import Line2D

import arguments
import results
import series
import style

# Kind of curve: title in words, and what the axis shows.
LABELS = {
    "accuracy": ("accuracy", "share classified correctly"),
    "loss": ("loss", "$R(f)$, no penalty"),
    "movement_relative": ("relative movement", r"$|\Theta_t - \Theta_0|_F \,/\, |\Theta_0|_F$"),
    "movement_mean": ("mean movement", "mean over $j$ of $|w_j(t) - w_j(0)|$"),
    "teacher_alignment": ("alignment with the task", r"mean over $j$ of $|P w_j|^2 \,/\, |w_j|^2$"),
    "relevant_mass": ("alignment with the task", r"$|W P|_F^2 \,/\, |W|_F^2$"),
}
# The first kind of each panel whose columns every run has is drawn.
ALIGNMENTS = ("teacher_alignment", "relevant_mass")
PANELS = (("accuracy", "loss"), ("movement_relative", "movement_mean"), ALIGNMENTS)
TIMES = {"time": "time $t$ (sum of step sizes)", "step": "step $k$"}


def columns_of(kind):
    """{column: line style}"""
    if kind in ("accuracy", "loss"):
        return {f"train_{kind}": "--", f"test_{kind}": "-"}
    return {kind: "-"}


def kind_of_panel(panel, runs):
    return next((kind for kind in panel if all(series.has(runs, name) for name in columns_of(kind))), None)


def isotropic_alignment(run):
    """k / d: the alignment of directions that know nothing of the task; None where k is not known."""
    subspace = (run.data or {}).get("relevant_subspace")
    if subspace is not None and subspace.shape[1] > 0:
        return subspace.shape[1] / subspace.shape[0]
    task = run.config.get("task", {})
    directions = {
        "sparse-parity": task.get("sparsity"),
        "teacher-student": task.get("num_teachers"),
        "single-index": 1,
        "multi-index": {"product": 2, "staircase": 3}.get(task.get("link")),
    }.get(task.get("kind"))
    dimension = task.get("input_dim")
    return directions / dimension if directions and dimension else None


def log_time(axes, runs, x):
    """A logarithmic axis where the run was watched on one: most of what is to be seen happens early."""
    if any("log_spaced" in run.config.get("observe", {}) for run in runs):
        first = min(run.metrics[x][run.metrics[x] > 0].min() for run in runs)
        axes.set_xscale("log")
        axes.set_xlim(left=first)


def mark_level(axes, level, name):
    axes.axhline(level, color=style.GREY, linewidth=0.8, linestyle=":")
    axes.annotate(name, (1, level), xycoords=axes.get_yaxis_transform(), ha="right", va="top", color=style.GREY)


def draw_panel(axes, kind, cases, x):
    if kind in ("loss", "movement_relative", "movement_mean"):
        axes.set_yscale("log", nonpositive="mask")
    for index, runs in enumerate(cases.values()):
        for column, linestyle in columns_of(kind).items():
            series.draw(axes, runs, x, column, linestyle=linestyle, markevery=0.12, **style.look(index))
    if kind == "accuracy":
        mark_level(axes, 0.5, "chance")
        # Not the start: outputs that are all 0 there are ties, which count as wrong.
        after_start = [
            run.metrics.loc[run.metrics["step"] > 0, name]
            for runs in cases.values()
            for run in runs
            for name in columns_of(kind)
        ]
        axes.set_ylim(min(0.45, min(values.min() for values in after_start) - 0.02), 1.02)
    if kind in ALIGNMENTS:
        level = isotropic_alignment(next(iter(cases.values()))[0])
        if level is not None:
            mark_level(axes, level, "isotropic, $k/d$")
        axes.set_ylim(bottom=0)
    axes.set_title(LABELS[kind][0], loc="left")
    axes.set_ylabel(LABELS[kind][1])


def draw_legend(axes, cases, kinds):
    axes.axis("off")
    handles = [Line2D([], [], label=label or "run", **style.look(index)) for index, label in enumerate(cases)]
    if kinds[0] in ("accuracy", "loss"):
        handles += [
            Line2D([], [], color=style.GREY, linestyle=linestyle, label=label)
            for label, linestyle in (("test", "-"), ("training", "--"))
        ]
    axes.legend(handles=handles, loc="center", ncol=min(len(handles), 5), title=series.in_words(cases) or None)


def report(cases, kinds):
    """Prints the median last value of what is drawn."""
    for label, runs in cases.items():
        last = [
            f"{name} {np.median([run.metrics[name].iloc[-1] for run in runs]):.4g}"
            for kind in kinds
            for name in columns_of(kind)
        ]
        print(f"{label or runs[0].name} ({len(runs)} run{'s' if len(runs) > 1 else ''}, median): " + ", ".join(last))


def main():
    args = arguments.parse(
        __doc__, lambda parser: parser.add_argument("--against", choices=list(TIMES), default="time", help="x axis"))
    runs = arguments.load_runs(args)
    cases = series.by_case(runs)
    kinds = [kind_of_panel(panel, runs) for panel in PANELS]
    for panel, kind in zip(PANELS, kinds):
        if kind is None:
            print(f"No panel of {' or '.join(panel)}: not every run recorded its columns.")
    kinds = [kind for kind in kinds if kind]
    if not kinds:
        raise results.ResultError(f"{args.run_dir} recorded neither accuracy, loss, movement nor alignment.")
    style.apply()
    figure, grid = plt.subplot_mosaic(
        [["legend"] * len(kinds), kinds],
        figsize=(style.WIDTH_INCHES * (0.1 + 0.3 * len(kinds)), 3.2),
        gridspec_kw={"height_ratios": (1, 7)},
    )
    draw_legend(grid["legend"], cases, kinds)
    for kind in kinds:
        draw_panel(grid[kind], kind, cases, args.against)
        log_time(grid[kind], runs, args.against)
        grid[kind].set_xlabel(TIMES[args.against])
    report(cases, kinds)
    style.save(figure, args.out, "ntk_vs_mean_field")


if __name__ == "__main__":
    main()
