"""Slices of an image set as bars: which share of each a score gets wrong."""

import pandas as pd

from app.figures.layout import Figure, laid_out
from app.looks.palette import Look
from hvae.datasets.looks import GREY

ROW = 26
"""Pixels a bar takes."""
HEAD = 64


def bars(slices: pd.DataFrame, share: str, words: str, style: Look, title: str, chosen: str | None = None) -> Figure:
    """A bar a row of `hvae.report.slices.slice_table`, as long as its `share`, the first on top; a click chooses it.

    `words` say what the share is of. The other bars are grey where a slice is chosen.
    """
    names = slices["slice"].tolist()
    shares: list[float] = slices[share].tolist()
    figure = Figure()
    columns = (slices[name].tolist() for name in ("n", "auroc", "auroc_low", "auroc_high"))
    hover = [
        f"{name}<br>{value:.1%} {words} ({round(value * n):,} of {n:,})<br>AUROC {area:.3f} [{low:.3f}, {high:.3f}]"
        for name, value, n, area, low, high in zip(names, shares, *columns, strict=True)
    ]
    figure.add_bar(
        x=shares,
        y=names,
        orientation="h",
        marker={"color": [style.colour if chosen in (None, name) else GREY for name in names]},
        text=[f" {value:.1%} of {n:,}" for value, n in zip(shares, slices["n"], strict=True)],
        textposition="outside",
        cliponaxis=False,
        customdata=names,
        hovertext=hover,
        hoverinfo="text",
        # What is clicked is said by colour: plotly's own fading would hide the rest.
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 1}},
    )
    most = max(0.05, *shares)
    figure.update_xaxes(range=[0, 1.5 * most], tickformat=".0%", title=f"share {words}")
    figure.update_yaxes(autorange="reversed", showgrid=False, type="category")
    return laid_out(figure, title, height=HEAD + ROW * max(3, len(names)), worded=True, mouse="click")
