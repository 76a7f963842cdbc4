"""Densities of scores: of one score, of two or more beside each other, of one's own images; single images as a rug."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from app.figures.layout import RULE, Figure, laid_out, legend_below, subplots
from app.figures.profile import plain
from app.looks.palette import Look, look
from hvae.datasets.looks import GREY, VERMILION
from hvae.stats import Density
from hvae.stats.arrays import Floats

Brush = tuple[float | None, float | None]
"""A range of scores, ends included; None where it has no end."""

IDS_PER_SET = 10_000_000
"""A mark's customdata is one integer: place of its set times this, plus the image's number."""


@dataclass(frozen=True)
class Series:
    """One data set's scores, binned over edges that all share, and those images (number, score) drawn one by one."""

    slug: str
    density: Density
    marks: np.ndarray
    scores: Floats
    words: Sequence[str] = ()
    """Of each of them, for hovering; plain text."""


@dataclass(frozen=True)
class Panel:
    """One score on every data set, the in-distribution set first; symbol and heading in HTML."""

    symbol: str
    unit: str
    heading: str
    series: Sequence[Series]


def densities(
    series: Sequence[Series],
    threshold: float,
    title: str,
    axis: str,
    unit: str,
    brush: Brush = (None, None),
    *,
    brushing: bool = False,
) -> Figure:
    """Densities over a shared axis, a rug of single images below, and the threshold as a line.

    The in-distribution set comes first; `axis` is the score in HTML; a brush is shaded; while dragging chooses one
    (`brushing`), marks cannot be clicked.
    """
    figure = Figure()
    hint = "" if brushing else "<br>click to look at it"
    for place, one in enumerate(series):
        _add_line(figure, one.slug, one.density, unit, filled=place == 0)
        _add_rug(figure, one, place, len(series), f"{unit}{hint}", yaxis="y2")
    figure.add_vline(x=threshold, line={"color": RULE, "width": 2, "dash": "dash"})
    figure.add_annotation(
        x=threshold, y=1, yref="paper", text="threshold", showarrow=False, xanchor="left", xshift=4, font={"size": 12}
    )
    below = 0.035 * len(series)
    _axes(figure, axis, unit, (below, 0.08 + below), len(series))
    laid_out(figure, title, height=400 + 14 * len(series), mouse="brush" if brushing else "click")
    if brush != (None, None):
        edges = series[0].density.edges
        low, high = (edge if end is None else end for end, edge in zip(brush, (edges[0], edges[-1]), strict=True))
        figure.add_vrect(
            x0=low, x1=high, fillcolor=RULE, opacity=0.22, line={"width": 1.5, "color": RULE}, layer="below"
        )
        # The range may reach beyond what is drawn; the axis stays.
        figure.update_xaxes(range=[edges[0], edges[-1]])
    return figure


def density_table(series: Sequence[Series]) -> pd.DataFrame:
    """The binned densities as one table."""
    edges = series[0].density.edges
    columns = {f"density_{one.slug}": one.density.density for one in series}
    return pd.DataFrame({"from": edges[:-1], "to": edges[1:], **columns})


def contrast(left: Panel, right: Panel, title: str) -> Figure:
    """Densities of two scores of the same sets side by side, single images as marks below; ids as in `densities`."""
    sets = len(left.series)
    # Of the height, for the marks.
    below = 0.02 + 0.04 * sets
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
            named = {"showlegend": column == 1, "row": 1, "col": column}
            _add_line(figure, one.slug, one.density, panel.unit, filled=place == 0, **named)
            _add_rug(figure, one, place, sets, f"{panel.unit}<br>click to look at it", row=2, col=column)
        figure.update_xaxes(showticklabels=False, row=1, col=column)
        figure.update_xaxes(title=f"{panel.symbol} ({panel.unit}) →", row=2, col=column)
        figure.update_yaxes(rangemode="tozero", showticklabels=False, row=1, col=column)
        figure.update_yaxes(visible=False, range=[-0.7, sets - 0.3], row=2, col=column)
    figure.update_yaxes(title="density", row=1, col=1)
    return legend_below(laid_out(figure, title, height=330 + 14 * sets, mouse="click"), -0.26, 34)


