"""The table of a problem, and the sentences under it."""

import statistics

from . import study
from comparison.report import aligned


def three(value):
    """Three significant digits without an exponent, where that is short."""
    return f"{value:.3g}" if value < 1e4 else f"{value:.0f}"


def table(done):
    """Markdown of one Study: the median over the seeds; - where a seed did not get there."""
    rows = [["method", "step size and more", *(f"{head} to {share:g}" for share in done.levels
                                               for head in ("s", "gradients")), f"steps to {done.goal:g}", "Euler-Maruyama : it"]]
    full = _seconds(done, done.results[0], done.goal)
    for result in done.results:
        cells = []
        for share in done.levels:
            seconds = _seconds(done, result, share)
            cells += _missing(result, share) if seconds is None else [
                three(seconds), three(result.of_level(share, lambda row: row.gradients))]
        steps = result.of_level(done.goal, lambda row: row.step)
        seconds = _seconds(done, result, done.goal)
        ratio = f"{full / seconds:.1f}" if full and seconds else "-"
        rows.append([result.method.name, _point(result), *cells, "-" if steps is None else three(steps), ratio])
    if done.peer:
        rows.insert(2, _peer(done, full))
    return aligned(rows)


def _peer(done, full):
    """JAX's Euler-Maruyama: its step as often as mfld's with the same step size needs it."""
    each, version = done.peer
    cells = []
    for share in done.levels:
        steps = done.results[0].of_level(share, lambda row: row.step)
        cells += ["-", "-"] if steps is None else [three(steps * each), three(steps * done.problem.samples)]
    steps = done.results[0].of_level(done.goal, lambda row: row.step)
    ratio = f"{full / (steps * each):.1f}" if full else "-"
    return [f"the same in JAX {version}", _point(done.results[0]), *cells, "-" if steps is None else three(steps), ratio]


def _seconds(done, result, share):
    return result.of_level(share, lambda row: done.costs.seconds(result.phases, row))


def _missing(result, share):
    """How many seeds got there, and how far down all of them did, the median of them."""
    count = f"- ({result.count(share)} of {len(result.seeds)})" if result.count(share) else "-"
    return [count, f"least {100 * result.least:.2g} %"]


def _point(result):
    phase = result.phases[-1]
    words = [f"{phase['step_size']:.3g}"]
    names = {"friction": "friction", "batch_size": "batch", "snapshot_every": "snapshot every",
             "inner_steps": "inner steps", "coordinate_steps": "coordinates"}
    words += [f"{word} {phase[key]:.4g}" for key, word in names.items() if key in phase and not
              ("grow" in result.point and key == "batch_size")]
    if "grow" in result.point:
        words += [f"from {result.phases[0]['batch_size']} on times {result.point['by']} every {result.point['grow']} steps"]
    words += [f"from {result.point['hot']} times the temperature"] if "hot" in result.point else []
    return ", ".join(words)


def sentences(done):
    """What the numbers mean, and what cannot be said."""
    config, phase = done.problem.config, done.problem.phase
    network = config["network"]
    seeds = list(done.options.seeds)
    first = statistics.fmean(done.first[seed] for seed in seeds)
    lines = [
        f"n = {done.problem.samples}, N = {network['width']}, lambda1 = {phase['lambda1']:g}, lambda2 = {phase['lambda2']:g}; "
        f"first gap {first:.3g}, its floor {100 * done.problem.floor:.2g} % and the standard error of a gap "
        f"{100 * done.error:.2g} % of that"]
    lines += [f"{share:g} is not shown: it is below one and a half times the floor" for share in study.LEVELS
              if share not in done.levels]
    one = done.results[0]
    for other in done.results:
        wall = other.of_level(done.goal, lambda row: done.costs.seconds(other.phases, row, "wall"))
        if wall is not None and other in (one, best(done)):
            lines.append(f"{other.method.name}: {three(wall)} s to {done.goal:g} by the clock of its steps")
    return lines


def best(done):
    """The result that is soonest below the goal."""
    there = [result for result in done.results if _seconds(done, result, done.goal) is not None]
    return min(there, key=lambda result: _seconds(done, result, done.goal), default=None)
