"""What several functions take."""

import operator
import os
import tomllib

import numpy as np

MOST_THREADS = 4096
SCHEDULED = ("step_size", "lambda1", "lambda1_fourth", "lambda2")


def threads_of(threads):
    """How many threads, 0 for all."""
    if threads is None:
        return 0
    try:
        count = operator.index(threads)
    except TypeError:
        count = 0
    if not 1 <= count <= MOST_THREADS:
        raise ValueError(f"threads = {threads!r}: must be an integer from 1 to {MOST_THREADS}, or None for all")
    return count


def own_parts(loss, observables, until):
    """What is written in Python, as the compiled part takes it."""
    return {"loss": loss, "observables": observables, "until": until}


def with_schedules(experiment, settings):
    """The experiment and the settings with functions of the step in phases as the arrays of their values: f(0), ..,
    f(steps - 1)."""
    if isinstance(experiment, dict) and isinstance(experiment.get("phase"), (list, tuple)):
        phases = [_with_values(phase, i, settings) for i, phase in enumerate(experiment["phase"])]
        experiment = {**experiment, "phase": phases}
    functions = [key for key, value in settings.items() if _is_schedule(key) and callable(value)]
    if functions:
        settings = dict(settings)
        for key in functions:
            position = int(key.split(".")[1])
            steps = settings.get(f"phase.{position}.steps", _steps_in(experiment, position))
            settings[key] = _values(settings[key], steps, key)
    return experiment, settings


def values_of_schedules(settings, phase_steps):
    """The same for settings of a simulation whose phases have so many steps."""
    result = dict(settings)
    for key, value in settings.items():
        if _is_schedule(key) and callable(value) and int(key.split(".")[1]) < len(phase_steps):
            position = int(key.split(".")[1])
            result[key] = _values(value, settings.get(f"phase.{position}.steps", phase_steps[position]), key)
    return result


def _with_values(phase, position, settings):
    if not isinstance(phase, dict) or not any(callable(phase.get(key)) for key in SCHEDULED):
        return phase
    steps = settings.get(f"phase.{position}.steps", phase.get("steps"))
    return {key: _values(value, steps, f"phase.{position}.{key}") if key in SCHEDULED and callable(value) else value
            for key, value in phase.items()}


def _is_schedule(key):
    parts = str(key).split(".")
    return len(parts) == 3 and parts[0] == "phase" and parts[1].isdigit() and parts[2] in SCHEDULED


def _steps_in(experiment, position):
    if not isinstance(experiment, dict):
        with open(os.path.expanduser(experiment), "rb") as file:
            experiment = tomllib.load(file)
    phases = experiment.get("phase", [])
    return phases[position].get("steps") if position < len(phases) else None


def _values(function, steps, key):
    try:
        count = operator.index(steps)
    except TypeError:
        raise ValueError(f"{key}: a function of the step needs the steps of the phase as an integer, and they are "
                         f"{steps!r}") from None
    return np.array([function(step) for step in range(max(count, 1))], dtype=float)
