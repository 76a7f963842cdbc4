"""AUROC at every k: the raw bound beside the likelihood ratio."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from app.figures import estimates
from app.figures.layout import RULE, Figure, laid_out, subplots
from hvae.metrics import Estimate

PANELS = {"L": "the bound itself, −L<sup>&gt;k</sup>", "LLR": "the likelihood ratio, LLR<sup>&gt;k</sup>"}

Curves = Mapping[str, Mapping[str, Mapping[int, Estimate]]]
"""slug -> score (`L` or `LLR`) -> k -> AUROC."""


def auroc_by_level(curves: Curves, chosen: tuple[str, int], title: str) -> Figure:
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
            trace = estimates.line(slug, list(found), found, "k", 3)
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


def table(curves: Curves) -> pd.DataFrame:
    """One row for each OOD set, score and k."""
    return pd.DataFrame(
        [
            {"ood": slug, "score": f"{score}>{k}", "auroc": one.value, "low": one.low, "high": one.high}
            for slug, by_score in curves.items()
            for score, estimates in by_score.items()
            for k, one in estimates.items()
        ]
    )
