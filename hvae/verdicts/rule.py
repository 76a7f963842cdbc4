"""The label-free rule of a run: is THIS image unlike what the model knows? Imports no torch.

A rule is made from two score tables of the run's own training set, so no OOD image has a part in it: each level of one
score is ranked in the reference part, and what stands out most is turned into a p-value on the calibration part.
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
from hvae.stats import conformal
from hvae.stats.arrays import Floats, between
from hvae.verdicts.words import in_words, share_interval

Statistic = Literal["rank", "difference"]
"""How the values of one image at the K levels of a score become one number.

- `rank`: the least tail rank over the levels, each ranked in the reference part, ties broken by how far out they are.
- `difference`: the level that differs most, as the paper suggests for single examples: the largest standardised value,
  in standard deviations of the reference part.
"""
STATISTICS: tuple[Statistic, ...] = ("rank", "difference")
USUAL_SCORE = "llr"


@dataclass(frozen=True, eq=False)
class Rule:
    """The label-free rule of one run under one setting, from the tables of both parts."""

    run: str
    reference: ScoreTable
    calibration: ScoreTable
    score: str = USUAL_SCORE
    """Name of the score that judges, at every level it has."""
    two_sided: bool = False
    """Whether values too LOW are called OOD as well."""
    statistic: Statistic = "rank"

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

    def judge(self, table: ScoreTable) -> Judgement:
        """Judge images by their statistics, measured under the rule's setting.

        Raises:
            TableError: statistics that the score needs and the table lacks.
        """
        own = values(self.score, table, self.reference)
        far, level = self._far(own)
        calibration, _ = self._far(self.calibration_values)
        p = conformal.p_values(calibration, far)
        reached = np.rint(p * (len(calibration) + 1)).astype(int) - 1
        low, high = share_interval(reached, len(calibration))
        ranks = conformal.tail_ranks(self.reference_values, own, two_sided=self.two_sided)
        return Judgement(tuple(score.k for score in self.levels), ranks, level, p, low, high, len(calibration))

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

    def alarms(self, alpha: float) -> np.ndarray:
        """Mask `(m,)` of images called OOD at the false-alarm budget alpha; `HvaeError` for alpha outside (0, 1)."""
        return self.p <= between(alpha, "alpha", 0, 1)

    def words(self, alpha: float) -> list[str]:
        """The verdict on each image in words; `alpha` as of `alarms`."""
        return [
            in_words(alarm, p, low, high, self.n)
            for alarm, p, low, high in zip(self.alarms(alpha), self.p, self.low, self.high, strict=True)
        ]

    def frame(self, alpha: float) -> pd.DataFrame:
        """One row an image: `rank>k` for each level, `differs_at` (k), `p`, `p_low`, `p_high`, `ood`, `verdict`.

        A score without levels has one column `rank`, and no `differs_at`.
        """
        if self.levels == (None,):
            columns: dict[str, object] = {"rank": self.ranks[:, 0]}
        else:
            columns = {f"rank>{k}": self.ranks[:, column] for column, k in enumerate(self.levels)}
            columns["differs_at"] = np.array(self.levels)[self.level]
        return pd.DataFrame(
            columns
            | {"p": self.p, "p_low": self.low, "p_high": self.high}
            | {"ood": self.alarms(alpha), "verdict": self.words(alpha)}
        )


def rule(
    found: Catalogue,
    setting: Setting | None = None,
    *,
    score: str = USUAL_SCORE,
    two_sided: bool = False,
    statistic: Statistic = "rank",
) -> Rule:
    """The rule of a run from its stored tables of the reference and calibration parts of its own training set.

    `setting` is that of both parts, the usual one where None; the others are as `Rule` has them.

    Raises:
        ConfigError: an unknown score.
        TableError: a part is not scored under this setting, or lacks what the score needs: the message says how to mend
            it.
    """
    setting = setting or next(iter(found.rule_settings()), Setting())
    reference, calibration = (own_part(found, part, setting) for part in ("reference", "calibration"))
    made = Rule(found.run.name, reference, calibration, score, two_sided, statistic)
    wanted = registry.at_every_level(score, made.depth) or [registry.find(score)()]
    _, obstacles = registry.computable(wanted, (made.reference, made.calibration), made.reference)
    if obstacles:
        raise TableError(f"{found.run.name}: {obstacles[0]}")
    return made


def values(score: str, table: ScoreTable, reference: ScoreTable | None = None) -> Floats:
    """A score at every level it has, `(n, K)`, one column a level; higher = more out-of-distribution.

    Raises:
        ConfigError: an unknown score.
        TableError: statistics that the score needs and the table lacks.
    """
    levels = registry.at_every_level(score, table.metadata.depth)
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
