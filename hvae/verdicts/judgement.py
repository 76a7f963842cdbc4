"""What the label-free rule says about images: ranks, p-values and words. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from hvae.scores import Level
from hvae.scores.base import Explanation
from hvae.stats.arrays import Floats, between
from hvae.verdicts.choice import PIXELS
from hvae.verdicts.words import in_words


@dataclass(frozen=True, eq=False)
class Judgement:
    """What the rule says about `m` images."""

    levels: tuple[Level, ...]
    """k of each column; `(None,)` for a score without levels."""
    ranks: Floats
    """Tail rank of the score in the reference part, `(m, K)` in (0, 1]."""
    level: np.ndarray
    """`(m,)` the column at which the image differs most."""
    t: Floats
    """`(m,)` how far out the score is there, small = far out, ties of ranks broken: `order` goes by it."""
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
        """One row an image: `rank>k` for each level, `differs_at` (k), `decided_by`, `T`, `p`, `p_low` ... `verdict`.

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
            | {"decided_by": self.decided_by, "T": self.t, "p": self.p, "p_low": self.low, "p_high": self.high}
            | {"ood": self.alarms(alpha), "verdict": self.words(alpha)}
        )


def order(frame: pd.DataFrame) -> np.ndarray:
    """Rows of a `frame` of verdicts, the most unusual first: by `p`, of the many with one p by `T`, then as they are.

    Results of an earlier version have no `T`.
    """
    return np.lexsort([frame[name].to_numpy() for name in ("T", "p") if name in frame])
