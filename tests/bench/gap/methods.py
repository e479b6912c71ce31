"""The methods, and the lattice of each: what there is to choose, in geometric series. Step sizes are multiples of the one in the
problem's file, `unit`, about what Euler-Maruyama steps of all samples bear; of kinetic steps, whose square counts, multiples of
sqrt(2 unit), and frictions of 2 sqrt(2 lambda1), which is critical for the weakest force there is, that of the penalty."""

import dataclasses
import math
from collections.abc import Callable

from .problems import RUN

ETA = tuple(2 ** (k / 2) for k in range(-10, 9))
FRICTION = (0.25, 0.5, 1, 2, 4, 8, 16)
BATCH = (4, 8, 16, 32, 64, 128, 256, 512, 1024)
PASSES = (0.25, 0.5, 1, 2, 4)
INNER = (1, 2, 3, 5, 10, 20)
GROW = (1, 2, 4, 8, 16)
BY = (2, 4, 8)


@dataclasses.dataclass(frozen=True)
class Method:
    name: str
    axes: dict  # name of a choice -> its values, in order
    start: dict  # where the search begins; --short takes it
    tables: Callable  # (problem, **choices) -> list of [[phase]] tables, without steps in the last
    is_short: bool = False  # whether --short tries it
    run: dict = dataclasses.field(default_factory=dict)  # keys of the experiment outside of [[phase]], "table.key" -> value

    def phases(self, problem, **choices):
        """The tables, each with what holds for the whole run under RUN: the time of its steps depends on that, too."""
        return [{**table, RUN: self.run} if self.run else table for table in self.tables(problem, **choices)]


def _phase(problem, method, **more):
    phase = problem.phase
    return {"method": method, "lambda1": phase["lambda1"], "lambda2": phase["lambda2"], **more}


def _step(problem, kind, eta, friction=None):
    unit = problem.phase["step_size"]
    if kind != "kinetic":
        return {"step": kind, "step_size": round(eta * unit, 6)}
    critical = 2 * math.sqrt(2 * problem.phase["lambda1"])
    return {"step": kind, "step_size": round(eta * math.sqrt(2 * unit), 6), "friction": round(friction * critical, 6)}


def _full(kind):
    return lambda problem, **point: [_phase(problem, "mfld", **_step(problem, kind, **point))]


def _batches(kind, method="sgd-mfld", **more):
    def phases(problem, batch, **point):
        size = min(batch, problem.samples)
        return [_phase(problem, method, batch_size=size, **_step(problem, kind, **point), **more)]

    return phases


def _svrg(kind):
    def phases(problem, batch, passes, **point):
        every = max(1, round(passes * problem.samples / batch))
        return _batches(kind, "svrg-mfld", snapshot_every=every)(problem, batch, **point)

    return phases


def _growing(kind):
    """Batches of `batch`, `by` times as large after every `grow` steps, up to 32 times or all samples."""
    def phases(problem, batch, grow, by, **point):
        sizes = [min(batch, problem.samples)]
        while sizes[-1] < min(32 * batch, problem.samples):
            sizes.append(min(by * sizes[-1], 32 * batch, problem.samples))
        tables = [_phase(problem, "sgd-mfld", batch_size=size, **_step(problem, kind, **point)) for size in sizes]
        return [{**table, "steps": grow} for table in tables[:-1]] + tables[-1:]

    return phases


def _annealed(problem, eta, friction, batch, hot):
    """`hot` times the temperature at first, down to the wanted one in 8 steps."""
    step = _step(problem, "kinetic", eta, friction)
    wanted = problem.phase["lambda2"]
    phase = _phase(problem, "sgd-mfld", batch_size=batch, **step)
    return [{**phase, "steps": 8, "lambda2": {"kind": "exponential", "value": hot * wanted, "final": wanted}}, phase]


def _dual_averaging(problem, eta, inner):
    return [_phase(problem, "pda", inner_steps=inner, **_step(problem, "leimkuhler-matthews", eta))]


