"""Distributions of scores: units, shared edges, densities and their distance.

Empty or non-finite scores and parameters out of range are an `HvaeError`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hvae.errors import HvaeError
from hvae.stats.arrays import Floats, finite
from hvae.stats.curves import operating_points


@dataclass(frozen=True, eq=False)
class Density:
    """Histogram density `(bins,)` over `edges` `(bins + 1,)`, and how many scores lie outside the edges.

    The density is per unit of score and relative to ALL scores: its integral is the share inside the edges.
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
    """Histogram edges `(bins + 1,)` that suit several sets at once and that no outlier can stretch.

    They run from the least `clip` quantile of any set to the greatest `1 - clip` quantile of any; `density` counts
    what falls outside.
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


def ks_distance(in_scores: ArrayLike, ood_scores: ArrayLike) -> float:
    """Kolmogorov-Smirnov distance: the greatest gap between the two distribution functions, in [0, 1]."""
    _, fpr, tpr = operating_points(in_scores, ood_scores)
    return float(np.max(np.abs(tpr - fpr)))
