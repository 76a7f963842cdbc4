"""Every score of several runs on the same images, grouped as in Havtorn et al. (2021), Table 2, with what others got.

OOD is the positive class, scores are higher = more OOD. Imports no torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from hvae import stats
from hvae.config import RunConfig
from hvae.errors import ConfigError, TableError
from hvae.report import published
from hvae.report.line_ups import Entrant, LineUp
from hvae.report.published import Published
from hvae.report.tables import METRICS, PUBLISHED_METRICS, published_columns
from hvae.runs.score_tables import ScoreTable
from hvae.runs.settings import Setting
from hvae.scores import SCORES, Score
from hvae.scores.base import Need
from hvae.stats import Estimate, PairedDifference
from hvae.stats.arrays import Floats

Group = Literal["labels or OOD data", "prior knowledge", "neither"]
GROUPS: tuple[Group, ...] = ("labels or OOD data", "prior knowledge", "neither")
"""What the scores of a block of the table take, in the order of the paper."""
_WHOLE = ("k", "passes", "samples", "draws", "seed", "n_in", "n_ood")
"""Columns of whole numbers, missing where nothing was measured."""
USUAL = "joint"
"""The score that others are set against, where nobody chose one."""


@dataclass(frozen=True, eq=False)
class Column:
    """One score of one run, of the images that all runs of a line-up have scored."""

    run: str
    """Empty where no model takes part."""
    config: RunConfig
    score: Score
    setting: Setting
    inside: Floats
    """Of the in-distribution images, `(n,)`, the same images in the same order in every column."""
    outside: Mapping[str, Floats]
    """By slug of an OOD set, `(m,)` each."""
    passes: int
    """Forward passes an image."""
    complete: bool = True
    """Whether it was measured of all these images, and not of some spread evenly over them."""

    @property
    def per_image(self) -> bool:
        """Whether every image has a value of its own, so that it can be set beside others image by image."""
        return self.score.per_image and self.complete

    @property
    def name(self) -> str:
        """Which score of which run, in plain text: `LLR>1 of fashionmnist-lite-seed0`."""
        return f"{self.score.label} of {self.run}" if self.run else f"{self.score.label} (no model)"

    @property
    def title(self) -> str:
        """The same for people: `Likelihood ratio (LLR>1) of fashionmnist-lite-seed0`."""
        return f"{self.score.called} of {self.run}" if self.run else f"{self.score.called} (no model)"

    @property
    def is_usual(self) -> bool:
        """Whether its level is the one that stands for the score, which no OOD image chose."""
        return self.score.k == self.score.usual_level(self.config.model.depth)


class Absent(NamedTuple):
    """A score that the tables of a run do not give."""

    run: str
    score: Score
    why: str
    of_another_kind: bool = False
    """Whether it is of models of another kind than the run's."""

    def __str__(self) -> str:
        """The run and what it lacks, in one line."""
        return f"{self.run}: {self.why}"


def group(needs: Iterable[Need]) -> Group:
    """The block of the table that a score stands in, by what it takes."""
    taken = set(needs)
    if taken & {"labels", "OOD data"}:
        return "labels or OOD data"
    return "prior knowledge" if "prior knowledge" in taken else "neither"


def columns(found: LineUp, names: Sequence[str] = (), *, every: bool = True) -> tuple[list[Column], list[Absent]]:
    """(every score that the tables of a line-up give, at every level or at its usual one; what is missing and why).

    `names` are scores in the registry, empty for all. One in which no model takes part is the same for every run and
    stands once; so does one of several runs that are companions of one another. Of a score that takes other runs only
    its usual level is said to be missing, and no run lacks what only runs of another kind here can have.
    """
    made: list[Column] = []
    absent: dict[Absent, None] = {}
    for one in found.entrants:
        known = {column.score.label for column in made if column.score.model_free}
        tables = [one.images(slug) for slug in (found.in_data, *found.sets)]
        for score in _scores(one, names, every):
            if score.label in known:
                continue
            column = _column(one, score, found, tables)
            if isinstance(column, Absent):
                further = score.k != score.usual_level(next(iter(one.tables.values())).metadata.depth)
                if not (further and "several runs" in score.needs):
                    absent[column] = None
            elif not any(_repeats(column, other) for other in made):
                made.append(column)
    free = {column.score.label for column in made if column.score.model_free}
    there = {column.score.label for column in made}
    return made, [one for one in absent if one.score.label not in (there if one.of_another_kind else free)]


