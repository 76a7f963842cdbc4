"""Levels of a hierarchy as maps: every image a mark, beside one another so that an eye can follow it up the levels."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from app.figures.densities import IDS_PER_SET
from app.figures.layout import Figure, laid_out, packed, subplots
from app.looks.palette import HEAT_MAP, Look, look
from app.looks.wording import subscript
from hvae.datasets.looks import BLUE, GREEN, GREY, ORANGE, PINK, SKY, VERMILION
from hvae.stats.arrays import Floats

COLUMNS = 3
PANEL, LASSOED = 380, 250
"""Pixels of a panel's height."""
SIZE = 4
FADED = 0.12
FINEST = 60_000
"""Steps across a panel, finer than any screen: two bytes a coordinate."""
DIGITS = 4
"""Of a score under the mouse."""
_COLOURS = (BLUE, ORANGE, GREEN, PINK, SKY, VERMILION, GREY, "#A6761D", "#6A3D9A", "#F0E442")
"""Of labels, in turn."""


@dataclass(frozen=True)
class Grid:
    """Where the marks of a panel are drawn: in whole steps from the lowest of both coordinates."""

    low: tuple[float, float]
    step: tuple[float, float]

    @classmethod
    def around(cls, points: Floats) -> Grid:
        """The finest one that holds all points `(n, 2)`."""
        low, high = points.min(axis=0), points.max(axis=0)
        # All at one place: any step will do.
        step = np.where(high > low, (high - low) / FINEST, 1.0)
        return cls((float(low[0]), float(low[1])), (float(step[0]), float(step[1])))

    def places(self, points: Floats) -> np.ndarray:
        """Steps `(n, 2)` of points, uint16."""
        return np.rint((points - self.low) / self.step).astype(np.uint16)

    def points(self, x: Sequence[float], y: Sequence[float]) -> tuple[list[float], list[float]]:
        """Coordinates of places, whole or not."""
        return [self.low[0] + self.step[0] * one for one in x], [self.low[1] + self.step[1] * one for one in y]


@dataclass(frozen=True, eq=False)
class MapSet:
    """Marks of one image set: `points` by level `(levels, n, 2)`, the number, label and score of each image `(n,)`.

    The scores colour them, and `selected` are the places of those that stand out, None for all.
    """

    slug: str
    points: Floats
    index: np.ndarray
    labels: np.ndarray
    values: Floats
    selected: Sequence[int] | None = None


def grids(sets: Sequence[MapSet]) -> list[Grid]:
    """Of the panels, one for each level, around all sets."""
    return [Grid.around(np.concatenate(level)) for level in zip(*(one.points for one in sets), strict=True)]


