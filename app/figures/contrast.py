"""The raw likelihood beside the likelihood ratio: two panels of densities with the same look for each data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from app.figures.layout import Figure, laid_out, subplots
from app.figures.profile import plain
from app.figures.series import Series, line, rug

_RUG_SHARE = 0.04
"""Of the height of a panel, for each data set's marks."""


@dataclass(frozen=True)
class Panel:
    """One score on every data set.

    Attributes:
        symbol: of the score in HTML.
        unit: of the score.
        heading: what the panel shows, in few words.
        series: the in-distribution set first.
    """

    symbol: str
    unit: str
    heading: str
    series: Sequence[Series]


def contrast(left: Panel, right: Panel, title: str) -> Figure:
    """Densities of two scores side by side, single images as marks below; a mark's customdata is as in `densities`.

    Args:
        left: of the raw likelihood.
        right: of the likelihood ratio, of the same sets in the same order.
        title: what to see.
    """
    sets = len(left.series)
    below = 0.02 + _RUG_SHARE * sets
    figure = subplots(
        rows=2,
        cols=2,
        row_heights=[1 - below, below],
        vertical_spacing=0.01,
        horizontal_spacing=0.07,
        shared_xaxes=True,
        subplot_titles=[left.heading, right.heading],
    )
    for column, panel in enumerate((left, right), start=1):
        for place, one in enumerate(panel.series):
            density = line(one, panel.unit, filled=place == 0)
            figure.add_scatter(**density, showlegend=column == 1, row=1, col=column)
            figure.add_scatter(**rug(one, place, sets, panel.unit, "click to look at it"), row=2, col=column)
        figure.update_xaxes(showticklabels=False, row=1, col=column)
        figure.update_xaxes(title=f"{panel.symbol} ({panel.unit}) →", row=2, col=column)
        figure.update_yaxes(rangemode="tozero", showticklabels=False, row=1, col=column)
        figure.update_yaxes(visible=False, range=[-0.7, sets - 0.3], row=2, col=column)
    figure.update_yaxes(title="density", row=1, col=1)
    laid_out(figure, title, height=330 + 14 * sets, mouse="click")
    # The panel names stand where the legend is in other figures.
    figure.update_layout(legend={"y": -0.26, "yanchor": "top"}, margin={"t": 34})
    figure.update_annotations(font={"size": 13})
    return figure


def table(left: Panel, right: Panel) -> pd.DataFrame:
    """The binned densities: one row a score and bin, one column a data set."""
    frames = []
    for panel in (left, right):
        edges = panel.series[0].density.edges
        columns = {f"density_{one.slug}": one.density.density for one in panel.series}
        about = {"score": plain(panel.symbol), "unit": panel.unit, "from": edges[:-1], "to": edges[1:]}
        frames.append(pd.DataFrame(about | columns))
    return pd.concat(frames, ignore_index=True)
