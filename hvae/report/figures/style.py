"""The look of printed figures: one column of a two-column paper, letters that can be searched, colours told in grey."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

from hvae.datasets.looks import drawn_as

COLUMN = 3.25
"""Inches: the width of a column of the paper."""
LEGEND_LINE = 0.13
"""Inches: the height of a name in a legend."""
_DASHES: dict[str, Any] = {
    "solid": "-",
    "dash": "--",
    "dot": ":",
    "dashdot": "-.",
    "longdash": (0, (8, 3)),
    "longdashdot": (0, (8, 2, 1, 2)),
}
_RC: dict[Any, Any] = {
    "font.size": 7,
    "axes.titlesize": 7,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.fontsize": 6,
    "legend.framealpha": 0.8,
    "legend.edgecolor": "none",
    "lines.linewidth": 1.0,
    "xtick.labelsize": 6,
    "ytick.labelsize": 6,
    # Letters as letters: Type 42 in PDF, as conferences want it, and text in SVG.
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
    "svg.hashsalt": "hvae",
    # Pictures pixel by pixel.
    "image.composite_image": False,
    "image.interpolation": "none",
    # Every number of the table is a point of the drawing.
    "path.simplify": False,
}


@contextmanager
def printed() -> Iterator[None]:
    """Draw and write within it in the style of the paper."""
    with matplotlib.rc_context(_RC):
        yield


def panels(count: int, height: float = 1.5) -> tuple[Figure, list[Axes]]:
    """A figure as wide as a column, with panels below one another, each so many inches high."""
    figure = Figure(figsize=(COLUMN, height * count), layout="constrained")
    return figure, list(figure.subplots(count, 1, squeeze=False)[:, 0])


def line(slug: str) -> dict[str, Any]:
    """Colour and dash of an image set, those of the pages."""
    colour, dash, _ = drawn_as(slug)
    return {"color": colour, "linestyle": _DASHES[dash]}


def legend(axes: Axes, side: Literal["above", "below"], **options: Any) -> None:
    """The names of the lines outside the panel, where no line runs behind them.

    Those of folders may hold signs that matplotlib takes for mathematics.
    """
    figure = axes.get_figure(root=True)
    assert figure is not None
    loc, anchor, inches = ("lower center", (0.5, 1.0), 0.0) if side == "above" else ("upper center", (0.5, 0.0), -0.33)
    place = axes.transAxes + ScaledTranslation(0, inches, figure.dpi_scale_trans)
    drawn = axes.legend(loc=loc, bbox_to_anchor=anchor, bbox_transform=place, **options)
    for text in (*drawn.get_texts(), drawn.get_title()):
        text.set_parse_math(False)


def symbol(label: str) -> str:
    """A score such as `-L>0` or `LLR>1` as a formula."""
    name, _, k = label.partition(">")
    sign, name = ("-", name[1:]) if name.startswith("-") else ("", name)
    # A letter that every font has: those of the mathematical one are signs of its own, which show as boxes in SVG.
    name = "\N{SCRIPT CAPITAL L}" if name == "L" else name
    return rf"${sign}\mathrm{{{name}}}^{{>{k}}}$" if k else name
