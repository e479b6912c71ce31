"""The frames of trajectories, packed for a page.

A column of numbers [frames, particles] becomes integers of 16 bits: 0 .. levels evenly between its least and its largest
finite value, MISSING where there is no number. Of each particle the differences from frame to frame follow, with the sign
in the last bit, and of these first all low bytes and then all high ones, deflated. plots/page/data.js unpacks them.
"""

import base64
import dataclasses
import zlib

import numpy as np

from mfld import results
import words

LEVELS = 65534
MISSING = 65535
ERROR = 1e-5  # of a column's range: the half of a level, rounded up
ALIGNMENT_LEVELS = 250  # for colours; the high bytes are then 0 and take no room
MOST_PARTICLES = 5000
MOST_FRAMES = 1000
MOST_VALUES = 4_000_000  # of all columns of a run
MOST_COORDINATES = 8  # shown of particles that have more, unless --coordinates chooses
PRINCIPAL = 3
TYPICAL = 0.98  # the quantile of absolute values that has the full colour


@dataclasses.dataclass
class Column:
    """What can be an axis or a colour."""

    name: str
    values: np.ndarray  # [frames, particles]
    kind: str  # "weight": a direction in the space of inputs; "other"; "colour": no axis
    levels: int = LEVELS
    teachers: list = dataclasses.field(default_factory=list)  # this coordinate of each teacher direction


def pack(values, low, high, levels=LEVELS):
    """The bytes of [frames, particles] numbers, before they are deflated."""
    finite = np.isfinite(values)
    scale = levels / (high - low) if high > low else 0.0
    codes = np.where(finite, np.rint((np.where(finite, values, low) - low) * scale), MISSING).astype(np.uint16)
    changes = np.diff(codes, axis=0, prepend=np.zeros_like(codes[:1])).view(np.int16)  # modulo 2^16
    folded = ((changes << 1) ^ (changes >> 15)).view(np.uint16).ravel()
    return (folded & 0xFF).astype(np.uint8).tobytes() + (folded >> 8).astype(np.uint8).tobytes()


def _evenly(count, most):
    """Positions of `most` of `count` things, the first and the last among them."""
    return np.arange(count) if count <= most else np.unique(np.linspace(0, count - 1, most).round().astype(int))


def weights_of(names):
    """Positions of the coordinates that are along the inputs: w_1 .. w_d of neurons, all of points."""
    weights = [index for index, name in enumerate(names) if name.startswith("w_")]
    return weights or list(range(len(names)))


def _units(rows):
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.divide(rows, lengths, out=np.full(rows.shape, np.nan), where=lengths > 0)


def _teachers(data, dimension):
    """[m, d] directions of length 1, none where the task has none."""
    teachers = (data or {}).get("teacher_directions")
    if teachers is None or teachers.ndim != 2 or teachers.shape[1] != dimension:
        return np.zeros((0, dimension))
    return _units(np.asarray(teachers, float))


def _alignment(weights, teachers, data):
    """The cosine with the nearest teacher; without a teacher the part of w within the relevant directions; or None."""
    if len(teachers):
        return (_units(weights) @ teachers.T).max(axis=2)
    subspace = (data or {}).get("relevant_subspace")
    if subspace is None or subspace.ndim != 2 or subspace.shape[0] != weights.shape[2] or not subspace.size:
        return None
    return np.linalg.norm(_units(weights) @ np.asarray(subspace, float), axis=2)


def principal_directions(clouds):
    """[d, 3] leading principal directions, about the origin, of all w [frames, particles, d] of all runs together."""
    rows = np.concatenate([cloud.reshape(-1, cloud.shape[2]) for cloud in clouds])
    rows = rows[np.isfinite(rows).all(axis=1)]
    rows = rows / (np.abs(rows).max(initial=0) or 1)
    basis = np.linalg.eigh(rows.T @ rows)[1][:, ::-1][:, :PRINCIPAL]
    return basis * np.where(basis.sum(axis=0) < 0, -1, 1)


@dataclasses.dataclass
class Recording:
    """The frames of a run that a page has, and what it must say of them."""

    run: results.Run
    names: list
    positions: np.ndarray  # [frames, particles, p]
    frames: np.ndarray  # which of the file
    ids: np.ndarray
    steps: np.ndarray
    times: np.ndarray
    notes: list

    @property
    def weights(self):
        return self.positions[:, :, weights_of(self.names)]


