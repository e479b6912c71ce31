"""A simulation, step by step."""

import html
import operator
import os
from collections.abc import Callable

import numpy as np

from ._arguments import threads_of
from ._interpreter import extension


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
    objective   an object with value(theta) and drift(theta), theta [N, p], in place of task, network and loss: any potential
                R(theta) of N particles with drift(theta)_j = N dR/dtheta_j [N, p]. The experiment then has the keys seed and
                phase alone (and seeds); `particles` [N, p] are the first ones. One call a step. Methods that draw samples
                are refused

    Steps are those of mfld.run, to the bit: run(200) is run(50) and run(150). Calls out of the middle of a step, and from
    another thread during one, raise RuntimeError.
    """

    def __init__(self, experiment: str | os.PathLike | dict, set: dict | None = None, *, threads: int | None = None,
                 loss: object = None, only: str = "", objective: object = None, particles: object = None) -> None:
        core, settings, count = extension(), dict(set or {}), threads_of(threads)
        if objective is not None:
            if loss is not None:
                raise ValueError("loss: an objective of one's own has its loss within it; give one of the two")
            self._core = core.stepper_of_objective(experiment, settings, objective, particles, count)
        elif particles is not None:
            raise ValueError("particles: those of a network are network.init.particles of the experiment")
        else:
            self._core = core.stepper(experiment, settings, loss, only, count)

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
        take .copy() of what is to stay. float32 where network.precision is "single"."""
        return self._core.particles

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
