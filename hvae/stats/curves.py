"""ROC and precision-recall curves, thinned for drawing.

They start from both samples of scores on one descending scale, so that tied scores always move together. Empty or
non-finite scores and parameters out of range are an `HvaeError`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hvae.errors import HvaeError
from hvae.stats.arrays import Floats, Indices, between, finite


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
    """(ranking, fpr, tpr) at every distinct threshold, descending."""
    ranking = rank(finite(in_scores, "in-distribution scores"), finite(ood_scores, "OOD scores"))
    return ranking, *ranking.rates(ranking.in_rank, ranking.ood_rank)


def precision_at(fpr: Floats, tpr: Floats, prevalence: float) -> Floats:
    """Precision at operating points, for the given share of OOD images; 0 where nothing is called OOD."""
    hits = prevalence * tpr
    alarms = hits + (1 - prevalence) * fpr
    # No alarm at all happens only in resamples that miss the top images; recall does not move there either.
    return np.divide(hits, alarms, out=np.zeros_like(hits), where=alarms > 0)


@dataclass(frozen=True, eq=False)
class RocCurve:
    """Operating points (all `(points,)`), from no alarm at threshold +inf to an alarm on every image.

    `fpr` and `tpr` are the shares of in-distribution and OOD images at or above each of the descending `thresholds`.
    """

    fpr: Floats
    tpr: Floats
    thresholds: Floats


@dataclass(frozen=True, eq=False)
class PrecisionRecallCurve:
    """Precision and recall (both `(points,)`, in [0, 1]) at descending `thresholds`, for the given OOD `prevalence`."""

    recall: Floats
    precision: Floats
    thresholds: Floats
    prevalence: float


def roc_curve(in_scores: ArrayLike, ood_scores: ArrayLike, points: int = 800) -> RocCurve:
    """ROC curve thinned to about `points` of its own operating points, evenly spaced in FPR + TPR.

    Both ends are kept and nothing is interpolated, so every point is a threshold somebody can really set.
    """
    ranking, fpr, tpr = operating_points(in_scores, ood_scores)
    fpr, tpr = np.r_[0.0, fpr], np.r_[0.0, tpr]
    keep = _thin(fpr + tpr, points)
    return RocCurve(fpr[keep], tpr[keep], np.r_[np.inf, ranking.thresholds][keep])


def precision_recall_curve(
    in_scores: ArrayLike, ood_scores: ArrayLike, points: int = 800, *, prevalence: float = 0.5
) -> PrecisionRecallCurve:
    """Precision against recall at about `points` real thresholds, evenly spaced in FPR + TPR, both ends kept.

    The first point is the highest score seen: no point (recall 0, precision 1) is made up.
    """
    ranking, fpr, tpr = operating_points(in_scores, ood_scores)
    share = between(prevalence, "prevalence", 0, 1)
    keep = _thin(fpr + tpr, points)
    return PrecisionRecallCurve(tpr[keep], precision_at(fpr, tpr, share)[keep], ranking.thresholds[keep], share)


def _thin(position: Floats, points: int) -> Indices:
    """Indices of about `points` entries evenly spaced in the ascending `position`, with both ends."""
    if points < 2:
        raise HvaeError(f"points: a curve needs at least 2, got {points}.")
    last = len(position) - 1
    if last < points:
        return np.arange(last + 1)
    wanted = np.searchsorted(position, np.linspace(position[0], position[-1], points))
    return np.unique(np.r_[0, np.minimum(wanted, last), last])
