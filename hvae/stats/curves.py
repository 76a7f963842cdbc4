"""ROC and precision-recall curves, thinned for drawing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hvae.errors import HvaeError
from hvae.stats.arrays import Floats, Indices, between
from hvae.stats.ranking import operating_points, precision_at


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

    Raises:
        HvaeError: Empty or non-finite scores, or fewer than 2 points.
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

    Raises:
        HvaeError: Empty or non-finite scores, fewer than 2 points, or a prevalence outside (0, 1).
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
