"""One data set in a figure of densities: its binned density as a line, single images as marks below it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from app.palette import look
from hvae.arrays import Floats
from hvae.metrics import Density

IDS_PER_SET = 10_000_000
"""A mark's customdata is one integer: place of its set times this, plus the image's number."""


@dataclass(frozen=True)
class Series:
    """One data set's scores, binned, with the images drawn one by one.

    Attributes:
        slug: of the data set.
        density: over edges that all series share.
        marks: numbers of the images drawn as marks `(marks,)`.
        scores: their scores `(marks,)`.
    """

    slug: str
    density: Density
    marks: np.ndarray
    scores: Floats


def line(one: Series, unit: str, *, filled: bool) -> dict[str, Any]:
    """The density as an argument list of `add_scatter`.

    Args:
        one: the data set.
        unit: of the score.
        filled: whether the area below is filled, as that of the in-distribution set is.
    """
    style, edges = look(one.slug), one.density.edges
    return {
        "x": (edges[:-1] + edges[1:]) / 2,
        "y": one.density.density,
        "name": style.title,
        "mode": "lines",
        "line": {"color": style.colour, "dash": style.dash, "width": 2.5},
        "fill": "tozeroy" if filled else None,
        "fillcolor": style.fill(),
        "legendgroup": one.slug,
        "hovertemplate": f"{style.title}<br>%{{x:.4g}} {unit}<br>density %{{y:.3g}}<extra></extra>",
    }


def rug(one: Series, place: int, sets: int, unit: str, hint: str) -> dict[str, Any]:
    """The images within the edges as marks, an argument list of `add_scatter`; the first set's stand highest.

    Args:
        one: the data set.
        place: of the set among those of the figure; part of the customdata.
        sets: how many there are.
        unit: of the score.
        hint: last line of the hover text; may be empty.
    """
    style, edges = look(one.slug), one.density.edges
    shown = (one.scores >= edges[0]) & (one.scores <= edges[-1])
    about = f"{style.title}, one image<br>%{{x:.4g}} {unit}" + (f"<br>{hint}" if hint else "")
    return {
        "x": one.scores[shown],
        "y": np.full(np.count_nonzero(shown), sets - 1 - place, np.int8),
        "mode": "markers",
        "marker": {"symbol": "line-ns-open", "size": 8, "color": style.colour, "line": {"width": 1.2}},
        "customdata": (place * IDS_PER_SET + one.marks[shown]).astype(np.int32),
        "name": style.title,
        "legendgroup": one.slug,
        "showlegend": False,
        "selected": {"marker": {"size": 18, "opacity": 1}},
        "unselected": {"marker": {"opacity": 0.55}},
        "hovertemplate": f"{about}<extra></extra>",
    }
