"""Single images from outside as marks on the density of a score over in-distribution images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from app.figures.layout import Figure, laid_out
from app.palette import GREY, VERMILION, look
from hvae.arrays import Floats
from hvae.metrics import Density


def uploaded(
    reference: Density, own: str, scores: Floats, alarms: np.ndarray, names: Sequence[str], title: str, axis: str
) -> Figure:
    """The density of the reference images, and each image as a mark below it at its own score.

    Args:
        reference: of the in-distribution images.
        own: slug of their set.
        scores: `(m,)` nats.
        alarms: `(m,)` whether each image raises an alarm.
        names: of the images, in HTML: plotly reads its labels as markup.
        title: what to see.
        axis: name of the score in HTML.
    """
    style = look(own)
    figure = Figure()
    figure.add_scatter(
        x=(reference.edges[:-1] + reference.edges[1:]) / 2,
        y=reference.density,
        mode="lines",
        line={"color": style.colour, "dash": style.dash, "width": 2.5},
        fill="tozeroy",
        fillcolor=style.fill(),
        name=f"{style.title}, reference part",
        hovertemplate="%{x:.4g} nats<br>density %{y:.3g}<extra></extra>",
    )
    for row, (alarm, label, colour, symbol) in enumerate(
        ((False, "typical", GREY, "circle"), (True, "raises an alarm", VERMILION, "diamond"))
    ):
        chosen = np.flatnonzero(alarms == alarm)
        figure.add_scatter(
            x=scores[chosen],
            y=np.full(len(chosen), row, np.int8),
            yaxis="y2",
            mode="markers",
            marker={"symbol": symbol, "size": 10, "color": colour, "opacity": 0.8, "line": {"width": 1}},
            name=f"your images, {label}",
            customdata=chosen.astype(np.int32),
            text=[names[int(place)] for place in chosen],
            hovertemplate="%{text}<br>%{x:.4g} nats<br>click to look at it<extra></extra>",
            selected={"marker": {"size": 15, "opacity": 1}},
            unselected={"marker": {"opacity": 0.6}},
        )
    figure.update_layout(
        xaxis={"title": f"{axis} (nats) · higher = more out-of-distribution →", "anchor": "y2"},
        yaxis={
            "domain": [0.24, 1],
            "title": "density (1 / nats)",
            "rangemode": "tozero",
            "exponentformat": "power",
        },
        yaxis2={"domain": [0, 0.2], "visible": False, "range": [-0.7, 1.7]},
    )
    return laid_out(figure, title, height=400, mouse="click")


def table(scores: Floats, alarms: np.ndarray, names: Sequence[str], axis: str) -> pd.DataFrame:
    """The score of each image and whether it raises an alarm; names as plain text."""
    return pd.DataFrame({"name": list(names), axis: scores, "alarm": alarms})
