"""The methods, and the grid of each. Step sizes are multiples of the one in the problem's file, `unit`, about what
Euler-Maruyama steps of all samples bear; of kinetic steps, whose square counts, multiples of sqrt(2 unit), and frictions
of 2 sqrt(2 lambda1), which is critical for the weakest force there is, that of the penalty."""

import dataclasses
import itertools
import math
from collections.abc import Callable

BATCH = (1, 0.5, 0.25, 0.125)
BATCHES = (16, 64)


@dataclasses.dataclass(frozen=True)
class Method:
    name: str
    grid: dict  # name of a choice -> its values
    phases: Callable  # (problem, **choices) -> list of tables, without steps in the last
    short: dict = None  # the one point that --short tries; None: the method is left out there

    def points(self):
        return [dict(zip(self.grid, values)) for values in itertools.product(*self.grid.values())]


def _phase(problem, method, **more):
    phase = problem.phase
    return {"method": method, "lambda1": phase["lambda1"], "lambda2": phase["lambda2"], **more}


def _step(problem, kind, eta, friction=None):
    unit = problem.phase["step_size"]
    if kind != "kinetic":
        return {"step": kind, "step_size": eta * unit}
    critical = 2 * math.sqrt(2 * problem.phase["lambda1"])
    return {"step": kind, "step_size": eta * math.sqrt(2 * unit), "friction": friction * critical}


def _full(kind):
    return lambda problem, **point: [_phase(problem, "mfld", **_step(problem, kind, **point))]


def _batches(kind, method="sgd-mfld", **more):
    def phases(problem, batch, **point):
        return [_phase(problem, method, batch_size=batch, **_step(problem, kind, **point), **more)]

    return phases


def _svrg(kind):
    def phases(problem, batch, passes, **point):
        every = max(1, round(passes * samples(problem) / batch))
        return _batches(kind, "svrg-mfld", snapshot_every=every)(problem, batch, **point)

    return phases


def _growing(problem, eta, friction, first):
    """Batches of 16, then four times and 16 times as large, each phase `first` steps, the last until the end."""
    step = _step(problem, "kinetic", eta, friction)
    lengths = ({"steps": first}, {"steps": first}, {})
    return [_phase(problem, "sgd-mfld", batch_size=16 * 4**k, **step, **steps) for k, steps in enumerate(lengths)]


def _annealed(problem, eta, friction, batch, hot):
    """`hot` times the temperature at first, down to the wanted one in 20 steps."""
    step = _step(problem, "kinetic", eta, friction)
    wanted = problem.phase["lambda2"]
    phase = _phase(problem, "sgd-mfld", batch_size=batch, **step)
    return [{**phase, "steps": 20, "lambda2": {"kind": "exponential", "value": hot * wanted, "final": wanted}}, phase]


def _dual_averaging(problem, eta, inner):
    return [_phase(problem, "pda", inner_steps=inner, **_step(problem, "leimkuhler-matthews", eta))]


def _dual_ascent(problem, eta, inner, share):
    moved = max(1, round(share * samples(problem)))
    step = _step(problem, "leimkuhler-matthews", eta)
    return [_phase(problem, "p-sdca", inner_steps=inner, coordinate_steps=moved, **step)]


def samples(problem):
    """n: what the file says, or, where a table is read, its rows."""
    return problem.config["task"].get("num_train", 569)


METHODS = (
    Method("euler-maruyama", {"eta": (1, 0.5, 0.25, 0.125)}, _full("euler-maruyama"), {"eta": 0.5}),
    Method("leimkuhler-matthews", {"eta": (4, 2, 1)}, _full("leimkuhler-matthews")),
    Method("kinetic", {"eta": (1.4, 1, 0.7), "friction": (1, 2)}, _full("kinetic"), {"eta": 1, "friction": 1}),
    Method("dual averaging", {"eta": (2, 1, 0.5), "inner": (5, 10)}, _dual_averaging),
    Method("p-sdca", {"eta": (2, 1), "inner": (2, 5), "share": (1,)}, _dual_ascent),
    Method("mini-batch", {"eta": BATCH, "batch": BATCHES}, _batches("euler-maruyama"), {"eta": 0.5, "batch": 16}),
    Method("symmetric sweep", {"eta": BATCH[:3], "batch": BATCHES}, _batches("euler-maruyama", sampling="symmetric-sweep")),
    Method("mini-batch, kinetic", {"eta": (1, 0.5, 0.25), "friction": (1, 2), "batch": BATCHES}, _batches("kinetic")),
    Method("svrg", {"eta": (2, 1, 0.5), "batch": (32,), "passes": (1, 4)}, _svrg("leimkuhler-matthews")),
    Method("kinetic with svrg", {"eta": (1, 0.5), "friction": (1, 2), "batch": (32,), "passes": (1,)}, _svrg("kinetic"),
           {"eta": 0.5, "friction": 1, "batch": 32, "passes": 1}),
    Method("growing batch, kinetic", {"eta": (1, 0.5), "friction": (1,), "first": (10, 20)}, _growing),
    Method("annealed mini-batch, kinetic", {"eta": (1, 0.5), "friction": (1,), "batch": BATCHES, "hot": (4,)}, _annealed),
)
