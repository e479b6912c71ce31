"""The whole benchmark of one problem: the best point of each lattice, times of steps, seeds there."""

import concurrent.futures
import dataclasses
import math
import os
import statistics
import sys

from . import costs, methods, problems, runs, search

LEVELS = (1e-1, 1e-2, 1e-3)  # of the first gap
FIRST_SAMPLES = 4  # times those of a look: all levels hang on the first gap, and its law is the hardest to sample
TUNING_SEEDS = (11, 12)  # other ones than those of the table
MOST_STEPS = 150  # of all samples
TUNING_LOOKS, LOOKS = 1.2, 1.1  # each look is at so many times the step of the one before, or the next


@dataclasses.dataclass
class Reached:
    """Of one seed: where it was first below each level, or None."""

    error: float  # of the gap at the end, as a share of the first
    least: float  # gap of HELD rows in a row, as such a share
    rows: dict  # level -> Row or None


@dataclasses.dataclass
class Result:
    method: methods.Method
    point: dict
    phases: list
    seeds: list  # Reached

    def of_level(self, level, value):
        """Median over the seeds; None where one of them did not get there."""
        rows = [reached.rows.get(level) for reached in self.seeds]
        return None if not rows or any(row is None for row in rows) else statistics.median(map(value, rows))

    def count(self, level):
        return sum(reached.rows.get(level) is not None for reached in self.seeds)

    @property
    def least(self):
        """Median over the seeds."""
        return statistics.median(reached.least for reached in self.seeds)


class Study:
    def __init__(self, mfld, problem, chosen, options, starts):
        self.mfld, self.problem, self.options = mfld, problem, options
        self.chosen = chosen  # [(method, point or None)]
        self.starts = starts  # of searches, by the names of methods
        self.costs = costs.Costs(mfld, problem)
        self.pool = concurrent.futures.ThreadPoolExecutor(options.jobs)
        self.first = {}
        self.levels = [share for share in LEVELS if share >= 1.5 * problem.floor]  # no level that noise decides
        self.goal = self.levels[-1]  # where the point of a lattice is chosen
        self.results = []
        self.peer = None  # (seconds of JAX's step, version)

    def run(self):
        seeds = [*self.options.seeds, *(TUNING_SEEDS if any(point is None for _, point in self.chosen) else ())]
        self.first = dict(zip(seeds, self.pool.map(lambda seed: first_gap(self.mfld, self.problem, seed), seeds)))
        tuned = list(self.pool.map(lambda entry: (entry[0], entry[1] or self._tune(entry[0])), self.chosen))
        self.say("times of steps")
        all_phases = [method.phases(self.problem, **point) for method, point in tuned]
        self.costs.measure(all_phases, self.options.rounds)
        self.say("seeds")
        jobs = [(phases, seed) for phases in all_phases for seed in self.options.seeds]
        reached = list(self.pool.map(lambda job: self._reach(*job), jobs))
        for k, (method, point) in enumerate(tuned):
            of_method = reached[k * len(self.options.seeds) : (k + 1) * len(self.options.seeds)]
            self.results.append(Result(method, point, all_phases[k], of_method))
        self.say("times of steps, again")
        self.costs.measure(all_phases, self.options.rounds)

    def say(self, text):
        print(f"time_to_gap: {self.problem.name}: {text}", file=sys.stderr, flush=True)

    def level(self, share, seed):
        return share * self.first[seed]

    def _run(self, phases, seed, looks, share, best=None, samples=None):
        """Rows until the gap is below the share of the first. Where the best so far needs `best` seconds, for as long as says
        whether this is better, and without looks at less than a third of them."""
        fixed = sum(phase.get("steps", 0) for phase in phases)
        most, first = fixed + (self.problem.most_batches if "batch_size" in phases[-1] else MOST_STEPS), 1
        if best is not None and math.isfinite(best):
            each = self.costs.of_step(phases[-1])
            most = max(4, min(most, fixed + int(1.3 * best / each)))
            first = max(1, int(best / each / 3))
        try:
            return runs.certified(self.mfld, self.problem, phases, seed, most, looks, self.level(share, seed), samples,
                                  first)
        except runs.Failed as error:
            self.say(f"{phases[-1]}: {error}")
            return []

    def _tune(self, method):
        point, best, number = search.climb(method.axes, self.starts.get(method.name, method.start), lambda *at: self._score(method, *at))
        ends = search.at_an_end(method.axes, point)
        self.say(f"{method.name}: best of {number} points: {point}, {best[0]:.3g} s{', at an end: ' if ends else ''}"
                 f"{', '.join(ends)}")
        return point

    def _score(self, method, point, best):
        """Seconds to the goal, the mean over the seeds; where one does not get there, those to the largest level; then the least
        gap."""
        phases = method.phases(self.problem, **point)
        self.costs.know(phases)
        scores = []
        for seed in TUNING_SEEDS:
            rows = self._run(phases, seed, TUNING_LOOKS, self.goal, best and best[0], self.problem.tuning_samples)
            found = [runs.first_below(rows, self.level(share, seed), phases) for share in (self.goal, LEVELS[0])]
            seconds = [self.costs.seconds(phases, row) if row else math.inf for row in found]
            gaps = [row.gap / self.first[seed] for row in rows if math.isfinite(row.gap)]
            scores.append((*seconds, min(gaps, default=math.inf)))
            if best is not None and seconds[0] > 1.15 * best[0]:
                break  # the mean will hardly be less
        return tuple(statistics.fmean(values) for values in zip(*scores))

    def _reach(self, phases, seed):
        rows = self._run(phases, seed, LOOKS, self.goal)
        error = next((row.error for row in reversed(rows) if math.isfinite(row.error)), math.nan)
        levels = {share: runs.first_below(rows, self.level(share, seed), phases) for share in self.levels}
        least = runs.least_held(rows, phases)
        return Reached(error / self.first[seed], least / self.first[seed], levels)

    @property
    def error(self):
        """Standard error of the gap, as a share of the first: the median over all runs, where they end."""
        errors = [each.error for result in self.results for each in result.seeds if math.isfinite(each.error)]
        return statistics.median(errors) if errors else math.nan


def first_gap(mfld, problem, seed):
    """At the start, which is that of every method."""
    samples = FIRST_SAMPLES * problem.certificate_samples
    rows, _, _ = runs.execute(mfld, problem.experiment([{**problem.phase, "steps": 0}], seed, [0], samples=samples))
    return float(rows[0][problems.COLUMN])


def jobs():
    return max(1, len(os.sched_getaffinity(0)))
