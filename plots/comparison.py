"""What a comparison is of: the runs that are asked for, the values of their keys, and what became of their columns."""

import dataclasses

import numpy as np

from mfld import results
import nearest
import series
import words

TIMES = ("step", "time", "gradient_evaluations", "seconds")
# Columns that a run has beside those of metrics.csv, where it has the column that they follow from.
ERRORS = {"train_error": "train_accuracy", "test_error": "test_accuracy"}
ABSENT = object()


@dataclasses.dataclass
class Question:
    """The columns or keys of the axes, and the keys that curves and panels are of (None: there is one)."""

    x: list
    y: object  # an Expression
    hue: str | None
    facet: str | None

    @property
    def is_curve(self):
        """Along the runs, and not at their ends."""
        return self.x[0] in TIMES

    @property
    def keys(self):
        """Those that tell points apart."""
        return [key for key in (*self.x, self.hue, self.facet) if key is not None and key not in TIMES]


def note(args, text):
    """A sentence of what is left out: on standard error, and in the figure."""
    args.notes.append(text)
    words.complain(f"{args.run_dir}: {text}.")


def value(run, key):
    """That of a swept key, of `case`, or of any dotted key of the resolved experiment; ABSENT where the run has none."""
    if key == "case":
        return run.case or ABSENT
    if key in run.keys:
        return run.keys[key] if run.keys[key] != "" else ABSENT
    found = run.config
    for part in key.split("."):
        if isinstance(found, list) and part.isascii() and part.isdigit() and int(part) < len(found):
            found = found[int(part)]
        else:
            found = found.get(part, ABSENT) if isinstance(found, dict) else ABSENT
    if isinstance(found, dict):
        return ABSENT
    return str(found) if isinstance(found, list) else found


def _dotted(table, begin=""):
    """The keys of nested tables and lists of tables."""
    for name, item in table.items() if isinstance(table, dict) else enumerate(table):
        if isinstance(item, dict) or (isinstance(item, list) and any(isinstance(each, dict) for each in item)):
            yield from _dotted(item, f"{begin}{name}.")
        else:
            yield f"{begin}{name}"


def keys_there(runs):
    """Swept keys first, then those of the experiment."""
    cases = ["case"] if any(runs.cases) else []
    return list(dict.fromkeys([*cases, *runs.keys, *_dotted(runs[0].config)]))


def having(runs, key, option, args):
    """The runs that have the key; an Error with the nearest key where none has it."""
    kept = [run for run in runs if value(run, key) is not ABSENT]
    if not kept:
        raise results.Error(f"{option} {key}: no run has this key; {nearest.hint(key, keys_there(runs))}.")
    if len(kept) < len(runs):
        note(args, f"{len(runs) - len(kept)} of {len(runs)} runs have no {key} and are left out")
    return results.Runs(kept, runs.path)


def _same(one, other):
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def where(runs, wanted):
    """The runs for which every KEY of `KEY=VALUE` has one of its values."""
    allowed = {}
    for text in wanted:
        key, equals, of = text.partition("=")
        if not equals:
            raise results.Error(f"--where {text}: must be KEY=VALUE.")
        there = list(dict.fromkeys(value(run, key) for run in runs))
        if all(each is ABSENT for each in there):
            raise results.Error(f"--where {text}: no run has the key {key}; {nearest.hint(key, keys_there(runs))}.")
        if not any(_same(each, of if isinstance(each, str) else results.value_of(of)) for each in there):
            shown = words.some([each for each in there if each is not ABSENT], nearest.MOST_NAMES)
            raise results.Error(f"--where {text}: no run has {key} = {of}; there are {shown}.")
        allowed.setdefault(key, []).append(of)

    def is_wanted(run, key, texts):
        has = value(run, key)
        return any(_same(has, text if isinstance(has, str) else results.value_of(text)) for text in texts)

    kept = [run for run in runs if all(is_wanted(run, key, texts) for key, texts in allowed.items())]
    if not kept:
        raise results.Error(f"no run has {' and '.join(wanted)}.")
    return results.Runs(kept, runs.path)


def groups(runs, keys):
    """{values of the keys: [runs]}, in the order of the runs."""
    found = {}
    for run in runs:
        found.setdefault(tuple(value(run, key) for key in keys), []).append(run)
    return found


