"""Whether derivatives of one's own are those of one's own values."""

from typing import Any

import numpy as np

STEP = 1e-5


def check_loss(loss: Any, outputs: object, targets: object, tolerance: float = 1e-6) -> None:
    """Compare loss.derivative with central differences of loss.value at these outputs and targets [m]. ValueError names the
    entry that differs most, if it does by more than the tolerance (relative to 1 + the derivative)."""
    outputs, targets = np.asarray(outputs, dtype=np.float64), np.asarray(targets, dtype=np.float64)
    derivative = np.asarray(loss.derivative(outputs, targets), dtype=np.float64)
    above, below = loss.value(outputs + STEP, targets), loss.value(outputs - STEP, targets)
    _compare("loss.derivative", derivative, (np.asarray(above) - np.asarray(below)) / (2 * STEP), tolerance)


def check_objective(objective: Any, theta: object, tolerance: float = 1e-6) -> None:
    """Compare objective.drift at theta [N, p] with N times central differences of objective.value. ValueError names the
    particle and the parameter that differ most, if they do by more than the tolerance (relative to 1 + the drift)."""
    theta = np.array(theta, dtype=np.float64)
    drift = np.asarray(objective.drift(theta.copy()), dtype=np.float64)
    differences = np.empty_like(theta)
    for where in np.ndindex(*theta.shape):
        moved = [theta.copy(), theta.copy()]
        moved[0][where] += STEP
        moved[1][where] -= STEP
        differences[where] = len(theta) * (objective.value(moved[0]) - objective.value(moved[1])) / (2 * STEP)
    _compare("objective.drift", drift, differences, tolerance)


def _compare(name, derivative, differences, tolerance):
    if derivative.shape != differences.shape:
        raise ValueError(f"{name}: has the shape {derivative.shape}, and must have {differences.shape}")
    error = np.abs(derivative - differences) / (1 + np.abs(differences))
    if not np.all(error <= tolerance):
        worst = np.unravel_index(np.argmax(np.where(np.isnan(error), np.inf, error)), error.shape)
        where = ", ".join(map(str, worst))
        raise ValueError(f"{name}: is {derivative[worst]:.10g} at [{where}], and the difference of values there is "
                         f"{differences[worst]:.10g}")
