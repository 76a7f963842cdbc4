"""ROC curves of several runs against one OOD set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from app.figures.layout import Figure
from app.figures.roc import plane
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
