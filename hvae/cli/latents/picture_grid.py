"""Pictures in rows and columns with numbers below them, as one file."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from hvae.files import write_atomically

_SIDE, _GAP, _LINES, _LEFT, _TOP, _SCALE = 1.0, 0.1, 0.34, 1.1, 0.45, 0.55
"""Inches: a picture, the gap around it, the numbers below it, the labels, the headings, the scale."""


@dataclass(frozen=True, eq=False)
class Column:
    """One column: its heading, its pictures, and what stands below each."""

    title: str
    pictures: np.ndarray
    """`(n, channel, height, width)` in [0, 1], or `(n, height, width)` values of the scale."""
    lines: Sequence[str] | None = None


@dataclass(frozen=True)
class Scale:
    """A colour scale: what it measures, its name in matplotlib, and its ends."""

    title: str
    name: str
    low: float
    high: float


def write(out: Path, columns: Sequence[Column], labels: Sequence[str], lines: str, scale: Scale | None = None) -> None:
    """Write the grid as .png, .pdf or .svg, atomically.

    `labels` are those of the rows, `lines` the names of what stands below the pictures, `scale` that of columns that
    hold values.
    """
    step_x, step_y = _SIDE + _GAP, _SIDE + _LINES
    width = _LEFT + step_x * len(columns)
    height = _TOP + step_y * len(labels) + (_SCALE if scale else 0)
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    for row, label in enumerate(labels):
        y = _TOP + row * step_y
        # A name may hold signs that matplotlib takes for mathematics.
        text = {"va": "top", "parse_math": False}
        axes.text(0.06, y, textwrap.fill(label, 18), fontsize=6.5, **text)
        axes.text(0.06, y + _SIDE + 0.04, lines, fontsize=6, color="#555", **text)
        for number, column in enumerate(columns):
            x, picture = _LEFT + number * step_x, column.pictures[row]
            shown = scale if scale and picture.ndim == 2 else Scale("", "gray", 0, 1)
            axes.imshow(
                picture.transpose(1, 2, 0) if picture.ndim == 3 else picture,
                cmap=shown.name,
                vmin=shown.low,
                vmax=shown.high,
                extent=(x, x + _SIDE, y + _SIDE, y),
                interpolation="nearest",
                aspect="auto",
            )
            if column.lines is not None:
                axes.text(x, y + _SIDE + 0.04, column.lines[row], fontsize=6, color="#555", **text)
    for number, column in enumerate(columns):
        axes.text(_LEFT + number * step_x, _TOP - 0.05, textwrap.fill(column.title, 16), fontsize=7, va="bottom")
    axes.set(xlim=(0, width), ylim=(height, 0))
    if scale:
        bar = figure.add_axes((_LEFT / width, 0.32 / height, min(3.0, width - _LEFT - 0.2) / width, 0.12 / height))
        colours = ScalarMappable(Normalize(scale.low, scale.high), scale.name)
        figure.colorbar(colours, cax=bar, orientation="horizontal").set_label(scale.title, fontsize=6, labelpad=1)
        bar.tick_params(labelsize=6, length=2, pad=1)
    write_atomically(out, lambda part: figure.savefig(part, format=out.suffix[1:].lower(), dpi=150))
