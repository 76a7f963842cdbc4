"""Estimates with their intervals as a line of marks: one data set in a figure of AUROC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.palette import look
from hvae.metrics import Estimate


def line(slug: str, x: Sequence[float], found: Mapping[int, Estimate], what: str, digits: int) -> dict[str, Any]:
    """Estimates with 95 % intervals as an argument list of `add_scatter`.

    Args:
        slug: of the OOD set.
        x: where each estimate stands.
        found: number (k, S or R) -> AUROC, in the order of `x`.
        what: name of that number.
        digits: decimals of the hover text.
    """
    style, estimates = look(slug), list(found.values())
    return {
        "x": list(x),
        "y": [one.value for one in estimates],
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [one.high - one.value for one in estimates],
            "arrayminus": [one.value - one.low for one in estimates],
            "thickness": 1.5,
            "width": 4,
        },
        "mode": "lines+markers",
        "line": {"color": style.colour, "dash": style.dash, "width": 2},
        "marker": {"symbol": style.marker, "size": 10, "color": style.colour},
        "name": style.title,
        "legendgroup": slug,
        "customdata": list(found),
        "hovertemplate": f"{style.title}<br>{what} = %{{customdata}}<br>AUROC %{{y:.{digits}f}}<extra></extra>",
    }
