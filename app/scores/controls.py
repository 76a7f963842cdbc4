"""The controls of the Scores page: which score, at which k, from which of the tables that exist."""

from __future__ import annotations

from collections.abc import Sequence

from app.frame import controls
from app.reading import choosing, view
from app.reading.view import View
from hvae.runs.catalogue import Catalogue

BUDGETS = (0.1, 50.0)
"""Least and greatest false-alarm budget, in percent."""


def choose_view(found: Catalogue, data: str, ood: Sequence[str]) -> View:
    """Draw the controls and read what they name; `data` is scored under one setting at least. Raises a TableError."""
    depth = next(entry.metadata.depth for entry in found.entries if entry.slug == data)
    with controls.bar("controls"):
        score = choosing.choose_score(depth)
        slot = controls.bar("level", width="content")
        unit = choosing.choose_unit()
        alarm = controls.decimal(
            "False alarms allowed (%)", "alarm", *BUDGETS, 5.0, step=0.1,
            help="The threshold is the least one that this share of the in-distribution test images reaches.",
        )  # fmt: skip
    setting = choosing.choose_setting(found.settings(data))
    with slot:
        k = choosing.choose_level(score, depth)
    measure = choosing.said_measure(score(k), unit)
    return view.view(found, data, ood, setting, measure, alarm / 100, unit)