def _num_columns(names, data):
    """At most so many Columns has a particle, unless --coordinates chooses more."""
    aligned = any(name in (data or {}) for name in ("teacher_directions", "relevant_subspace"))
    many = len(weights_of(names)) > PRINCIPAL
    return min(len(names), MOST_COORDINATES) + PRINCIPAL * many + aligned


def _thinned(frames, particles, columns, shape, notes):
    """How many frames and particles there is room for, with a note if that is not all."""
    most_frames, most_particles = min(frames, shape[0]), min(particles, shape[1])
    room = MOST_VALUES // columns
    if most_frames * most_particles > room:
        most_frames = max(min(most_frames, 200), room // most_particles)
        most_particles = max(1, min(most_particles, room // most_frames))
    if (most_frames, most_particles) != shape[:2]:
        notes.append(f"thinned: {most_particles} of {shape[1]} recorded particles and {most_frames} of {shape[0]} frames, "
                     "evenly chosen")
    return _evenly(shape[0], most_frames), _evenly(shape[1], most_particles)


def read(run, frames=MOST_FRAMES, particles=MOST_PARTICLES):
    """The Recording of a run; an Error if it has no frame."""
    if run.trajectory is None:
        raise results.Error(f"{run.path} holds no trajectory; set particles = \"all\" under [observe.trajectory] and run "
                            "again.")
    positions = run.trajectory.positions
    if 0 in positions.shape:
        raise results.Error(f"{run.path}: its trajectory has no frame yet.")
    names, notes = list(run.trajectory.names), []
    kept, members = _thinned(frames, particles, _num_columns(names, run.data), positions.shape, notes)
    shown = np.asarray(positions, float)[kept][:, members]
    bad = int((~np.isfinite(shown)).any(axis=2).sum())
    if bad:
        notes.append(f"{bad} positions are not finite, and are not drawn")
    if not run.ended:
        notes.append(f"not finished: {run.progress}")
    return Recording(run, names, shown, kept, np.asarray(run.trajectory.ids)[members],
                     np.asarray(run.trajectory.steps)[kept], np.asarray(run.trajectory.times)[kept], notes)


def shown_coordinates(recordings, wanted):
    """Names of the coordinates that all runs have and the page shows: those that are wanted, or else the first ones."""
    there = [name for name in recordings[0].names if all(name in each.names for each in recordings)]
    missing = [name for name in wanted or [] if name not in there]
    if missing:
        raise results.Error(f"--coordinates {missing[0]}: a particle has the coordinates {words.some(there, 20)}.")
    if not there:
        raise results.Error("the two runs have no coordinate in common.")
    if not wanted and len(there) > MOST_COORDINATES:
        recordings[0].notes.append(f"{MOST_COORDINATES} of {len(there)} coordinates; --coordinates chooses others")
    return list(wanted or there[:MOST_COORDINATES])


def columns_of(recording, coordinates, basis):
    """The Columns of a run, in the order in which the page offers them."""
    data, weights = recording.run.data, recording.weights
    teachers = _teachers(data, weights.shape[2])
    weight_names = [recording.names[index] for index in weights_of(recording.names)]
    columns = []
    for name in coordinates:
        values = recording.positions[:, :, recording.names.index(name)]
        if name in weight_names:
            columns.append(Column(name, values, "weight", teachers=teachers[:, weight_names.index(name)].tolist()))
        else:
            columns.append(Column(name, values, "other"))
    for number in range(0 if basis is None else basis.shape[1]):
        along = basis[:, number]
        columns.append(Column(f"principal {number + 1}", weights @ along, "weight", teachers=(teachers @ along).tolist()))
    if "r" in recording.names and "r" not in coordinates:
        columns.append(Column("r", recording.positions[:, :, recording.names.index("r")], "other"))
    with np.errstate(invalid="ignore"):
        alignment = _alignment(weights, teachers, data)
    if alignment is not None:
        columns.append(Column("alignment", alignment, "colour", ALIGNMENT_LEVELS))
    return columns


def _described(column):
    """The head of a column, and its bytes."""
    finite = column.values[np.isfinite(column.values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    if column.kind == "colour":
        low, high = -1.0, 1.0
    head = {"name": column.name, "kind": column.kind, "low": low, "high": high, "levels": column.levels,
            "typical": float(np.quantile(np.abs(finite), TYPICAL)) if finite.size else 0.0,
            "teachers": column.teachers}
    return head, pack(column.values, low, high, column.levels)


def packed(columns):
    """(heads, text): what the page reads first, and the deflated bytes in base 64."""
    heads, parts = zip(*(_described(column) for column in columns))
    return list(heads), base64.b64encode(zlib.compress(b"".join(parts), 9)).decode("ascii")
