"""What is chosen and read to look at scores: data sets with their tables under one setting."""

from __future__ import annotations

from dataclasses import dataclass

from app.reading import loading, measures
from app.reading.measures import Measure, Setting
from hvae.runs.score_tables import ScoreTable, TableKey


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
    """What is shown of the scores of a run.

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
        key = measures.find(self.keys, self.inside.slug, self.setting, (split,))
        return Scored(key, loading.table(key)) if key else None
