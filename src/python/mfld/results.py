"""What `mfld run` left in a folder, as Python objects. The only module that knows how a run directory is laid out; it
needs no part of the package that is compiled.

    run = mfld.load("out")               # a Run: config, summary, metrics, trajectory, data
    runs = mfld.load("sweep")            # Runs, where the folder holds several
    ntk = runs.select(case="ntk")        # or runs.select({"network.width": 64})
    band = ntk.aggregate("train_loss")   # median and quartiles over the runs, at each step

Whatever is missing or damaged raises an Error, whose text is one sentence. pandas and h5py are imported where they are
first needed.
"""

import collections.abc
import functools
import io
import json
import math
import pathlib
import re
import tomllib

import numpy as np

from . import fits

INTEGER_COLUMNS = ("step", "phase", "gradient_evaluations")
NUMBER = re.compile(r"[+-]?(\d+|inf|nan|(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?)")
FIELD = re.compile(r'(?:"((?:[^"]|"")*)"|([^,\n"]*))([,\n])')
REQUIRED = object()
CHANGE = "changed at step "  # how the comments about changes begin


class Error(ValueError):
    """A sentence about what is missing, or cannot be drawn. `status` is that of a program which ends with it."""

    status = 2


class FileError(Error, OSError):
    """A file that cannot be read or written, or is damaged."""

    status = 4


def some(names, most=6):
    """The names, or the first of them and how many more."""
    names = [str(name) for name in names]
    more = len(names) - most
    return ", ".join(names[:most] if more > 1 else names) + (f" and {more} more" if more > 1 else "")


class Run:
    """One run directory. Every part is read when it is first asked for."""

    def __init__(self, path, name=None, case="", keys=None):
        self.path = pathlib.Path(path)
        self.name = name or self.path.resolve().name
        self.case = case
        self.keys = keys or {}  # what the sweep set: {"network.width": 64}

    def __repr__(self):
        return f"Run({str(self.path)!r})"

    @functools.cached_property
    def config(self):
        """The resolved experiment, as nested dictionaries."""
        return _read_toml(self.path / "experiment.toml")

    @property
    def experiment(self):
        return self.config

    def setting(self, key, default=REQUIRED, kind=object):
        """The value of a dotted key of the resolved experiment; an Error if it is not of that kind, or not there and
        there is no default."""
        value = self.config
        for part in key.split("."):
            value = value.get(part, REQUIRED) if isinstance(value, dict) else REQUIRED
        if value is REQUIRED:
            if default is REQUIRED:
                raise FileError(f"{self.path / 'experiment.toml'} has no {key}.")
            return default
        if not isinstance(value, kind):
            raise FileError(f"{self.path / 'experiment.toml'}: {key} = {value!r} is no resolved value of that key.")
        return value

    @property
    def phases(self):
        """The [[phase]]s of the resolved experiment."""
        return [phase for phase in self.setting("phase", [], list) if isinstance(phase, dict)]

    @functools.cached_property
    def summary(self):
        """How the run ended; from its first checkpoint until then what that says ("running"), before it empty."""
        path = self.path / "summary.json"
        if not path.exists():
            return {}
        text = _text(path)
        try:
            summary = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise FileError(f"{path} is not valid JSON: {error}.") from None
        if not isinstance(summary, dict):
            raise FileError(f"{path} is no summary of a run.")
        return summary

    @property
    def ended(self):
        """Whether the run came to its end: it finished, or it diverged."""
        return self.summary.get("ending") in ("finished", "diverged")

    @property
    def progress(self):
        """How far metrics.csv goes, in words."""
        steps = [phase.get("steps") for phase in self.phases]
        total = f" of {sum(steps)}" if steps and all(isinstance(count, int) for count in steps) else ""
        return f"step {self.metrics['step'].iloc[-1] if len(self.metrics) else 0}{total}"

    @functools.cached_property
    def metrics(self):
        """metrics.csv as a table: step, phase, time, gradient_evaluations and one column per observable, in double."""
        path = self.path / "metrics.csv"
        return _table(path, lambda name: np.int64 if name in INTEGER_COLUMNS else np.float64, ("step", "phase", "time"))

    @functools.cached_property
    def trajectory(self):
        """The recorded particles; None where the experiment recorded none."""
        path = self.path / "trajectory.h5"
        return Trajectory(path) if path.exists() else None

    @functools.cached_property
    def predictions(self):
        """predictions.csv as a table: x_1 .. x_d, target, output and, where outputs have a distribution, std; one row per
        test sample. None where the experiment asked for none, or the run has not finished."""
        path = self.path / "predictions.csv"
        return _table(path, lambda name: np.float64, ("target", "output")) if path.exists() else None

    @property
    def history(self):
        """What a program changed while it ran, a sentence each."""
        lines = _text(self.path / "experiment.toml").splitlines()
        return [line[2:] for line in lines if line.startswith("# " + CHANGE)]

    def to_xarray(self):
        """An xarray.Dataset: the columns of metrics over `step`; where there is a trajectory, `positions` [frame, particle,
        parameter] and `velocities` with the steps of the frames; where there are predictions, their columns over `sample`.
        Attributes say how the run ended, and its experiment as JSON."""
        import xarray as xr

        metrics = self.metrics
        parts = {name: ("step", metrics[name].to_numpy()) for name in metrics if name != "step"}
        coordinates = {"step": metrics["step"].to_numpy()}
        if (trajectory := self.trajectory) is not None:
            shape = ("frame", "particle", "parameter")
            parts["positions"] = (shape, trajectory.positions)
            if trajectory.velocities is not None:
                parts["velocities"] = (shape, trajectory.velocities)
            coordinates |= {"frame_step": ("frame", trajectory.steps), "frame_time": ("frame", trajectory.times),
                            "particle": trajectory.ids, "parameter": trajectory.names}
        if (predictions := self.predictions) is not None:
            parts |= {f"prediction_{name}": ("sample", predictions[name].to_numpy()) for name in predictions}
        summary = self.summary
        about = {"run": self.name, "ending": summary.get("ending", ""), "message": summary.get("message", "")}
        return xr.Dataset(parts, coordinates, {**about, "experiment": json.dumps(self.config)})

    @property
    def data(self):
        """The data set used, {name: array}; None where no trajectory was recorded (the data are in its file)."""
        return self.trajectory and self.trajectory.data


