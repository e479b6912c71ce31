"""Timing in turns: every engine once a round, so that all of them meet the same weather."""

import statistics
import time

PAUSE_SECONDS = 0.05  # the threads of the engine before spin for a while after its last step


class Times:
    """Mean seconds per step of each turn."""

    def __init__(self):
        self.turns = []

    def add(self, seconds):
        self.turns.append(seconds)

    @property
    def best(self):
        return min(self.turns)

    @property
    def median(self):
        return statistics.median(self.turns)


def steps_of_turn(seconds_per_step, turn_seconds):
    return max(1, min(2000, round(turn_seconds / seconds_per_step)))


def _first_step(worker, threads):
    """A rough time of a step; not the very first one, which sizes buffers, unless steps are long."""
    seconds = worker.seconds(1, 0, threads)
    return seconds if seconds > 1 else worker.seconds(1, 0, threads)


def interleave(workers, threads, budget_seconds, turn_seconds, most_rounds=15):
    """workers: name -> Worker. Returns name -> Times. At least three rounds; slow engines (a step beyond a tenth of the
    budget) sit out after the second."""
    first = {name: _first_step(worker, threads) for name, worker in workers.items()}
    times = {name: Times() for name in workers}
    start = time.monotonic()
    for number in range(most_rounds):
        if number >= 3 and time.monotonic() - start > budget_seconds:
            break
        for name, worker in workers.items():
            if number >= 2 and first[name] > budget_seconds / 10:
                continue
            steps = steps_of_turn(min(times[name].turns, default=first[name]), turn_seconds)
            time.sleep(PAUSE_SECONDS)
            times[name].add(worker.seconds(steps, 1 if steps > 3 else 0, threads))
    return times


def ceilings(worker, threads, rounds):
    """Best of `rounds`: (GFLOP/s, G tanh/s, G normals/s) for "double" and "single"."""
    best = [0.0] * 6
    for _ in range(rounds):
        best = [max(old, new) for old, new in zip(best, map(float, worker.ask(str(threads)).split()))]
    return {"double": (best[0], best[2], best[4]), "single": (best[1], best[3], best[5])}


def bound_seconds(setting, rates):
    """4 N n d flops, N n activations and N (d + 2) normals, one after the other, each at its ceiling."""
    flops, tanh, normals = rates
    return 1e-9 * (
        4 * setting.pairs * setting.dim / flops + setting.pairs / tanh + setting.particles * (setting.dim + 2) / normals
    )