def against(made: Sequence[Column], wanted: str | None = None) -> Column | None:
    """The column that the others are set against: the one named, as `Column.name` or a score has it, else `USUAL`.

    Raises:
        ConfigError: a name that no column has.
    """
    usual = [one for one in made if one.is_usual]
    if wanted is None:
        return next((one for one in usual if one.score.name == USUAL), next(iter(usual), None))
    for have in (lambda one: one.name, lambda one: one.score.label):
        if (named := next((one for one in made if have(one) == wanted), None)) is not None:
            return named
    if (named := next((one for one in usual if one.score.name == wanted), None)) is not None:
        return named
    offered = ", ".join(dict.fromkeys(one.score.name for one in usual))
    raise ConfigError(f"--against {wanted}: no run here has that score; name one of {offered}, or 'SCORE of RUN'")


def table(
    found: LineUp,
    made: Sequence[Column],
    rival: Column | None,
    names: Sequence[str] = (),
    sets: Sequence[str] = (),
    *,
    n_boot: int = 200,
) -> pd.DataFrame:
    """One row an OOD set and score, by group and then the best AUROC first; behind them what was only published.

    Columns: `in_data`, `ood_data`, `group`, `run` (empty without a model), `model` in words, `score` (its label),
    `name` in the registry, `k`, `model_free`, `per_image` (else a value a batch, or of some of the images, as `n_in`
    counts them), `needs`, `passes` (forward passes an image), the setting, `n_in`, `n_ood`, each of `METRICS` with
    `_low` and `_high` (95 %; images are resampled alike for every score); `against` (whose AUROC is taken off),
    `difference` with `_low`, `_high` and `p` (paired, DeLong et al., 1988; missing where a score has no value for each
    image); the `published_` figures of a model like this one with `published_source` and `published_note` (where the
    figure was read, and what its protocol has that ours has not), and in `rerun` what others measured later
    of the same.

    `names` are scores whose published figures are wanted, `sets` OOD sets of the line-up, default all. Without
    resamples, `n_boot` 0, only the AUROC and the difference have intervals.
    """
    rows = [_row(found, column, slug, rival, n_boot) for slug in sets or found.sets for column in made]
    rows += [row for slug in sets or found.sets for row in _published_only(found, made, slug, names)]
    frame = pd.DataFrame(rows).astype(dict.fromkeys(_WHOLE, "Int64"))
    places = {name: list(order).index for name, order in (("ood_data", sets or found.sets), ("group", GROUPS))}
    order = frame.assign(**{name: frame[name].map(place) for name, place in places.items()})
    order = order.sort_values(["ood_data", "group", "auroc"], ascending=[True, True, False], kind="stable")
    return frame.loc[order.index].reset_index(drop=True)


def measured(column: Column, slug: str, n_boot: int) -> dict[str, Estimate]:
    """Each of `METRICS` against one OOD set."""
    return stats.metrics(column.inside, column.outside[slug], n_boot=n_boot)


def difference(column: Column, rival: Column | None, slug: str) -> PairedDifference | None:
    """AUROC of a column minus that of a rival, on the same images; nothing where they have not a value for each."""
    if rival is None or len(column.inside) != len(rival.inside):
        return None
    if column is rival:
        return PairedDifference(0.0, 0.0, 0.0, 1.0)
    return stats.paired_auroc_difference(column.inside, column.outside[slug], rival.inside, rival.outside[slug])


def _scores(one: Entrant, names: Sequence[str], every: bool) -> Iterator[Score]:
    """The scores that have something to say of the images as a run takes them, at every level or at the usual one."""
    about = next(iter(one.tables.values())).metadata
    for name, kind in SCORES.items():
        if about.preprocessing in kind.preprocessings and (not names or name in names):
            levels = (kind(k) for k in kind.levels(about.depth))
            yield from (score for score in levels if every or score.k == score.usual_level(about.depth))


def _repeats(column: Column, other: Column) -> bool:
    """Whether a score of several runs is that of the same runs, told of another one of them."""
    alike = column.score == other.score and "several runs" in column.score.needs
    # The order in which the runs are summed up moves the last digits.
    return alike and len(column.inside) == len(other.inside) and np.allclose(column.inside, other.inside, rtol=1e-5)


