"""A curve of operating points that can be clicked, and the mark of the threshold in use: what ROC and PR share."""

from __future__ import annotations

import numpy as np

from app.figures.layout import Figure
from app.palette import look
from hvae.arrays import Floats

POINTS_PER_CURVE = 100_000
"""A point's customdata is one integer: place of its curve times this, plus its position on the curve."""

CLICKABLE = 160
"""Points that can be clicked, all curves of a figure together; a line has more, and none of its own can be."""


def curve(
    figure: Figure,
    place: int,
    curves: int,
    slug: str,
    x: Floats,
    y: Floats,
    thresholds: Floats,
    point: tuple[float, float],
    what: str,
) -> None:
    """Add the curve of one OOD set: its line, invisible marks to click (a line alone has none), and its threshold.

    Args:
        figure: to add to.
        place: of the curve among those of the figure.
        curves: how many these are.
        slug: of the OOD set.
        x: `(points,)`.
        y: `(points,)`.
        thresholds: `(points,)`; those without a finite one cannot be set and have no mark.
        point: where the threshold in use stands.
        what: hover text with the placeholders of plotly.
    """
    style = look(slug)
    figure.add_scatter(
        x=x,
        y=y,
        name=style.title,
        mode="lines",
        line={"color": style.colour, "dash": style.dash, "width": 2.5},
        legendgroup=slug,
        hoverinfo="skip",
    )
    able = np.flatnonzero(np.isfinite(thresholds))
    able = able[np.unique(np.linspace(0, len(able) - 1, min(CLICKABLE // curves, len(able))).round().astype(int))]
    figure.add_scatter(
        x=x[able],
        y=y[able],
        name=style.title,
        mode="markers",
        marker={"size": 12, "color": "rgba(0, 0, 0, 0)", "line": {"width": 0}},
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 1}},
        customdata=(place * POINTS_PER_CURVE + able).astype(np.int32),
        text=[f"{value:.4g}" for value in thresholds[able]],
        legendgroup=slug,
        showlegend=False,
        hovertemplate=f"{what}<br>threshold %{{text}}<br>click to set it<extra></extra>",
    )
    figure.add_scatter(
        x=[point[0]],
        y=[point[1]],
        name=style.title,
        mode="markers",
        marker={"color": style.colour, "symbol": style.marker, "size": 12, "line": {"color": "white", "width": 1.5}},
        legendgroup=slug,
        showlegend=False,
        hovertemplate=f"{what}<br>the threshold<extra></extra>",
    )
