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

from hvae import scores as registry
from hvae.errors import TableError
from hvae.runs.catalogue import Catalogue
from hvae.runs.score_tables import ScoreTable
from hvae.runs.settings import Setting
from hvae.scores import Score
from hvae.stats import conformal
from hvae.stats.arrays import Floats
from hvae.verdicts.choice import PIXEL_SHARE, PIXELS, asks_pixels, few_images, usual_score, values
from hvae.verdicts.judgement import Judgement
from hvae.verdicts.parts import own_part
from hvae.verdicts.words import share_interval, too_few

Statistic = Literal["rank", "difference"]
"""How the values of one image at the K levels of a score become one number.

- `rank`: the least tail rank over the levels, each ranked in the reference part, ties broken by how far out they are.
- `difference`: the level that differs most, as the paper suggests for single examples: the largest standardised value,
  in standard deviations of the reference part.
"""
STATISTICS: tuple[Statistic, ...] = ("rank", "difference")


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
        t, level = self._far(own)
        far, rank = self._with_pixels(t, table) if self.pixels else (t, None)
        n = len(self.calibration)
        p = conformal.p_values(self._calibration_far, far)
        reached = np.rint(p * (n + 1)).astype(int) - 1
        low, high = share_interval(reached, n)
        ranks = conformal.tail_ranks(self.reference_values, own, two_sided=self.two_sided)
        levels = tuple(score.k for score in self.levels)
        return Judgement(levels, ranks, level, t, p, low, high, n, self.levels[0].label, explained, rank)

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