def _column(one: Entrant, score: Score, found: LineUp, tables: Sequence[ScoreTable]) -> Column | Absent:
    """A score of every set of a line-up, by a run's tables of their common images, or why one does not give it."""
    config = one.catalogue.run.config
    assert config is not None
    measured = [table.having(score.columns(config.model.depth)) for table in tables]
    try:
        inside, *outside = (score.of(table, one.reference) for table in measured)
    except TableError as error:
        return Absent(one.name, score, str(error), not score.speaks_of(tables[0].metadata.task))
    run = "" if score.model_free else one.name
    complete = [*map(len, measured)] == [*map(len, tables)]
    others = dict(zip(found.sets, outside, strict=True))
    return Column(run, config, score, one.setting, inside, others, score.passes_of(tables[0]), complete)


def _row(found: LineUp, column: Column, slug: str, rival: Column | None, n_boot: int) -> dict[str, Any]:
    score, setting = column.score, column.setting
    row = _empty(found, slug, group(score.needs))
    row |= {"run": column.run, "model": "" if score.model_free else column.config.model.title}
    row |= {"score": score.label, "name": score.name, "k": score.k, "model_free": score.model_free}
    row |= {"per_image": column.per_image, "needs": score.needed(), "passes": column.passes, **setting.fields}
    row |= {"n_in": len(column.inside), "n_ood": len(column.outside[slug])}
    for name, one in measured(column, slug, n_boot).items():
        row |= _spread(name, one)
    if (gain := difference(column, rival, slug)) is not None and rival is not None:
        row |= {"against": rival.name, "p": gain.p_value, **_spread("difference", gain)}
    stated = [] if score.model_free else _stated(column, found.in_data, slug)
    reruns = ", ".join(f"{one.auroc:.3f}" for one in stated if one.rerun)
    return row | published_columns(stated, setting.samples) | {"rerun": reruns}


def _empty(found: LineUp, slug: str, block: Group) -> dict[str, Any]:
    """A row with nothing measured, whose columns are in their order."""
    row: dict[str, Any] = {"in_data": found.in_data, "ood_data": slug, "group": block}
    row |= dict.fromkeys(("run", "model", "score", "name"), "")
    row |= {"k": None, "model_free": False, "per_image": True, "needs": "", "passes": None}
    row |= dict.fromkeys(Setting().fields) | {"n_in": None, "n_ood": None}
    row |= {f"{name}{end}": np.nan for name in METRICS for end in ("", "_low", "_high")}
    row |= {"against": ""} | {f"difference{end}": np.nan for end in ("", "_low", "_high")} | {"p": np.nan}
    return (
        row
        | {f"published_{name}": np.nan for name in PUBLISHED_METRICS}
        | {"published_source": "", "published_note": "", "rerun": ""}
    )


def _spread(name: str, one: Estimate | PairedDifference) -> dict[str, float]:
    return {name: one.value, f"{name}_low": one.low, f"{name}_high": one.high}


def _stated(column: Column, in_data: str, slug: str) -> list[Published]:
    """What was published of the score of a column with a model like its own."""
    models = published.models_like(column.config.model)
    which: dict[str, Any] = {"in_data": in_data, "ood_data": slug, "score": column.score.name, "k": column.score.k}
    return [row for model in models for row in published.find(model=model, **which)]


def _published_only(found: LineUp, made: Sequence[Column], slug: str, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """What was published against a set, of scores and models that no run here has."""
    shown = {id(row) for column in made for row in _stated(column, found.in_data, slug)}
    stated = [one for one in published.find(in_data=found.in_data, ood_data=slug) if one.auroc is not None]
    for one in stated:
        if id(one) in shown or one.rerun or (names and one.score not in names):
            continue
        reruns = [each for each in stated if each.rerun and (each.model, each.score) == (one.model, one.score)]
        row = _empty(found, slug, group(one.needs))
        label = one.title or (one.name if one.k is None else SCORES[one.score](one.k).label)
        row |= {"model": one.model, "score": label, "name": one.score, "k": one.k}
        row |= {"needs": ", ".join(one.needs) or "nothing"} | published_columns([one], one.samples or 1)
        yield row | {"rerun": ", ".join(f"{each.auroc:.3f}" for each in reruns)}
