"""Seconds of a step, of every kind of phase that occurs: its size decides, not its step size."""

import dataclasses
import json
import math
import threading

from . import methods, problems, runs

TURN_SECONDS = 0.3
FREE = ("step_size", "friction", "lambda1", "lambda2", "steps", "until")  # what the time of a step does not depend on


def kind_of(phase):
    return json.dumps({key: value for key, value in sorted(phase.items()) if key not in FREE})


@dataclasses.dataclass
class Cost:
    phase: dict
    steps: int = 0
    every: int = 1  # steps of a short run, which has what a run does once (velocities, memory touched first): not of the steps
    short: float = math.inf  # processor seconds of it, of one of `steps` more, and both by the clock of steps: least of all rounds
    whole: float = math.inf
    short_clock: float = math.inf
    whole_clock: float = math.inf

    @property
    def processor(self):
        return max(self.whole - self.short, 1e-9) / self.steps

    @property
    def wall(self):
        return max(self.whole_clock - self.short_clock, 1e-9) / self.steps


class Costs:
    """Of one problem. Looks are no part of it: runs are timed that make none."""

    def __init__(self, mfld, problem):
        self.mfld, self.problem = mfld, problem
        self.costs = {}
        self.lock = threading.Lock()

    def know(self, phases):
        """Measures once what was not measured before."""
        with self.lock:
            for phase in [*phases, *map(self._full_phase, phases)]:
                if kind_of(phase) not in self.costs:
                    cost = Cost({**phase, "lambda2": self.problem.phase["lambda2"]})
                    self._choose_steps(cost)
                    self.costs[kind_of(phase)] = cost

    def measure(self, all_phases, rounds):
        """Rounds over all kinds, so that what else the machine does meets all of them."""
        self.know([phase for phases in all_phases for phase in phases])
        kinds = {kind_of(each) for phases in all_phases for phase in phases for each in (phase, self._full_phase(phase))}
        for _ in range(rounds):
            for kind in sorted(kinds):
                self._turn(self.costs[kind])

    def _turn(self, cost):
        self._short(cost)
        whole, clock = runs.timed(self.mfld, self.problem, cost.phase, cost.every + cost.steps)
        cost.whole, cost.whole_clock = min(cost.whole, whole), min(cost.whole_clock, clock)

    def _short(self, cost):
        short, clock = runs.timed(self.mfld, self.problem, cost.phase, cost.every)
        cost.short, cost.short_clock = min(cost.short, short), min(cost.short_clock, clock)

    def _choose_steps(self, cost):
        """Whole outer iterations and whole rounds of snapshots, until they take long beside the start of a process. By
        processor time: where others use the machine, too, the clock would make it a few steps."""
        cost.every = math.lcm(cost.phase.get("inner_steps", 1), cost.phase.get("snapshot_every", 1))
        self._short(cost)
        rounds, seconds = 1, 0.0
        while seconds < TURN_SECONDS / 2 and rounds < 1 << 16:
            cost.steps = cost.every * rounds
            cost.whole, cost.whole_clock = runs.timed(self.mfld, self.problem, cost.phase, cost.every + cost.steps)
            seconds = cost.whole - cost.short
            rounds *= min(16, max(2, round(TURN_SECONDS / max(seconds, 1e-3))))

    def seconds(self, phases, row, which="processor"):
        """Of the steps until `row`, without any look."""
        total, left = 0.0, row.step
        for phase in phases:
            steps = min(left, phase.get("steps", left))
            total += self._of_phase(phase, steps, which)
            left -= steps
        return total

    def of_step(self, phase, which="processor"):
        return getattr(self.costs[kind_of(phase)], which)

    def _of_phase(self, phase, steps, which):
        each = self.of_step(phase, which)
        every = phase.get("snapshot_every")
        if every is None:
            return steps * each
        # Snapshots, which a run of few steps has more of: a pass over all samples, as a step of the full batch.
        snapshot = self.of_step(self._full_phase(phase), which)
        return steps * max(each - snapshot / every, 0) + math.ceil(steps / every) * snapshot

    def _full_phase(self, phase):
        """A step of the full batch in a run like that of `phase`."""
        full = methods.METHODS[0].phases(self.problem, eta=1)[0]
        return {**full, problems.RUN: phase[problems.RUN]} if problems.RUN in phase else full
