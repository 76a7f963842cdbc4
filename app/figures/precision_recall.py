"""Precision-recall curves of one score against several OOD sets, with the operating point of the threshold."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from app.figures.clickable import curve
from app.figures.layout import RULE, Figure, laid_out
from app.palette import look
from hvae.metrics import PrecisionRecallCurve


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


def table(curves: Mapping[str, PrecisionRecallCurve]) -> pd.DataFrame:
    """The operating points drawn, one row each."""
    frames = [
        pd.DataFrame({"ood": slug, "recall": curve.recall, "precision": curve.precision, "threshold": curve.thresholds})
        for slug, curve in curves.items()
    ]
    return pd.concat(frames, ignore_index=True)
