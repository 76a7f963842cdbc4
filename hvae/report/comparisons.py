"""Which stored score tables may be set against one another."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from hvae.config import RunConfig
from hvae.datasets.registry import PARTS
from hvae.errors import TableError
from hvae.runs.catalogue import Catalogue, catalogue
from hvae.runs.folders import RunEntry, read_history
from hvae.runs.score_tables import ScoreTable
from hvae.runs.settings import Setting


@dataclass(frozen=True, eq=False)
class Comparison:
    """Score tables of one run under one setting."""

    run: str
    config: RunConfig
    in_data: str
    """Slug of the in-distribution set."""
    in_table: ScoreTable | None
    """Its held-out images; None where they were not scored under this setting."""
    parts: Mapping[str, ScoreTable]
    """Its parts of the training set (`fitted`, `reference`, `calibration`, `validation`) that were scored."""
    others: tuple[ScoreTable, ...]
    """The other data sets, in name order."""
    history: pd.DataFrame
    """Learning curve, empty where there is none."""
    setting: Setting

    @property
    def depth(self) -> int:
        """Number of latent layers L."""
        return self.config.model.depth

    @property
    def reference(self) -> ScoreTable | None:
        """The part of the training set that scores are fitted to; None where it is not scored under this setting."""
        return self.parts.get("reference")

    @property
    def tables(self) -> tuple[ScoreTable, ...]:
        """The in-distribution table, where there is one, then the others."""
        return (self.in_table, *self.others) if self.in_table else self.others

    @property
    def settings(self) -> dict[str, object]:
        """What every row of a report says about where its numbers come from."""
        return {"run": self.run, "in_data": self.in_data, **self.setting.fields}


@dataclass(frozen=True, eq=False)
class Gathered:
    """What was found for a report: by run, then setting."""

    comparisons: tuple[Comparison, ...]
    problems: tuple[str, ...]
    """One line for each table or run that had to be left out, and why."""


def gather(runs: Iterable[RunEntry], readings: Sequence[str] = (), in_data: str | None = None) -> Gathered:
    """Read every usable score table of the runs and group what may be compared.

    `readings` keeps these only, empty all; `in_data` is the slug of the in-distribution set, default the one each run
    was trained on.
    """
    comparisons: list[Comparison] = []
    problems: list[str] = []
    for run in runs:
        if run.config is None:
            problems.append(f"{run.name}: {run.problem}")
            continue
        history = pd.DataFrame()
        try:
            history = read_history(run.path)
        except TableError as error:
            problems.append(f"{run.name}: {error}")
        found = catalogue(run)
        problems += found.problems
        settings = {entry.setting for entry in found.entries if not readings or entry.setting.reading in readings}
        if not settings:
            problems.append(f"{run.name} has no score tables to report: run `hvae score {run.name} --data NAME`")
        ordered = sorted(settings, key=lambda setting: setting.order)
        made = [_comparison(found, run.config, setting, history, in_data) for setting in ordered]
        comparisons += made
        problems += _notes(made)
    return Gathered(tuple(comparisons), tuple(problems))


def _comparison(
    found: Catalogue, config: RunConfig, setting: Setting, history: pd.DataFrame, in_data: str | None
) -> Comparison:
    own = in_data or found.own or config.data.name
    inside = found.find(own, setting)
    parts = {part: found.find(own, setting, (part,)) for part in PARTS} if own == found.own else {}
    others = [found.find(slug, setting) for slug in sorted(found.sets()) if slug != own]
    return Comparison(
        run=found.run.name,
        config=config,
        in_data=own,
        in_table=found.read(inside) if inside else None,
        parts={part: found.read(entry) for part, entry in parts.items() if entry},
        others=tuple(found.read(entry) for entry in others if entry),
        history=history,
        setting=setting,
    )


def _notes(comparisons: Sequence[Comparison]) -> list[str]:
    """What a reader of the report should know: what cannot be compared, and what stands in for a test split."""
    notes = [
        f"{one.run}: nothing to compare with under {one.setting}: score {one.in_data} with the same setting"
        for one in comparisons
        if one.in_table is None and one.others
    ]
    splits = {one.in_table.metadata.split for one in comparisons if one.in_table}
    return notes + [
        f"{comparisons[0].run}: its own images ({comparisons[0].in_data}) have no test split, so their {split} part, "
        "which no weight was fitted to, stands for them"
        for split in sorted(splits & set(PARTS))
    ]
