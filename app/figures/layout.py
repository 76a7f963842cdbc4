"""What all figures share."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

RULE = "rgba(128, 136, 148, 0.85)"
"""Colour of thresholds, diagonals and other reference lines: readable on the light and the dark background."""

GRID = "rgba(128, 136, 148, 0.22)"


def drawn(values: ArrayLike) -> NDArray[np.float32]:
    """Coordinates in single precision: finer than any screen, and half the bytes on their way to the browser."""
    return np.asarray(values, dtype=np.float32)


def laid_out(figure: go.Figure, title: str, height: int = 380, *, worded: bool = False) -> go.Figure:
    """Give a figure its title, height, and the legend above the plot.

    The title is kept beside the figure, not in it: a page sets it as text, which wraps on narrow screens. Dragging is
    off, so that a finger scrolls the page and a click reaches its mark.

    Args:
        figure: changed in place.
        title: what to see, in HTML.
        height: pixels.
        worded: ticks are words, which get the room they need; it costs a third of the time of drawing, so numbers have
            a fixed one.
    """
    figure.update_layout(
        meta={"title": title},
        height=height,
        margin={"l": 8, "r": 8, "t": 8, "b": 8} if worded else {"l": 64, "r": 12, "t": 8, "b": 52},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0, "title": None},
        dragmode=False,
        hovermode="closest",
    )
    figure.update_xaxes(gridcolor=GRID, zeroline=False, automargin=worded)
    figure.update_yaxes(gridcolor=GRID, zeroline=False, automargin=worded)
    return figure


def title_of(figure: go.Figure) -> str:
    """The title that `laid_out` gave the figure, in HTML."""
    return figure.layout.meta["title"]  # type: ignore[union-attr]
