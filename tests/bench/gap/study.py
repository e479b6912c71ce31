"""The whole benchmark of one problem: times of steps, the best point of each grid, seeds there."""

import concurrent.futures
import dataclasses
import math
import os
import statistics
import sys

from . import costs, methods, runs

LEVELS = (1e-1, 1e-2, 1e-3)  # of the first gap
GOAL = 1e-2  # where the point of a grid is chosen
TUNING_SEED = 6
MOST_PASSES = 50  # over the data, in samples
MOST_STEPS = {"full": 120, "batch": 1000}


@dataclasses.dataclass
class Reached:
    """Of one seed: where it was first below each level, or None."""

    error: float  # of the gap at the end, as a share of the first
    rows: dict  # level -> Row or None


@dataclasses.dataclass
class Result:
    method: methods.Method
    point: dict
    phases: list
    seeds: list  # Reached

    def of_level(self, level, value):
        """Median over the seeds; None where one of them did not get there."""
        rows = [reached.rows[level] for reached in self.seeds]
        return None if not rows or any(row is None for row in rows) else statistics.median(map(value, rows))

    def count(self, level):
        return sum(reached.rows[level] is not None for reached in self.seeds)


class Study:
    def __init__(self, mfld, problem, chosen, options):
        self.mfld, self.problem, self.options = mfld, problem, options
        self.chosen = chosen  # [(method, points)]
        phases = [method.phases(problem, **point) for method, points in chosen for point in points]
        self.costs = costs.Costs(mfld, problem, [methods.METHODS[0].phases(problem, eta=1), *phases])
        self.pool = concurrent.futures.ThreadPoolExecutor(options.jobs)
        self.first = {}
        self.results = []

    def run(self):
        self.say("times of steps")
        self.costs.measure(self.options.rounds)
        seeds = [*self.options.seeds, TUNING_SEED]
        self.first = dict(zip(seeds, self.pool.map(self._first_gap, seeds)))
        mean = statistics.fmean(gap for gap in self.first.values() if math.isfinite(gap))
        # The same to a few per cent for all seeds; with some the draws of the certificate miss too much of the first law.
        self.first = {seed: gap if math.isfinite(gap) else mean for seed, gap in self.first.items()}
        tuned = list(self.pool.map(lambda entry: self._tune(*entry), self.chosen))
        jobs = [(method, point, seed) for method, point in tuned if point for seed in self.options.seeds]
        reached = list(self.pool.map(lambda job: self._reach(*job, 1.12), jobs))
        for method, point in tuned:
            seeds = [value for job, value in zip(jobs, reached) if job[0] is method]
            phases = method.phases(self.problem, **point) if point else []
            self.results.append(Result(method, point, phases, seeds))
        self.say("times of steps, again")
        self.costs.measure(self.options.rounds)

    def say(self, text):
        print(f"time_to_gap: {self.problem.name}: {text}", file=sys.stderr, flush=True)

    def _first_gap(self, seed):
        """At the start, which is that of every method, above the floor."""
        phases = methods.METHODS[0].phases(self.problem, eta=0.01)
        gap = runs.certified(self.mfld, self.problem, phases, seed, 1, 2, runs.NEVER)[0].gap
        return gap - self.problem.floor(seed)

    def level(self, share, seed):
        return self.problem.floor(seed) + share * self.first[seed]

    def _most_steps(self, phases, seconds):
        """Those that fit into `seconds` and into the passes that a run may take."""
        batch = phases[-1].get("batch_size")
        most = MOST_STEPS["batch" if batch else "full"]
        if batch:
            most = min(most, MOST_PASSES * methods.samples(self.problem) // batch)
        each = self.costs.costs[costs.kind_of(phases[-1])].processor
        return max(2, min(most, int(seconds / each) if math.isfinite(seconds) else most))

    def _run(self, method, point, seed, ratio, seconds=math.inf):
        phases = method.phases(self.problem, **point)
        fixed = sum(phase.get("steps", 0) for phase in phases)
        most = fixed + self._most_steps(phases, seconds)
        try:
            rows = runs.certified(self.mfld, self.problem, phases, seed, most, ratio, self.level(GOAL, seed))
        except runs.Failed as error:
            self.say(f"{method.name} {point}: {error}")
            return phases, []
        return phases, rows

    def _tune(self, method, points):
        """The point that is soonest below GOAL, or, where none is, soonest below the largest level; None: neither."""
        if len(points) == 1:
            return method, points[0]
        best, least = None, {GOAL: math.inf, LEVELS[0]: math.inf}
        for point in points:
            limit = 1.2 * least[GOAL]
            phases, rows = self._run(method, point, TUNING_SEED, 1.4, limit)
            for level in (GOAL, LEVELS[0]):
                row = runs.first_below(rows, self.level(level, TUNING_SEED), phases)
                seconds = self.costs.seconds(phases, row) if row else math.inf
                if seconds < least[level]:
                    least[level] = seconds
                    best = point if level == GOAL or math.isinf(least[GOAL]) else best
        self.say(f"{method.name}: best of {len(points)}: {best}, {least[GOAL]:.3g} s")
        return method, best

    def _reach(self, method, point, seed, ratio):
        phases, rows = self._run(method, point, seed, ratio)
        error = next((row.error for row in reversed(rows) if math.isfinite(row.error)), math.nan)
        levels = {share: runs.first_below(rows, self.level(share, seed), phases) for share in LEVELS if share >= GOAL}
        return Reached(error / self.first[seed], levels)

    @property
    def error(self):
        """Standard error of the gap, as a share of the first: the median over all runs, where they end."""
        errors = [each.error for result in self.results for each in result.seeds if math.isfinite(each.error)]
        return statistics.median(errors) if errors else math.nan


def jobs():
    return max(1, len(os.sched_getaffinity(0)))
