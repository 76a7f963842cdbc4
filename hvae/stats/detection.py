"""AUROC, AUPRC and FPR at a given TPR with intervals, and their comparison between two scores.

An image is called OOD when its score is at or above the threshold. numpy and `scipy.special` alone keep dashboards
quick to start.

Throughout, `in_scores` are `(n,)` scores of in-distribution images and `ood_scores` `(m,)` of OOD ones, `level` is the
coverage of the interval, and `n_boot` and `seed` are the number of bootstrap resamples and the seed they are drawn by;
without any, 0, an interval that takes them is missing: both of its ends are NaN.
Empty or non-finite scores and parameters out of range are an `HvaeError`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logit, ndtr, ndtri

from hvae.errors import HvaeError
from hvae.stats.arrays import Floats, Indices, between, finite
from hvae.stats.curves import Ranking, precision_at, rank

MOST_KEPT = 2_500_000
"""Images in all resamples together that are kept for the next score: 10 MB."""


@dataclass(frozen=True)
class Estimate:
    """A number in [0, 1] and the interval that covers its population value with probability about `level`."""

    value: float
    low: float
    high: float
    level: float = 0.95


@dataclass(frozen=True)
class PairedDifference:
    """AUROC of score a minus AUROC of score b on the same images, with interval and two-sided p-value."""

    value: float
    low: float
    high: float
    p_value: float
    level: float = 0.95


def auroc(in_scores: ArrayLike, ood_scores: ArrayLike, *, level: float = 0.95) -> Estimate:
    """Area under the ROC curve: P(OOD score > in-distribution score) + P(tie) / 2, with DeLong's interval.

    The interval is DeLong et al. (1988) on the logit scale, which keeps it inside [0, 1]. Where DeLong's variance is
    zero (AUROC 0 or 1, or all scores tied) it would have no width; there an exact bound is used instead. By the
    distribution-free tolerance limit, the chance that a fresh in-distribution score passes the largest of n is below
    u = 1 - (a/2)^(1/n), and likewise v for the m OOD scores, both with probability 1 - a, a = 1 - level; so at most a
    share 1 - (1 - u)(1 - v) of all pairs is arranged differently from those seen. One image on a side gives (0, 1).
    """
    in_scores, ood_scores, level = _pair(in_scores, ood_scores, level)
    in_wins, ood_wins = _placements(in_scores, ood_scores)
    value = float(np.mean(ood_wins))
    n, m = len(in_scores), len(ood_scores)
    variance = _variance_of_mean(in_wins) + _variance_of_mean(ood_wins)
    if np.isnan(variance):
        return Estimate(value, 0.0, 1.0, level)
    if variance == 0:
        slack = _unseen_pairs(n, m, level)
        return Estimate(value, value * (1 - slack), value + (1 - value) * slack, level)
    reach = ndtri((1 + level) / 2) * np.sqrt(variance) / (value * (1 - value))
    return Estimate(value, float(expit(logit(value) - reach)), float(expit(logit(value) + reach)), level)


def average_precision(
    in_scores: ArrayLike,
    ood_scores: ArrayLike,
    *,
    prevalence: float | None = 0.5,
    level: float = 0.95,
    n_boot: int = 200,
    seed: int = 0,
) -> Estimate:
    """Area under the precision-recall curve as average precision (AUPRC in the paper), sum of precision x d(recall).

    The interval is the percentile interval of a stratified bootstrap: both sides are resampled at their own size.
    It is fast because scores are ranked once; a resample is then two histograms over the ranks and a cumulative sum.
    With perfect separation every resample is perfect as well, so the low end comes from the tolerance limits of
    `auroc` instead: at most a share u of in-distribution images scores above the largest one seen, at least a share
    1 - v of OOD images does.

    The precision is stated for a `prevalence` (share of OOD images): 0.5 is the paper's 1:1 whatever the sizes, None
    the sample's own m / (n + m).
    """
    in_scores, ood_scores, level = _pair(in_scores, ood_scores, level)
    n, m = len(in_scores), len(ood_scores)
    measure = _AveragePrecision(m / (n + m) if prevalence is None else between(prevalence, "prevalence", 0, 1))
    return _bootstrap(rank(in_scores, ood_scores), [measure], level, n_boot, seed)[0]


def fpr_at_tpr(
    in_scores: ArrayLike,
    ood_scores: ArrayLike,
    tpr: float = 0.8,
    *,
    level: float = 0.95,
    n_boot: int = 200,
    seed: int = 0,
) -> Estimate:
    """False-positive rate at a true-positive rate (FPR80): the least FPR among thresholds with TPR >= `tpr`, in (0, 1].

    The interval is the stratified percentile bootstrap of `average_precision`. At an FPR of 0 or 1 resampling the
    in-distribution images cannot move it, so it is widened to the exact Clopper-Pearson bound: given the OOD images
    the threshold is fixed, and the false alarms are binomial.
    """
    in_scores, ood_scores, level = _pair(in_scores, ood_scores, level)
    if not 0 < tpr <= 1:
        raise HvaeError(f"tpr: must lie in (0, 1], got {tpr}.")
    return _bootstrap(rank(in_scores, ood_scores), [_FalsePositiveRate(tpr)], level, n_boot, seed)[0]


def paired_auroc_difference(
    in_a: ArrayLike, ood_a: ArrayLike, in_b: ArrayLike, ood_b: ArrayLike, *, level: float = 0.95
) -> PairedDifference:
    """AUROC of a minus AUROC of b where both score the SAME images in the same order, by DeLong et al. (1988).

    Pairing removes what the two scores share, so the interval is narrower than that of two separate AUROCs. Where
    the variance is zero (both scores order every pair alike) the bound of `auroc` is used, once for each score.
    """
    in_a, ood_a, level = _pair(in_a, ood_a, level)
    in_b, ood_b, level = _pair(in_b, ood_b, level)
    n, m = len(in_a), len(ood_a)
    if (n, m) != (len(in_b), len(ood_b)):
        held = f"a has {n} in and {m} OOD images, b has {len(in_b)} and {len(ood_b)}"
        raise HvaeError(f"paired scores: {held}; score the same ones.")
    (in_wins_a, ood_wins_a), (in_wins_b, ood_wins_b) = _placements(in_a, ood_a), _placements(in_b, ood_b)
    value = float(np.mean(ood_wins_a) - np.mean(ood_wins_b))
    variance = _variance_of_mean(in_wins_a - in_wins_b) + _variance_of_mean(ood_wins_a - ood_wins_b)
    if np.isnan(variance):
        reach, p_value = 2.0, 1.0
    elif variance == 0:
        reach, p_value = 2 * _unseen_pairs(n, m, (1 + level) / 2), float(value == 0)
    else:
        error = float(np.sqrt(variance))
        reach, p_value = float(ndtri((1 + level) / 2)) * error, float(2 * ndtr(-abs(value) / error))
    return PairedDifference(value, max(-1.0, value - reach), min(1.0, value + reach), p_value, level)


def equal_subsets(n: int, m: int, seed: int) -> tuple[Indices, Indices]:
    """Ascending indices of min(n, m) of n in-distribution and m OOD images, without replacement, as the paper's."""
    size = min(n, m)
    if size < 1:
        raise HvaeError(f"equal_subsets: both sides need images, got {n} in and {m} OOD.")
    rng = np.random.default_rng(seed)
    drawn = [np.sort(rng.choice(total, size, replace=False)) if total > size else np.arange(total) for total in (n, m)]
    return drawn[0], drawn[1]


