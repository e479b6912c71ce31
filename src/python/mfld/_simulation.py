"""A simulation, step by step."""

import html
import operator
import os
import pathlib
import sys
from collections.abc import Callable

import numpy as np

from ._arguments import own_parts, threads_of, values_of_schedules, with_schedules
from ._interpreter import extension

ARRAYS = "arrays.npz"  # beside a run directory: the arrays that its experiment refers to


class Simulation:
    """A simulation that is run as far as one likes, and looked at between the steps.

        sim = mfld.Simulation("sims/two_phase.toml", only="seed=1")
        sim.run(100)
        sim.observe("train_loss")

    experiment  as for mfld.run; of several runs (cases, a sweep) one
    only        which: what its directory would be called
    set         {"phase.0.steps": 100, ...}, as --set
    threads     number of threads; None: all. The bits do not depend on it
    loss        an object with value(outputs, targets) and derivative(outputs, targets), arrays [m] each, in place of the keys
                of [loss]
    observables, until  as for mfld.run
    objective   an object with value(theta) and drift(theta), theta [N, p], in place of task, network and loss: any potential
                R(theta) of N particles with drift(theta)_j = N dR/dtheta_j [N, p]. The experiment then has the keys seed and
                phase alone (and seeds); `particles` [N, p] are the first ones. One call a step. Methods that draw samples
                are refused

    Steps are those of mfld.run, to the bit: run(200) is run(50) and run(150). Calls out of the middle of a step, and from
    another thread during one, raise RuntimeError.
    """

    def __init__(self, experiment: str | os.PathLike | dict, set: dict | None = None, *, threads: int | None = None,
                 loss: object = None, observables: dict[str, Callable] | None = None, until: Callable | None = None,
                 only: str = "", objective: object = None, particles: object = None) -> None:
        core, count = extension(), threads_of(threads)
        experiment, settings = with_schedules(experiment, dict(set or {}))
        if objective is not None:
            if loss is not None:
                raise ValueError("loss: an objective of one's own has its loss within it; give one of the two")
            if observables is not None or until is not None:
                raise ValueError("observables, until: an objective of one's own records no rows; look in a callback of run")
            self._core = core.stepper_of_objective(experiment, settings, objective, particles, count)
        elif particles is not None:
            raise ValueError("particles: those of a network are network.init.particles of the experiment")
        else:
            self._core = core.stepper(experiment, settings, own_parts(loss, observables, until), only, count)

    def run(self, steps: int | None = None, *, callback: Callable[["Simulation"], object] | None = None,
            every: int = 1) -> int:
        """Make exactly so many steps, or as many as are left (None, or where fewer are). Returns how many were made.

        callback    a function of this simulation, called whenever so many steps are made that `every` divides them; if what
                    it returns is true, the run stops there. It may look at everything; what it raises passes through
        every       steps between calls

        Raises Diverged where a particle is no longer finite, KeyboardInterrupt on Ctrl-C. The state is good between
        two steps then, and run() goes on from there.
        """
        first = self.step
        count = self.num_steps if steps is None else operator.index(steps)
        every = operator.index(every)
        if every < 1:
            raise ValueError(f"every = {every}: must be an integer >= 1")
        if callback is None or count < 1:
            self._core.run(count)
            return self.step - first
        goal = first + count
        ended = False
        while not ended and self.step < goal:
            before = self.step
            ended = self._core.run(min(goal, (before // every + 1) * every) - before)
            if self.step > before and self.step % every == 0 and callback(self):
                break
        return self.step - first

    @property
    def step(self) -> int:
        """Steps made since the start."""
        return self._core.step

    @property
    def num_steps(self) -> int:
        """Steps of all phases together, which may end early."""
        return self._core.num_steps

    @property
    def phase(self) -> int:
        """Which phase makes the next step, from 0; after the last one their number."""
        return self._core.phase

    @property
    def time(self) -> float:
        """The sum of the step sizes so far: mean-field time, or what the scaling makes it."""
        return self._core.time

    @property
    def gradient_evaluations(self) -> int:
        """Gradients of single samples so far, as each method counts them."""
        return self._core.gradient_evaluations

    @property
    def particles(self) -> np.ndarray:
        """The particles theta [N, p], columns as `parameter_names`: a view of the state, without a copy and read-only. It
        lives as long as it is held, also without this simulation, and shows at each moment where the particles are:
        take .copy() of what is to stay. float32 where network.precision is "single".

        sim.particles = theta puts them elsewhere, between two steps; what else the method carries stays, and `history`
        tells it."""
        return self._core.particles

    @particles.setter
    def particles(self, theta: object) -> None:
        self._core.set_particles(theta)

    def set(self, settings: dict) -> None:
        """Change numbers of the phases from here on: {"phase.0.step_size": 0.05, ...}, also schedules. Phases that are over
        stay; of one that has begun, steps, step_size, lambda1, lambda1_fourth, lambda2, beta, friction, damping,
        until_gradient_norm and label_noise can change. `history` tells it, and what is saved has them."""
        self._core.set(values_of_schedules(settings, self._core.phase_steps))

    @property
    def history(self) -> list[str]:
        """What was changed between the steps, a sentence each."""
        return self._core.history

    def save(self, folder: str | os.PathLike) -> None:
        """Leave a run directory with what was recorded and a checkpoint, in a new or empty folder: mfld.resume(folder) goes
        on from there, and so does `mfld resume` where nothing of it is in Python. Arrays that the experiment has are beside
        it, in arrays.npz. Parts in Python are not: resume takes them again."""
        folder = pathlib.Path(folder).expanduser()
        self._core.save(os.fspath(folder), "mfld.Simulation.save in Python: " + " ".join(sys.argv))
        arrays = self._core.arrays()
        if arrays:
            np.savez(folder / ARRAYS, *arrays)

    def result(self):
        """What mfld.run gives, so far: .metrics, .summary, .config, .trajectory, .data and .history."""
        from ._runs import MemoryRun

        return MemoryRun({**self._core.result(), "history": self.history})

    @property
    def parameter_names(self) -> list[str]:
        """The p columns of the particles: "r", "w_1", .., "w_d", "b"."""
        return self._core.parameter_names

    def outputs(self, X: object) -> np.ndarray:
        """f(x) at the rows of X [n, d], of what the method predicts with (the average, in a phase that averages): [n]."""
        return self._core.outputs(X)

    def drift(self) -> np.ndarray:
        """g_j = v_j + 2 lambda1 theta_j at the particles, in double [N, p]: the gradient of the first variation of the
        objective, N dF/dtheta_j in the mean-field scaling (src/README.md, equation 4). Over all samples, without noise."""
        return self._core.drift()

    def observe(self, *names: str) -> dict[str, float]:
        """{column: number} of these observables (`mfld list observables`) now; without names those of the experiment."""
        return dict(self._core.observe(list(names)))

    @property
    def metrics(self):
        """The rows of metrics.csv so far, as mfld.run records them, in a pandas table; None for an objective of one's own."""
        rows = self._core.rows()
        if rows is None:
            return None
        from ._runs import table

        return table(rows)

    @property
    def formulas(self) -> list[str]:
        """The formulas that this simulation really uses, one a line: data, network, risk, phases."""
        return self._core.formulas

    def _tangent_kernel(self, X, Z):
        return self._core.tangent_kernel(X, Z)

    def __repr__(self):
        return f"<mfld.Simulation at step {self.step} of {self.num_steps}>"

    def __str__(self):
        return "\n".join([f"step {self.step} of {self.num_steps}, time {self.time:.6g}", *self.formulas])

    def _repr_html_(self):
        rows = [("step", f"{self.step} of {self.num_steps}"), ("time", f"{self.time:.6g}")]
        rows += [tuple(line.partition(": ")[::2]) for line in self.formulas]
        cells = "".join(f"<tr><th style='text-align:left'>{html.escape(name)}</th>"
                        f"<td style='text-align:left'>{html.escape(text)}</td></tr>" for name, text in rows)
        return f"<table>{cells}</table>"


def resume(folder: str | os.PathLike, *, threads: int | None = None, loss: object = None,
           observables: dict[str, Callable] | None = None, until: Callable | None = None,
           objective: object = None) -> Simulation:
    """The simulation that a run directory has a checkpoint of: one that Simulation.save left, or a run that stopped. Goes on
    to the same bits. The folder stays as it is (`mfld resume` goes on in it). What was in Python, loss, observables, until
    or objective, has to be given again.

    ValueError and OSError as the command line words them: another experiment, a damaged checkpoint, data that are gone.
    """
    from . import results

    core, count = extension(), threads_of(threads)
    folder = pathlib.Path(folder).expanduser()
    arrays = _saved_arrays(folder / ARRAYS)
    sim = Simulation.__new__(Simulation)
    if objective is not None:
        sim._core = core.stepper_of_objective_resumed(os.fspath(folder), objective, arrays, count)
        return sim
    run = results.load(folder)
    if isinstance(run, results.Runs):
        raise ValueError(f"{folder} is a directory of several runs; name one of them")
    own = own_parts(loss, observables, until)
    sim._core = core.stepper_resumed(os.fspath(folder), own, arrays, _rows(run), _frames(run), count)
    return sim


def _saved_arrays(path):
    if not path.exists():
        return []
    try:
        with np.load(path, allow_pickle=False) as file:
            return [file[name] for name in file.files]
    except (ValueError, EOFError, OSError) as error:
        raise OSError(f"cannot read {path}: {error}") from None


def _rows(run):
    names = ("step", "phase", "time", "gradient_evaluations")
    metrics = run.metrics
    return {**{name: metrics[name].to_numpy() for name in names},
            "values": metrics.drop(columns=list(names)).to_numpy(dtype=float)}


def _frames(run):
    trajectory = run.trajectory
    if trajectory is None:
        return None
    return {name: getattr(trajectory, name) for name in ("steps", "times", "positions", "velocities")}
