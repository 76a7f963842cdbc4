"""Curves of operating points: ROC and precision-recall of several OOD sets, ROC of several runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from app.figures.layout import RULE, Figure, Mouse, laid_out
from app.looks.palette import Look, look
from hvae.stats import PrecisionRecallCurve, RocCurve
from hvae.stats.arrays import Floats


def roc(curves: Mapping[str, RocCurve], points: Mapping[str, tuple[float, float]], title: str) -> Figure:
    """ROC curves by data set.

    Args:
        curves: by slug of the OOD set.
        points: (false alarms, caught) at the threshold, by slug.
        title: what to see.
    """
    figure = plane(title, "click")
    for place, (slug, found) in enumerate(curves.items()):
        what = f"{look(slug).title}<br>false alarms %{{x:.3f}}<br>caught %{{y:.3f}}"
        curve(figure, place, len(curves), slug, found.fpr, found.tpr, found.thresholds, points[slug], what)
    return figure


def plane(title: str, mouse: Mouse = "look") -> Figure:
    """The axes of a ROC curve with the diagonal of guessing."""
    figure = Figure()
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        line={"color": RULE, "width": 1, "dash": "dot"},
        name="guessing",
        hoverinfo="skip",
        showlegend=False,
    )
    figure.update_xaxes(title="false alarms (share of in-distribution images)", range=[-0.02, 1.02])
    figure.update_yaxes(title="caught (share of OOD images)", range=[-0.02, 1.02])
    return laid_out(figure, title, height=440, mouse=mouse)


def roc_table(curves: Mapping[str, RocCurve]) -> pd.DataFrame:
    """The operating points drawn, one row each."""
    frames = [
        pd.DataFrame({"ood": slug, "false_alarms": curve.fpr, "caught": curve.tpr, "threshold": curve.thresholds})
        for slug, curve in curves.items()
    ]
    return pd.concat(frames, ignore_index=True)


def precision_recall(
    curves: Mapping[str, PrecisionRecallCurve], points: Mapping[str, tuple[float, float]], title: str
) -> Figure:
    """Precision-recall curves by data set, over the prevalence that all share as a dotted line.

    Args:
        curves: by slug of the OOD set; at least one.
        points: (recall, precision) at the threshold, by slug.
        title: what to see.
    """
    figure = Figure()
    guessing = next(iter(curves.values())).prevalence
    figure.add_hline(y=guessing, line={"color": RULE, "width": 1, "dash": "dot"})
    for place, (slug, found) in enumerate(curves.items()):
        what = f"{look(slug).title}<br>caught %{{x:.3f}}<br>rightly called OOD %{{y:.3f}}"
        curve(figure, place, len(curves), slug, found.recall, found.precision, found.thresholds, points[slug], what)
    figure.update_xaxes(title="recall: caught (share of OOD images)", range=[-0.02, 1.02])
    figure.update_yaxes(title="precision: OOD among those called OOD, at 1:1", range=[-0.02, 1.02])
    return laid_out(figure, title, height=440, mouse="click")


def precision_recall_table(curves: Mapping[str, PrecisionRecallCurve]) -> pd.DataFrame:
    """The operating points drawn, one row each."""
    frames = [
        pd.DataFrame({"ood": slug, "recall": curve.recall, "precision": curve.precision, "threshold": curve.thresholds})
        for slug, curve in curves.items()
    ]
    return pd.concat(frames, ignore_index=True)


POINTS_PER_CURVE = 100_000
"""A point's customdata is one integer: place of its curve times this, plus its position on the curve."""

CLICKABLE = 160
"""Points that can be clicked, all curves of a figure together; a line has more, and none of its own can be."""


def curve(
    figure: Figure,
    place: int,
    curves: int,
    slug: str,
    x: Floats,
    y: Floats,
    thresholds: Floats,
    point: tuple[float, float],
    what: str,
) -> None:
    """Add the curve of one OOD set: its line, invisible marks to click (a line alone has none), and its threshold.

    Args:
        figure: to add to.
        place: of the curve among those of the figure.
        curves: how many these are.
        slug: of the OOD set.
        x: `(points,)`.
        y: `(points,)`.
        thresholds: `(points,)`; those without a finite one cannot be set and have no mark.
        point: where the threshold in use stands.
        what: hover text with the placeholders of plotly.
    """
    style = look(slug)
    figure.add_scatter(
        x=x,
        y=y,
        name=style.title,
        mode="lines",
        line={"color": style.colour, "dash": style.dash, "width": 2.5},
        legendgroup=slug,
        hoverinfo="skip",
    )
    able = np.flatnonzero(np.isfinite(thresholds))
    able = able[np.unique(np.linspace(0, len(able) - 1, min(CLICKABLE // curves, len(able))).round().astype(int))]
    figure.add_scatter(
        x=x[able],
        y=y[able],
        name=style.title,
        mode="markers",
        marker={"size": 12, "color": "rgba(0, 0, 0, 0)", "line": {"width": 0}},
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 1}},
        customdata=(place * POINTS_PER_CURVE + able).astype(np.int32),
        text=[f"{value:.4g}" for value in thresholds[able]],
        legendgroup=slug,
        showlegend=False,
        hovertemplate=f"{what}<br>threshold %{{text}}<br>click to set it<extra></extra>",
    )
    figure.add_scatter(
        x=[point[0]],
        y=[point[1]],
        name=style.title,
        mode="markers",
        marker={"color": style.colour, "symbol": style.marker, "size": 12, "line": {"color": "white", "width": 1.5}},
        legendgroup=slug,
        showlegend=False,
        hovertemplate=f"{what}<br>the threshold<extra></extra>",
    )


@dataclass(frozen=True, eq=False)
class Line:
    """The curve of one run.

    Attributes:
        run: name, for the table.
        look: colour, dash and title in HTML.
        curve: thinned.
    """

    run: str
    look: Look
    curve: RocCurve


def overlay(lines: Sequence[Line], title: str) -> Figure:
    """One ROC curve a run, over the diagonal of guessing.

    Args:
        lines: in the order of the runs.
        title: what to see.
    """
    figure = plane(title)
    for line in lines:
        figure.add_scatter(
            x=line.curve.fpr,
            y=line.curve.tpr,
            name=line.look.title,
            mode="lines",
            line={"color": line.look.colour, "dash": line.look.dash, "width": 2.5},
            hovertemplate=f"{line.look.title}<br>false alarms %{{x:.3f}}<br>caught %{{y:.3f}}<extra></extra>",
        )
    return figure


def overlay_table(lines: Sequence[Line]) -> pd.DataFrame:
    """The operating points drawn, one row each."""
    frames = [
        pd.DataFrame(
            {
                "run": line.run,
                "false_alarms": line.curve.fpr,
                "caught": line.curve.tpr,
                "threshold": line.curve.thresholds,
            }
        )
        for line in lines
    ]
    return pd.concat(frames, ignore_index=True)
