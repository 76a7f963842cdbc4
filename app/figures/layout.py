"""What all figures share."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import plotly.graph_objects as go
from plotly.basedatatypes import BaseTraceType

RULE = "rgba(128, 136, 148, 0.85)"
"""Colour of thresholds, diagonals and other reference lines: readable on the light and the dark background."""

GRID = "rgba(128, 136, 148, 0.22)"

CLICKABLE = {"clickmode": "event+select", "dragmode": "pan"}
BRUSHABLE = {"clickmode": "event", "dragmode": "select", "selectdirection": "h"}
"""Layout of a figure whose marks are clicked, or which is dragged over, as Streamlit would set it one drawing later."""


class Figure(go.Figure):
    """A figure that a browser draws once.

    Streamlit hands every figure to plotly.js twice when it appears. The second time plotly.js draws it from scratch if
    anything seems to differ, and a template, a typed array and an array without a `datarevision` always do. So there is
    no template: the style sheet of the pages gives the words the colour of the theme. Nothing needs a `datarevision`
    that tells one state of a figure from the next, as a page puts a figure whose numbers changed in place of the old.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.layout.template = None

    def to_dict(self) -> dict[str, Any]:
        """Traces and layout with every array as a plain list."""
        return {
            "data": [_plain(trace.to_plotly_json()) for trace in cast("tuple[BaseTraceType, ...]", self.data)],
            "layout": _plain(self.layout.to_plotly_json()),
        }


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
        meta=title,
        datarevision=0,
        font={"family": '"Source Sans", sans-serif', "size": 12},
        paper_bgcolor="rgba(0, 0, 0, 0)",
        plot_bgcolor="rgba(0, 0, 0, 0)",
        hoverlabel={"bgcolor": "#2B3138", "bordercolor": "#2B3138", "font": {"color": "#FFFFFF"}},
        height=height,
        margin={"l": 8, "r": 8, "t": 8, "b": 8, "pad": 8} if worded else {"l": 64, "r": 12, "t": 8, "b": 52, "pad": 8},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0, "title": None},
        dragmode=False,
        hovermode="closest",
    )
    figure.update_xaxes(showgrid=False, zeroline=False, automargin=worded, title_standoff=20)
    figure.update_yaxes(gridcolor=GRID, zeroline=False, automargin=worded, title_standoff=24)
    return figure


def title_of(figure: go.Figure) -> str:
    """The title that `laid_out` gave the figure, in HTML."""
    return figure.layout.meta  # type: ignore[union-attr]


def _plain(value: Any) -> Any:
    """A value for JSON; numbers in seven digits, which are finer than any screen, None where there is none."""
    if isinstance(value, np.ndarray) and value.ndim == 1 and value.dtype.kind == "f" and np.isfinite(value).all():
        return [float(f"{one:.7g}") for one in value.tolist()]
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return float(f"{value:.7g}") if np.isfinite(value) else None
    return value
