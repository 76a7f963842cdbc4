"""ROC curves of several runs against one OOD set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go

from app.figures.layout import RULE, laid_out
from app.palette import Look
from hvae.metrics import RocCurve


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


def overlay(lines: Sequence[Line], title: str) -> go.Figure:
    """One ROC curve a run, over the diagonal of guessing.

    Args:
        lines: in the order of the runs.
        title: what to see.
    """
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        line={"color": RULE, "width": 1, "dash": "dot"},
        hoverinfo="skip",
        showlegend=False,
    )
    for line in lines:
        figure.add_scatter(
            x=line.curve.fpr.astype("float32"),
            y=line.curve.tpr.astype("float32"),
            name=line.look.title,
            mode="lines",
            line={"color": line.look.colour, "dash": line.look.dash, "width": 2.5},
            hovertemplate=f"{line.look.title}<br>false alarms %{{x:.3f}}<br>caught %{{y:.3f}}<extra></extra>",
        )
    figure.update_xaxes(title="false alarms (share of in-distribution images)", range=[-0.02, 1.02])
    figure.update_yaxes(title="caught (share of OOD images)", range=[-0.02, 1.02])
    return laid_out(figure, title, height=440)


def table(lines: Sequence[Line]) -> pd.DataFrame:
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
