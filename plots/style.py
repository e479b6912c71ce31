"""How every figure looks, and where it is written."""

import pathlib

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  (the backend comes first)
from cycler import cycler  # noqa: E402

# Told apart by the colour-blind, and in print without colours: their lightness is 29, 62, 8, 75 and 40 of 100.
COLOURS = ("#004488", "#E07B16", "#171717", "#86C3DD", "#A3306E")
MARKERS = ("o", "s", "^", "D", "v")
GREY = "#6B6B6B"
SHADE = "#EDEDED"
WIDTH_INCHES = 7.0  # of a text block with two narrow margins

RC = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "legend.fontsize": 8,
    "legend.title_fontsize": 8,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
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


def apply():
    matplotlib.rcParams.update(RC)


def look(index):
    """Colour and marker of the case number `index`."""
    return {"color": COLOURS[index % len(COLOURS)], "marker": MARKERS[index % len(MARKERS)]}


def save(figure, folder, stem):
    """Writes folder/stem.{png,pdf,svg} and says so."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for kind, metadata in (("png", None), ("pdf", {"CreationDate": None}), ("svg", {"Date": None})):
        figure.savefig(folder / f"{stem}.{kind}", metadata=metadata)
    plt.close(figure)
    print(f"wrote {folder / stem}.png, .pdf, .svg")