def stacked(panels: Sequence[Panel], title: str) -> Figure:
    """Densities below one another over one axis, without single images; there is at least one panel, all of a unit."""
    figure = subplots(
        rows=len(panels),
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.16 / len(panels),
        subplot_titles=[panel.heading for panel in panels],
    )
    for row, panel in enumerate(panels, start=1):
        for place, one in enumerate(panel.series):
            _add_line(figure, one.slug, one.density, panel.unit, filled=place == 0, showlegend=row == 1, row=row, col=1)
    figure.update_yaxes(rangemode="tozero", showticklabels=False, title="density")
    figure.update_xaxes(title=f"{panels[0].symbol} ({panels[0].unit}) · lower = likelier", row=len(panels), col=1)
    height = 110 + 150 * len(panels)
    return legend_below(laid_out(figure, title, height=height), -62 / (height - 100), 34)


def contrast_table(*panels: Panel) -> pd.DataFrame:
    """The binned densities: one row a score and bin, one column a data set."""
    frames = [density_table(panel.series) for panel in panels]
    for frame, panel in zip(frames, panels, strict=True):
        frame.insert(0, "score", plain(panel.symbol))
        frame.insert(1, "unit", panel.unit)
    return pd.concat(frames, ignore_index=True)


def uploaded(
    reference: Density,
    own: str,
    scores: Floats,
    alarms: np.ndarray,
    names: Sequence[str],
    title: str,
    axis: str,
    unit: str,
) -> Figure:
    """The density of the reference images (of the set `own`), and each image as a mark below it at its own score.

    Scores and alarms are `(m,)`; names and `axis`, the name of the score, are HTML.
    """
    figure = Figure()
    _add_line(figure, own, reference, unit, filled=True, name=f"{look(own).title}, reference part")
    calm = Look("your images, no alarm", GREY, "", "circle")
    for row, style in enumerate((calm, Look("your images, raises an alarm", VERMILION, "", "diamond"))):
        chosen = np.flatnonzero(alarms == bool(row))
        figure.add(
            style,
            scores[chosen],
            np.full(len(chosen), row, np.int8),
            size=10,
            clicked=(15, 0.6),
            marker={"opacity": 0.8, "line": {"width": 1}},
            yaxis="y2",
            customdata=chosen.astype(np.int32),
            text=[names[int(place)] for place in chosen],
            hoverinfo=None,
            hovertemplate=f"%{{text}}<br>%{{x:.4g}} {unit}<br>click to look at it<extra></extra>",
        )
    _axes(figure, axis, unit, (0.2, 0.24), 2)
    return laid_out(figure, title, height=400, mouse="click")


def uploaded_table(scores: Floats, alarms: np.ndarray, names: Sequence[str], axis: str) -> pd.DataFrame:
    """The score of each image and whether it raises an alarm; names as plain text."""
    return pd.DataFrame({"name": list(names), axis: scores, "alarm": alarms})


def _axes(figure: Figure, axis: str, unit: str, ends: tuple[float, float], rows: int) -> None:
    """Densities from the second end of the height upwards, so many rows of marks below the first."""
    density = {"title": f"density (1 / {unit})", "rangemode": "tozero", "exponentformat": "power"}
    figure.update_layout(
        xaxis={"title": f"{axis} ({unit}) · higher = more out-of-distribution →", "anchor": "y2"},
        yaxis={"domain": [ends[1], 1]} | density,
        yaxis2={"domain": [0, ends[0]], "visible": False, "range": [-0.7, rows - 0.3]},
    )


def _add_line(figure: Figure, slug: str, density: Density, unit: str, *, filled: bool, **more: Any) -> None:
    """Add a density; that of the in-distribution set is filled."""
    style, centres = look(slug), (density.edges[:-1] + density.edges[1:]) / 2
    more |= {"fill": "tozeroy" if filled else None, "fillcolor": style.fill(), "legendgroup": slug}
    figure.add(style, centres, density.density, f"<br>%{{x:.4g}} {unit}<br>density %{{y:.3g}}", width=2.5, **more)


def _add_rug(figure: Figure, one: Series, place: int, sets: int, said: str, **more: Any) -> None:
    """Add the images within the edges as marks; the first set's stand highest, and `said` follows a score."""
    edges = one.density.edges
    shown = (one.scores >= edges[0]) & (one.scores <= edges[-1])
    named = [text for text, inside in zip(one.words, shown, strict=False) if inside]
    figure.add(
        look(one.slug),
        one.scores[shown],
        np.full(np.count_nonzero(shown), sets - 1 - place, np.int8),
        f"{' %{text}' if named else ', one image'}<br>%{{x:.4g}} {said}",
        text=named or None,
        size=8,
        clicked=(18, 0.55),
        marker={"symbol": "line-ns-open", "line": {"width": 1.2}},
        customdata=(place * IDS_PER_SET + one.marks[shown]).astype(np.int32),
        legendgroup=one.slug,
        showlegend=False,
        **more,
    )
