"""Two numbers of each image as a cloud, and one of each pixel as a line: one a data set."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from app.figures.densities import IDS_PER_SET
from app.figures.layout import Figure, laid_out
from app.looks.palette import look

MOST_MARKS = 300
"""Of a data set, evenly spaced in its rows: a browser takes half a second for a thousand."""


def cloud(points: pd.DataFrame, labels: Mapping[str, np.ndarray], axes: tuple[str, str], title: str) -> Figure:
    """The second and third column of the points against each other, a mark an image.

    The first column is the slug of the data set, the familiar one first; axes are HTML with their units. A mark says
    the number of its image in the set and its label (by slug, one an image); customdata are as in `agreement`.
    """
    figure = Figure()
    for place, (slug, own) in enumerate(points.groupby(points.columns[0], sort=False)):
        numbers = np.unique(np.linspace(0, len(own) - 1, MOST_MARKS).round().astype(int))
        drawn = own.iloc[numbers]
        figure.add(
            look(str(slug)),
            drawn.iloc[:, 1],
            drawn.iloc[:, 2],
            " %{text}<br>%{x:.4g}, %{y:.4g}",
            size=6,
            customdata=place * IDS_PER_SET + numbers,
            text=[
                f"{number}, label {label}" for number, label in zip(numbers, labels[str(slug)][numbers], strict=True)
            ],
            marker={"opacity": 0.65, "line": {"width": 0}},
        )
    figure.update_xaxes(title=axes[0])
    figure.update_yaxes(title=axes[1])
    low, high = points.iloc[:, 1].min(), points.iloc[:, 1].max()
    if high - low < (width := 1e-3 * max(1.0, abs(low))):
        # One number for all: a scale that shows its last digits would make much of nothing.
        figure.update_xaxes(range=[low - 100 * width, high + 100 * width])
    return laid_out(figure, title, height=400)


def in_order(values: pd.DataFrame, axes: tuple[str, str], title: str) -> Figure:
    """A line a data set: the first column of the values is its slug, the last two are a share in [0, 1] and a value."""
    figure = Figure()
    for slug, own in values.groupby(values.columns[0], sort=False):
        figure.add(look(str(slug)), own.iloc[:, -2], own.iloc[:, -1], "<br>%{x:.2f}: %{y:.3g}", width=2.5)
    figure.update_xaxes(title=axes[0], range=[0, 1])
    figure.update_yaxes(title=axes[1], rangemode="tozero")
    return laid_out(figure, title, height=360)
