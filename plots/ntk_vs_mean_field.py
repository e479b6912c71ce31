#!/usr/bin/env python3
"""One task in several scalings: what each learns, how far its neurons move, and whether they turn to the task.

    plots/ntk_vs_mean_field.py RUN_DIR [--out FOLDER] [--against time|step]

Accuracy (or loss, where the labels are not classes), movement and alignment of every case on the same axes; runs that
differ only in their seeds become a median with a band. A panel whose columns were not recorded is left out, and the
program says so. Where runs recorded certified_gap, the legend says how far above the minimum the free energy of the
smoothed neurons is at most, at the last step that has the number and at the first that has their energy (medians).
Writes ntk_vs_mean_field.png, .pdf and .svg and prints the last values.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # python3 -I does not look there
import interpreter  # noqa: E402, F401  (first: it may start the script over)

import numpy as np

import arguments
from mfld import results
import series
import style
import sweeps
import words
from words import say

FIGURE = "the figure of one task in several scalings"
# Kind of curve: title in words, and what the axis shows.
LABELS = {
    "accuracy": ("accuracy (dotted: chance)", "share classified correctly"),
    "loss": ("loss", "$R(f)$, no penalty"),
    "movement_relative": ("relative movement", r"$|\Theta_t - \Theta_0|_F \,/\, |\Theta_0|_F$"),
    "movement_mean": ("mean movement", "mean over $j$ of $|w_j(t) - w_j(0)|$"),
    "teacher_alignment": ("alignment with the task", r"mean over $j$ of $|P w_j|^2 \,/\, |w_j|^2$"),
    "relevant_mass": ("alignment with the task", r"$|W P|_F^2 \,/\, |W|_F^2$"),
}
CERTIFICATE = ("certified_gap", "certified_gap_error", "certified_energy", "certified_bound")
# The first kind of each panel whose columns every run has is drawn.
ALIGNMENTS = ("teacher_alignment", "relevant_mass")
PANELS = (("accuracy", "loss"), ("movement_relative", "movement_mean"), ALIGNMENTS)
TIMES = {"time": "time $t$ (sum of step sizes)", "step": "step $k$"}
LEVEL = {"color": style.GREY, "linewidth": 0.8, "linestyle": ":"}


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
    if subspace is not None and subspace.ndim == 2 and subspace.shape[1] > 0:
        return subspace.shape[1] / subspace.shape[0]
    directions = {
        "sparse-parity": run.setting("task.sparsity", None),
        "teacher-student": run.setting("task.num_teachers", None),
        "single-index": 1,
        "multi-index": {"product": 2, "staircase": 3}.get(run.setting("task.link", None)),
    }.get(run.setting("task.kind", None))
    dimension = run.setting("task.input_dim", None)
    return directions / dimension if directions and dimension else None


def is_log(runs, x):
    """Whether the axis is logarithmic: where the run was watched on one, most of what is to be seen happens early."""
    times = np.concatenate([run.metrics[x] for run in runs])
    return "log_spaced" in runs[0].setting("observe", {}, dict) and len(np.unique(times[times > 0])) > 1


def log_time(axes, cases, x):
    if all(is_log(runs, x) for runs in cases.values()):
        times = np.concatenate([run.metrics[x] for runs in cases.values() for run in runs])
        axes.set_xscale("log")
        axes.set_xlim(left=times[times > 0].min())


def limit_accuracies(axes, cases):
    """Not the start: outputs that are all 0 there are ties, which count as wrong."""
    after_start = np.concatenate([
        run.metrics.loc[run.metrics["step"] > 0, name]
        for runs in cases.values() for run in runs for name in columns_of("accuracy")
    ])
    axes.set_ylim(min([0.45, *(after_start[np.isfinite(after_start)] - 0.02)]), 1.02)


def draw_panel(axes, kind, cases, x):
    for index, runs in enumerate(cases.values()):
        for column, linestyle in columns_of(kind).items():
            series.draw(axes, runs, x, column, logarithmic=is_log(runs, x), linestyle=linestyle, **style.look(index))
    title = LABELS[kind][0]
    if kind == "accuracy":
        axes.axhline(0.5, **LEVEL)
        limit_accuracies(axes, cases)
    elif kind in ALIGNMENTS:
        levels = {isotropic_alignment(runs[0]) for runs in cases.values()} - {None}
        if len(levels) == 1:
            axes.axhline(levels.pop(), **LEVEL)
            title += "\n(dotted: isotropic, $k/d$)"
        style.from_zero(axes)
    else:
        sweeps.log_if_positive(axes, np.concatenate([
            run.metrics[name] for runs in cases.values() for run in runs for name in columns_of(kind)]))
    axes.set_title(title, loc="left")
    axes.set_ylabel(LABELS[kind][1])


def certified_gaps(runs):
    """The medians of the last certified gap, its error, and the gap of the first energy above the last bound, which is
    one on the same minimum. None where not every run has them."""
    if not all(series.has(runs, name) for name in CERTIFICATE):
        return None
    found = []
    for run in runs:
        rows = run.metrics[list(CERTIFICATE)].dropna()
        if rows.empty:
            return None
        gap, error, _, bound = rows.iloc[-1]
        found.append([gap, error, run.metrics["certified_energy"].dropna().iloc[0] - bound])
    return np.median(found, axis=0)


def label_of(label, runs):
    text = words.in_figure(label or "run")
    gaps = certified_gaps(runs)
    if gaps is None:
        return text
    return (f"{text}: smoothed, within {gaps[0]:.4f} \u00b1 {gaps[1]:.4f}\n"
            f"of the optimum ({gaps[2]:.2f} at first)")


def legend_handles(cases, kinds):
    handles = [style.handle(label_of(label, runs), **style.look(index))
               for index, (label, runs) in enumerate(cases.items())]
    if kinds[0] in ("accuracy", "loss"):
        handles += [style.handle(label, color=style.GREY, linestyle=linestyle)
                    for label, linestyle in (("test", "-"), ("training", "--"))]
    return handles


def report(cases, kinds):
    """Prints the median last value of what is drawn."""
    for label, runs in cases.items():
        last = [
            f"{name} {np.median([run.metrics[name].iloc[-1] for run in runs]):.4g}"
            for kind in kinds
            for name in columns_of(kind)
        ]
        gaps = certified_gaps(runs)
        if gaps is not None:
            last.append("certified_gap {:.4f} +- {:.4f}, at first {:.3f}".format(*gaps))
        say(f"{label or runs[0].name} ({len(runs)} run{'s' if len(runs) > 1 else ''}, median): " + ", ".join(last))


def kinds_of(runs, args):
    kinds = [kind_of_panel(panel, runs) for panel in PANELS]
    for panel, kind in zip(PANELS, kinds):
        if kind is None:
            say(f"No panel of {' or '.join(panel)}: not every run recorded its columns.")
    if not any(kinds):
        raise results.Error(f"{args.run_dir} recorded neither accuracy, loss, movement nor alignment.")
    return [kind for kind in kinds if kind]


def draw(runs, args):
    cases = series.by_case(runs)
    style.require_few(cases, "cases")
    for members in cases.values():
        series.require_alike(members, FIGURE)
    series.require_alike(runs, FIGURE, runs.keys, sections=("task",))
    kinds = kinds_of(runs, args)
    handles = legend_handles(cases, kinds)
    width = style.WIDTH_INCHES * (0.1 + 0.3 * len(kinds))
    columns, height = style.legend_rows(handles, width)
    figure = style.figure(width, 2.9 + height)
    grid = figure.subplot_mosaic([["legend"] * len(kinds), kinds], gridspec_kw={"height_ratios": (height, 2.8)})
    grid["legend"].axis("off")
    grid["legend"].legend(handles=handles, loc="center", ncol=columns)
    for kind in kinds:
        draw_panel(grid[kind], kind, cases, args.against)
        log_time(grid[kind], cases, args.against)
        grid[kind].set_xlabel(TIMES[args.against])
    report(cases, kinds)
    style.save(figure, args, "ntk_vs_mean_field", series.in_words(cases))


def add_options(parser):
    parser.add_argument("--against", choices=list(TIMES), default="time", help="x axis")


if __name__ == "__main__":
    arguments.run(__doc__, draw, add_options)