def metrics(
    in_scores: ArrayLike,
    ood_scores: ArrayLike,
    tprs: Sequence[float] = (0.8, 0.95),
    *,
    level: float = 0.95,
    n_boot: int = 200,
    seed: int = 0,
) -> dict[str, Estimate]:
    """`auroc`, `auprc` at 1:1, and `fpr80` ... at each of the true-positive rates, on all images.

    Scores of the same images are resampled alike, by the same seed: their intervals are paired.
    """
    in_scores, ood_scores, level = _pair(in_scores, ood_scores, level)
    # One pass over the resamples that `average_precision` and `fpr_at_tpr` would each draw for themselves.
    measures = [_AveragePrecision(0.5), *map(_FalsePositiveRate, tprs)]
    found = _bootstrap(rank(in_scores, ood_scores), measures, level, n_boot, seed)
    names = ("auprc", *(f"fpr{100 * tpr:.0f}" for tpr in tprs))
    return {"auroc": auroc(in_scores, ood_scores, level=level), **dict(zip(names, found, strict=True))}


def summary(
    in_scores: ArrayLike,
    ood_scores: ArrayLike,
    *,
    equal_size_seed: int = 0,
    level: float = 0.95,
    n_boot: int = 200,
    seed: int = 0,
) -> dict[str, dict[str, Estimate]]:
    """The metrics of a report: `{"equal": {"auroc", "auprc", "fpr80", "fpr95"}, "full": {...}}`, the AUPRC at 1:1.

    The first three are the paper's, the false alarms at 95 % caught what most others state.

    "equal" is measured on `equal_subsets(n, m, equal_size_seed)` as in the paper, "full" on all images.
    """
    in_scores, ood_scores, level = _pair(in_scores, ood_scores, level)
    chosen_in, chosen_ood = equal_subsets(len(in_scores), len(ood_scores), equal_size_seed)

    def measure(inside: Floats, outside: Floats) -> dict[str, Estimate]:
        return metrics(inside, outside, level=level, n_boot=n_boot, seed=seed)

    full = measure(in_scores, ood_scores)
    same = len(in_scores) == len(ood_scores)
    return {"equal": full if same else measure(in_scores[chosen_in], ood_scores[chosen_ood]), "full": full}


def _pair(in_scores: ArrayLike, ood_scores: ArrayLike, level: float) -> tuple[Floats, Floats, float]:
    scores = finite(in_scores, "in-distribution scores"), finite(ood_scores, "OOD scores")
    return *scores, between(level, "level", 0, 1)