class Trajectory:
    """trajectory.h5. The frames are those that were complete at the last look."""

    def __init__(self, path):
        self.path = pathlib.Path(path)

    @functools.cached_property
    def _frames(self):
        group = "particles/neurons/"
        with _Hdf5(self.path) as file:
            value, step, time = (file[group + "position/" + name] for name in ("value", "step", "time"))
            velocity = file[group + "velocity/value"] if group + "velocity" in file else None
            if value.ndim != 3 or step.ndim != 1 or time.ndim != 1 or (velocity is not None and velocity.ndim != 3):
                raise FileError(f"{self.path}: /{group}position/value is no list of frames.")
            parts = (value, step, time, velocity)
            # While a run writes, the one opened last may hold more.
            count = min(len(part) for part in parts if part is not None)
            return [None if part is None else part[:count] for part in parts]

    @property
    def positions(self):
        """[frames, particles, p]"""
        return self._frames[0]

    @property
    def steps(self):
        """[frames]"""
        return self._frames[1]

    @property
    def times(self):
        """[frames], sums of step sizes"""
        return self._frames[2]

    @property
    def velocities(self):
        """[frames, particles, p], 0 in phases whose step has none; None where the experiment recorded none"""
        return self._frames[3]

    @functools.cached_property
    def ids(self):
        """[particles]: which particles of the ensemble these are"""
        with _Hdf5(self.path) as file:
            return file["particles/neurons/id"][:]

    @functools.cached_property
    def names(self):
        """The p parameters of a particle: r, w_1 .. w_d, b"""
        with _Hdf5(self.path) as file:
            names = file["parameters/names"][:]
            return [name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name) for name in names]

    @functools.cached_property
    def data(self):
        """{name: array}: train_inputs [n, d], train_targets [n], test_inputs, test_targets, and where the task knows
        them teacher_directions [m, d], teacher_amplitudes [m], relevant_subspace [d, k]"""
        with _Hdf5(self.path) as file:
            return {name: values[()] for name, values in file["data"].items()}


