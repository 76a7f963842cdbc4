"""The label-free rule of a run: is THIS image unlike what the model knows? Imports no torch.

A rule is made from two score tables of the run's own training set, so no OOD image has a part in it: each level of one
score is ranked in the reference part, and what stands out most is turned into a p-value on the calibration part. How
the images have to be measured (reading, S, R, precision) is what the reference part says, never a default.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd

from hvae import scores as registry
from hvae.errors import TableError
from hvae.runs.catalogue import Catalogue
from hvae.runs.score_tables import ScoreTable
from hvae.runs.settings import Setting
from hvae.scores import Level, Score
from hvae.scores.base import Explanation, unlike
from hvae.stats import conformal
from hvae.stats.arrays import Floats, between
from hvae.verdicts.words import in_words, share_interval, too_few

Statistic = Literal["rank", "difference"]
"""How the values of one image at the K levels of a score become one number.

- `rank`: the least tail rank over the levels, each ranked in the reference part, ties broken by how far out they are.
- `difference`: the level that differs most, as the paper suggests for single examples: the largest standardised value,
  in standard deviations of the reference part.
"""
STATISTICS: tuple[Statistic, ...] = ("rank", "difference")
PIXELS, PIXEL_SHARE = "pixel-statistics", 0.2
"""The model-free score that is asked as well, and its share of the false-alarm budget.

