"""What `mfld run` left in a folder, as Python objects. The only module that knows how a run directory is laid out.

    run = results.load("out")            # a Run: config, summary, metrics, trajectory, data
    runs = results.load("sweep")         # Runs, where the folder holds several (it has an index.csv)
    ntk = runs.select(case="ntk")        # or runs.select({"network.width": 64})
    band = ntk.aggregate("train_loss")   # median and quartiles over the runs, at each step

Whatever is missing or damaged ends the program with status 1 and one sentence on stderr.
"""

import collections.abc
import functools
import io
import json
import pathlib
import tomllib

import h5py
import numpy as np
import pandas as pd

INTEGER_COLUMNS = ("step", "phase", "gradient_evaluations")


class ResultError(SystemExit):
    """A sentence about what is missing. Not caught, it is printed to stderr and the program ends with status 1."""


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

    @functools.cached_property
    def summary(self):
        """How the run ended; from its first checkpoint until then what that says ("running"), before it empty."""
        path = self.path / "summary.json"
        try:
            return json.loads(_text(path)) if path.exists() else {}
        except json.JSONDecodeError as error:
            raise ResultError(f"{path} is not valid JSON: {error}.") from None

    @functools.cached_property
    def metrics(self):
        """metrics.csv as a table: step, phase, time, gradient_evaluations and one column per observable, in double."""
        path = self.path / "metrics.csv"
        text = _text(path)
        text = text[: text.rfind("\n") + 1]  # without a row that is being written
        names = next((line for line in text.splitlines() if not line.startswith("#")), "").split(",")
        if names[0] != "step":
            raise ResultError(f"{path} has no line with the names of its columns.")
        types = {name: np.int64 if name in INTEGER_COLUMNS else np.float64 for name in names}
        try:
            return pd.read_csv(io.StringIO(text), comment="#", dtype=types, float_precision="round_trip")
        except ValueError as error:
            raise ResultError(f"{path} is damaged: {error}.") from None

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
        if not path.exists():
            return None
        try:
            table = pd.read_csv(io.StringIO(_text(path)), comment="#", dtype=np.float64, float_precision="round_trip")
        except ValueError as error:
            raise ResultError(f"{path} is damaged: {error}.") from None
        if not {"target", "output"} <= set(table):
            raise ResultError(f"{path} has no line with the names of its columns.")
        return table

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
        group = "particles/neurons/position/"
        with _Hdf5(self.path) as file:
            value, step, time = (file[group + name] for name in ("value", "step", "time"))
            count = min(len(value), len(step), len(time))  # while a run writes, the one opened last may hold more
            return value[:count], step[:count], time[:count]

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

    @functools.cached_property
    def ids(self):
        """[particles]: which particles of the ensemble these are"""
        with _Hdf5(self.path) as file:
            return file["particles/neurons/id"][:]

    @functools.cached_property
    def names(self):
        """The p parameters of a particle: r, w_1 .. w_d, b"""
        with _Hdf5(self.path) as file:
            return [name.decode() for name in file["parameters/names"][:]]

    @functools.cached_property
    def data(self):
        """{name: array}: train_inputs [n, d], train_targets [n], test_inputs, test_targets, and where the task knows
        them teacher_directions [m, d], teacher_amplitudes [m], relevant_subspace [d, k]"""
        with _Hdf5(self.path) as file:
            return {name: values[()] for name, values in file["data"].items()}


class Runs(collections.abc.Sequence):
    """Several runs and how they differ."""

    def __init__(self, runs, path=None):
        self.path = path and pathlib.Path(path)
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
        """Those runs that have these values of the keys and this case. At least one, or the program ends."""
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
            raise ResultError(f"no run in {self.path} has {' and '.join(wanted)}; there are {self._names()}.")
        return Runs(chosen, self.path)

    def aggregate(self, column, low=0.25, high=0.75):
        """A table over the steps that every run recorded: time (that of the first run), median, low and high (quantiles
        over the runs; not a number where any run has none)."""
        tables = []
        for run in self:
            if column not in run.metrics:
                raise ResultError(
                    f"{run.path / 'metrics.csv'} has no column {column}; it has {', '.join(run.metrics.columns)}."
                )
            tables.append(run.metrics.drop_duplicates("step", keep="last").set_index("step"))
        steps = functools.reduce(lambda a, b: a.intersection(b), (table.index for table in tables))
        if len(steps) == 0:
            raise ResultError(f"the runs {self._names()} have no recorded step in common.")
        values = np.array([table.loc[steps, column] for table in tables], dtype=float)
        with np.errstate(invalid="ignore"):  # between two infinities
            median, lower, upper = np.quantile(values, (0.5, low, high), axis=0)
        time = tables[0].loc[steps, "time"]
        return pd.DataFrame({"time": time, "median": median, "low": lower, "high": upper}, index=steps)

    def _require_key(self, key):
        if key not in self.keys:
            there = f"the sweep set {', '.join(self.keys)}" if self.keys else "it has no sweep"
            raise ResultError(f"{key} is not a key of the sweep in {self.path}: {there}.")

    def _names(self):
        return ", ".join(run.name for run in self)


def load(path):
    """A Run, or Runs where `path` holds several."""
    path = pathlib.Path(path)
    if not path.is_dir():
        raise ResultError(f"{path} is not a folder.")
    if (path / "index.csv").exists():
        return Runs(_indexed(path), path)
    if (path / "metrics.csv").exists():
        return Run(path)
    raise ResultError(f"{path} is not what `mfld run` writes: it has neither metrics.csv nor index.csv.")


def _indexed(path):
    """One Run for each row of index.csv, which has one for each run that has ended: run, case, <keys>, ending, ..."""
    try:
        index = pd.read_csv(path / "index.csv", dtype={"run": str, "case": str}, keep_default_na=False)
        keys = list(index.columns[2 : list(index.columns).index("ending")])
        rows = index.to_dict("records")
    except (OSError, ValueError) as error:
        raise ResultError(f"cannot read {path / 'index.csv'}: {error}.") from None
    for row in rows:
        folder = path / row["run"]
        if not folder.is_dir():
            raise ResultError(f"{path / 'index.csv'} lists the run {row['run']}, but {folder} does not exist.")
        yield Run(folder, row["run"], row["case"], {key: row[key] for key in keys})


def _text(path):
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ResultError(f"cannot read {path}: {_reason(error)}.") from None


def _read_toml(path):
    try:
        return tomllib.loads(_text(path))
    except tomllib.TOMLDecodeError as error:
        raise ResultError(f"{path} is not valid TOML: {error}.") from None


def _reason(error):
    return getattr(error, "strerror", None) or error


class _Hdf5:
    """An open HDF5 file whose missing parts end the program with a sentence. Takes no lock: it may be being written."""

    def __init__(self, path):
        self._path = path
        try:
            self._file = h5py.File(path, "r", locking=False)
        except OSError as error:
            raise ResultError(f"cannot read {path}: {_reason(error)}.") from None

    def __enter__(self):
        return self

    def __getitem__(self, name):
        if name not in self._file:
            raise ResultError(f"{self._path} has no /{name}.")
        return self._file[name]

    def __exit__(self, *_):
        self._file.close()
