"""What is drawn of scores: ROC and precision-recall curves, thinned, and densities over shared edges.

Curves start from both samples of scores on one descending scale, so that tied scores always move together. Empty or
non-finite scores and parameters out of range are an `HvaeError`.
"""

from collections.abc import Sequence
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


@dataclass(frozen=True, eq=False)
class Density:
    """Density `(bins,)` per unit of score over `edges` `(bins + 1,)`, and how many scores lie outside the edges.

    It is relative to ALL scores: its integral is the share inside the edges.
    """

    edges: Floats
    density: Floats
    below: int
    above: int


def bits_per_dim(nats: ArrayLike, dims: int) -> Floats:
    """Bits per dimension of log-likelihoods or bounds L in nats, of any shape: -L / (D ln 2); LOWER is more likely.

    D, `dims`, is the number of dimensions of an image (channels x height x width).
    """
    if dims < 1:
        raise HvaeError(f"dims: an image has at least one dimension, got {dims}.")
    return -np.asarray(nats, dtype=np.float64) / (dims * np.log(2))


def shared_edges(scores: Sequence[ArrayLike], bins: int = 80, clip: float = 0.001) -> Floats:
    """Histogram edges `(bins + 1,)` from the least `clip` quantile of any set to the greatest `1 - clip` quantile.

    So no outlier can stretch them; `density` counts what falls outside.
    """
    if not scores or bins < 1 or not 0 <= clip < 0.5:
        raise HvaeError(f"shared_edges: needs a set, bins >= 1 and 0 <= clip < 0.5; got {len(scores)}, {bins}, {clip}.")
    quantiles = [np.quantile(finite(values, "scores"), [clip, 1 - clip]) for values in scores]
    low, high = float(np.min(quantiles)), float(np.max(quantiles))
    edges = np.linspace(low, high, bins + 1)
    if np.all(np.diff(edges) > 0):
        return edges
    # All scores (nearly) equal: a bin needs a width that the magnitude of the scores can resolve.
    margin = 0.5 * max(1.0, abs(low) * 1e-6)
    return np.linspace(low - margin, high + margin, bins + 1)


def density(scores: ArrayLike, edges: ArrayLike) -> Density:
    """Histogram density of `scores` `(n,)` over ascending `edges` `(bins + 1,)`, the last bin closed on both sides."""
    scores, edges = finite(scores, "scores"), finite(edges, "edges")
    widths = np.diff(edges)
    if len(edges) < 2 or not np.all(widths > 0):
        raise HvaeError("edges: at least two, in ascending order.")
    counts, _ = np.histogram(scores, edges)
    below, above = int(np.count_nonzero(scores < edges[0])), int(np.count_nonzero(scores > edges[-1]))
    return Density(edges, counts / (len(scores) * widths), below, above)
