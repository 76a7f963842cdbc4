"""How alike two models represent the same images: matched unit correlation (Havtorn et al., 2021, Fig. 2) and CKA.

Features are finite arrays `(images, units)` whose rows are the SAME images in both, at least 6; else an `HvaeError`.
Feature maps are flattened first.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import linear_sum_assignment

from hvae.errors import HvaeError
from hvae.stats.arrays import Floats, Indices, finite

CONSTANT_SPREAD = 1e-7
"""A unit whose standard deviation is below this share of its magnitude is rounding noise in float32: constant."""


@dataclass(frozen=True, eq=False)
class MatchedCorrelation:
    """Correlation of units matched one to one, measured on images the matching did not see."""

    mean_abs_r: float
    """Mean |Pearson r| over the matched pairs, in [0, 1]."""
    r: Floats
    """Signed r of each pair `(units,)`."""
    pairs: Indices
    """Columns of a and of b that were matched `(units, 2)`."""
    constant_a: int
    """Units of a left out because they hardly vary on one half of the images or on both."""
    constant_b: int
    """The same for b."""
    null: float
    """`mean_abs_r` of the same procedure with the images of b shuffled: what chance alone reaches."""


def varying_units(features: ArrayLike, seed: int) -> Indices:
    """Columns of `features` `(n, u)` that vary on both halves of the images: the ones `matched_correlation` can use."""
    features = finite(features, "features", 2)
    return _varying(features, _halves(len(features), seed))


def matched_correlation(a: ArrayLike, b: ArrayLike, units: int, seed: int) -> MatchedCorrelation:
    """|Pearson r| between representations whose units are matched one to one, Havtorn et al. (2021), Fig. 2.

    Units are matched on one half of the images (Hungarian algorithm on |r|) and measured on the other, since a
    matching flatters the data it was made on. Matching also favours wide layers, so exactly `units` varying units
    are drawn at random from each side; both draws start from the same seed, so a layer compared with itself gives 1.
    Fewer varying units than asked for are an `HvaeError`.
    """
    a, b = _same_images(a, b)
    halves = _halves(len(a), seed)
    usable_a, usable_b = _varying(a, halves), _varying(b, halves)
    u, v = len(usable_a), len(usable_b)
    if not 1 <= units <= min(u, v):
        raise HvaeError(f"units: asked for {units}, but a has {u} varying units and b {v}; ask for fewer.")
    columns_a, columns_b = (
        np.sort(np.random.default_rng([seed, 1]).choice(usable, units, replace=False))
        for usable in (usable_a, usable_b)
    )
    fit, held_out = halves
    a_fit, a_held_out = (_standardised(a[np.ix_(rows, columns_a)]) for rows in halves)
    b_fit, b_held_out = (_standardised(b[np.ix_(rows, columns_b)]) for rows in halves)
    order, r = _match(a_fit, b_fit, a_held_out, b_held_out)
    # Shuffled within each half: every unit keeps its values there, so none turns constant by the shuffle.
    rng = np.random.default_rng([seed, 2])
    _, null = _match(a_fit, b_fit[rng.permutation(len(fit))], a_held_out, b_held_out[rng.permutation(len(held_out))])
    return MatchedCorrelation(
        mean_abs_r=float(np.mean(np.abs(r))),
        r=r,
        pairs=np.column_stack([columns_a, columns_b[order]]),
        constant_a=a.shape[1] - u,
        constant_b=b.shape[1] - v,
        null=float(np.mean(np.abs(null))),
    )


def debiased_cka(a: ArrayLike, b: ArrayLike) -> float:
    """Linear centred kernel alignment with the unbiased HSIC estimator (Song et al., 2012; Kornblith et al., 2019).

    Plain CKA of independent wide layers tends to 1 where units outnumber images; this one has expectation near 0,
    and may be slightly negative. It does not change under rotation and isotropic scaling of either side, and is NaN
    where a side does not vary at all.
    """
    # The estimator does not depend on the means; without them its large sums cancel less.
    left, right = (features - features.mean(axis=0) for features in _same_images(a, b))
    own_a, own_b = _unbiased_hsic(left, left), _unbiased_hsic(right, right)
    if own_a <= 0 or own_b <= 0:
        return float("nan")
    return _unbiased_hsic(left, right) / float(np.sqrt(own_a) * np.sqrt(own_b))


def _same_images(a: ArrayLike, b: ArrayLike) -> tuple[Floats, Floats]:
    a, b = finite(a, "features a", 2), finite(b, "features b", 2)
    if len(a) != len(b):
        held = f"a has {len(a)} images, b has {len(b)}"
        raise HvaeError(f"features: {held}; both need the same images in the same order.")
    _require_images(len(a))
    return a, b


def _require_images(n: int) -> None:
    if n < 6:
        raise HvaeError(f"features: {n} images are too few to correlate; at least 6 are needed.")


def _halves(n: int, seed: int) -> tuple[Indices, Indices]:
    _require_images(n)
    shuffled = np.random.default_rng([seed, 0]).permutation(n)
    return shuffled[: n // 2], shuffled[n // 2 :]


def _varying(features: Floats, halves: tuple[Indices, Indices]) -> Indices:
    floor = CONSTANT_SPREAD * np.max(np.abs(features), axis=0)
    return np.flatnonzero(np.logical_and.reduce([np.std(features[rows], axis=0) > floor for rows in halves]))


def _standardised(features: Floats) -> Floats:
    """Columns of mean 0 and Euclidean norm 1, so that inner products are Pearson correlations."""
    centred = features - features.mean(axis=0)
    return centred / np.linalg.norm(centred, axis=0)


def _match(a_fit: Floats, b_fit: Floats, a_held_out: Floats, b_held_out: Floats) -> tuple[Indices, Floats]:
    """(partner in b of each column of a, found on the fitting half; signed r of the pairs on the held-out half)."""
    _, order = linear_sum_assignment(np.abs(a_fit.T @ b_fit), maximize=True)
    return order, np.clip(np.einsum("nu,nu->u", a_held_out, b_held_out[:, order]), -1, 1)


def _unbiased_hsic(a: Floats, b: Floats) -> float:
    """HSIC_1 of Song et al. (2012), eq. 5, for the Gram matrices K = a a^T and L = b b^T with their diagonals set to 0.

    tr(KL), K1 and 1^T K 1 all follow from the features, so no `(n, n)` matrix is formed.
    """
    n = len(a)
    diagonal_a, diagonal_b = np.einsum("nu,nu->n", a, a), np.einsum("nv,nv->n", b, b)
    rows_a, rows_b = a @ a.sum(axis=0) - diagonal_a, b @ b.sum(axis=0) - diagonal_b
    trace = _gram_inner_product(a, b) - diagonal_a @ diagonal_b
    product_of_sums = rows_a.sum() * rows_b.sum() / ((n - 1) * (n - 2))
    return float(trace + product_of_sums - 2 / (n - 2) * (rows_a @ rows_b)) / (n * (n - 3))


def _gram_inner_product(a: Floats, b: Floats) -> float:
    """<a a^T, b b^T> = |a^T b|^2 by whichever needs fewer products: unit by unit, or image by image in row blocks."""
    n, u, v = len(a), a.shape[1], b.shape[1]
    if u * v <= n * (u + v):
        cross = a.T @ b
        return float(np.vdot(cross, cross))
    blocks = (slice(start, start + 512) for start in range(0, n, 512))
    return float(sum(np.vdot(a[rows] @ a.T, b[rows] @ b.T) for rows in blocks))