def level_maps(
    sets: Sequence[MapSet],
    levels: Sequence[int],
    tint: str,
    names: tuple[str, str],
    title: str,
    unit: str = "",
    ring: Floats | None = None,
) -> Figure:
    """A panel a level, in which a mark can be clicked or several drawn around; coordinates are steps of `grids`.

    `tint` is `set`, `label` or `score`; `names` are what the two axes are; `unit` is that of the scores; a `ring` is
    drawn around a point `(2,)` of each level. What every level has of an image, its number, label and score, is sent
    once, and the browser looks it up under the mouse.
    """
    columns = min(COLUMNS, len(levels))
    rows = -(-len(levels) // columns)
    figure = subplots(rows=rows, cols=columns, horizontal_spacing=0.04, vertical_spacing=0.12)
    for place, grid in enumerate(grids(sets)):
        row, column = (one + 1 for one in divmod(place, columns))
        for number, one in enumerate(sets):
            # Fainter, dark blue would be the light blue beside it.
            strong = look(one.slug).colour == BLUE and any(look(other.slug).colour == SKY for other in sets)
            _add(figure, one, number, grid.places(one.points[place]), tint, row, column, strong)
        # Below one another: beside one another they would run into those of the next panel on a phone.
        across = f"z{subscript(levels[place])}<br>{names[0]}"
        figure.update_xaxes(title=across, showticklabels=False, title_standoff=6, row=row, col=column)
        figure.update_yaxes(showticklabels=False, showgrid=False, row=row, col=column)
    if tint != "set":
        # Marks of many colours have a black one in the legend, which nobody sees on a dark page.
        for one in sets:
            figure.add(replace(look(one.slug), colour=GREY), [None], [None], size=9, legendgroup=one.slug, row=1, col=1)
    if tint == "label":
        _key(figure, sets)
    if ring is not None:
        _ring(figure, grids(sets), ring, columns)
    figure.update_yaxes(title=names[1], title_standoff=4, col=1)
    # What a lasso holds is shown as images below the figure, in view without scrolling.
    panel = PANEL if all(one.selected is None for one in sets) else LASSOED
    laid_out(figure, title, height=panel * rows + 60, mouse="lasso")
    bottom = 84 if tint == "label" else 50
    figure.update_layout(margin={"l": 30, "r": 8, "t": 30, "b": bottom}, legend={"itemsizing": "constant"})
    figure.update_layout(meta={"unit": html.unescape(unit), "sets": [_images(one) for one in sets]})
    figure.marks = [place * IDS_PER_SET + one.index for _ in levels for place, one in enumerate(sets)]
    if tint == "score":
        bar = {"title": unit, "thickness": 12, "len": 0.9}
        figure.update_layout(coloraxis={"colorscale": HEAT_MAP, "colorbar": bar, **_range(sets)})
    return figure


def _ring(figure: Figure, panels: Sequence[Grid], around: Floats, columns: int) -> None:
    """Dark on light and light on dark: one of both is seen wherever it lies, on either theme."""
    colours = ["black", "white"]
    line = {"width": 2, "color": colours}
    mark = {"symbol": "circle-open", "size": [14, 18], "color": colours, "line": line, "opacity": 1}
    how = {"mode": "markers", "marker": mark, "hoverinfo": "skip", "showlegend": False}
    for place, grid in enumerate(panels):
        (x, y), (row, column) = grid.places(around[place]), (one + 1 for one in divmod(place, columns))
        figure.add_scattergl(x=[x, x], y=[y, y], **how, row=row, col=column)


def _key(figure: Figure, sets: Sequence[MapSet]) -> None:
    """Which label has which colour, below the panels: the same ones for every set, whose marks its shape tells."""
    there = np.unique(np.concatenate([one.labels for one in sets]))
    for place, colour in enumerate(_COLOURS):
        if len(alike := there[there % len(_COLOURS) == place]):
            name = ", ".join(map(str, alike[:2])) + (" …" if len(alike) > 2 else "")
            style = Look(name, colour, "solid", "circle")
            figure.add(style, [None], [None], size=9, legend="legend2", row=1, col=1)
    figure.update_layout(
        legend2={"title": {"text": "label"}, "orientation": "h", "x": 0, "xanchor": "left", "y": 0, "yref": "container",
                 "yanchor": "bottom", "itemclick": False, "itemdoubleclick": False}
    )  # fmt: skip


def _images(one: MapSet) -> dict[str, object]:
    """What is said of each image under the mouse; the fourth digit of a score fits into four bytes."""
    scores = [float(f"{value:.{DIGITS}g}") for value in one.values.tolist()]
    return {
        "title": html.unescape(look(one.slug).title),
        "index": packed(one.index),
        "label": packed(one.labels),
        "score": packed(np.array(scores, np.float32)),
    }


def _range(sets: Sequence[MapSet]) -> dict[str, float]:
    """Ends of a colour scale that few far values do not decide."""
    values = np.concatenate([one.values for one in sets])
    low, high = np.quantile(values[np.isfinite(values)], [0.02, 0.98]) if np.isfinite(values).any() else (0, 1)
    return {"cmin": float(low), "cmax": float(high)}


def _add(
    figure: Figure, one: MapSet, number: int, places: np.ndarray, tint: str, row: int, column: int, strong: bool
) -> None:
    style = look(one.slug)
    # WebGL draws an open mark by its outline alone.
    outline = {"width": 1 if style.marker.endswith("-open") else 0}
    marker: dict[str, object] = {"size": SIZE, "symbol": style.marker, "line": outline, "color": style.colour}
    if tint == "score":
        marker |= {"color": packed(one.values.astype(np.float32)), "coloraxis": "coloraxis"}
    elif tint == "label":
        steps = np.arange(1 + len(_COLOURS)) / len(_COLOURS)
        scale = [[float(end), colour] for place, colour in enumerate(_COLOURS) for end in steps[place : place + 2]]
        ends = {"cmin": -0.5, "cmax": len(_COLOURS) - 0.5, "colorscale": scale}
        marker |= {"color": packed(one.labels % len(_COLOURS)), **ends}
    marker["opacity"] = 0.4 if number and not strong else 0.9
    figure.add_scattergl(
        x=packed(places[:, 0]),
        y=packed(places[:, 1]),
        mode="markers",
        name=style.title,
        marker=marker,
        # The browser says it beside the image.
        hoverinfo="none",
        meta=number,
        selectedpoints=None if one.selected is None else list(one.selected),
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": FADED, "color": GREY}},
        legendgroup=one.slug,
        showlegend=row == column == 1 and tint == "set",
        row=row,
        col=column,
    )