def undecided(runs, keys):
    """The case, and swept keys, in which runs of one point differ, seeds apart."""
    points = groups(runs, keys).values()
    others = [key for key in ("case", *runs.keys) if key not in keys and not series.is_seed(key)]
    return [key for key in others if any(len({value(run, key) for run in point}) > 1 for point in points)]


def decide(runs, question):
    """Curves and panels are of what else the runs differ in, where the command line leaves that open; an Error where
    they differ in more."""
    for place in ("hue", "facet"):
        left = undecided(runs, question.keys)
        if left and getattr(question, place) is None and not (place == "hue" and len(question.x) > 1):
            setattr(question, place, left[0])
    left = undecided(runs, question.keys)
    if left:
        raise results.Error(f"the runs of one point differ in {words.some(left)} too; choose some with --where "
                            f"{left[0]}=VALUE, or put it on --hue, --facet or --x.")


def columns(run):
    """{name: [rows]}: metrics.csv and what follows from it."""
    table = {name: run.metrics[name].to_numpy() for name in run.metrics}
    for error, accuracy in ERRORS.items():
        if accuracy in table:
            table.setdefault(error, 1 - table[accuracy])
    seconds, steps = run.summary.get("wall_seconds"), run.summary.get("step")
    if isinstance(seconds, (int, float)) and isinstance(steps, int) and steps > 0:
        table.setdefault("seconds", table["step"] * (seconds / steps))
    return table


@dataclasses.dataclass
class Record:
    """A run with its values of the x axis and of y: on every row for curves; at the end, and of keys, one each."""

    run: results.Run
    x: object
    y: object
    steps: object = None


def records(runs, question, args):
    """Those of the runs that have rows and the columns; an Error with the nearest column where none has them."""
    needed = [*question.y.names, *(question.x if question.is_curve else [])]
    found, lacking = [], {}
    for run in runs:
        table = columns(run)
        absent = next((name for name in needed if name not in table), None)
        if absent is None and len(run.metrics):
            found.append(_record(run, table, question))
        else:
            lacking.setdefault(absent, []).append(table)
    if not found:
        absent = next(iter(lacking))
        if absent is None:
            raise results.Error(f"{args.run_dir}: no run has a row yet.")
        there = nearest.hint(absent, dict.fromkeys(name for table in lacking[absent] for name in table))
        raise results.Error(f"no run recorded the column {absent}; {there}.")
    for absent, tables in lacking.items():
        what = f"no column {absent}" if absent else "no row"
        note(args, f"{len(tables)} of {len(runs)} runs have {what} and are left out")
    return found


def _diverged(run):
    return run.summary.get("ending") == "diverged"


def _record(run, table, question):
    y = question.y(table, len(run.metrics))
    y = np.where(np.isfinite(y), y, np.nan)  # an infinity has no place on an axis
    if question.is_curve:
        return Record(run, np.asarray(table[question.x[0]], float), y, table["step"])
    return Record(run, [value(run, key) for key in question.x], np.nan if _diverged(run) else y[-1])


def require_numbers(records, question, args):
    """An Error where there is nothing to draw; a sentence on runs that have no number, and did not diverge."""
    without = [record.run for record in records if not np.isfinite(record.y).any()]
    if len(without) == len(records):
        raise results.Error(f"--y {question.y.text}: is a number in none of {len(records)} runs; nothing can be drawn.")
    count = sum(not _diverged(run) for run in without)
    if count:
        note(args, f"{question.y.text} is no number in {count} of {len(records)} runs: no median where one of them is")


def curve(members):
    """(x, quartiles [3, m]) at the steps that every one of the Records has; x is the median over them."""
    steps = members[0].steps
    for member in members[1:]:
        if not np.array_equal(steps, member.steps):
            steps = np.intersect1d(steps, member.steps)
    if not len(steps):
        names = words.some(member.run.name for member in members)
        raise results.Error(f"the runs {names} have no recorded step in common.")
    last = [np.searchsorted(member.steps, steps, side="right") - 1 for member in members]  # a phase's end is its last row
    x = np.median([member.x[rows] for member, rows in zip(members, last)], axis=0)
    with np.errstate(invalid="ignore"):
        return x, np.quantile([member.y[rows] for member, rows in zip(members, last)], (0.25, 0.5, 0.75), axis=0)
