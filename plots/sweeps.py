"""How runs end, against a number that the sweep set: medians, bands and powers."""

import dataclasses

import numpy as np

from mfld import results
import style

MOST_VALUES = 8  # whose ticks have room on an axis


@dataclasses.dataclass
class Power:
    """y = factor x^slope, by least squares of log y on log x."""

    slope: float
    factor: float
    error: float  # standard error of the slope; not a number for fewer than three points

    def __call__(self, x):
        return self.factor * np.asarray(x, float) ** self.slope

    def __str__(self):
        return f"{self.slope:.3f}" + ("" if np.isnan(self.error) else f" +- {self.error:.3f}")

    @property
    def label(self):
        digits = 3 if self.error < 0.005 else 2
        return f"slope ${self.slope:.{digits}f}" + ("$" if np.isnan(self.error) else rf" \pm {self.error:.{digits}f}$")


def fit_power(x, y):
    """The Power through the points that are positive and finite; None unless these have two different x."""
    x, y = np.asarray(x, float), np.asarray(y, float)
    usable = np.isfinite(y) & (y > 0) & (x > 0)
    x, y = np.log(x[usable]), np.log(y[usable])
    if len(set(x)) < 2:
        return None
    deviation = x - x.mean()
    slope = deviation @ y / (deviation @ deviation)
    offset = y.mean() - slope * x.mean()
    residual = y - offset - slope * x
    error = np.sqrt(residual @ residual / (len(x) - 2) / (deviation @ deviation)) if len(x) > 2 else np.nan
    return Power(slope, np.exp(offset), error)


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def require_key(runs, key, figure):
    """An Error unless the sweep set the key to several numbers."""
    if len({run.keys.get(key) for run in runs} - {None}) < 2:
        raise results.Error(f"{figure} needs runs of several values of {key}; list them under [sweep].")
    for run in runs:
        if not is_number(run.keys[key]) or not 0 < run.keys[key] < np.inf:
            raise results.Error(f"{figure} needs {key} > 0, and {run.name} has {run.keys[key]}.")


def last_value(run, column):
    return run.metrics[column].iloc[-1]


def points(runs, key, value):
    """(x, y), one entry a run: the key, and `value`: a column's name (its last value) or a function of a run."""
    of_run = value if callable(value) else lambda run: last_value(run, value)
    return np.array([run.keys[key] for run in runs], float), np.array([of_run(run) for run in runs], float)


def band(x, y):
    """Distinct x, and the quartiles of y at each: [m], [3, m]; not a number where a run has none."""
    grid = np.unique(x)
    with np.errstate(invalid="ignore"):
        return grid, np.array([np.quantile(y[x == value], (0.25, 0.5, 0.75)) for value in grid]).T


def draw(axes, runs, key, value, linestyle="-", label=None, **look):
    """Median against the key, the band between the quartiles, and each run as a dot."""
    x, y = points(runs, key, value)
    grid, (low, middle, high) = band(x, y)
    if len(x) > len(grid):
        axes.plot(x, y, linestyle="none", marker=".", markersize=2.5, color=look["color"], alpha=0.5)
        axes.fill_between(grid, low, high, color=look["color"], alpha=0.22, linewidth=0)
    axes.plot(grid, middle, linestyle=linestyle, label=label, **look)
    return grid, middle


def draw_with_power(axes, runs, key, column, index, name=""):
    """`draw` without lines between the medians, and the fitted power, whose slope stands in the label after the name.
    Returns the power, which is None where nothing can be fitted."""
    x, y = points(runs, key, column)
    power = fit_power(x, y)
    slope = power.label if power else "no slope: values are 0 or no numbers"
    look = {**style.look(index), "linestyle": "none"}
    grid, _ = draw(axes, runs, key, column, label=f"{name}: {slope}" if name else slope, **look)
    if power:
        draw_power(axes, grid, power, color=look["color"])
    return power


def show_values(axes, values):
    """Ticks at these values of a logarithmic axis, as they are written; where they have no room, at powers of 10."""
    axes.set_xscale("log")
    values = np.unique(values)
    room = np.log(values[-1] / values[0]) / MOST_VALUES
    if len(values) > 1 and (np.diff(np.log(values)) > 0.8 * room).all():
        axes.set_xticks(values, [f"{value:g}" for value in values])
        axes.set_xticks([], minor=True)


def log_if_positive(axes, values):
    """A logarithmic vertical axis, if there is anything to show on one."""
    values = np.asarray(values, float)
    if (np.isfinite(values) & (values > 0)).any():
        axes.set_yscale("log", nonpositive="mask")


def draw_power(axes, grid, power, **look):
    """A thin line over the grid."""
    ends = np.array([grid.min(), grid.max()])
    axes.plot(ends, power(ends), linewidth=0.9, **look)
