"""Both samples of scores on one descending scale, so that tied scores always move together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hvae.stats.arrays import Floats, Indices, finite


@dataclass(frozen=True, eq=False)
class Ranking:
    """Both samples on one descending scale: `in_rank` and `ood_rank` index into the distinct `thresholds`."""

    thresholds: Floats
    in_rank: Indices
    ood_rank: Indices

    def rates(self, in_rank: Indices, ood_rank: Indices) -> tuple[Floats, Floats]:
        """(fpr, tpr) at every threshold for these images, or for a resample of them."""
        size = len(self.thresholds)
        false_alarms = np.cumsum(np.bincount(in_rank, minlength=size))
        hits = np.cumsum(np.bincount(ood_rank, minlength=size))
        return false_alarms / len(in_rank), hits / len(ood_rank)


def rank(in_scores: Floats, ood_scores: Floats) -> Ranking:
    """Rank both samples together, `(n,)` and `(m,)`; equal scores share a threshold."""
    ascending, position = np.unique(np.concatenate([in_scores, ood_scores]), return_inverse=True)
    descending = len(ascending) - 1 - position
    return Ranking(ascending[::-1], descending[: len(in_scores)], descending[len(in_scores) :])


def operating_points(in_scores: ArrayLike, ood_scores: ArrayLike) -> tuple[Ranking, Floats, Floats]:
    """(ranking, fpr, tpr) at every distinct threshold, descending.

    Raises:
        HvaeError: Empty or non-finite scores.
    """
    ranking = rank(finite(in_scores, "in-distribution scores"), finite(ood_scores, "OOD scores"))
    return ranking, *ranking.rates(ranking.in_rank, ranking.ood_rank)


def precision_at(fpr: Floats, tpr: Floats, prevalence: float) -> Floats:
    """Precision at operating points, for the given share of OOD images; 0 where nothing is called OOD."""
    hits = prevalence * tpr
    alarms = hits + (1 - prevalence) * fpr
    # No alarm at all happens only in resamples that miss the top images; recall does not move there either.
    return np.divide(hits, alarms, out=np.zeros_like(hits), where=alarms > 0)
