"""What curves of operating points share: invisible marks to click, and the mark of the threshold in use."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from app.figures.layout import drawn
from app.palette import look
from hvae.arrays import Floats

POINTS_PER_CURVE = 100_000
"""A point's customdata is one integer: place of its curve times this, plus its position on the curve."""

CLICKABLE = 240
"""Points of a curve that can be clicked, at most; a line has more, and none of its own can be."""


def operating_points(
    figure: go.Figure, place: int, slug: str, x: Floats, y: Floats, thresholds: Floats, what: str
) -> None:
    """Add invisible marks on a curve, which a line without marks would not let anyone click.

    Args:
        figure: to add to.
        place: of the curve among those of the figure.
        slug: of the OOD set.
        x: `(points,)`.
        y: `(points,)`.
        thresholds: `(points,)`; those without a finite one cannot be set and are left out.
        what: hover text with the placeholders of plotly.
    """
    able = np.flatnonzero(np.isfinite(thresholds))
    able = able[np.unique(np.linspace(0, len(able) - 1, min(CLICKABLE, len(able))).round().astype(int))]
    figure.add_scatter(
        x=drawn(x[able]),
        y=drawn(y[able]),
        name=look(slug).title,
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


def threshold_mark(figure: go.Figure, slug: str, x: float, y: float, what: str) -> None:
    """Add the mark of the threshold in use."""
    style = look(slug)
    figure.add_scatter(
        x=[x],
        y=[y],
        name=style.title,
        mode="markers",
        marker={"color": style.colour, "symbol": style.marker, "size": 12, "line": {"color": "white", "width": 1.5}},
        legendgroup=slug,
        showlegend=False,
        hovertemplate=f"{what}<br>the threshold<extra></extra>",
    )
