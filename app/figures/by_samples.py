"""AUROC against the number of importance samples S, or of draws R: what more computing buys."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from app.figures import estimates
from app.figures.layout import RULE, Figure, laid_out, subplots
from app.figures.profile import plain
from hvae.metrics import Estimate

Curves = Mapping[str, Mapping[str, Mapping[int, Estimate]]]
"""Symbol of a score in HTML -> slug of an OOD set -> number -> AUROC."""

NAMES = {"S": "S (importance samples)", "R": "R (draws)"}


def by_samples(curves: Curves, what: str, chosen: int, title: str) -> Figure:
    """One panel a score, one line an OOD set, with 95 % intervals; each panel has a scale of its own.

    Args:
        curves: every score with the same sets and numbers.
        what: `S` or `R`.
        chosen: the number that the page shows; it is marked.
        title: what to see.
    """
    figure = subplots(rows=1, cols=len(curves), subplot_titles=list(curves), horizontal_spacing=0.09)
    places = sorted({number for sets in curves.values() for line in sets.values() for number in line})
    for column, sets in enumerate(curves.values(), start=1):
        for slug, line in sets.items():
            # By place, not by number: 1 and 250 stand side by side as 1 and 16 do.
            trace = estimates.line(slug, [places.index(number) for number in line], line, what, 4)
            figure.add_scatter(**trace, showlegend=column == 1, row=1, col=column)
        figure.update_yaxes(range=_range(sets), row=1, col=column)
        figure.update_xaxes(
            title=NAMES[what],
            tickvals=list(range(len(places))),
            ticktext=[str(number) for number in places],
            range=[-0.3, len(places) - 0.7],
            row=1,
            col=column,
        )
        if chosen in places:
            at: dict = {"x": places.index(chosen), "row": 1, "col": column}
            figure.add_vline(**at, line={"color": RULE, "width": 10}, opacity=0.25)
    figure.update_yaxes(title="AUROC", row=1, col=1)
    laid_out(figure, title, height=340)
    # The panel names stand where the legend is in other figures.
    figure.update_layout(legend={"y": -0.26, "yanchor": "top"}, margin={"t": 34})
    figure.update_annotations(font={"size": 13})
    return figure


def table(curves: Curves, what: str) -> pd.DataFrame:
    """One row for each score, OOD set and number."""
    return pd.DataFrame(
        [
            {"score": plain(symbol), "ood": slug, what: number, "auroc": one.value, "low": one.low, "high": one.high}
            for symbol, sets in curves.items()
            for slug, line in sets.items()
            for number, one in line.items()
        ]
    )


def _range(sets: Mapping[str, Mapping[int, Estimate]]) -> tuple[float, float]:
    """A range that holds every interval and is no finer than .02; past 0 and 1 only for the marks' own size."""
    found = [one for line in sets.values() for one in line.values()]
    low, high = min(one.low for one in found), max(one.high for one in found)
    span = max(0.02, high - low)
    margin = (span - (high - low)) / 2 + 0.1 * span
    return max(low - margin, -0.1 * span), min(high + margin, 1 + 0.1 * span)
