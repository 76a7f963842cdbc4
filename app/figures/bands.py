"""What in-distribution images do, as horizontal bands: the middle 90 % and the middle half."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.figures.layout import Figure
from app.palette import look
from hvae.arrays import Floats

PERCENTILES = (5, 25, 50, 75, 95)


def add_bands(figure: Figure, rows: Sequence[Any], limits: Floats, values: Floats, own: str, width: float) -> None:
    """Add both bands in every row.

    Args:
        figure: to add to.
        rows: places or labels of the rows, `(n,)`.
        limits: where the `PERCENTILES` are drawn, `(n, 5)`.
        values: the percentiles themselves in nats, `(n, 5)`, for the hover text.
        own: slug of the in-distribution set.
        width: of a row, in its own units.
    """
    style = look(own)
    for low, high, opacity in ((0, -1, 0.22), (1, -2, 0.5)):
        label = f"{style.title}, {PERCENTILES[low]}-{PERCENTILES[high]} %"
        figure.add_bar(
            y=rows,
            base=limits[:, low],
            x=limits[:, high] - limits[:, low],
            orientation="h",
            width=width,
            marker={"color": style.fill(opacity), "line": {"width": 0}},
            name=label,
            customdata=[f"{row[low]:.4g} to {row[high]:.4g}" for row in values],
            hovertemplate=f"{label}: %{{customdata}} nats<extra></extra>",
        )
