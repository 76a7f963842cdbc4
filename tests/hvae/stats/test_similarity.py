"""Matched correlation and debiased CKA on features whose likeness is known by construction."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ortho_group

from hvae.errors import HvaeError
from hvae.stats import similarity


def noise(n: int, units: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, units))


def gram_cka(a: np.ndarray, b: np.ndarray) -> float:
    """Debiased linear CKA written down with full (n, n) matrices, as in Song et al. (2012), eq. 5."""

    def hsic(k: np.ndarray, other: np.ndarray) -> float:
        n, one = len(k), np.ones(len(k))
        sums = (one @ k @ one) * (one @ other @ one) / ((n - 1) * (n - 2))
        return (np.trace(k @ other) + sums - 2 / (n - 2) * (one @ k @ other @ one)) / (n * (n - 3))

    grams = [x @ x.T for x in (a, b)]
    for gram in grams:
        np.fill_diagonal(gram, 0)
    k, other = grams
    return hsic(k, other) / np.sqrt(hsic(k, k) * hsic(other, other))


def test_permuted_and_flipped_units_are_found_again():
    a = noise(300, 40, seed=0)
    rng = np.random.default_rng(1)
    order, sign, scale = rng.permutation(40), rng.choice([-1, 1], 40), rng.uniform(0.1, 9, 40)
    result = similarity.matched_correlation(a, (a * sign * scale + 3)[:, order], units=40, seed=0)
    assert result.mean_abs_r == pytest.approx(1.0)
    np.testing.assert_array_equal(order[result.pairs[:, 1]], result.pairs[:, 0])
    np.testing.assert_allclose(result.r, sign[result.pairs[:, 0]])
    assert result.null < 0.2


def test_r_is_pearson_on_the_held_out_half():
    a, b = noise(200, 6, seed=0), noise(200, 9, seed=1)
    b[:, 4] += 2 * a[:, 2]
    result = similarity.matched_correlation(a, b, units=6, seed=3)
    assert len(np.unique(result.pairs[:, 0])) == len(np.unique(result.pairs[:, 1])) == 6
    full = [np.corrcoef(a[:, i], b[:, j])[0, 1] for i, j in result.pairs]
    np.testing.assert_allclose(result.r, full, atol=0.25)
    assert result.mean_abs_r == pytest.approx(np.mean(np.abs(result.r)))


def test_independent_features_are_near_the_null():
    result = similarity.matched_correlation(noise(400, 60, seed=0), noise(400, 80, seed=1), units=50, seed=0)
    expected = np.sqrt(2 / (np.pi * 200))
    assert result.mean_abs_r == pytest.approx(expected, abs=0.02)
    assert result.null == pytest.approx(expected, abs=0.02)


def test_a_layer_compared_with_itself_gives_one_on_a_subset():
    a = noise(100, 30, seed=0)
    result = similarity.matched_correlation(a, a, units=10, seed=5)
    assert result.mean_abs_r == pytest.approx(1.0)
    assert len(result.r) == 10


def test_constant_units_are_counted_and_left_out():
    a, b = noise(100, 10, seed=0), noise(100, 10, seed=1)
    a[:, 3] = 7.0
    a[:, 5] = np.float32(1000) + 1e-5 * noise(100, 1, seed=2)[:, 0]
    b[:, 0] = 0.0
    b[1:, 1] = 0.0
    result = similarity.matched_correlation(a, b, units=8, seed=0)
    assert (result.constant_a, result.constant_b) == (2, 2)
    assert not np.isin(result.pairs[:, 0], [3, 5]).any()
    assert not np.isin(result.pairs[:, 1], [0, 1]).any()
    np.testing.assert_array_equal(similarity.varying_units(a, seed=0), [0, 1, 2, 4, 6, 7, 8, 9])
    with pytest.raises(HvaeError, match="asked for 9, but a has 8 varying units and b 8"):
        similarity.matched_correlation(a, b, units=9, seed=0)


def test_results_repeat_by_seed():
    a, b = noise(60, 20, seed=0), noise(60, 20, seed=1)
    first, again, other = (similarity.matched_correlation(a, b, 8, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.pairs, again.pairs)
    assert first.null == again.null
    assert not np.array_equal(first.pairs, other.pairs)


@pytest.mark.parametrize(("n", "u", "v"), [(12, 3, 4), (7, 40, 50), (600, 1300, 1250), (40, 5, 200)])
def test_cka_equals_the_formula_with_gram_matrices(n, u, v):
    a = noise(n, u, seed=0) + 1
    b = noise(n, v, seed=1) - 2
    b[:, :3] += a[:, :3]
    assert similarity.debiased_cka(a, b) == pytest.approx(gram_cka(a, b), rel=1e-7, abs=1e-9)


def test_cka_does_not_change_under_rotation_scaling_and_shift():
    a = noise(80, 12, seed=0)
    b = a[:, :6] + 0.5 * noise(80, 6, seed=1)
    rotation = ortho_group.rvs(12, random_state=0)
    plain = similarity.debiased_cka(a, b)
    assert similarity.debiased_cka(3.7 * a @ rotation + 100, -0.01 * b) == pytest.approx(plain, abs=1e-9)
    assert similarity.debiased_cka(b, a) == pytest.approx(plain)
    assert similarity.debiased_cka(a, a @ rotation) == pytest.approx(1.0)


def test_debiased_cka_of_independent_wide_layers_is_near_zero_where_plain_cka_is_not():
    a, b = noise(150, 500, seed=0), noise(150, 500, seed=1)
    centred = [x - x.mean(axis=0) for x in (a, b)]
    grams = [x @ x.T for x in centred]
    plain = np.vdot(*grams) / np.sqrt(np.vdot(grams[0], grams[0]) * np.vdot(grams[1], grams[1]))
    assert plain > 0.7
    assert abs(similarity.debiased_cka(a, b)) < 0.03


def test_cka_of_a_collapsed_layer_is_undefined():
    assert np.isnan(similarity.debiased_cka(np.ones((20, 4)), noise(20, 4, seed=0)))


def test_bad_features_are_named():
    a = noise(20, 4, seed=0)
    with pytest.raises(HvaeError, match="a has 20 images, b has 19"):
        similarity.debiased_cka(a, a[1:])
    with pytest.raises(HvaeError, match="5 images are too few"):
        similarity.matched_correlation(a[:5], a[:5], units=2, seed=0)
    with pytest.raises(HvaeError, match="NaN"):
        similarity.debiased_cka(np.where(a > 1, np.nan, a), a)
    with pytest.raises(HvaeError, match="2 axis"):
        similarity.varying_units(a[0], seed=0)
    with pytest.raises(HvaeError, match="asked for 0"):
        similarity.matched_correlation(a, a, units=0, seed=0)
