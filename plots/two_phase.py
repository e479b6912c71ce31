#!/usr/bin/env python3
"""Losses of a run in phases, and how closely its neurons find the teachers.

    plots/two_phase.py RUN_DIR [--out FOLDER]

Above: training and test loss against the step, the phases shaded. Below: the distance 1 - cos between each teacher
direction and the neuron nearest to it. Runs that differ only in their seeds share a column; other cases get their own.
Writes two_phase.png, .pdf and .svg and prints how many seeds succeeded.
"""

import interpreter  # noqa: F401  (first: it may start the script over)

import re
import textwrap

import matplotlib.pyplot as plt
import numpy as np

import arguments
import series
import style

COSINE = 0.999  # a teacher counts as recovered above it
DECADES = 6  # that the training loss has to fall in the last phase
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
SMALLEST = 1e-16  # of 1 - cos: what double precision can tell from 0


def phase_names(run):
    return [phase.get("name", phase.get("method", "")) for phase in run.config.get("phase", [])]


def phase_starts(run):
    """Step at which each phase begins; the first row of a phase is always recorded."""
    steps, phases = run.metrics["step"].to_numpy(), run.metrics["phase"].to_numpy()
    return [int(steps[phases >= index][0]) for index in range(len(phase_names(run))) if (phases >= index).any()]


def cosine_columns(run):
    columns = [name for name in run.metrics if re.fullmatch(r"teacher_cosine_\d+", name)]
    return columns or [name for name in ("teacher_cosine_min",) if name in run.metrics]


def judge(run):
    """What the run has reached: decades of the last phase, its worst cosine, and whether that is a success.

    What a run cannot show (one phase only, no teacher) is None and does not count against it.
    """
    loss = run.metrics["train_loss"].to_numpy(float)
    starts = phase_starts(run)
    decades = cosine = None
    if len(starts) > 1:
        before = loss[run.metrics["step"].to_numpy() == starts[-1]][0]
        decades = np.log10(before / max(loss[-1], np.finfo(float).tiny))
    if cosine_columns(run):
        cosine = run.metrics[cosine_columns(run)].iloc[-1].min()
    success = (decades is None or decades >= DECADES) and (cosine is None or cosine > COSINE)
    return {"loss": loss[-1], "decades": decades, "cosine": cosine, "success": bool(success)}


def report(label, runs):
    """Prints one line a run and returns the success rate in words."""
    verdicts = [judge(run) for run in runs]
    for run, verdict in zip(runs, verdicts):
        parts = [f"{run.name}: training loss {verdict['loss']:.2e}"]
        if verdict["decades"] is not None:
            parts.append(f"down by {verdict['decades']:.1f} decades in the last phase")
        if verdict["cosine"] is not None:
            parts.append(f"worst teacher cosine {verdict['cosine']:.6f}")
        print(", ".join(parts), "-", "success" if verdict["success"] else "no success")
    criteria = []
    if verdicts[0]["cosine"] is not None:
        criteria.append(f"every teacher found (cosine > {COSINE})")
    if verdicts[0]["decades"] is not None:
        criteria.append(f"loss down {DECADES} decades in “{phase_names(runs[0])[-1]}”")
    if not criteria:
        return label
    seeds = "run" if len(runs) == 1 else "seeds"
    rate = f"{sum(verdict['success'] for verdict in verdicts)} of {len(runs)} {seeds}: {', '.join(criteria)}"
    print(rate)
    return f"{label}\n{rate}" if label else rate


def shade_phases(axes, run, named):
    """Every other phase grey, with its name at the top."""
    names, starts = phase_names(run), phase_starts(run)
    ends = starts[1:] + [int(run.metrics["step"].iloc[-1])]
    for index, (name, start, end) in enumerate(zip(names, starts, ends)):
        if index % 2 == 0:
            axes.axvspan(start, end, color=style.SHADE, linewidth=0, zorder=0)
        if named:
            axes.text((start + end) / 2, 0.98, name, transform=axes.get_xaxis_transform(), ha="center", va="top")


def draw_losses(axes, runs):
    axes.set_yscale("log")
    series.draw(axes, runs, "step", "train_loss", color=style.COLOURS[0], label="training loss")
    if series.has(runs, "test_loss"):
        series.draw(axes, runs, "step", "test_loss", color=style.COLOURS[1], linestyle="--", label="test loss")


def add_distance(run, name, columns):
    """A new column: 1 - cos, of the worst of the columns. A cosine that is not a number stays none."""
    run.metrics[name] = (1 - run.metrics[columns].min(axis=1, skipna=False)).clip(lower=SMALLEST)


def draw_recovery(axes, runs):
    """1 - cos of every teacher of a single run; over seeds, where teachers have no common order, of the worst."""
    columns = cosine_columns(runs[0])
    if len(runs) == 1 and 1 < len(columns) <= len(DASHES):
        curves = {f"teacher {column.rsplit('_', 1)[1]}": [column] for column in columns}
    else:
        curves = {"worst teacher": columns}
    axes.set_yscale("log")
    for (label, columns), colour, dashes in zip(curves.items(), style.COLOURS, DASHES):
        for run in runs:
            add_distance(run, label, columns)
        series.draw(axes, runs, "step", label, color=colour, linestyle=dashes, label=label)
    axes.axhline(1 - COSINE, color=style.GREY, linewidth=0.8, linestyle=":", label=f"cosine {COSINE}")


def main():
    args = arguments.parse(__doc__)
    runs = arguments.load_runs(args)
    series.require(runs, "train_loss", "this figure")
    cases = series.by_case(runs)
    with_teacher = all(cosine_columns(run) for run in runs)
    rows = 2 if with_teacher else 1
    style.apply()
    figure, grid = plt.subplots(
        rows, len(cases), sharex="col", sharey="row", squeeze=False,
        figsize=(style.WIDTH_INCHES * max(1, 0.6 * len(cases)), 2 + 1.5 * rows),
        gridspec_kw={"height_ratios": (3, 2)[:rows]},
    )
    for column, (label, members) in enumerate(cases.items()):
        losses = grid[0, column]
        title = report(label if len(cases) > 1 else "", members)
        draw_losses(losses, members)
        losses.set_title(textwrap.fill(title, 92 // len(cases), replace_whitespace=False), loc="left")
        losses.margins(y=0.12)
        if with_teacher:
            draw_recovery(grid[1, column], members)
        for axes in grid[:, column]:
            shade_phases(axes, members[0], named=axes is losses)
            axes.margins(x=0)
        grid[-1, column].set_xlabel("step $k$")
    grid[0, 0].set_ylabel(r"loss $R(f)$, no penalty")
    grid[0, 0].legend(loc="lower left", title=series.in_words(cases), alignment="left")
    if with_teacher:
        grid[1, 0].set_ylabel(r"$1 - \mathrm{max}_j\,\cos(w_j, w^\circ_l)$")
        grid[1, 0].legend(loc="lower left")
    style.save(figure, args.out, "two_phase")


if __name__ == "__main__":
    main()
