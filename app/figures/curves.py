"""Curves of operating points: ROC and precision-recall of several OOD sets, ROC of several runs."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from app.figures.layout import RULE, Figure, laid_out
from app.looks.palette import Look, look
from hvae.stats import PrecisionRecallCurve, RocCurve

POINTS_PER_CURVE = 100_000
"""A point's customdata is one integer: place of its curve times this, plus its position on the curve."""

CLICKABLE = 160
"""Points that can be clicked, all curves of a figure together; a line has more, and none of its own can be."""

Curves = Mapping[str, RocCurve | PrecisionRecallCurve]
"""By slug of the OOD set, or by the name of a run."""

AXES = {
    "false_alarms": ("false alarms", "false alarms (share of in-distribution images)"),
    "caught": ("caught", "caught (share of OOD images)"),
    "recall": ("caught", "recall: caught (share of OOD images)"),
    "precision": ("rightly called OOD", "precision: OOD among those called OOD, at 1:1"),
}
"""Column of a table -> its name when hovering, and as the title of an axis."""


def table(curves: Curves, by: str = "ood") -> pd.DataFrame:
    """The operating points drawn, one row each: curve, place across, place up, threshold."""
    frames = []
    for name, one in curves.items():
        if isinstance(one, RocCurve):
            columns = {"false_alarms": one.fpr, "caught": one.tpr}
        else:
            columns = {"recall": one.recall, "precision": one.precision}
        frames.append(pd.DataFrame({by: name, **columns, "threshold": one.thresholds}))
    return pd.concat(frames, ignore_index=True)


def clickable(curves: Curves, in_use: Mapping[str, tuple[float, float]], title: str) -> Figure:
    """Curves by slug of the OOD set whose points can be clicked, each with a mark where the threshold in use is."""
    rows = table(curves)
    figure, said = _plane(rows, next(iter(curves.values())))
    for place, (slug, own) in enumerate(rows.groupby("ood", sort=False)):
        style, (x, y, thresholds) = look(str(slug)), own.iloc[:, 1:].to_numpy().T
        figure.add(style, x, y, width=2.5, legendgroup=slug)
        # A line has no marks, so invisible ones lie on it; a threshold that is not finite cannot be set.
        able = np.flatnonzero(np.isfinite(thresholds))
        room = min(CLICKABLE // len(curves), len(able))
        able = able[np.unique(np.linspace(0, len(able) - 1, room).round().astype(int))]
        marks: dict[str, Any] = {"size": 12, "legendgroup": slug, "showlegend": False}
        figure.add(
            style,
            x[able],
            y[able],
            f"{said}<br>threshold %{{text}}<br>click to set it",
            clicked=(12, 1),
            marker={"color": "rgba(0, 0, 0, 0)", "symbol": "circle", "line": {"width": 0}},
            customdata=(place * POINTS_PER_CURVE + able).astype(np.int32),
            text=[f"{value:.4g}" for value in thresholds[able]],
            **marks,
        )
        marks |= {"marker": {"line": {"color": "white", "width": 1.5}}}
        across, up = in_use[str(slug)]
        figure.add(style, [across], [up], f"{said}<br>the threshold", **marks)
    return laid_out(figure, title, height=440, mouse="click")


def overlay(curves: Mapping[str, RocCurve], looks: Sequence[Look], title: str) -> Figure:
    """One ROC curve a run, each in its look."""
    figure, said = _plane(table(curves), next(iter(curves.values())))
    for style, one in zip(looks, curves.values(), strict=True):
        figure.add(style, one.fpr, one.tpr, said, width=2.5)
    return laid_out(figure, title, height=440)


def _plane(rows: pd.DataFrame, one: RocCurve | PrecisionRecallCurve) -> tuple[Figure, str]:
    """(axes with what guessing gives: the diagonal, or the prevalence that all curves share; what hovering says)."""
    figure, rule = Figure(), {"color": RULE, "width": 1, "dash": "dot"}
    if isinstance(one, PrecisionRecallCurve):
        figure.add_hline(y=one.prevalence, line=rule)
    else:
        guessing = {"name": "guessing", "hoverinfo": "skip", "showlegend": False}
        figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line=rule, **guessing)
    (across, below), (up, beside) = (AXES[str(column)] for column in rows.columns[1:3])
    figure.update_xaxes(title=below, range=[-0.02, 1.02])
    figure.update_yaxes(title=beside, range=[-0.02, 1.02])
    return figure, f"<br>{across} %{{x:.3f}}<br>{up} %{{y:.3f}}"
