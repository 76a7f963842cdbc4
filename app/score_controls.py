"""The controls of the Scores page: which score, at which k, from which of the tables that exist."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app import controls, loading, scored
from app.scored import Measure, Setting
from hvae.errors import TableError
from hvae.results import ScoreTable, TableKey

BUDGETS = ("0.1", "1", "5", "10", "20")
"""False-alarm budgets on offer, in percent."""

READING_HELP = (
    "How the paper's equation 5 is read. mean: the lowest k layers take the mean of their prior (the released code); "
    "sample: they are sampled, a true bound; auxiliary: the same with sampled lower layers, looser; early-release: the "
    "full log-ratios with a reconstruction from the prior. The reading changes the numbers."
)


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
    """

    inside: Scored
    outside: tuple[Scored, ...]
    unscored: tuple[str, ...]
    damaged: tuple[str, ...]
    setting: Setting
    measure: Measure
    budget: float
    keys: tuple[TableKey, ...]

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
        score = controls.choose(
            "Score",
            "score",
            ["LLR", "L"],
            help="LLR: the likelihood ratio LLR>k = L - L>k. L: the negative bound -L>k.",
        )
        slot = controls.bar("level", width="content")
        unit = controls.choose("Unit", "unit", ["nats", "bits/dim"])
        alarm = controls.choose(
            "False alarms allowed (%)", "alarm", BUDGETS, "5",
            help="The threshold is the least one that this share of the in-distribution test images reaches.",
        )  # fmt: skip
    with controls.bar("settings"):
        reading = controls.choose("Reading", "reading", _distinct(one.reading for one in found), help=READING_HELP)
        found = [one for one in found if one.reading == reading]
        samples = controls.choose(
            "Importance samples S", "S", _distinct(one.samples for one in found), help="More samples tighten the bound."
        )
        found = [one for one in found if str(one.samples) == samples]
        draws = controls.choose(
            "Draws R", "R", _distinct(one.draws for one in found), help="Values are means over R repeats: less noise."
        )
    setting = Setting(reading, int(samples), int(draws))
    inside = _read(keys, data, setting)
    assert inside is not None, "the settings on offer are those of this set's tables"
    levels = range(0 if score == "L" else 1, inside.table.metadata.depth + 1)
    with slot:
        k = controls.choose(
            "k", "k", [str(k) for k in levels], "1" if score == "LLR" else "0",
            help="How many of the lowest layers take their latents from the prior instead of from the image.",
        )  # fmt: skip
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
        Measure(score, int(k), unit), float(alarm) / 100, tuple(keys),
    )  # fmt: skip


def _read(keys: Sequence[TableKey], slug: str, setting: Setting) -> Scored | None:
    key = scored.find(keys, slug, setting)
    return Scored(key, loading.table(key)) if key else None


def _distinct(values: object) -> list[str]:
    return list(dict.fromkeys(str(value) for value in values))  # type: ignore[attr-defined]
