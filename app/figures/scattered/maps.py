"""Levels of a hierarchy as maps: every image a mark, beside one another so that an eye can follow it up the levels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from app.figures.layout import Figure, laid_out, subplots
from app.looks.palette import HEAT_MAP, look
from app.looks.wording import subscript
from hvae.datasets.looks import BLUE, GREEN, GREY, ORANGE, PINK, SKY, VERMILION
from hvae.stats.arrays import Floats

COLUMNS = 3
PANEL = 380
"""Pixels of a panel's height."""
SIZE = 4
FADED = 0.12
_COLOURS = (BLUE, ORANGE, GREEN, PINK, SKY, VERMILION, GREY, "#A6761D", "#6A3D9A", "#F0E442")
"""Of labels, in turn."""


@dataclass(frozen=True, eq=False)
class MapSet:
    """Marks of one image set: `points` by level `(levels, n, 2)`, a number and words for hovering of each `(n,)`.

    `values` colour them, and `selected` are the places of those that stand out, None for all.
    """

    slug: str
    points: Floats
    ids: Sequence[int]
    words: Sequence[str]
    labels: np.ndarray
    values: Floats
    selected: Sequence[int] | None = None


def level_maps(
    sets: Sequence[MapSet], levels: Sequence[int], tint: str, names: tuple[str, str], title: str, unit: str = ""
) -> Figure:
    """A panel a level, in which a mark can be clicked (its number is the customdata) or several drawn around.

    `tint` is `set`, `label` or `score`; `names` are what the two axes are; `unit` is that of the values.
    """
    columns = min(COLUMNS, len(levels))
    rows = -(-len(levels) // columns)
    figure = subplots(
        rows=rows,
        cols=columns,
        subplot_titles=[f"z{subscript(level)}" for level in levels],
        horizontal_spacing=0.04,
        vertical_spacing=0.12,
    )
    for place in range(len(levels)):
        row, column = divmod(place, columns)
        for number, one in enumerate(sets):
            _add(figure, one, place, tint, unit, row + 1, column + 1, first=place == 0, own=number == 0)
        figure.update_xaxes(title=names[0], showticklabels=False, title_standoff=6, row=row + 1, col=column + 1)
        figure.update_yaxes(showticklabels=False, showgrid=False, row=row + 1, col=column + 1)
    figure.update_yaxes(title=names[1], title_standoff=4, col=1)
    laid_out(figure, title, height=PANEL * rows + 60, mouse="lasso")
    figure.update_layout(margin={"l": 30, "r": 8, "t": 56, "b": 34}, legend={"y": 1.07, "itemsizing": "constant"})
    if tint == "score":
        bar = {"title": unit, "thickness": 12, "len": 0.9}
        figure.update_layout(coloraxis={"colorscale": HEAT_MAP, "colorbar": bar, **_range(sets)})
    return figure


def _range(sets: Sequence[MapSet]) -> dict[str, float]:
    """Ends of a colour scale that few far values do not decide."""
    values = np.concatenate([one.values for one in sets])
    low, high = np.quantile(values[np.isfinite(values)], [0.02, 0.98]) if np.isfinite(values).any() else (0, 1)
    return {"cmin": float(low), "cmax": float(high)}


def _add(
    figure: Figure,
    one: MapSet,
    place: int,
    tint: str,
    unit: str,
    row: int,
    column: int,
    *,
    first: bool,
    own: bool,
) -> None:
    style = look(one.slug)
    # WebGL draws an open mark by its outline alone.
    outline = {"width": 1 if style.marker.endswith("-open") else 0}
    marker: dict[str, object] = {"size": SIZE, "symbol": style.marker, "line": outline}
    if tint == "score":
        marker |= {"color": one.values.astype(np.float32), "coloraxis": "coloraxis"}
    elif tint == "label":
        marker |= {"color": [_COLOURS[int(label) % len(_COLOURS)] for label in one.labels]}
    else:
        marker |= {"color": style.colour}
    marker["opacity"] = 0.9 if own else 0.4
    figure.add_scattergl(
        # In four bytes each: ten thousand marks a level are megabytes otherwise.
        x=one.points[place, :, 0].astype(np.float32),
        y=one.points[place, :, 1].astype(np.float32),
        mode="markers",
        name=style.title,
        marker=marker,
        customdata=np.asarray(one.ids, np.int32),
        text=list(one.words),
        hovertemplate=f"{style.title} %{{text}} {unit}<extra></extra>",
        selectedpoints=None if one.selected is None else list(one.selected),
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": FADED, "color": GREY}},
        legendgroup=one.slug,
        showlegend=first and tint == "set",
        row=row,
        col=column,
    )
    if first and tint != "set":
        # Marks of many colours have a black one in the legend, which nobody sees on a dark page.
        figure.add(replace(style, colour=GREY), [None], [None], size=9, legendgroup=one.slug, row=row, col=column)
