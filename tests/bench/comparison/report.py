"""The one table, and the numbers aimed at beside what was measured."""

from . import engines

PYTORCH = ("torch", "autograd")
OTHERS = ("numpy", "eigen")
NEW = ("jax", "jaxgrad", "torch2", "compiled", "numpy")
RATIOS = {
    "PyTorch : mfld": PYTORCH,
    "NumPy or Eigen : mfld": OTHERS,
    "JAX : mfld": ("jax", "jaxgrad"),
    "PyTorch 2 : mfld": ("torch2", "compiled"),
}


def _milliseconds(times):
    if times is None:
        return "-"
    return f"{_three(times.best * 1e3)} / {_three(times.median * 1e3)}"


def _three(value):
    """Three significant digits without an exponent."""
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 1 else f"{value:.3f}"


def ratios(line, rivals):
    """(best to best, median to median) of the better rival and mfld; None where no rival ran."""
    present = [line.times[rival] for rival in rivals if rival in line.times]
    if not present:
        return None
    mfld = line.times["mfld"]
    return min(t.best for t in present) / mfld.best, min(t.median for t in present) / mfld.median


def _ratio(pair):
    return "-" if pair is None else f"{pair[0]:.2f} / {pair[1]:.2f}"


def table(lines, bounds):
    """Markdown; every cell with a slash is best / median over the turns. Without bounds none of their columns."""
    present = [name for name in engines.ENGINES if any(name in line.times for line in lines)]
    pairs = {title: rivals for title, rivals in RATIOS.items() if set(rivals) & set(present)}
    names = ["mfld", *(engines.ENGINES[name].name for name in present)]
    rows = [["", "precision", "threads", *(f"{name}, ms" for name in names), *pairs]]
    rows[0] += ["bound, ms", "of bound"] if bounds else []
    for line in lines:
        row = [line.setting.name, line.precision, str(line.threads)]
        row += [_milliseconds(line.times.get(name)) for name in ("mfld", *present)]
        row += [*(_ratio(ratios(line, rivals)) for rivals in pairs.values())]
        if bounds:
            bound = bounds[id(line)]
            row += [_three(bound * 1e3), f"{100 * bound / line.times['mfld'].best:.0f} %"]
        rows.append(row)
    return aligned(rows)


def aligned(rows):
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    text = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in rows]
    text.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(text)


def speed_ups(lines):
    """How many times as fast as on one thread mfld is, best to best."""
    one = {(line.setting.name, line.precision): line.times["mfld"].best for line in lines if line.threads == 1}
    found = [(line, one.get((line.setting.name, line.precision))) for line in lines if line.threads > 1]
    return [
        f"{line.setting.name} {line.precision}: {base / line.times['mfld'].best:.2f} times on {line.threads} threads"
        for line, base in found
        if base
    ]


# --- what is aimed at

OVER_PYTORCH = {
    ("A", "double"): 3.5,
    ("A", "single"): 3.3,
    ("B", "double"): 4.5,
    ("B", "single"): 5,
    ("C", "double"): 3,
    ("C", "single"): 3,
    ("D", "double"): 8,
    ("D", "single"): 7,
    ("E", "double"): 1.3,
    ("E", "single"): 1.25,
}
# Over the best of JAX, PyTorch 2 and NumPy
OVER_NEW = {
    ("A", "double"): 3.8,
    ("A", "single"): 3.8,
    ("B", "double"): 6.5,
    ("B", "single"): 4.5,
    ("C", "double"): 6,
    ("C", "single"): 6,
    ("D", "double"): 10,
    ("D", "single"): 6,
    ("E", "double"): 1.65,
    ("E", "single"): 1.5,
    ("P", "double"): 6,
    ("P", "single"): 6,
    ("T", "double"): 6,
    ("T", "single"): 6,
}
OVER_EIGEN = {"A": 15, "B": 25}
SHARE_OF_BOUND = {"A": 80, "B": 80, "C": 75, "E": 90}


class Goals:
    """Lines "reached / missed: what, measured, wanted"."""

    def __init__(self):
        self.lines = []

    def at_least(self, what, value, goal, unit=""):
        self._add(what, value, goal, value >= goal, "at least", unit)

    def at_most(self, what, value, goal, unit=""):
        self._add(what, value, goal, value <= goal, "at most", unit)

    def _add(self, what, value, goal, reached, relation, unit):
        word = "reached" if reached else "MISSED "
        self.lines.append(f"{word}  {what}: {_three(value)}{unit} (wanted: {relation} {goal}{unit})")


def goals_of_lines(goals, lines, bounds, threads):
    by_key = {(line.setting.name, line.precision, line.threads): line for line in lines}
    for (name, precision, used), line in by_key.items():
        label = f"{name} {precision}"
        if used == (1 if name == "T" else threads):
            _goals_over_new(goals, label, line)
        if used == threads:
            _goals_of_line(goals, label, line, bounds[id(line)])
        one = by_key.get((name, precision, 1))
        if name == "C" and used == threads == 2 and one is not None:
            goals.at_least(f"{label}: 2 threads against 1", one.times["mfld"].best / line.times["mfld"].best, 1.9)


def _goals_over_new(goals, label, line):
    if any(name in line.times for name in NEW if name != "numpy"):
        pair = ratios(line, NEW)
        goals.at_least(f"{label}: best of JAX, PyTorch 2 and NumPy : mfld, best", pair[0], OVER_NEW[line.setting.name, line.precision])


def _goals_of_line(goals, label, line, bound):
    name, precision = line.setting.name, line.precision
    for which, kind in enumerate(("best", "median") if "torch" in line.times else ()):
        pair = ratios(line, PYTORCH)
        if (name, precision) in OVER_PYTORCH:
            goals.at_least(f"{label}: better PyTorch : mfld, {kind}", pair[which], OVER_PYTORCH[name, precision])
        if name == "D":
            goals.at_least(f"{label}: better of NumPy and Eigen : mfld, {kind}", ratios(line, OTHERS)[which], 3.5)
        if name == "B":
            goals.at_least(f"{label}: autograd : mfld, {kind}", ratios(line, ("autograd",))[which], 12)
        if precision == "double" and name in OVER_EIGEN:
            goals.at_least(f"{label}: plain Eigen : mfld, {kind}", ratios(line, ("eigen",))[which], OVER_EIGEN[name])
    if name in SHARE_OF_BOUND:
        goals.at_least(f"{label}: of the bound", 100 * bound / line.times["mfld"].best, SHARE_OF_BOUND[name], " %")
