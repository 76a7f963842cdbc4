"""The label-free rule: is one image out of distribution, judged by in-distribution images alone?

LLR^{>k} at each k is turned into its tail rank in a reference part, the least rank over k is the statistic T, and T is
turned into a conformal p-value on a calibration part that nothing else uses. No OOD image chooses k or a threshold.
Under exchangeability P(p <= alpha) <= alpha (Vovk et al., 2005; Bates et al., 2023).

Scores have one column per k and are HIGHER = more OOD. Empty or non-finite ones, another number of columns than the
reference has, and parameters out of range are an `HvaeError`.
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from hvae.errors import HvaeError
from hvae.stats.arrays import Floats, between, finite


def tail_ranks(reference: ArrayLike, values: ArrayLike, *, two_sided: bool = False, break_ties: bool = False) -> Floats:
    """Empirical tail rank of each value in the reference, (1 + #{reference >= value}) / (n_ref + 1), per column.

    Of values `(m, K)` in a reference part `(n_ref, K)`, in (0, 1]; small = far out in the tail. To rank `two_sided` is
    by the nearer tail, doubled and at most 1, so that scores too LOW stand out as well. To `break_ties` is to order
    values that no reference score lies between by their standard deviations out: a rank falls by less than one step.
    """
    reference, values = _same_columns(reference, values)
    n_ref, ranks = len(reference), np.empty_like(values)
    for column, (ordered, ranked) in enumerate(zip(np.sort(reference, axis=0).T, values.T, strict=True)):
        tail = (1 + n_ref - np.searchsorted(ordered, ranked, "left")) / (n_ref + 1)
        if two_sided:
            lower = (1 + np.searchsorted(ordered, ranked, "right")) / (n_ref + 1)
            tail = np.minimum(1.0, 2 * np.minimum(tail, lower))
        ranks[:, column] = tail
    if break_ties:
        out = standardised(reference, values)
        out = np.abs(out) if two_sided else out
        ranks -= (1 + out / (1 + np.abs(out))) / 2 / (n_ref + 1)
    return ranks


def standardised(reference: ArrayLike, values: ArrayLike) -> Floats:
    """Values `(m, K)` in standard deviations of the reference `(n_ref, K)` from its mean, per column."""
    reference, values = _same_columns(reference, values)
    return (values - reference.mean(0)) / np.maximum(reference.std(0), np.finfo(np.float64).tiny)


def statistic(ranks: ArrayLike) -> Floats:
    """T `(m,)`: the least tail rank over k; small = out of distribution at some level of the hierarchy."""
    return np.min(finite(ranks, "tail ranks", 2), axis=1)


def p_values(calibration_t: ArrayLike, t: ArrayLike) -> Floats:
    """Conformal p-values (1 + #{calibration T <= t}) / (n + 1) of T `(m,)`, both ranked in one reference part."""
    calibration_t, t = finite(calibration_t, "calibration T"), finite(t, "T")
    below = np.searchsorted(np.sort(calibration_t), t, "right")
    return (1 + below) / (len(calibration_t) + 1)


def least_calibration(alpha: float) -> int:
    """Size of the smallest calibration part with which any image can have p <= alpha: 1 / (n + 1) <= alpha."""
    # A hair less: 1 / .1 must not come out as 10.000000000000002.
    return max(1, math.ceil(1 / between(alpha, "alpha", 0, 1) * (1 - 1e-12)) - 1)


def false_alarm_interval(alpha: float, n_calibration: int, m: int, level: float = 0.999) -> tuple[float, float]:
    """Interval (low, high), of probability `level`, for the share of m fresh in-distribution images with p <= alpha.

    All m share one finite calibration part, so the count follows a beta-binomial law with parameters j and
    n + 1 - j, j = #{possible p-values <= alpha}, and not a binomial one (Vovk, 2012). The law is exact without ties
    in T; ties (a small reference part, two-sided ranks) make alarms rarer, so the high end always holds.
    """
    alpha, level = between(alpha, "alpha", 0, 1), between(level, "level", 0, 1)
    if n_calibration < 1 or m < 1:
        raise HvaeError(f"false_alarm_interval: needs images, got {n_calibration} for calibration and {m} fresh ones.")
    possible = np.arange(1, n_calibration + 2) / (n_calibration + 1)
    alarms = int(np.count_nonzero(possible <= alpha))
    if alarms == 0:
        return 0.0, 0.0
    low, high = stats.betabinom(m, alarms, n_calibration + 1 - alarms).ppf([(1 - level) / 2, (1 + level) / 2])
    return float(low) / m, float(high) / m


def benjamini_hochberg(p: ArrayLike, alpha: float) -> NDArray[np.bool_]:
    """Mask `(m,)` of images called OOD with the false discovery rate held at alpha (Benjamini & Hochberg, 1995).

    Conformal p-values that share a calibration part depend on one another positively, which the procedure allows
    (Bates et al., 2023). They are never below 1 / (n + 1): see `least_rejections`.
    """
    p, alpha = finite(p, "p-values"), between(alpha, "alpha", 0, 1)
    if np.min(p) < 0 or np.max(p) > 1:
        raise HvaeError("p-values: must lie in [0, 1].")
    return stats.false_discovery_control(p, method="bh") <= alpha


def least_rejections(m: int, alpha: float, n_calibration: int) -> int:
    """How many of m images must reach the least possible p-value before Benjamini-Hochberg can reject any.

    About m / (alpha (n + 1)); more than m means that no rejection is possible with this calibration part.
    """
    alpha = between(alpha, "alpha", 0, 1)
    if n_calibration < 1 or m < 1:
        raise HvaeError(f"least_rejections: needs images, got {n_calibration} for calibration and {m} to judge.")
    return math.ceil(m / (alpha * (n_calibration + 1)))


def _same_columns(reference: ArrayLike, values: ArrayLike) -> tuple[Floats, Floats]:
    reference, values = finite(reference, "reference scores", 2), finite(values, "scores", 2)
    found, columns = values.shape[1], reference.shape[1]
    if found != columns:
        raise HvaeError(f"scores: {found} columns, the reference has {columns}; use the same k for both.")
    return reference, values