A model has no say on images far from all it was fitted to: of a photograph padded and squeezed to 28 x 28 grey, or an
image of one value, its terms may well be average. Five statistics of the pixels, fitted to the reference part, see
those; a fifth of the budget costs the score little.
"""
USUAL_SCORE, FALLBACK_SCORE, FLAT_SCORE, CLASSIFIER_SCORE = "joint", "llr", "typicality", "msp"
"""Judges where no score is asked for, instead of it where a run does not give it, and of a model without latent layers
(a likelihood alone would point the wrong way); see `usual_score`."""


@dataclass(frozen=True, eq=False)
class Rule:
    """The label-free rule of one run under one setting, from the tables of both parts."""

    run: str
    reference: ScoreTable
    calibration: ScoreTable
    score: str
    """Name of the score that judges, at every level it has."""
    two_sided: bool = False
    """Whether values too LOW are called OOD as well."""
    statistic: Statistic = "rank"
    pixels: bool = False
    """Whether pixels unlike those of the reference part are alarms as well, see `PIXELS`."""
    note: str = ""
    """What a person has to know of this rule, in one line: why it is not the usual one, or what its few images cost."""

    @property
    def setting(self) -> Setting:
        """How images have to be scored to be judged."""
        return self.reference.metadata.setting

    @property
    def depth(self) -> int:
        """Number of latent layers L."""
        return self.reference.metadata.depth

    @property
    def weights_sha256(self) -> str:
        """Of the weights that scored both parts."""
        return self.reference.metadata.weights_sha256

    @property
    def levels(self) -> list[Score]:
        """The score at every level, the columns of all values."""
        return registry.at_every_level(self.score, self.depth)

    @cached_property
    def reference_values(self) -> Floats:
        """The score of the reference part, `(n_ref, K)`, one column a level."""
        return values(self.score, self.reference, self.reference)

    @cached_property
    def calibration_values(self) -> Floats:
        """The score of the calibration part, `(n, K)`."""
        return values(self.score, self.calibration, self.reference)

    @cached_property
    def _reference_far(self) -> Floats:
        """The score's statistic and the pixels' of the reference part, `(n_ref, 2)`, large = far out."""
        return np.column_stack([-self._far(self.reference_values)[0], values(PIXELS, self.reference, self.reference)])

    @cached_property
    def _calibration_far(self) -> Floats:
        """What the p-values are taken from, `(n,)`, small = far out."""
        far, _ = self._far(self.calibration_values)
        return self._with_pixels(far, self.calibration)[0] if self.pixels else far

    def require(self, alpha: float) -> None:
        """Refuse a budget of false alarms at which no image whatever could raise an alarm.

        Raises:
            HvaeError: alpha outside (0, 1).
            TableError: too few calibration images, and how many it would take.
        """
        if why := too_few(self.run, len(self.calibration), alpha):
            raise TableError(why)

    def judge(self, table: ScoreTable) -> Judgement:
        """Judge images by their statistics, measured under the rule's setting.

        Raises:
            TableError: statistics that the score needs and the table lacks, or statistics measured in another way.
        """
        own = values(self.score, table, self.reference)
        explained = self.levels[0].explain(table, self.reference) if len(self.levels) == 1 else None
        far, level = self._far(own)
        rank = None
        if self.pixels:
            far, rank = self._with_pixels(far, table)
        n = len(self.calibration)
        p = conformal.p_values(self._calibration_far, far)
        reached = np.rint(p * (n + 1)).astype(int) - 1
        low, high = share_interval(reached, n)
        ranks = conformal.tail_ranks(self.reference_values, own, two_sided=self.two_sided)
        levels = tuple(score.k for score in self.levels)
        return Judgement(levels, ranks, level, p, low, high, n, self.levels[0].label, explained, rank)

    def _with_pixels(self, far: Floats, table: ScoreTable) -> tuple[Floats, Floats]:
        """(the lesser of both ranks in the reference part, each by its share of the budget; both ranks `(m, 2)`).

        Of the score's statistic T `(m,)` and of the pixels. What is made of them is calibrated as T would be, so the
        budget holds exactly, whatever the shares.
        """
        both = np.column_stack([-far, values(PIXELS, table, self.reference)])
        ranks = conformal.tail_ranks(self._reference_far, both, break_ties=True)
        shared = ranks / (1 - PIXEL_SHARE, PIXEL_SHARE)
        return conformal.statistic(shared), shared

    def _far(self, own: Floats) -> tuple[Floats, np.ndarray]:
        """(the statistic T, small = far out; the column it comes from), `(m,)` each."""
        if self.statistic == "rank":
            ranks = conformal.tail_ranks(self.reference_values, own, two_sided=self.two_sided, break_ties=True)
            return conformal.statistic(ranks), np.argmin(ranks, axis=1)
        out = conformal.standardised(self.reference_values, own)
        out = np.abs(out) if self.two_sided else out
        return -out.max(1), np.argmax(out, axis=1)


@dataclass(frozen=True, eq=False)
class Judgement:
    """What the rule says about `m` images."""

    levels: tuple[Level, ...]
    """k of each column; `(None,)` for a score without levels."""
    ranks: Floats
    """Tail rank of the score in the reference part, `(m, K)` in (0, 1]."""
    level: np.ndarray
    """`(m,)` the column at which the image differs most."""
    p: Floats
    """`(m,)` conformal p-value in [1 / (n + 1), 1]."""
    low: Floats
    high: Floats
    """`(m,)` 95 % interval (Clopper-Pearson) of the share of in-distribution images that are as far out."""
    n: int
    """Size of the calibration part."""
    label: str
    """Of the score, at the first of its levels."""
    explained: Explanation | None = None
    """Its parts and statistics, of a score without levels that has some."""
    shared: Floats | None = None
    """Ranks of the score and of the pixels, each divided by its share of the budget, `(m, 2)`: the lesser decides."""

    def alarms(self, alpha: float) -> np.ndarray:
        """Mask `(m,)` of images called OOD at the false-alarm budget alpha; `HvaeError` for alpha outside (0, 1)."""
        return self.p <= between(alpha, "alpha", 0, 1)

    def words(self, alpha: float) -> list[str]:
        """The verdict on each image in words; `alpha` as of `alarms`."""
        return [
            in_words(alarm, p, low, high, self.n, by == PIXELS)
            for alarm, p, low, high, by in zip(
                self.alarms(alpha), self.p, self.low, self.high, self.decided_by, strict=True
            )
        ]

    @property
    def decided_by(self) -> list[str]:
        """For each image what stands out most: the score by its label, or the pixels."""
        by_pixels = np.zeros(len(self.p), bool) if self.shared is None else self.shared[:, 1] < self.shared[:, 0]
        return [PIXELS if one else self.label for one in by_pixels]

    def frame(self, alpha: float) -> pd.DataFrame:
        """One row an image: `rank>k` for each level, `differs_at` (k), `decided_by`, `p`, `p_low` ... `verdict`.

        `decided_by` is the score's label or `PIXELS`; then come `p_high` and `ood`. A score without levels has
        one column `rank`. Where it has parts, they are columns `SCORE: PART` in nats, and `differs_at` names its most
        unusual statistic; else there is no `differs_at`.
        """
        if self.levels == (None,):
            columns: dict[str, object] = {"rank": self.ranks[:, 0]}
            if self.explained is not None:
                columns |= {f"{self.label}: {name}": part for name, part in self.explained.parts.items()}
                columns["differs_at"] = self.explained.shares.idxmin(axis=1)
        else:
            columns = {f"rank>{k}": self.ranks[:, column] for column, k in enumerate(self.levels)}
            columns["differs_at"] = np.array(self.levels)[self.level]
        return pd.DataFrame(
            columns
            | {"decided_by": self.decided_by, "p": self.p, "p_low": self.low, "p_high": self.high}
            | {"ood": self.alarms(alpha), "verdict": self.words(alpha)}
        )


def rule(
    found: Catalogue,
    setting: Setting | None = None,
    *,
    score: str | None = None,
    two_sided: bool = False,
    statistic: Statistic = "rank",
    pixels: bool = True,
) -> Rule:
    """The rule of a run from its stored tables of the reference and calibration parts of its own training set.

    `setting` is that of both parts, the first that both have where None; the others are as in `of_parts`.

    Raises:
        ConfigError: an unknown score.
        TableError: a part is not scored under this setting, or lacks what the score needs: the message says how to mend
            it.
    """
    setting = setting or next(iter(found.rule_settings()), Setting())
    reference, calibration = (own_part(found, part, setting) for part in ("reference", "calibration"))
    return of_parts(
        found.run.name, reference, calibration, score=score, two_sided=two_sided, statistic=statistic, pixels=pixels
    )


def of_parts(
    run: str,
    reference: ScoreTable,
    calibration: ScoreTable,
    *,
    score: str | None = None,
    two_sided: bool = False,
    statistic: Statistic = "rank",
    pixels: bool = True,
) -> Rule:
    """The rule of a run from the tables of both parts, by `usual_score` where no score is named.

    Without `pixels`, or where either part has no statistics of them, the score judges alone.

    Raises:
        ConfigError: an unknown score.
        TableError: a part lacks what the score needs, or the score cannot be fitted to it.
    """
    chosen, note = usual_score(reference, calibration) if score is None else (score, few_images(score, reference))
    made = Rule(
        run,
        reference,
        calibration,
        chosen,
        two_sided,
        statistic,
        pixels and asks_pixels(chosen, reference, calibration),
        note,
    )
    try:
        # Whatever is wrong with either part is said before any image is measured.
        _ = made.reference_values, made.calibration_values
    except TableError as error:
        raise TableError(f"{run}: {error}") from None
    return made


def usual_score(reference: ScoreTable, calibration: ScoreTable) -> tuple[str, str]:
    """(the score that judges where none is asked for, why it is not the usual one), the reason empty where it is.

    It is `joint`, and the likelihood ratio where a part lacks its columns, the reference part has too few images, or it
    cannot be fitted to them; typicality of a model without latent layers, which has neither. Of a classifier it is the
    first that its head gives.
    """
    if reference.metadata.task:
        given = registry.of_classifier((reference, calibration))
        return (given[0].name if given else CLASSIFIER_SCORE, "")
    why = few_images(USUAL_SCORE, reference)
    try:
        if not why:
            _ = [values(USUAL_SCORE, part, reference) for part in (reference, calibration)]
    except TableError as error:
        why = str(error)
    if not why:
        return USUAL_SCORE, ""
    instead = FALLBACK_SCORE if registry.at_every_level(FALLBACK_SCORE, reference.metadata.depth) else FLAT_SCORE
    return instead, f"judged by {instead} instead of {USUAL_SCORE}: {why}"


def asks_pixels(score: str, reference: ScoreTable, calibration: ScoreTable) -> bool:
    """Whether the pixels can be asked beside a score: both parts have their statistics, and it is not one of them."""
    if registry.find(score).model_free:
        return False
    return not registry.computable([registry.find(PIXELS)()], (reference, calibration), reference)[1]


def few_images(score: str, reference: ScoreTable) -> str:
    """What it costs that the reference part is small for a score, in one line; empty where it is not.

    Raises:
        ConfigError: an unknown score.
    """
    kind = registry.find(score)
    if len(reference) >= kind.least_reference:
        return ""
    return f"{len(reference):,} reference images are few ({kind.least_reference:,} are wanted): {kind.fewer_cost}"


def values(score: str, table: ScoreTable, reference: ScoreTable) -> Floats:
    """A score at every level it has, `(n, K)`, one column a level; higher = more out-of-distribution.

    Raises:
        ConfigError: an unknown score.
        TableError: statistics that the score needs and the table lacks, or that were measured in another way than
            those of the reference part.
    """
    if (why := unlike(table.metadata, reference.metadata)) is not None:
        raise TableError(why)
    levels = registry.at_every_level(score, table.metadata.depth) or [registry.find(score)()]
    return np.column_stack([one.of(table, reference) for one in levels])


def own_part(found: Catalogue, part: str, setting: Setting) -> ScoreTable:
    """The table of a part of a run's own training set under a setting; `TableError` with the command that makes it."""
    entry = None if found.own is None else found.find(found.own, setting, (part,))
    if entry is None:
        named = "" if found.run.config is None else f" --data {found.run.config.data.name}"
        raise TableError(
            f"{found.run.name} has no scores of the {part} part of its training set under {setting}"
            f"{_foreign(found, part)}: hvae score {found.run.name}{named} --split reference calibration "
            f"{setting.options}"
        )
    return found.read(entry)


def _foreign(found: Catalogue, part: str) -> str:
    """What is said of a part of another set among the tables of a run, with both counts; empty where there is none."""
    entry = next((one for one in found.entries if one.split == part and one.slug != found.own), None)
    if entry is None or found.run.config is None:
        return ""
    count = found.run.config.data.images
    trained = f"the {count:,} images" if count else "the images"
    return (
        f" ({entry.path.name} does not count: its {len(found.read(entry)):,} images are a part of another set than "
        f"{trained} that the run was trained on)"
    )
