"""The table of a problem, and the sentences under it."""

import statistics

from . import study
from comparison.report import aligned


SHOWN = (0.1, 0.01)  # of the first gap


def three(value):
    """Three significant digits without an exponent, where that is short."""
    return f"{value:.3g}" if value < 1e4 else f"{value:.0f}"


def table(done):
    """Markdown of one Study: the median over the seeds; - where a seed did not get there."""
    rows = [["method", "step size and more", *(f"{head} to {share:g}" for share in SHOWN
                                               for head in ("s", "gradients")), "steps", "Euler-Maruyama : it"]]
    full = _seconds(done, done.results[0], study.GOAL)
    for result in done.results:
        cells = []
        for share in SHOWN:
            seconds = _seconds(done, result, share)
            cells += [_missing(result, share)] * 2 if seconds is None else [
                three(seconds), three(result.of_level(share, lambda row: row.gradients))]
        steps = result.of_level(study.GOAL, lambda row: row.step)
        seconds = _seconds(done, result, study.GOAL)
        ratio = f"{full / seconds:.1f}" if full and seconds else "-"
        rows.append([result.method.name, _point(result), *cells, "-" if steps is None else three(steps), ratio])
    return aligned(rows)


def _seconds(done, result, share):
    return result.of_level(share, lambda row: done.costs.seconds(result.phases, row))


def _missing(result, share):
    return f"- ({result.count(share)} of {len(result.seeds)})" if result.count(share) else "-"


def _point(result):
    if not result.point:
        return "none of the grid"
    phase = result.phases[-1]
    words = [f"{phase['step_size']:.3g}"]
    names = {"friction": "friction", "batch_size": "batch", "snapshot_every": "snapshot every",
             "inner_steps": "inner steps", "coordinate_steps": "coordinates"}
    words += [f"{word} {phase[key]:.3g}" for key, word in names.items() if key in phase]
    words += [f"first {result.point['first']} steps with 16 and 64"] if "first" in result.point else []
    words += [f"from {result.point['hot']} times the temperature"] if "hot" in result.point else []
    return ", ".join(words)


def sentences(done):
    """What the numbers mean, and what cannot be said."""
    config, phase = done.problem.config, done.problem.phase
    network = config["network"]
    seeds = list(done.options.seeds)
    first = (f"first gap {statistics.fmean(done.first[seed] for seed in seeds):.3g}, counted from "
             f"{statistics.fmean(done.problem.floor(seed) for seed in seeds):.3g}, what the column reads at stationarity")
    lines = [
        f"n = {study.methods.samples(done.problem)}, N = {network['width']}, lambda1 = {phase['lambda1']:g}, "
        f"lambda2 = {phase['lambda2']:g}; {first}, standard error of a gap {100 * done.error:.2g} % of it"]
    for share in study.LEVELS:
        if share < 3 * done.error:
            lines.append(f"{share:g} of the first gap is below three standard errors of a gap: " +
                         ("a seed may cross it by chance" if share in SHOWN else "not shown"))
    one = done.results[0]
    for other in done.results:
        wall = other.of_level(study.GOAL, lambda row: done.costs.seconds(other.phases, row, "wall"))
        if wall is not None and other in (one, best(done)):
            lines.append(f"{other.method.name}: {three(wall)} s to 0.01 by the clock of its steps")
    return lines


def best(done):
    """The result that is soonest below GOAL."""
    there = [result for result in done.results if _seconds(done, result, study.GOAL) is not None]
    return min(there, key=lambda result: _seconds(done, result, study.GOAL), default=None)
