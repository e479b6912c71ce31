"""The soonest point of a lattice: from a start, to better neighbours until none is better."""


def at_an_end(axes, point):
    """The choices that lie at the first or last value of their axis."""
    return [name for name, values in axes.items() if len(values) > 1 and point[name] in (values[0], values[-1])]


def climb(axes, start, score):
    """(point, its score): no neighbour, one value further in one choice, has a lower score. `score(point, best)` may stop early
    where it sees that it will be above `best`."""
    point, best, seen = dict(start), score(start, None), {tuple(start.values())}
    moved = True
    while moved:
        moved = False
        for name, values in axes.items():
            for other in _neighbours(values, point[name]):
                trial = {**point, name: other}
                if tuple(trial.values()) in seen:
                    continue
                seen.add(tuple(trial.values()))
                found = score(trial, best)
                if found < best:
                    point, best, moved = trial, found, True
                    break
    return point, best, len(seen)


def _neighbours(values, value):
    index = values.index(value)
    return [values[k] for k in (index + 1, index - 1) if 0 <= k < len(values)]
