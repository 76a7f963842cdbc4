"""Metrics of a score on a pair of sets: a row of a frame, and the cells it is shown in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from app.looks.wording import estimate
from app.reading import view as views
from app.reading.view import Scored

METRICS = {"auroc": "AUROC ↑", "auprc": "AUPRC ↑", "fpr80": "FPR80 ↓"}
"""Name in a frame -> heading."""

WRONG_WAY = 0.45
"""AUROC below which a score points the wrong way."""


def columns(inside: Scored, outside: Scored) -> dict[str, Any]:
    """The metrics on all images (`full_auroc` ...) and, as in the paper, on equal numbers of them (`equal_auroc`)."""
    row: dict[str, Any] = {"n_in": len(inside.scores), "n_ood": len(outside.scores)}
    for images, estimates in views.summary(inside, outside).items():
        for name, one in estimates.items():
            row |= views.spread(f"{images}_{name}", one)
    return row


def shown() -> dict[str, Callable[[Any], str]]:
    """Headings and cells of the metrics on all images, and how many these are."""
    cells: dict[str, Callable[[Any], str]] = {
        heading: lambda row, name=name: estimated(row, f"full_{name}") for name, heading in METRICS.items()
    }
    return cells | {"images": lambda row: "" if pd.isna(row.n_ood) else f"{row.n_in:,.0f} against {row.n_ood:,.0f}"}


def estimated(row: Any, name: str) -> str:
    """The estimate in a row, `not scored` where it has none."""
    return "not scored" if pd.isna(getattr(row, name)) else estimate(views.estimate_of(row, name))
