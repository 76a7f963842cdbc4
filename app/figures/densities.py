"""Densities of a score on several data sets, with single images as marks below and the threshold across."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from app.figures.layout import RULE, Figure, laid_out
from app.figures.series import Series, line, rug

Brush = tuple[float | None, float | None]
"""A range of scores, ends included; None where it has no end."""


def densities(
    series: Sequence[Series],
    threshold: float,
    title: str,
    axis: str,
    unit: str,
    brush: Brush = (None, None),
    *,
    brushing: bool = False,
) -> Figure:
    """Densities over a shared axis, a rug of single images below, and the threshold as a line.

    Args:
        series: the in-distribution set first.
        threshold: images to its right are called OOD.
        title: what to see.
        axis: name of the score in HTML.
        unit: of the score.
        brush: range to shade.
        brushing: dragging chooses a range; marks cannot be clicked then.
    """
    figure = Figure()
    hint = "" if brushing else "click to look at it"
    for place, one in enumerate(series):
        figure.add_scatter(**line(one, unit, filled=place == 0))
        figure.add_scatter(**rug(one, place, len(series), unit, hint), yaxis="y2")
    figure.add_vline(x=threshold, line={"color": RULE, "width": 2, "dash": "dash"})
    figure.add_annotation(
        x=threshold, y=1, yref="paper", text="threshold", showarrow=False, xanchor="left", xshift=4, font={"size": 12}
    )
    figure.update_layout(
        xaxis={"title": f"{axis} ({unit}) · higher = more out-of-distribution →", "anchor": "y2"},
        yaxis={
            "domain": [0.08 + 0.035 * len(series), 1],
            "title": f"density (1 / {unit})",
            "rangemode": "tozero",
            "exponentformat": "power",
        },
        yaxis2={"domain": [0, 0.035 * len(series)], "visible": False, "range": [-0.7, len(series) - 0.3]},
    )
    laid_out(figure, title, height=400 + 14 * len(series), mouse="brush" if brushing else "click")
    if brush != (None, None):
        edges = series[0].density.edges
        low, high = (edge if end is None else end for end, edge in zip(brush, (edges[0], edges[-1]), strict=True))
        figure.add_vrect(
            x0=low, x1=high, fillcolor=RULE, opacity=0.22, line={"width": 1.5, "color": RULE}, layer="below"
        )
        # The range may reach beyond what is drawn; the axis stays.
        figure.update_xaxes(range=[edges[0], edges[-1]])
    return figure


def table(series: Sequence[Series]) -> pd.DataFrame:
    """The binned densities as one table."""
    edges = series[0].density.edges
    columns = {f"density_{one.slug}": one.density.density for one in series}
    return pd.DataFrame({"from": edges[:-1], "to": edges[1:], **columns})