class Runs(collections.abc.Sequence):
    """Several runs and how they differ."""

    def __init__(self, runs, path=None, planned=None, experiment=None):
        self.path = path and pathlib.Path(path)
        self.planned = planned  # how many runs the experiment describes; None where that is not known
        self.experiment = experiment  # the experiment with its cases and its sweep; None where that is not known
        self._runs = list(runs)

    def __len__(self):
        return len(self._runs)

    def __getitem__(self, position):
        return Runs(self._runs[position], self.path) if isinstance(position, slice) else self._runs[position]

    def __repr__(self):
        return f"Runs({[run.name for run in self]})"

    @property
    def cases(self):
        """The names of the [[case]]s, in order; [""] where there are none."""
        return list(dict.fromkeys(run.case for run in self))

    @property
    def keys(self):
        """The keys that the sweep set, dotted."""
        return list(dict.fromkeys(key for run in self for key in run.keys))

    def values(self, key):
        """The values that `key` takes, in order."""
        self._require_key(key)
        return list(dict.fromkeys(run.keys[key] for run in self if key in run.keys))

    def select(self, keys=None, case=None):
        """Those runs that have these values of the keys and this case. At least one, or an Error."""
        keys = keys or {}
        for key in keys:
            self._require_key(key)
        chosen = [
            run
            for run in self
            if case in (None, run.case) and all(run.keys.get(key) == value for key, value in keys.items())
        ]
        if not chosen:
            wanted = [f"case {case}"] if case is not None else []
            wanted += [f"{key} = {value}" for key, value in keys.items()]
            raise Error(f"no run in {self.path or 'memory'} has {' and '.join(wanted)}; there are {self._names()}.")
        return Runs(chosen, self.path)

    def aggregate(self, column, low=0.25, high=0.75):
        """A table over the steps that every run recorded: time (that of the first run), median, low and high (quantiles
        over the runs; not a number where any run has none)."""
        import pandas as pd

        tables = []
        for run in self:
            if column not in run.metrics:
                raise Error(
                    f"{run.path / 'metrics.csv' if run.path else run.name} has no column {column}; it has {some(run.metrics.columns, 20)}."
                )
            tables.append(run.metrics.drop_duplicates("step", keep="last").set_index("step"))
        steps = functools.reduce(lambda a, b: a.intersection(b), (table.index for table in tables))
        if len(steps) == 0:
            raise Error(f"the runs {self._names()} have no recorded step in common.")
        values = np.array([table.loc[steps, column] for table in tables], dtype=float)
        with np.errstate(invalid="ignore"):  # between two infinities
            median, lower, upper = np.quantile(values, (0.5, low, high), axis=0)
        time = tables[0].loc[steps, "time"]
        return pd.DataFrame({"time": time, "median": median, "low": lower, "high": upper}, index=steps)

    def to_frame(self):
        """One table of the rows of all runs: run, case, the keys of the sweep, then the columns of metrics.csv."""
        import pandas as pd

        tables = []
        for run in self:
            front = {"run": run.name, "case": run.case, **{key: run.keys.get(key) for key in self.keys}}
            table = run.metrics.copy()
            for position, (name, value) in enumerate(front.items()):
                table.insert(position, name, [value] * len(table))
            tables.append(table)
        return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()

    def outputs(self):
        """[runs, test samples]: the outputs in each run's predictions.csv, of one set of test inputs; an Error where a run
        has none, or other inputs (replicas share seeds.data)."""
        tables = []
        for run in self:
            if run.predictions is None:
                raise Error(f"{run.path or run.name} has no predictions.csv: the experiment needs observe.predictions = true.")
            tables.append(run.predictions)
        inputs = [table[[name for name in table if name.startswith("x_")]].to_numpy() for table in tables]
        for run, other in zip(self, inputs):
            if not np.array_equal(other, inputs[0]):
                raise Error(f"{run.path} has other test inputs than {self[0].path}: their runs are no replicas.")
        if not tables:
            raise Error("there are no runs, and no outputs.")
        return np.array([table["output"] for table in tables])

    def variance_of_outputs(self, confidence=0.95):
        """The variance of the output over the runs, which are alike but for their seeds, with its interval."""
        try:
            return fits.variance(self.outputs(), confidence)
        except ValueError as error:
            raise Error(f"the runs {self._names()}: {error}.") from None

    def _require_key(self, key):
        if key not in self.keys:
            there = f"the sweep set {some(self.keys, 20)}" if self.keys else "it has no sweep"
            raise Error(f"{key} is not a key of the sweep in {self.path or 'memory'}: {there}.")

    def _names(self):
        return some(run.name for run in self)


def load(path):
    """A Run, or Runs where `path` holds several: those that index.csv lists, which has a row for each run that has a
    summary. Of a sweep that stopped before its first run there are none."""
    path = pathlib.Path(path)
    if not path.is_dir():
        raise FileError(f"{path} is not a folder.")
    try:
        is_run, indexed, described = ((path / name).exists() for name in ("metrics.csv", "index.csv", "experiment.toml"))
    except OSError as error:
        raise FileError(f"cannot read {path}: {_reason(error)}.") from None
    if is_run:
        return Run(path)
    experiment = _read_toml(path / "experiment.toml") if described else None
    is_sweep = experiment is not None and ("sweep" in experiment or "case" in experiment)
    if indexed or is_sweep:
        return Runs(_indexed(path) if indexed else [], path, _num_runs(experiment) if is_sweep else None, experiment)
    if experiment is not None:
        raise FileError(f"{path} has an experiment.toml but no metrics.csv: no run has begun in it.")
    raise FileError(f"{path} is not what `mfld run` writes: it has neither metrics.csv nor index.csv.")


def value_of(text):
    """A swept value as it is written in index.csv."""
    if text in ("true", "false"):
        return text == "true"
    if not NUMBER.fullmatch(text):
        return text
    return int(text) if re.fullmatch(r"[+-]?\d+", text) else float(text)


