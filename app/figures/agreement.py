"""The score of one run against the score of another, image by image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from app.figures.densities import IDS_PER_SET
from app.figures.layout import RULE, Figure, laid_out
from app.looks.palette import look
from hvae.stats.arrays import Floats, Indices

CORNERS = (
    ("both call it OOD", 1, 1),
    ("only {first} does", 1, 0),
    ("only {second} does", 0, 1),
    ("neither does", 0, 0),
)
"""What a quadrant means, and its corner of the plot: right, top."""


@dataclass(frozen=True, eq=False)
class Cloud:
    """The images of one data set that are drawn: their numbers and their scores by two runs, all `(marks,)`."""

    slug: str
    marks: Indices
    first: Floats
    second: Floats


def agreement(
    clouds: Sequence[Cloud],
    thresholds: tuple[float, float],
    letters: tuple[str, str],
    axes: tuple[str, str],
    title: str,
) -> Figure:
    """Images as marks whose customdata is place of the set x `IDS_PER_SET` + number of the image.

    The in-distribution set comes first; images at or above the threshold of a run are called OOD by it.
    """
    figure = Figure()
    for place, cloud in enumerate(clouds):
        style = look(cloud.slug)
        figure.add_scatter(
            x=cloud.first,
            y=cloud.second,
            mode="markers",
            marker={
                "color": style.colour,
                "symbol": style.marker,
                "size": 7,
                "opacity": 0.7,
                "line": {"width": 0},
            },
            customdata=place * IDS_PER_SET + cloud.marks,
            name=style.title,
            selected={"marker": {"size": 14, "opacity": 1}},
            unselected={"marker": {"opacity": 0.5}},
            hovertemplate=f"{style.title}, one image<br>{letters[0]} %{{x:.4g}}, {letters[1]} %{{y:.4g}}"
            "<br>click to look at it<extra></extra>",
        )
    ranges = [
        _range([getattr(cloud, side) for cloud in clouds], threshold)
        for side, threshold in zip(("first", "second"), thresholds, strict=True)
    ]
    rule = {"color": RULE, "width": 1.5, "dash": "dash"}
    figure.add_vline(x=thresholds[0], line=rule)  # type: ignore[arg-type]
    figure.add_hline(y=thresholds[1], line=rule)  # type: ignore[arg-type]
    for text, right, top in CORNERS:
        figure.add_annotation(
            x=right,
            y=top,
            xref="paper",
            yref="paper",
            xanchor="right" if right else "left",
            yanchor="top" if top else "bottom",
            text=text.format(first=letters[0], second=letters[1]),
            showarrow=False,
            font={"size": 12},
        )
    figure.update_xaxes(title=axes[0], range=ranges[0])
    figure.update_yaxes(title=axes[1], range=ranges[1])
    return laid_out(figure, title, height=480, mouse="click")


def table(clouds: Sequence[Cloud], runs: tuple[str, str]) -> pd.DataFrame:
    """The images drawn, one row each."""
    frames = [
        pd.DataFrame(
            {
                "data": cloud.slug,
                "image": cloud.marks,
                f"{runs[0]} score": cloud.first,
                f"{runs[1]} score": cloud.second,
            }
        )
        for cloud in clouds
    ]
    return pd.concat(frames, ignore_index=True)


def _range(values: Sequence[Floats], threshold: float) -> list[float]:
    """Everything drawn and the threshold, with room for a mark and for the names of the quadrants."""
    low = min(threshold, *(float(one.min()) for one in values))
    high = max(threshold, *(float(one.max()) for one in values))
    room = 0.06 * (high - low) or 1.0
    return [low - room, high + room]
