"""Seconds of a step, of every kind of phase that occurs: its size decides, not its step size."""

import dataclasses
import json
import math

from . import methods, runs

TURN_SECONDS = 0.15
FREE = ("step_size", "friction", "lambda1", "lambda2", "steps", "until")  # what the time of a step does not depend on


def kind_of(phase):
    return json.dumps({key: value for key, value in sorted(phase.items()) if key not in FREE})


@dataclasses.dataclass
class Cost:
    phase: dict
    steps: int = 0
    processor: float = math.inf  # least over the rounds, seconds a step
    wall: float = math.inf


class Costs:
    """Of one problem. Rounds over all kinds, so that what else the machine does meets all of them."""

    def __init__(self, mfld, problem, all_phases):
        self.mfld, self.problem = mfld, problem
        self.costs = {}
        for phases in all_phases:
            for phase in phases:
                plain = {**phase, "lambda2": problem.phase["lambda2"]}
                self.costs.setdefault(kind_of(phase), Cost(plain))

    def measure(self, rounds):
        for number in range(rounds):
            for cost in self.costs.values():
                if number == 0:
                    self._choose_steps(cost)
                empty, _ = runs.timed(self.mfld, self.problem, cost.phase, 0)
                processor, wall = runs.timed(self.mfld, self.problem, cost.phase, cost.steps)
                cost.processor = min(cost.processor, max(processor - empty, 1e-9) / cost.steps)
                cost.wall = min(cost.wall, wall / cost.steps)

    def _choose_steps(self, cost):
        """Whole outer iterations and whole rounds of snapshots, until they take long beside the start of a process. By
        processor time: where others use the machine, too, the clock would make it a few steps."""
        every = math.lcm(cost.phase.get("inner_steps", 1), cost.phase.get("snapshot_every", 1))
        empty, _ = runs.timed(self.mfld, self.problem, cost.phase, 0)
        rounds, seconds = 1, 0.0
        while seconds < TURN_SECONDS / 2 and rounds < 1 << 16:
            seconds = runs.timed(self.mfld, self.problem, cost.phase, every * rounds)[0] - empty
            rounds *= min(16, max(2, round(TURN_SECONDS / max(seconds, 1e-3)))) if seconds < TURN_SECONDS / 2 else 1
        cost.steps = every * rounds

    def seconds(self, phases, row, which="processor"):
        """Of the steps until `row`, without any look."""
        total, left = 0.0, row.step
        for phase in phases:
            steps = min(left, phase.get("steps", left))
            total += self._of_phase(phase, steps, which)
            left -= steps
        return total

    def _of_phase(self, phase, steps, which):
        each = getattr(self.costs[kind_of(phase)], which)
        every = phase.get("snapshot_every")
        if every is None:
            return steps * each
        # Snapshots, which a run of few steps has more of: a pass over all samples, as a step of the full batch.
        snapshot = self.full_step(which)
        return steps * max(each - snapshot / every, 0) + math.ceil(steps / every) * snapshot

    def full_step(self, which="processor"):
        phase = methods.METHODS[0].phases(self.problem, eta=1)[0]
        return getattr(self.costs[kind_of(phase)], which)