def _num_runs(experiment):
    """Cases x grid."""

    def sizes(value):
        if isinstance(value, dict):
            return [size for item in value.values() for size in sizes(item)]
        return [len(value)] if isinstance(value, list) else []

    cases = experiment.get("case", [])
    return max(1, len(cases) if isinstance(cases, list) else 1) * math.prod(sizes(experiment.get("sweep", {})))


def _indexed(path):
    """One Run for each row of index.csv: run, case, <keys>, ending, ..."""
    file = path / "index.csv"
    names, table = _fields(file)
    if names[:2] != ["run", "case"] or "ending" not in names:
        raise FileError(f"{file} has no line with the names of its columns.")
    keys = names[2 : names.index("ending")]
    for row in table:
        name, case, *values = row[: 2 + len(keys)]
        folder = path / name
        if not folder.is_dir():
            raise FileError(f"{file} lists the run {name}, but {folder} does not exist.")
        yield Run(folder, name, case, {key: value_of(value) for key, value in zip(keys, values)})


def _fields(path):
    """(names, rows) of a CSV file whose fields may be quoted; every field is text. Only "\\n" ends a row."""
    text = _text(path)
    text = text[: text.rfind("\n") + 1]
    rows, row, end = [], [], 0
    for match in FIELD.finditer(text):
        if match.start() != end:
            break
        quoted, plain, mark = match.groups()
        row.append(plain if quoted is None else quoted.replace('""', '"'))
        end = match.end()
        if mark == "\n":
            rows.append(row)
            row = []
    if end != len(text):
        raise FileError(f"{path} is damaged: row {len(rows)} has a quote that nothing closes.")
    names = rows[0] if rows else []
    for number, row in enumerate(rows[1:], 1):
        if len(row) != len(names):
            raise FileError(f"{path} is damaged: row {number} has {len(row)} fields for {len(names)} names.")
    return names, rows[1:]


def _table(path, type_of, required):
    """A CSV file of numbers under a line of names, after lines that begin with #. Only "\\n" ends a line: comments hold
    whatever names and headers hold. A last row without its end is being written, and left out."""
    import pandas as pd

    lines = _bytes(path).split(b"\n")[:-1]
    lines = [line for line in lines if not line.startswith(b"#")]
    names = lines[0].decode("utf-8", "replace").split(",") if lines else []
    if not set(required) <= set(names) or len(set(names)) < len(names):
        raise FileError(f"{path} has no line with the names of its columns.")
    for number, line in enumerate(lines[1:], 1):
        if line.count(b",") != len(names) - 1:
            count = line.count(b",") + 1
            raise FileError(f"{path} is damaged: row {number} has {count} numbers for {len(names)} names.")
    try:
        return pd.read_csv(io.BytesIO(b"\n".join(lines) + b"\n"), header=0, names=names, index_col=False,
                           dtype={name: type_of(name) for name in names}, float_precision="round_trip",
                           lineterminator="\n", quoting=3, keep_default_na=False, na_values=["nan", "-nan"])
    except (ValueError, OverflowError) as error:
        raise FileError(f"{path} is damaged: {error}.") from None


def _bytes(path):
    try:
        if path.is_file():
            return path.read_bytes()
        reason = "it is no file" if path.exists() else "No such file or directory"
    except OSError as error:
        reason = _reason(error)
    raise FileError(f"cannot read {path}: {reason}.")


def _text(path):
    return _bytes(path).decode("utf-8", "surrogateescape")


def _read_toml(path):
    lines = _text(path).split("\n")
    while lines and lines[0].startswith("#"):  # what made the run; a command line may hold anything
        lines.pop(0)
    if not any(line.strip() for line in lines):
        raise FileError(f"{path} is empty.")
    try:
        return tomllib.loads("\n".join(lines))
    except (ValueError, RecursionError) as error:
        raise FileError(f"{path} is not valid TOML: {error}.") from None


def _reason(error):
    return getattr(error, "strerror", None) or error


class _Hdf5:
    """An open HDF5 file whose missing or damaged parts raise an Error. Takes no lock: it may be being written."""

    def __init__(self, path):
        import h5py

        self._path = path
        try:
            self._file = h5py.File(path, "r", locking=False)
        except (OSError, ValueError) as error:
            raise FileError(f"cannot read {path}: {_reason(error)}.") from None

    def __enter__(self):
        return self

    def __contains__(self, name):
        return name in self._file

    def __getitem__(self, name):
        if name not in self:
            raise FileError(f"{self._path} has no /{name}.")
        return self._file[name]

    def __exit__(self, kind, error, _):
        self._file.close()
        if isinstance(error, Error):
            return
        if isinstance(error, (OSError, RuntimeError, LookupError, TypeError, ValueError, AttributeError)):
            raise FileError(f"{self._path} is damaged: {error}.") from None