def _dual_ascent(problem, eta, inner, share):
    moved = max(1, round(share * problem.samples))
    step = _step(problem, "leimkuhler-matthews", eta)
    return [_phase(problem, "p-sdca", inner_steps=inner, coordinate_steps=moved, **step)]


KINETIC = {"eta": ETA, "friction": FRICTION}
GROWING = {"batch": BATCH, "grow": GROW, "by": BY}
GROWING_KINETIC = ({**KINETIC, **GROWING}, {"eta": 0.5, "friction": 1, "batch": 16, "grow": 4, "by": 2}, _growing("kinetic"))
GROWING_LM = ({"eta": ETA, **GROWING}, {"eta": 1, "batch": 64, "grow": 1, "by": 2}, _growing("leimkuhler-matthews"))
THREE_POINT = {"noise.law": "three-point"}  # a gap is one of laws; not with Leimkuhler-Matthews steps
SINGLE_NORMALS = {"noise.precision": "single"}
SINGLE = {"network.precision": "single"}
METHODS = (
    Method("euler-maruyama", {"eta": ETA}, {"eta": 1}, _full("euler-maruyama"), True),
    Method("leimkuhler-matthews", {"eta": ETA}, {"eta": 2}, _full("leimkuhler-matthews")),
    Method("kinetic", KINETIC, {"eta": 1, "friction": 1}, _full("kinetic"), True),
    Method("dual averaging", {"eta": ETA, "inner": INNER}, {"eta": 1, "inner": 3}, _dual_averaging),
    Method("p-sdca", {"eta": ETA, "inner": INNER, "share": (0.25, 0.5, 1, 2, 4)}, {"eta": 2, "inner": 2, "share": 1}, _dual_ascent),
    Method("mini-batch", {"eta": ETA, "batch": BATCH}, {"eta": 0.5, "batch": 32}, _batches("euler-maruyama"), True),
    Method("symmetric sweep", {"eta": ETA, "batch": BATCH}, {"eta": 0.5, "batch": 32},
           _batches("euler-maruyama", sampling="symmetric-sweep")),
    Method("mini-batch, kinetic", {**KINETIC, "batch": BATCH}, {"eta": 0.5, "friction": 1, "batch": 64}, _batches("kinetic")),
    Method("sweep, kinetic", {**KINETIC, "batch": BATCH}, {"eta": 0.5, "friction": 1, "batch": 64},
           _batches("kinetic", sampling="symmetric-sweep")),
    Method("svrg", {"eta": ETA, "batch": BATCH, "passes": PASSES}, {"eta": 1, "batch": 64, "passes": 1},
           _svrg("leimkuhler-matthews")),
    Method("kinetic with svrg", {**KINETIC, "batch": BATCH, "passes": PASSES},
           {"eta": 0.5, "friction": 1, "batch": 64, "passes": 1}, _svrg("kinetic"), True),
    Method("growing batch, kinetic", *GROWING_KINETIC),
    Method("growing batch, leimkuhler-matthews", *GROWING_LM),
    Method("annealed mini-batch, kinetic", {**KINETIC, "batch": BATCH, "hot": (2, 4, 8)},
           {"eta": 0.5, "friction": 1, "batch": 64, "hot": 4}, _annealed),
    Method("growing batch, kinetic, three-point noise", *GROWING_KINETIC, run=THREE_POINT),
    Method("growing batch, leimkuhler-matthews, single normals", *GROWING_LM, run=SINGLE_NORMALS),
    Method("euler-maruyama, single precision", {"eta": ETA}, {"eta": 1}, _full("euler-maruyama"), run=SINGLE),
    Method("leimkuhler-matthews, single precision", {"eta": ETA}, {"eta": 2}, _full("leimkuhler-matthews"), run=SINGLE),
    Method("growing batch, kinetic, three-point noise, single precision", *GROWING_KINETIC, run={**THREE_POINT, **SINGLE}),
    Method("growing batch, leimkuhler-matthews, single precision", *GROWING_LM, run=SINGLE),
)
