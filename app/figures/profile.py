"""One image against the in-distribution images: its score at every level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from app.figures.layout import Figure, laid_out
from app.looks.palette import VERMILION, look
from hvae.stats.arrays import Floats

PERCENTILES = (5, 25, 50, 75, 95)
MANY = 6
"""Rows from which on they stand closer."""


def profile(bands: Mapping[str, Floats], values: Sequence[float], own: str, name: str, title: str) -> Figure:
    """Horizontal bands of in-distribution percentiles (5-95 and 25-75) with one image's values as marks.

    Bands are row label in HTML -> the `PERCENTILES` of the set `own` in nats; values are in their order.
    """
    rows, limits = list(bands), np.array(list(bands.values()))
    figure = Figure()
    add_bands(figure, rows, limits, limits, own, 0.5)
    median = {"symbol": "line-ns-open", "size": 20, "color": look(own).colour, "line": {"width": 2}}
    here = {"symbol": "diamond", "size": 14, "color": VERMILION, "line": {"color": "white", "width": 1.5}}
    for label, x, marker in (("median", limits[:, 2], median), (name, values, here)):
        hover = f"{label} %{{x:.4g}} nats<extra></extra>"
        figure.add_scatter(y=rows, x=x, mode="markers", marker=marker, name=label, hovertemplate=hover)
    figure.update_layout(barmode="overlay", yaxis={"autorange": "reversed"}, xaxis={"title": "nats"})
    return laid_out(figure, title, height=170 + (46 if len(rows) <= MANY else 32) * len(rows), worded=True)


def table(bands: Mapping[str, Floats], values: Sequence[float]) -> pd.DataFrame:
    """The image's values beside the in-distribution percentiles, one row each."""
    frame = pd.DataFrame([list(band) for band in bands.values()], columns=[f"p{p}" for p in PERCENTILES])
    frame.insert(0, "quantity", [plain(row) for row in bands])
    frame.insert(1, "this_image", list(values))
    return frame


def plain(html: str) -> str:
    """A label in HTML as plain text, for tables and CSV files."""
    for mark, text in (("<sup>", ""), ("</sup>", ""), ("<sub>", "_"), ("</sub>", ""), ("&gt;", ">"), ("−", "-")):
        html = html.replace(mark, text)
    return html


def add_bands(figure: Figure, rows: Sequence[Any], limits: Floats, values: Floats, own: str, width: float) -> None:
    """Add both bands in every row: `limits`, `(n, 5)`, is where they are drawn, `values` what they are in nats."""
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
