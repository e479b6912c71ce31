"""The plane in which particles of any dimension are drawn."""

import argparse
import dataclasses
import re

import numpy as np

from mfld import results

KINDS = {"teachers": "teacher direction", "directions": "relevant direction", "inputs": "input"}
SYMBOLS = {"teachers": "w^*", "directions": "u", "inputs": "x"}


@dataclasses.dataclass
class Plane:
    """Two orthonormal directions of the parameters that are drawn, and the names of the axes along them."""

    basis: np.ndarray  # [d, 2]
    names: tuple  # what r_j w_j is followed by


def wanted(text):
    """The option --plane: (kind or None, i, j)."""
    match = re.fullmatch(r"(?:(\w+):)?(\d{1,9}),(\d{1,9})", text)
    kind, first, second = match.groups() if match else (None, 0, 0)
    if not match or kind not in (None, *KINDS) or int(first) == int(second) or 0 in (int(first), int(second)):
        raise argparse.ArgumentTypeError(
            f"{text!r} must be i,j with two different numbers from 1, or {', '.join(f'{kind}:i,j' for kind in KINDS)}")
    return kind, int(first), int(second)


def _vectors(data, dimension):
    """{kind: [count, d]} of what can span a plane."""
    vectors = {"inputs": np.eye(dimension)}
    teachers, subspace = data.get("teacher_directions"), data.get("relevant_subspace")
    if teachers is not None and teachers.ndim == 2 and teachers.shape[1] == dimension and len(teachers):
        vectors["teachers"] = np.asarray(teachers, float)
    if subspace is not None and subspace.ndim == 2 and subspace.shape[0] == dimension and subspace.shape[1]:
        vectors["directions"] = np.asarray(subspace, float).T
    return vectors


def _default(vectors, dimension):
    if dimension == 2:
        return "inputs", 1, 2
    if len(vectors.get("directions", [])) >= 2:
        return "directions", 1, 2
    raise results.Error(
        f"the inputs have dimension {dimension}, and the task has no two relevant directions to draw a plane through; "
        "--plane inputs:1,2 chooses one."
    )


def of(data, dimension, choice=None):
    """The plane through the two vectors that `choice` names; without a kind they are teachers if there are any, else
    relevant directions, else inputs. Without a choice that of the inputs if there are two, else that of the first two
    relevant directions."""
    vectors = _vectors(data or {}, dimension)
    kind, *numbers = choice or _default(vectors, dimension)
    kind = kind or next(kind for kind in KINDS if kind in vectors)
    there = vectors.get(kind, [])
    if max(numbers) > len(there):
        raise results.Error(f"--plane {kind}:{numbers[0]},{numbers[1]}: the number of {KINDS[kind]}s is {len(there)}.")
    first, second = (there[number - 1] for number in numbers)
    symbols = [f"{SYMBOLS[kind]}_{{{number}}}" for number in numbers]
    first = first / (np.linalg.norm(first) or 1)
    across = second - (second @ first) * first
    length = np.linalg.norm(across)
    if not np.linalg.norm(first) or length < 1e-6 * np.linalg.norm(second) or not length:
        raise results.Error(f"--plane {kind}:{numbers[0]},{numbers[1]}: the two are parallel, and span no plane.")
    orthogonal = abs(second @ first) < 1e-9 * np.linalg.norm(second)
    second_name = f"along ${symbols[1]}$" if orthogonal else f"across ${symbols[0]}$, towards ${symbols[1]}$"
    names = (f"along ${symbols[0]}$", second_name)
    return Plane(np.column_stack([first, across / length]), names)
