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


def laid_out(figure: go.Figure, title: str, height: int = 380) -> go.Figure:
    """Give a figure its title, height, and the legend above the plot.

    Dragging is off, so that a finger scrolls the page and a click reaches its mark.
    """
    figure.update_layout(
        title={"text": title},
        height=height,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0, "title": None},
        dragmode=False,
        hovermode="closest",
    )
    figure.update_xaxes(gridcolor=GRID, zeroline=False, automargin=True)
    figure.update_yaxes(gridcolor=GRID, zeroline=False, automargin=True)
    return figure
