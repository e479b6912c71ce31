"""The page of one or two runs, as one HTML text: the files of plots/page with the data in them."""

import html
import json
import pathlib

import numpy as np

import frames
import words
from mfld import results

FOLDER = pathlib.Path(__file__).resolve().parent / "page"
SCRIPTS = ("uPlot.iife.min.js", "data.js", "particles.js", "curves.js", "page.js")
STYLES = ("uPlot.min.css", "page.css")
CURVES = ("train_loss", "test_loss", "objective", "mmd", "ksd", "movement_mean", "teacher_cosine_min")  # by default
MOST_CURVES = 3  # of these
MOST_ROWS = 2000
CLOCKS = ("step", "phase", "time", "gradient_evaluations")


def _curve_names(runs, wanted):
    """Those columns that are wanted, or the first usual ones that all runs have."""
    there = [name for name in runs[0].metrics if all(name in run.metrics for run in runs) and name not in CLOCKS]
    missing = [name for name in wanted or [] if name not in there]
    if missing:
        raise results.Error(f"--columns {missing[0]}: the columns of metrics.csv are {words.some(there, 20)}.")
    return list(wanted or [name for name in CURVES if name in there][:MOST_CURVES] or there[:MOST_CURVES])


def _numbers(values):
    """For JSON, which has no word for what is not finite."""
    return [float(f"{value:.7g}") if np.isfinite(value) else None for value in values]


def _curves(run, names):
    table = run.metrics.drop_duplicates("time", keep="last")
    rows = table.iloc[np.unique(np.linspace(0, len(table) - 1, MOST_ROWS).round().astype(int))] if len(table) else table
    return {"times": [float(time) for time in rows["time"]],
            "columns": {name: _numbers(rows[name]) for name in names}}


def _phases(recording):
    """Of each frame the number of its phase, and the names of the phases."""
    table = recording.run.metrics
    rows = np.searchsorted(table["step"], recording.steps, side="right") - 1
    numbers = table["phase"].to_numpy()[np.maximum(rows, 0)] if len(table) else np.zeros(len(rows), int)
    names = [str(phase.get("name") or phase.get("method") or "") for phase in recording.run.phases]
    names += [""] * (int(numbers.max(initial=0)) + 1 - len(names))
    return numbers.tolist(), [f"{number + 1}: {name}" if name else f"{number + 1}" for number, name in enumerate(names)]


def _payload_of(recording, columns, curves, label):
    heads, text = frames.packed(columns)
    numbers, names = _phases(recording)
    return {"label": words.printable(label, 120), "notes": [words.printable(note) for note in recording.notes],
            "ids": recording.ids.tolist(), "steps": recording.steps.tolist(), "times": recording.times.tolist(),
            "phases": numbers, "phaseNames": [words.printable(name, 60) for name in names],
            "columns": heads, "data": text, "curves": _curves(recording.run, curves)}


def _labels(runs):
    names = [run.case or run.name for run in runs]
    return [run.name for run in runs] if len(set(names)) < len(names) else names


def payload(runs, coordinates=None, columns=None, particles=frames.MOST_PARTICLES, most_frames=frames.MOST_FRAMES):
    """What the page shows, for JSON."""
    recordings = [frames.read(run, most_frames, particles) for run in runs]
    names = frames.shown_coordinates(recordings, coordinates)
    dimensions = {recording.weights.shape[2] for recording in recordings}
    many = len(dimensions) == 1 and dimensions.pop() > frames.PRINCIPAL
    basis = frames.principal_directions([recording.weights for recording in recordings]) if many else None
    curves = _curve_names(runs, columns)
    shown = [_payload_of(recording, frames.columns_of(recording, names, basis), curves, label)
             for recording, label in zip(recordings, _labels(runs))]
    return {"error": frames.ERROR, "runs": shown, "curves": curves, "chosen": list(coordinates or [])}


def _in_script(value):
    """JSON that cannot end the element it stands in."""
    return json.dumps(value, allow_nan=False).replace("<", "\\u003c").replace("\u2028", "\\u2028")


def _file(name):
    return (FOLDER / name).read_text(encoding="utf-8")


def page(shown, live=None):
    """The text of the page. `live` is the address where a newer payload is, for a run that is being written."""
    title = " and ".join(run["label"] for run in shown["runs"])
    parts = {
        "title": html.escape(title),
        "connect": "'none'" if live is None else "'self'",
        "styles": "\n".join(_file(name) for name in STYLES),
        "licence": _file("uPlot.LICENSE"),
        "payload": _in_script({**shown, "live": live}),
        "scripts": "\n".join(_file(name) for name in SCRIPTS),
    }
    pieces = _file("page.html").split("@@")  # names stand at the odd places
    return "".join(parts[piece] if place % 2 else piece for place, piece in enumerate(pieces))
