"""The controls of the Scores page: which score, at which k, from which of the tables that exist."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app import controls, decimals, loading, measure_controls, scored
from app.scored import Measure, Setting
from hvae.errors import TableError
from hvae.results import ScoreTable, TableKey

BUDGETS = (0.1, 50.0)
"""Least and greatest false-alarm budget, in percent."""


@dataclass(frozen=True)
class Scored:
    """One data set with its table."""

    key: TableKey
    table: ScoreTable

    @property
    def slug(self) -> str:
        """Of the data set."""
        return self.key.slug


@dataclass(frozen=True)
class View:
    """What the Scores page shows.

    Attributes:
        inside: the in-distribution set.
        outside: the OOD sets that have a table under the setting.
        unscored: slugs of those chosen that have none.
        damaged: why a table could not be read, one line each.
        setting: reading, S and R of all tables.
        measure: score, k and unit.
        budget: share of in-distribution images that may raise a false alarm.
        keys: every table of the run, by file name.
        unit: as chosen; that of the measure is another where the score has none in it.
    """

    inside: Scored
    outside: tuple[Scored, ...]
    unscored: tuple[str, ...]
    damaged: tuple[str, ...]
    setting: Setting
    measure: Measure
    budget: float
    keys: tuple[TableKey, ...]
    unit: str = "nats"

    def part(self, split: str) -> Scored | None:
        """A part of the training set (`fitted`, `reference`, `calibration`) under the same setting."""
        key = scored.find(self.keys, self.inside.slug, self.setting, (split,))
        return Scored(key, loading.table(key)) if key else None


def view(keys: Sequence[TableKey], data: str, ood: Sequence[str]) -> View:
    """Draw the controls and read the tables they name.

    Args:
        keys: every table of the run; `data` is scored under one setting at least.
        data: slug of the in-distribution set.
        ood: slugs of the OOD sets.

    Raises:
        TableError: the in-distribution table is damaged.
    """
    found = scored.settings(keys, data)
    with controls.bar("controls"):
        score = measure_controls.choose_score()
        slot = controls.bar("level", width="content")
        unit = measure_controls.choose_unit()
        alarm = decimals.decimal(
            "False alarms allowed (%)", "alarm", *BUDGETS, 5.0, step=0.1,
            help="The threshold is the least one that this share of the in-distribution test images reaches.",
        )  # fmt: skip
    setting = measure_controls.choose_setting(found)
    usable = measure_controls.said_unit(score, unit)
    inside = _read(keys, data, setting)
    assert inside is not None, "the settings on offer are those of this set's tables"
    with slot:
        k = measure_controls.choose_level(score, inside.table.metadata.depth)
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
    key = scored.find(keys, slug, setting)
    return Scored(key, loading.table(key)) if key else None
