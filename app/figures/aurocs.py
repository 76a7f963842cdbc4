"""AUROC with its intervals: at every k, and against the number of samples S or of draws R."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from app.figures.layout import RULE, Figure, laid_out, subplots
from app.figures.profile import plain
from app.looks.palette import look
from hvae.stats import Estimate

PANELS = {"L": "the bound itself, −L<sup>&gt;k</sup>", "LLR": "the likelihood ratio, LLR<sup>&gt;k</sup>"}

ByLevel = Mapping[str, Mapping[str, Mapping[int, Estimate]]]
"""slug -> score (`L` or `LLR`) -> k -> AUROC."""


def auroc_by_level(curves: ByLevel, chosen: tuple[str, int], title: str) -> Figure:
    """AUROC against k for both scores, with 95 % intervals.

    Args:
        curves: of each OOD set.
        chosen: (score, k) that the page shows; its k is marked.
        title: what to see.
    """
    figure = subplots(
        rows=1,
        cols=2,
        shared_yaxes=True,
        subplot_titles=list(PANELS.values()),
        horizontal_spacing=0.06,
    )
    for column, score in enumerate(PANELS, start=1):
        for slug, by_score in curves.items():
            found = by_score[score]
            trace = estimate_line(slug, list(found), found, "k", 3)
            figure.add_scatter(**trace, showlegend=column == 1, row=1, col=column)
        figure.add_hline(y=0.5, line={"color": RULE, "width": 1, "dash": "dot"}, row=1, col=column)  # type: ignore[arg-type]
        figure.update_xaxes(title="k (layers from the prior)", dtick=1, row=1, col=column)
        if chosen[0] == score:
            figure.add_vline(x=chosen[1], line={"color": RULE, "width": 10}, opacity=0.25, row=1, col=column)  # type: ignore[arg-type]
    figure.update_yaxes(title="AUROC", range=[-0.02, 1.04], row=1, col=1)
    figure.update_yaxes(range=[-0.02, 1.04], row=1, col=2)
    laid_out(figure, title, height=400)
    # The panel names stand where the legend is in other figures.
    figure.update_layout(legend={"y": -0.24, "yanchor": "top"}, margin={"t": 36})
    figure.update_annotations(font={"size": 13})
    return figure


def level_table(curves: ByLevel) -> pd.DataFrame:
    """One row for each OOD set, score and k."""
    return pd.DataFrame(
        [
            {"ood": slug, "score": f"{score}>{k}", "auroc": one.value, "low": one.low, "high": one.high}
            for slug, by_score in curves.items()
            for score, estimates in by_score.items()
            for k, one in estimates.items()
        ]
    )


BySamples = Mapping[str, Mapping[str, Mapping[int, Estimate]]]
"""Symbol of a score in HTML -> slug of an OOD set -> number -> AUROC."""

NAMES = {"S": "S (importance samples)", "R": "R (draws)"}


def by_samples(curves: BySamples, what: str, chosen: int, title: str) -> Figure:
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
            trace = estimate_line(slug, [places.index(number) for number in line], line, what, 4)
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


def sample_table(curves: BySamples, what: str) -> pd.DataFrame:
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


def estimate_line(
    slug: str, x: Sequence[float], found: Mapping[int, Estimate], what: str, digits: int
) -> dict[str, Any]:
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
