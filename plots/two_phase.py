#!/usr/bin/env python3
"""Losses of a run in phases, and how closely its neurons find the teachers.

    plots/two_phase.py RUN_DIR [--out FOLDER]

Above: training and test loss against the step, the phases shaded. Below: the distance 1 - cos between each teacher
direction and the neuron nearest to it. Runs that differ only in their seeds share a column; other cases get their own,
whose title says what was reached. A run with two phases or more and with teachers is a success if it has found every
teacher and its training loss fell by six decades in the last phase.
Writes two_phase.png, .pdf and .svg and prints how many seeds succeeded.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # python3 -I does not look there
import interpreter  # noqa: E402, F401  (first: it may start the script over)

import re

import numpy as np

import arguments
import series
import style
import sweeps
import words
from words import say

FIGURE = "the figure of phases"
COSINE = 0.999  # a teacher counts as recovered above it
DECADES = 6  # that the training loss has to fall in the last phase
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
SMALLEST = 1e-16  # of 1 - cos: what double precision can tell from 0


def phase_names(run):
    return [str(phase.get("name", phase.get("method", ""))) for phase in run.phases]


def phase_starts(run):
    """Step at which each phase begins; the first row of a phase is always recorded."""
    steps, phases = run.metrics["step"].to_numpy(), run.metrics["phase"].to_numpy()
    return [int(steps[phases >= index][0]) for index in range(len(phase_names(run))) if (phases >= index).any()]


def cosine_columns(run):
    columns = [name for name in run.metrics if re.fullmatch(r"teacher_cosine_\d+", name)]
    return columns or [name for name in ("teacher_cosine_min",) if name in run.metrics]


def decades_of(loss, before):
    """log10 of before / loss; infinite where the loss has become 0, and not a number where one is none."""
    if loss == 0 and before > 0:
        return np.inf
    return np.log10(before / loss) if before > 0 and loss > 0 else np.nan


def judge(run):
    """What the run has reached: its last loss, decades of the last of several phases, its worst cosine, and whether
    that is a success. What a run cannot show (one phase only, no teacher) is None, and then the success is too."""
    loss = run.metrics["train_loss"].to_numpy(float)
    starts = phase_starts(run)
    decades = cosine = success = None
    if len(phase_names(run)) > 1:
        reached = len(starts) == len(phase_names(run))
        before = loss[run.metrics["step"].to_numpy() == starts[-1]][0]
        decades = decades_of(loss[-1], before) if reached else 0.0
    if cosine_columns(run):
        cosine = run.metrics[cosine_columns(run)].iloc[-1].min(skipna=False)
    if decades is not None and cosine is not None:
        success = bool(decades >= DECADES and cosine > COSINE)
    return {"loss": loss[-1], "decades": decades, "cosine": cosine, "success": success}


def say_verdict(run, verdict):
    parts = [f"{run.name}: training loss {verdict['loss']:.2e}"]
    if verdict["decades"] is not None:
        parts.append(f"down by {verdict['decades']:.1f} decades in the last phase")
    if verdict["cosine"] is not None:
        parts.append(f"worst teacher cosine {verdict['cosine']:.6f}")
    ending = {True: " - success", False: " - no success", None: ""}[verdict["success"]]
    say(", ".join(parts) + ending)


def fall(verdicts, name):
    """By how much the training loss fell in the last phase, in words."""
    decades = np.median([verdict["decades"] for verdict in verdicts])
    loss = "loss" if len(verdicts) == 1 else "median loss"
    if np.isnan(decades):
        return f"{loss} in “{name}” is no number"
    if np.isinf(decades):
        return f"{loss} down to 0 in “{name}”"
    return f"{loss} {'down' if decades >= 0 else 'up'} {abs(decades):.1f} decades in “{name}”"


def report(runs):
    """Prints one line a run, and returns what they have reached in words."""
    verdicts = [judge(run) for run in runs]
    for run, verdict in zip(runs, verdicts):
        say_verdict(run, verdict)
    seeds = f"of {len(runs)} {'run' if len(runs) == 1 else 'seeds'}"
    reached = []
    if verdicts[0]["cosine"] is not None:
        found = sum(verdict["cosine"] > COSINE for verdict in verdicts)
        reached.append(f"every teacher found (cosine > {COSINE}) in {found} {seeds}")
    if verdicts[0]["decades"] is not None:
        reached.append(fall(verdicts, phase_names(runs[0])[-1]))
    if not reached:
        loss = np.median([verdict["loss"] for verdict in verdicts])
        reached.append(f"training loss {loss:.3g} at the end" + (f" (median {seeds})" if len(runs) > 1 else ""))
    if verdicts[0]["success"] is not None:
        succeeded = sum(verdict["success"] for verdict in verdicts)
        say(f"success: {succeeded} {seeds} (every teacher found, loss down by {DECADES} decades in the last phase)")
    return "; ".join(reached)


def shade_phases(axes, run, width):
    """Every other of several phases grey; where `width` inches of the panel are given, with its name at the top, or its
    number where the name has no room."""
    names, starts = phase_names(run), phase_starts(run)
    if len(names) < 2:
        return
    last = int(run.metrics["step"].iloc[-1])
    for index, (name, start, end) in enumerate(zip(names, starts, [*starts[1:], last])):
        if index % 2 == 0:
            axes.axvspan(start, end, color=style.SHADE, linewidth=0, zorder=0)
        letters = width * (end - start) / max(1, last) / (1.2 * style.LETTER_INCHES)
        text = next((text for text in (words.in_figure(name, 200), str(index + 1)) if len(text) < letters), "")
        axes.text((start + end) / 2, 0.98, text, transform=axes.get_xaxis_transform(), ha="center", va="top")


def draw_losses(axes, runs):
    series.draw(axes, runs, "step", "train_loss", color=style.COLOURS[0], label="training loss")
    columns = ["train_loss"]
    if series.has(runs, "test_loss"):
        series.draw(axes, runs, "step", "test_loss", color=style.COLOURS[1], linestyle="--", label="test loss")
        columns.append("test_loss")
    sweeps.log_if_positive(axes, np.concatenate([run.metrics[name] for run in runs for name in columns]))


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
    for (label, columns), colour, dashes in zip(curves.items(), style.COLOURS, DASHES):
        for run in runs:
            add_distance(run, label, columns)
        series.draw(axes, runs, "step", label, color=colour, linestyle=dashes, label=label)
    axes.axhline(1 - COSINE, color=style.GREY, linewidth=0.8, linestyle=":", label=f"cosine {COSINE}")
    axes.set_yscale("log")


def check(runs):
    series.require(runs, "train_loss", FIGURE)
    cases = series.by_case(runs)
    style.require_few(cases, "cases")
    for members in cases.values():
        series.require_alike(members, FIGURE)
    return cases


def draw(runs, args):
    cases = check(runs)
    with_teacher = all(cosine_columns(run) for run in runs)
    rows = 2 if with_teacher else 1
    width = style.WIDTH_INCHES * max(1, 0.6 * len(cases))
    figure = style.figure(width, 2 + 1.5 * rows)
    grid = figure.subplots(rows, len(cases), sharex="col", sharey="row", squeeze=False,
                           gridspec_kw={"height_ratios": (3, 2)[:rows]})
    for column, (label, members) in enumerate(cases.items()):
        losses, panel_width = grid[0, column], 0.88 * width / len(cases)
        reached = report(members)
        draw_losses(losses, members)
        style.title(losses, f"{label}\n{reached}" if len(cases) > 1 else reached, panel_width)
        losses.margins(y=0.12)
        if with_teacher:
            draw_recovery(grid[1, column], members)
        for axes in grid[:, column]:
            shade_phases(axes, members[0], panel_width if axes is losses else 0)
            axes.margins(x=0)
        grid[-1, column].set_xlabel("step $k$")
    grid[0, 0].set_ylabel(r"loss $R(f)$, no penalty")
    grid[0, 0].legend(loc="lower left")
    if with_teacher:
        grid[1, 0].set_ylabel(r"$1 - \mathrm{max}_j\,\cos(w_j, w^\circ_l)$")
        grid[1, 0].legend(loc="lower left")
    style.save(figure, args, "two_phase", series.in_words(cases))


if __name__ == "__main__":
    arguments.run(__doc__, draw)
