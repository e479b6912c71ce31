"""How every figure looks, and how it is written. A figure is the same file whatever settings of matplotlib a user
has."""

import ast
import hashlib
import io
import json
import os
import pathlib

import interpreter  # noqa: F401  (first: it imports matplotlib without anybody's settings)

import matplotlib
import numpy as np
from cycler import cycler
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mfld import results
import words

# Told apart by the colour-blind, and in print without colours: their lightness is 29, 62, 8, 75 and 40 of 100.
COLOURS = ("#004488", "#E07B16", "#171717", "#86C3DD", "#A3306E")
MARKERS = ("o", "s", "^", "D", "v")
GREY = "#6B6B6B"
SHADE = "#EDEDED"
WIDTH_INCHES = 7.0  # of a text block with two narrow margins
SMALL = 8  # points, of legends and ticks
LETTER_INCHES = 0.062  # of a letter of a title, on average

RC = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "legend.fontsize": SMALL,
    "legend.title_fontsize": SMALL,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "axes.prop_cycle": cycler(color=COLOURS),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "lines.linewidth": 1.5,
    "lines.markersize": 4,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
    "savefig.dpi": 300,
    "pdf.fonttype": 42,  # text stays text
    "svg.fonttype": "none",
    "svg.hashsalt": "mfld",  # the same figure is the same file
}


def _use_the_fonts_of_matplotlib():
    fonts = font_manager.fontManager
    fonts.ttflist = []
    for path in sorted((pathlib.Path(matplotlib.get_data_path()) / "fonts" / "ttf").glob("*.ttf")):
        fonts.addfont(str(path))


def apply():
    """Every setting as matplotlib ships it, then those above. Not rcdefaults(): that reads the user's style files."""
    dict.update(matplotlib.rcParams, {key: value for key, value in dict.items(matplotlib.rcParamsDefault)
                                      if not key.startswith("backend")})
    matplotlib.rcParams.update(RC)


_use_the_fonts_of_matplotlib()


def figure(width, height):
    """A new figure of this size in inches."""
    apply()
    new = Figure(figsize=(width, height))
    FigureCanvasAgg(new)
    return new


def look(index):
    """Colour and marker of the case number `index`."""
    return {"color": COLOURS[index], "marker": MARKERS[index]}


def require_few(names, what):
    """An Error if there are more of something than can be told apart."""
    names = list(names)
    if len(names) > len(COLOURS):
        raise results.Error(f"{what}: at most {len(COLOURS)} can be told apart in one figure, and there are "
                            f"{len(names)} ({words.some(names, 3)}); choose some with --only KEY=VALUE.")


def handle(label, **how):
    """What a legend shows beside the label."""
    return Line2D([], [], label=label, **how)


def legend_rows(handles, width):
    """(columns, height in inches) of a legend that fits into this width; labels may have several lines."""
    scratch = figure(1, 1)
    boxes = [scratch.text(0, 0, handle.get_label(), fontsize=SMALL).get_window_extent() for handle in handles]
    widths = [box.width / scratch.dpi + 0.6 for box in boxes]  # with its line and the gap

    def fits(columns):
        return sum(max(column) for column in np.array_split(widths, columns)) <= width

    columns = next(columns for columns in range(len(handles), 0, -1) if columns == 1 or fits(columns))
    return columns, -(-len(handles) // columns) * (0.07 + max(box.height for box in boxes) / scratch.dpi)


def title(axes, text, width):
    """A title that stays within a panel of this width in inches."""
    axes.set_title("\n".join(words.in_figure(line, max(12, int(width / LETTER_INCHES))) for line in text.split("\n")),
                   loc="left")


def from_zero(axes, room=0.0):
    """The vertical axis from a little below 0 to the data, with this share of room above them."""
    top = axes.get_ylim()[1]
    top = top if top > 0 else 1.0
    axes.set_ylim(-0.03 * top, (1 + room) * top)


def _imported(node):
    """The names of the modules beside a script, and of those of the package, that a statement imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names], []
    if isinstance(node, ast.ImportFrom) and node.module == "mfld":
        return [], [alias.name for alias in node.names]
    return [], []


def sources(script):
    """The script and those files beside it, and of the package, that it imports, directly or not."""
    script = pathlib.Path(script).resolve()
    package = script.parent.parent / "src/python/mfld"
    found, left = set(), [script]
    while left:
        path = left.pop()
        if path in found or not path.exists():
            continue
        found.add(path)
        for node in ast.walk(ast.parse(path.read_bytes())):
            beside, packaged = _imported(node)
            left += [path.with_name(f"{name}.py") for name in beside] + [package / f"{name}.py" for name in packaged]
    return sorted(found)


def origin(script, experiment):
    """What a picture says of where it comes from: hashes of its script with its imports, and of the experiment."""
    code = hashlib.sha256()
    for path in sources(script):
        code.update(hashlib.sha256(path.read_bytes()).digest())
    text = json.dumps(experiment, sort_keys=True, default=str)
    return {"mfld script": code.hexdigest(), "mfld experiment": hashlib.sha256(text.encode()).hexdigest()}


def _write(path, data):
    """All of it or nothing: under another name first."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(new, "xb") as file:
                file.write(data)
            os.replace(new, path)
        except OSError:
            new.unlink(missing_ok=True)
            raise
    except OSError as error:
        reason = error.strerror or error
        raise results.FileError(f"cannot write {path}: {reason}; --out FOLDER puts figures elsewhere.") from None


def save(drawn, args, stem, caption="", animation=None):
    """Writes stem.png, .pdf and .svg (and .gif: the bytes of `animation`) into args.out, and says so. The caption, and
    the notes on what runs these are, stand above the figure."""
    width = int(drawn.get_figwidth() / LETTER_INCHES)
    lines = ([caption] if caption else []) + [words.in_figure(note, width) for note in args.notes]
    if lines:
        drawn.suptitle("\n".join(lines), x=0.01, ha="left", fontsize=SMALL)
    files = {}
    for kind, metadata in (("png", args.origin), ("pdf", {"CreationDate": None}), ("svg", {"Date": None})):
        buffer = io.BytesIO()
        drawn.savefig(buffer, format=kind, metadata=metadata)
        files[kind] = buffer.getvalue()
    if animation is not None:
        files["gif"] = animation
    for kind, data in files.items():
        _write(args.out / f"{stem}.{kind}", data)
    words.say(f"wrote {args.out / stem}." + ", .".join(files))
