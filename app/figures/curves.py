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

POINTS_PER_CURVE = 100_000
"""A point's customdata is one integer: place of its curve times this, plus its position on the curve."""

CLICKABLE = 160
"""Points that can be clicked, all curves of a figure together; a line has more, and none of its own can be."""

Points = Mapping[str, tuple[float, float]]
"""Slug of an OOD set -> where its curve has the threshold in use."""


def roc(curves: Mapping[str, RocCurve], points: Points, title: str) -> Figure:
    """ROC curves by slug of the OOD set; a point is (false alarms, caught)."""
    figure = plane(title, "click")
    lines = {slug: (one.fpr, one.tpr, one.thresholds) for slug, one in curves.items()}
    _add(figure, lines, points, "false alarms %{x:.3f}<br>caught %{y:.3f}")
    return figure


def plane(title: str, mouse: Mouse = "look") -> Figure:
    """The axes of a ROC curve with the diagonal of guessing."""
    figure = Figure()
    rule = {"color": RULE, "width": 1, "dash": "dot"}
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line=rule, name="guessing", hoverinfo="skip", showlegend=False)
    figure.update_xaxes(title="false alarms (share of in-distribution images)", range=[-0.02, 1.02])
    figure.update_yaxes(title="caught (share of OOD images)", range=[-0.02, 1.02])
    return laid_out(figure, title, height=440, mouse=mouse)


def roc_table(curves: Mapping[str, RocCurve], by: str = "ood") -> pd.DataFrame:
    """The operating points drawn, one row each."""
    frames = [
        pd.DataFrame({by: name, "false_alarms": one.fpr, "caught": one.tpr, "threshold": one.thresholds})
        for name, one in curves.items()
    ]
    return pd.concat(frames, ignore_index=True)


def precision_recall(curves: Mapping[str, PrecisionRecallCurve], points: Points, title: str) -> Figure:
    """Precision-recall curves by slug over the prevalence that all share; a point is (recall, precision)."""
    figure = Figure()
    guessing = next(iter(curves.values())).prevalence
    figure.add_hline(y=guessing, line={"color": RULE, "width": 1, "dash": "dot"})
    lines = {slug: (one.recall, one.precision, one.thresholds) for slug, one in curves.items()}
    _add(figure, lines, points, "caught %{x:.3f}<br>rightly called OOD %{y:.3f}")
    figure.update_xaxes(title="recall: caught (share of OOD images)", range=[-0.02, 1.02])
    figure.update_yaxes(title="precision: OOD among those called OOD, at 1:1", range=[-0.02, 1.02])
    return laid_out(figure, title, height=440, mouse="click")


def precision_recall_table(curves: Mapping[str, PrecisionRecallCurve]) -> pd.DataFrame:
    """The operating points drawn, one row each."""
    frames = [
        pd.DataFrame({"ood": slug, "recall": one.recall, "precision": one.precision, "threshold": one.thresholds})
        for slug, one in curves.items()
    ]
    return pd.concat(frames, ignore_index=True)


def _add(figure: Figure, lines: Mapping[str, tuple[Floats, Floats, Floats]], points: Points, where: str) -> None:
    """Every curve (x, y, thresholds): its line, invisible marks to click (a line alone has none), and its threshold."""
    for place, (slug, (x, y, thresholds)) in enumerate(lines.items()):
        style = look(slug)
        of_set = {"name": style.title, "legendgroup": slug}
        hover = f"{style.title}<br>{where}<br>"
        line = {"color": style.colour, "dash": style.dash, "width": 2.5}
        figure.add_scatter(x=x, y=y, mode="lines", line=line, hoverinfo="skip", **of_set)
        # A threshold that is not finite cannot be set.
        able = np.flatnonzero(np.isfinite(thresholds))
        room = min(CLICKABLE // len(lines), len(able))
        able = able[np.unique(np.linspace(0, len(able) - 1, room).round().astype(int))]
        figure.add_scatter(
            x=x[able],
            y=y[able],
            mode="markers",
            marker={"size": 12, "color": "rgba(0, 0, 0, 0)", "line": {"width": 0}},
            selected={"marker": {"opacity": 1}},
            unselected={"marker": {"opacity": 1}},
            customdata=(place * POINTS_PER_CURVE + able).astype(np.int32),
            text=[f"{value:.4g}" for value in thresholds[able]],
            showlegend=False,
            hovertemplate=f"{hover}threshold %{{text}}<br>click to set it<extra></extra>",
            **of_set,
        )
        figure.add_scatter(
            x=[points[slug][0]],
            y=[points[slug][1]],
            mode="markers",
            marker={
                "color": style.colour,
                "symbol": style.marker,
                "size": 12,
                "line": {"color": "white", "width": 1.5},
            },
            showlegend=False,
            hovertemplate=f"{hover}the threshold<extra></extra>",
            **of_set,
        )


@dataclass(frozen=True, eq=False)
class Line:
    """The thinned curve of one run: its name for the table, its look with a title in HTML."""

    run: str
    look: Look
    curve: RocCurve


def overlay(lines: Sequence[Line], title: str) -> Figure:
    """One ROC curve a run, in the order of the runs, over the diagonal of guessing."""
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
    return roc_table({line.run: line.curve for line in lines}, "run")
