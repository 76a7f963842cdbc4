"""ROC curves of one score against several OOD sets, with the operating point of the threshold."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from app.figures.clickable import curve
from app.figures.layout import RULE, Figure, Mouse, laid_out
from app.palette import look
from hvae.metrics import RocCurve


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


def table(curves: Mapping[str, RocCurve]) -> pd.DataFrame:
    """The operating points drawn, one row each."""
    frames = [
        pd.DataFrame({"ood": slug, "false_alarms": curve.fpr, "caught": curve.tpr, "threshold": curve.thresholds})
        for slug, curve in curves.items()
    ]
    return pd.concat(frames, ignore_index=True)