def _placements(in_scores: Floats, ood_scores: Floats) -> tuple[Floats, Floats]:
    """For each in image the share of OOD images above it, for each OOD image the share of in images below; ties 1/2."""
    in_sorted, ood_sorted = np.sort(in_scores), np.sort(ood_scores)
    n, m = len(in_scores), len(ood_scores)
    return 1 - _twice_below(ood_sorted, in_scores) / (2 * m), _twice_below(in_sorted, ood_scores) / (2 * n)


def _twice_below(ascending: Floats, scores: Floats) -> Indices:
    """For each score twice the number of others below it, and once that of those equal to it."""
    found = np.searchsorted(ascending, scores, "left")
    # Few are equal to any, and only those are looked up again.
    tied = np.flatnonzero(ascending[np.minimum(found, len(ascending) - 1)] == scores)
    upper = np.searchsorted(ascending, scores[tied], "right") - found[tied]
    found *= 2
    found[tied] += upper
    return found


def _variance_of_mean(values: Floats) -> float:
    return float(np.var(values, ddof=1) / len(values)) if len(values) > 1 else float("nan")


def _unseen(n: int, level: float) -> float:
    """Clopper-Pearson upper bound of a rate seen 0 times in n, at confidence (1 + level) / 2."""
    return float(-np.expm1(np.log((1 - level) / 2) / n))


def _unseen_pairs(n: int, m: int, level: float) -> float:
    """Bound on the share of pairs arranged unlike all n x m pairs seen, at confidence `level` (Bonferroni)."""
    return 1 - (1 - _unseen(n, level)) * (1 - _unseen(m, level))


# A measure is a function of the operating points in descending order of the threshold. `widened` is its bootstrap
# interval, widened where every resample must give the same value.


@dataclass(frozen=True)
class _AveragePrecision:
    """See `average_precision`; `share` is the prevalence."""

    share: float

    def __call__(self, fpr: Floats, tpr: Floats) -> float:
        gained = tpr.copy()
        gained[1:] -= tpr[:-1]
        # No product of vectors: of 10,000 images and more it wakes a thread a core, which costs ten times the sum and
        # rounds the last digit by their number.
        return float(np.sum(precision_at(fpr, tpr, self.share) * gained))

    def widened(self, found: Estimate, ranking: Ranking) -> Estimate:
        if np.max(ranking.ood_rank) >= np.min(ranking.in_rank):
            return found
        odds = (1 - self.share) / self.share * _unseen(len(ranking.in_rank), found.level)
        recall = 1 - _unseen(len(ranking.ood_rank), found.level)
        low = recall - odds * float(np.log1p(recall / odds)) + self.share * recall * (1 - recall)
        return replace(found, low=low)


@dataclass(frozen=True)
class _FalsePositiveRate:
    """See `fpr_at_tpr`."""

    tpr: float

    def __call__(self, fpr: Floats, tpr: Floats) -> float:
        return float(fpr[np.searchsorted(tpr, self.tpr)])

    def widened(self, found: Estimate, ranking: Ranking) -> Estimate:
        unseen = _unseen(len(ranking.in_rank), found.level)
        if found.value == 0:
            return replace(found, high=max(found.high, unseen))
        if found.value == 1:
            return replace(found, low=min(found.low, 1 - unseen))
        return found


_Measure = _AveragePrecision | _FalsePositiveRate


def _bootstrap(ranking: Ranking, measures: Sequence[_Measure], level: float, n_boot: int, seed: int) -> list[Estimate]:
    """Each measure with its stratified percentile bootstrap, from the same resamples; the value is kept inside."""
    if n_boot < 0:
        raise HvaeError(f"n_boot: a number of resamples, or 0 for no interval; got {n_boot}.")
    in_rank, ood_rank = ranking.in_rank, ranking.ood_rank
    rates = ranking.rates(in_rank, ood_rank)
    values = [measure(*rates) for measure in measures]
    if n_boot == 0:
        return [Estimate(value, np.nan, np.nan, level) for value in values]
    n, m = len(in_rank), len(ood_rank)
    # Scores of the same images are resampled alike: of few images every resample is drawn once for all of them.
    draws = (_kept_draws if n_boot * (n + m) <= MOST_KEPT else _draws)(n, m, n_boot, seed)
    resampled = np.empty((n_boot, len(measures)))
    for index, (in_draw, ood_draw) in enumerate(draws):
        rates = ranking.rates(in_rank[in_draw], ood_rank[ood_draw])
        resampled[index] = [measure(*rates) for measure in measures]
    lows, highs = np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return [
        measure.widened(Estimate(value, min(value, float(low)), max(value, float(high)), level), ranking)
        for measure, value, low, high in zip(measures, values, lows, highs, strict=True)
    ]


def _draws(n: int, m: int, n_boot: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows of n in-distribution and m OOD images in each resample."""
    rng = np.random.default_rng(seed)
    for _ in range(n_boot):
        yield rng.integers(0, n, n, dtype=np.uint32), rng.integers(0, m, m, dtype=np.uint32)


@lru_cache(maxsize=2)
def _kept_draws(n: int, m: int, n_boot: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    return [*_draws(n, m, n_boot, seed)]
