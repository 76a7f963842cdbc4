"""The controls of the Scores page: which score, at which k, from which of the tables that exist."""

from __future__ import annotations

from collections.abc import Sequence

from app.frame import controls
from app.reading import choosing, loading, measures
from app.reading.measures import Measure, Setting
from app.reading.view import Scored, View
from hvae.errors import TableError
from hvae.runs.score_tables import TableKey

BUDGETS = (0.1, 50.0)
"""Least and greatest false-alarm budget, in percent."""


def view(keys: Sequence[TableKey], data: str, ood: Sequence[str]) -> View:
    """Draw the controls and read the tables they name.

    Args:
        keys: every table of the run; `data` is scored under one setting at least.
        data: slug of the in-distribution set.
        ood: slugs of the OOD sets.

    Raises:
        TableError: the in-distribution table is damaged.
    """
    found = measures.settings(keys, data)
    with controls.bar("controls"):
        score = choosing.choose_score()
        slot = controls.bar("level", width="content")
        unit = choosing.choose_unit()
        alarm = controls.decimal(
            "False alarms allowed (%)", "alarm", *BUDGETS, 5.0, step=0.1,
            help="The threshold is the least one that this share of the in-distribution test images reaches.",
        )  # fmt: skip
    setting = choosing.choose_setting(found)
    usable = choosing.said_unit(score, unit)
    inside = _read(keys, data, setting)
    assert inside is not None, "the settings on offer are those of this set's tables"
    with slot:
        k = choosing.choose_level(score, inside.table.metadata.depth)
    outside, unscored, damaged = [], [], []
    for slug in ood:
        try:
            other = _read(keys, slug, setting)
        except TableError as error:
            damaged.append(str(error))
            continue
        if other is None:
            unscored.append(slug)
        elif other.table.metadata.depth != inside.table.metadata.depth:
            damaged.append(f"{other.key.path.name} is of a model with another number of layers: score it again")
        else:
            outside.append(other)
    return View(
        inside, tuple(outside), tuple(unscored), tuple(damaged), setting,
        Measure(score, k, usable), alarm / 100, tuple(keys), unit,
    )  # fmt: skip


def _read(keys: Sequence[TableKey], slug: str, setting: Setting) -> Scored | None:
    key = measures.find(keys, slug, setting)
    return Scored(key, loading.table(key)) if key else None
