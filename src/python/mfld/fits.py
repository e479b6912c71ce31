"""Slopes and variances of what runs left, with confidence intervals. Numbers in, numbers out: no files, no figures.

    order = fits.slope(widths, biases, errors)     # of log y against log x: value, low, high
    decay = fits.decay_rate(times, gaps, errors)   # of A exp(-rate t)
    spread = fits.variance([run.predictions["output"] for run in runs])
"""

import math
from typing import NamedTuple

import numpy as np


class Interval(NamedTuple):
    """A number with its confidence interval."""

    value: float
    low: float
    high: float


def student_t(probability, degrees):
    """The t with P(|T| <= t) = probability, T of Student's law with so many degrees of freedom, a whole number >= 1."""
    if degrees < 1 or degrees != int(degrees) or not 0 < probability < 1:
        raise ValueError(f"Student's law of {degrees} degrees of freedom at {probability}: it has no such quantile")
    low, high = 0.0, math.pi / 2
    for _ in range(200):
        angle = (low + high) / 2
        low, high = (angle, high) if _within(angle, int(degrees)) < probability else (low, angle)
    return math.sqrt(degrees) * math.tan((low + high) / 2)


def _within(angle, degrees):
    """P(|T| <= sqrt(degrees) tan(angle)), a finite sum [Abramowitz & Stegun 26.7.3, 26.7.4]."""
    cosine = math.cos(angle)
    term = cosine if degrees % 2 else 1.0
    total = term if degrees > 1 else 0.0
    for k in range(3 if degrees % 2 else 2, degrees - 1, 2):
        term *= cosine * cosine * (k - 1) / k
        total += term
    total *= math.sin(angle)
    return 2 / math.pi * (angle + total) if degrees % 2 else total


def slope(x, y, errors=None, confidence=0.95):
    """The slope of log y against log x by least squares. Without errors the points' own scatter about the line gives the
    interval, and there must be three; with the standard errors of y, weights are their inverse squares, and the interval
    is theirs, widened by the scatter where that is larger than errors explain. ValueError where numbers are not finite
    and > 0."""
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if x.ndim != 1 or x.shape != y.shape or not (np.isfinite(x) & np.isfinite(y) & (x > 0) & (y > 0)).all():
        raise ValueError("a slope of logarithms needs two lists of finite numbers > 0, of one length")
    if len(x) < (3 if errors is None else 2) or np.ptp(x) == 0:
        raise ValueError(f"{len(x)} points are too few for a slope with an interval")
    deviations = np.ones_like(y) if errors is None else np.asarray(errors, dtype=float) / y
    if deviations.shape != y.shape or not (np.isfinite(deviations) & (deviations > 0)).all():
        raise ValueError("the errors must be finite numbers > 0, one for each point")
    weights = deviations**-2.0
    u, v = np.log(x), np.log(y)
    u = u - np.average(u, weights=weights)
    v = v - np.average(v, weights=weights)
    square = np.sum(weights * u * u)
    value = np.sum(weights * u * v) / square
    degrees = len(x) - 2
    scatter = np.sum(weights * (v - value * u) ** 2) / degrees if degrees else 0.0
    if errors is None:
        half = student_t(confidence, degrees) * math.sqrt(scatter / square)
    else:
        half = _normal(confidence) * math.sqrt(max(1.0, scatter) / square)
    return Interval(float(value), float(value - half), float(value + half))


def decay_rate(times, values, errors=None, confidence=0.95):
    """The rate of A exp(-rate t) through K >= 3 positive values, by least squares of their logarithms; the interval,
    Student's with K - 2 degrees of freedom, comes from how far the values are from the curve. Standard errors, where
    there are some, say which values count for how much, as (value / error)^2. It holds where the values' own errors are
    independent and small beside them; the rows of one run are correlated, and so are its errors: take rows that lie
    further apart than the decay takes, or the rates of several seeds. ValueError where numbers are not finite, or
    values and errors not > 0."""
    t, v = np.asarray(times, dtype=float), np.asarray(values, dtype=float)
    e = v if errors is None else np.asarray(errors, dtype=float)
    if t.ndim != 1 or not t.shape == v.shape == e.shape or not np.isfinite(np.stack([t, v, e])).all():
        raise ValueError("a rate needs lists of finite numbers, of one length")
    if len(t) < 3 or np.ptp(t) == 0 or (v <= 0).any() or (e <= 0).any():
        raise ValueError("a rate needs three values > 0 at least, not all at one time")
    weights = (v / e) ** 2
    u, logs = t - np.average(t, weights=weights), np.log(v)
    logs = logs - np.average(logs, weights=weights)
    square = np.sum(weights * u * u)
    value = -np.sum(weights * u * logs) / square
    degrees = len(t) - 2
    half = student_t(confidence, degrees) * math.sqrt(np.sum(weights * (logs + value * u) ** 2) / degrees / square)
    return Interval(float(value), float(value - half), float(value + half))


def variance(replicas, confidence=0.95):
    """The variance of outputs f(x_i) over replicas, averaged over the inputs x_i; replicas [R, n], R >= 3 runs that are
    alike but for their seeds. Unbiased. The interval is that of the jackknife over replicas of its logarithm, for a
    variance is skew and outputs of one replica at several inputs are not independent."""
    outputs = np.asarray(replicas, dtype=float)
    if outputs.ndim != 2 or len(outputs) < 3 or outputs.shape[1] < 1 or not np.isfinite(outputs).all():
        raise ValueError("a variance needs three replicas at least, with as many finite outputs each")
    count = len(outputs)
    value = outputs.var(axis=0, ddof=1).mean()
    if value == 0:
        return Interval(0.0, 0.0, 0.0)
    # What is left without replica r, from its distance to the mean.
    squares = (outputs - outputs.mean(axis=0)) ** 2
    rest = ((count - 1) * value - count / (count - 1) * squares.mean(axis=1)) / (count - 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(np.maximum(rest, 0))
        half = student_t(confidence, count - 1) * math.sqrt((count - 1) * np.var(logs)) if rest.min() > 0 else math.inf
    return Interval(float(value), float(value * math.exp(-half)), float(value * math.exp(half)))


def _normal(confidence):
    from statistics import NormalDist

    return NormalDist().inv_cdf((1 + confidence) / 2)
