"""Metrics against brute-force definitions, closed forms, scikit-learn and simulations with a fixed seed."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from confidenceinterval.delong import fastDeLong
from scipy.special import ndtr
from scipy.stats import beta
from sklearn.metrics import average_precision_score, roc_auc_score

from hvae import stats
from hvae.errors import HvaeError

TIED = (np.array([0.0, 1.0, 1.0, 2.0, 3.0]), np.array([1.0, 2.0, 2.0, 4.0, 0.0, 5.0]))


def gaussians(n: int = 400, m: int = 300, shift: float = 1.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=n), rng.normal(shift, 1, size=m)


def labelled(inside: np.ndarray, outside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.r_[np.zeros(len(inside)), np.ones(len(outside))], np.r_[inside, outside]


def brute_force_auroc(inside: np.ndarray, outside: np.ndarray) -> float:
    return float(np.mean([(o > i) + 0.5 * (o == i) for i, o in itertools.product(inside, outside)]))


def brute_force_fpr(inside: np.ndarray, outside: np.ndarray, tpr: float) -> float:
    thresholds = np.r_[inside, outside]
    return min(float(np.mean(inside >= t)) for t in thresholds if np.mean(outside >= t) >= tpr)


@pytest.mark.parametrize(
    "pair", [TIED, gaussians(30, 20), (np.zeros(4), np.zeros(3))], ids=["tied", "free", "constant"]
)
def test_point_values_match_definitions_and_scikit_learn(pair):
    inside, outside = pair
    truth, scores = labelled(inside, outside)
    value = stats.auroc(inside, outside).value
    assert value == pytest.approx(brute_force_auroc(inside, outside), abs=1e-14)
    assert value == pytest.approx(roc_auc_score(truth, scores), abs=1e-14)
    own = stats.average_precision(inside, outside, prevalence=None).value
    assert own == pytest.approx(average_precision_score(truth, scores), abs=1e-14)
    weights = np.where(truth == 1, 1 / len(outside), 1 / len(inside))
    one_to_one = stats.average_precision(inside, outside).value
    assert one_to_one == pytest.approx(average_precision_score(truth, scores, sample_weight=weights), abs=1e-14)
    for tpr in (0.1, 0.5, 0.8, 0.95, 1.0):
        assert stats.fpr_at_tpr(inside, outside, tpr).value == brute_force_fpr(inside, outside, tpr)


def test_auroc_of_two_gaussians():
    inside, outside = gaussians(20_000, 20_000, shift=1.3)
    estimate = stats.auroc(inside, outside, level=0.999)
    truth = ndtr(1.3 / np.sqrt(2))
    assert estimate.low < truth < estimate.high
    assert estimate.high - estimate.low < 0.02


def test_fpr80_is_reached_with_ties_taken_together():
    inside, outside = np.array([0.0, 1.0, 1.0, 1.0]), np.array([1.0, 1.0, 2.0, 2.0, 2.0])
    assert stats.fpr_at_tpr(inside, outside, 0.6).value == 0.0
    assert stats.fpr_at_tpr(inside, outside, 0.8).value == 0.75


def test_tpr_that_floats_cannot_multiply_is_still_reached():
    outside = np.arange(100.0)
    assert 0.55 * 100 > 55
    assert stats.fpr_at_tpr(np.array([44.5, -1.0]), outside, 0.55).value == 0.0


@pytest.mark.parametrize("transform", [np.exp, lambda x: 5 * x - 3, np.cbrt], ids=["exp", "affine", "cube root"])
def test_nothing_depends_on_the_scale_of_the_score(transform):
    inside, outside = gaussians()
    plain, moved = (stats.summary(f(inside), f(outside), n_boot=20) for f in (np.asarray, transform))
    assert plain == moved


@pytest.mark.parametrize("pair", [TIED, gaussians()], ids=["tied", "free"])
def test_swapping_the_sides_mirrors_auroc_and_its_interval(pair):
    forward, backward = stats.auroc(*pair), stats.auroc(*pair[::-1])
    assert forward.value == pytest.approx(1 - backward.value, abs=1e-14)
    assert forward.low == pytest.approx(1 - backward.high, abs=1e-12)


def test_delong_interval_covers_at_its_level():
    truth, covered, repeats = ndtr(1.0 / np.sqrt(2)), 0, 2000
    for seed in range(repeats):
        estimate = stats.auroc(*gaussians(60, 40, seed=seed), level=0.9)
        covered += estimate.low <= truth <= estimate.high
    assert 0.88 < covered / repeats < 0.92


def test_without_resamples_the_values_are_the_same_and_their_intervals_missing() -> None:
    pair = gaussians(50, 40, shift=1.0)
    plain, bare = stats.metrics(*pair, n_boot=5), stats.metrics(*pair, n_boot=0)
    assert {name: one.value for name, one in plain.items()} == {name: one.value for name, one in bare.items()}
    assert bare.pop("auroc") == plain["auroc"], "its interval takes none"
    assert all(np.isnan([one.low, one.high]).all() for one in bare.values())


def test_bootstrap_interval_covers_fpr80():
    truth, covered, repeats = 1 - ndtr(1.0 - 0.8416212335729143), 0, 200
    for seed in range(repeats):
        estimate = stats.fpr_at_tpr(*gaussians(150, 150, seed=seed), level=0.9, seed=seed)
        covered += estimate.low <= truth <= estimate.high
    assert 0.82 < covered / repeats < 0.97


def test_perfect_separation_has_an_interval_with_an_exact_bound():
    inside, outside = np.arange(50.0), 100 + np.arange(40.0)
    u, v = beta.ppf(0.975, 1, 50), beta.ppf(0.975, 1, 40)
    perfect, inverted = stats.auroc(inside, outside), stats.auroc(outside, inside)
    assert (perfect.value, perfect.high) == (1.0, 1.0)
    assert perfect.low == pytest.approx((1 - u) * (1 - v))
    assert (inverted.value, inverted.low) == (0.0, 0.0)
    assert inverted.high == pytest.approx(1 - (1 - u) * (1 - v))
    precision = stats.average_precision(inside, outside)
    assert precision.value == precision.high == 1.0
    assert 0.7 < precision.low < 0.95
    false_alarms = stats.fpr_at_tpr(inside, outside)
    assert (false_alarms.value, false_alarms.low) == (0.0, 0.0)
    assert false_alarms.high == pytest.approx(u)
    assert stats.fpr_at_tpr(outside, inside).low == pytest.approx(1 - beta.ppf(0.975, 1, 40))


def test_exact_bounds_hold_where_separation_is_perfect_by_luck():
    shift = 3.5
    truth = ndtr(shift / np.sqrt(2))
    large = stats.average_precision(*gaussians(200_000, 200_000, shift=shift, seed=1), n_boot=1).value
    perfect = 0
    for seed in range(300):
        pair = gaussians(20, 20, shift=shift, seed=seed)
        estimate = stats.auroc(*pair)
        if estimate.value == 1:
            perfect += 1
            assert estimate.low <= truth
            assert stats.average_precision(*pair, n_boot=1).low <= large
    assert perfect > 50


def test_all_tied_and_single_images_say_how_little_is_known():
    tied = stats.auroc(np.zeros(100), np.zeros(100))
    assert tied.value == 0.5
    assert 0.4 < tied.low < 0.5 < tied.high < 0.6
    assert stats.auroc([0.0], [1.0, 2.0]) == stats.Estimate(1.0, 0.0, 1.0)


def test_paired_difference_agrees_with_the_covariance_of_confidenceinterval():
    rng = np.random.default_rng(3)
    inside, outside = gaussians(200, 150)
    in_b, ood_b = inside + rng.normal(size=200), outside + rng.normal(size=150)
    values, covariance = fastDeLong(np.stack([np.r_[outside, inside], np.r_[ood_b, in_b]]), 150, None)
    error = np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    difference = stats.paired_auroc_difference(inside, outside, in_b, ood_b)
    assert difference.value == pytest.approx(values[0] - values[1], abs=1e-5)
    assert difference.high - difference.value == pytest.approx(1.959964 * error, rel=1e-5)
    assert difference.p_value == pytest.approx(2 * ndtr(-abs(difference.value) / error), rel=1e-4)
    back = stats.paired_auroc_difference(in_b, ood_b, inside, outside)
    assert (back.value, back.low, back.high) == pytest.approx((-difference.value, -difference.high, -difference.low))


def test_paired_p_value_is_uniform_for_equally_good_scores():
    rejected, repeats = 0, 1000
    for seed in range(repeats):
        rng = np.random.default_rng(seed)
        shared_in, shared_ood = rng.normal(size=80), rng.normal(1.0, 1, size=80)
        noise = rng.normal(size=(4, 80))
        difference = stats.paired_auroc_difference(
            shared_in + noise[0], shared_ood + noise[1], shared_in + noise[2], shared_ood + noise[3]
        )
        rejected += difference.p_value < 0.1
    assert 0.07 < rejected / repeats < 0.13


def test_paired_difference_of_one_score_with_itself():
    inside, outside = gaussians()
    same = stats.paired_auroc_difference(inside, outside, inside, outside)
    assert (same.value, same.p_value) == (0.0, 1.0)
    assert same.low < 0 < same.high
    opposite = stats.paired_auroc_difference(np.zeros(50), np.ones(50), np.ones(50), np.zeros(50))
    assert (opposite.value, opposite.high, opposite.p_value) == (1.0, 1.0, 0.0)
    assert opposite.low < 1


def test_thinned_roc_keeps_ends_points_and_area():
    inside, outside = gaussians(10_000, 10_000)
    curve = stats.roc_curve(inside, outside)
    assert 700 <= len(curve.fpr) <= 802
    assert (curve.fpr[0], curve.tpr[0], curve.thresholds[0]) == (0.0, 0.0, np.inf)
    assert (curve.fpr[-1], curve.tpr[-1]) == (1.0, 1.0)
    assert np.all(np.diff(curve.thresholds) < 0)
    for index in (1, 100, 500, len(curve.fpr) - 1):
        assert curve.fpr[index] == np.mean(inside >= curve.thresholds[index])
        assert curve.tpr[index] == np.mean(outside >= curve.thresholds[index])
    assert np.trapezoid(curve.tpr, curve.fpr) == pytest.approx(stats.auroc(inside, outside).value, abs=2e-5)
    assert np.max(np.diff(curve.fpr + curve.tpr)) < 3 * 2 / 800


def test_small_curves_are_complete():
    roc = stats.roc_curve(*TIED)
    np.testing.assert_array_equal(roc.thresholds, [np.inf, 5, 4, 3, 2, 1, 0])
    np.testing.assert_allclose(roc.fpr, [0, 0, 0, 0.2, 0.4, 0.8, 1])
    curve = stats.precision_recall_curve(*TIED)
    np.testing.assert_allclose(curve.recall, roc.tpr[1:])
    np.testing.assert_allclose(curve.precision, roc.tpr[1:] / (roc.tpr[1:] + roc.fpr[1:]))
    rare = stats.precision_recall_curve(*TIED, prevalence=0.1)
    np.testing.assert_allclose(rare.precision, 0.1 * roc.tpr[1:] / (0.1 * roc.tpr[1:] + 0.9 * roc.fpr[1:]))


def test_bits_per_dim():
    assert stats.bits_per_dim(-784 * np.log(2) * 0.42, 784) == pytest.approx(0.42)
    np.testing.assert_allclose(stats.bits_per_dim([-8 * np.log(256), 0.0], 8), [8, 0])
    with pytest.raises(HvaeError, match="dims"):
        stats.bits_per_dim([1.0], 0)


def test_density_counts_every_score_once():
    inside, outside = gaussians(2000, 1000)
    outside[0] = 1e9
    edges = stats.shared_edges([inside, outside], bins=50, clip=0.005)
    assert len(edges) == 51
    assert edges[-1] < 10
    for scores in (inside, outside):
        shape = stats.density(scores, edges)
        inner = np.sum(shape.density * np.diff(edges)) * len(scores)
        assert inner + shape.below + shape.above == pytest.approx(len(scores))
    assert stats.density(outside, edges).above >= 1


@pytest.mark.parametrize("value", [0.0, -1234.5, 1e15])
def test_edges_of_constant_scores_have_a_width(value):
    edges = stats.shared_edges([np.full(5, value), np.full(3, value)], bins=10)
    assert np.all(np.diff(edges) > 0)
    assert edges[0] < value < edges[-1]


def test_equal_subsets():
    chosen_in, chosen_ood = stats.equal_subsets(1000, 300, seed=4)
    assert len(chosen_in) == len(np.unique(chosen_in)) == 300
    assert np.all(np.diff(chosen_in) > 0)
    np.testing.assert_array_equal(chosen_ood, np.arange(300))
    np.testing.assert_array_equal(chosen_in, stats.equal_subsets(1000, 300, seed=4)[0])
    assert not np.array_equal(chosen_in, stats.equal_subsets(1000, 300, seed=5)[0])


def test_summary_has_equal_and_full_sets():
    inside, outside = gaussians(400, 150)
    chosen_in, chosen_ood = stats.equal_subsets(400, 150, 7)
    table = stats.summary(inside, outside, equal_size_seed=7)
    assert set(table) == {"equal", "full"}
    assert table["full"]["auroc"] == stats.auroc(inside, outside)
    assert table["equal"]["auroc"] == stats.auroc(inside[chosen_in], outside[chosen_ood])
    assert table["equal"]["auprc"] == stats.average_precision(inside[chosen_in], outside[chosen_ood])
    assert table["full"]["fpr80"] == stats.fpr_at_tpr(inside, outside, 0.8)


def test_summary_of_twenty_thousand_images_is_quick():
    pair = gaussians(10_000, 10_000)
    started = time.process_time()
    stats.summary(*pair)
    assert time.process_time() - started < 1.5


def test_intervals_repeat_by_seed():
    pair = gaussians()
    assert stats.average_precision(*pair, seed=1) == stats.average_precision(*pair, seed=1)
    assert stats.average_precision(*pair, seed=1) != stats.average_precision(*pair, seed=2)


@pytest.mark.parametrize(
    "measure",
    [stats.auroc, stats.average_precision, stats.fpr_at_tpr, stats.roc_curve, stats.summary],
)
def test_bad_scores_are_named(measure):
    good = np.arange(5.0)
    with pytest.raises(HvaeError, match="OOD scores: 2 of 4 values are NaN or infinite"):
        measure(good, [1.0, np.nan, np.inf, 2.0])
    with pytest.raises(HvaeError, match="in-distribution scores: is empty"):
        measure([], good)
    with pytest.raises(HvaeError, match="1 axis"):
        measure(good[None], good)
    with pytest.raises(HvaeError, match="numbers"):
        measure(["a"], good)


def test_bad_parameters_are_named():
    good = np.arange(5.0)
    with pytest.raises(HvaeError, match="level"):
        stats.auroc(good, good, level=1.0)
    with pytest.raises(HvaeError, match="tpr"):
        stats.fpr_at_tpr(good, good, 0.0)
    with pytest.raises(HvaeError, match="prevalence"):
        stats.average_precision(good, good, prevalence=1.0)
    with pytest.raises(HvaeError, match="n_boot"):
        stats.average_precision(good, good, n_boot=-1)
    with pytest.raises(HvaeError, match="same ones"):
        stats.paired_auroc_difference(good, good, good[1:], good)
    with pytest.raises(HvaeError, match="points"):
        stats.roc_curve(good, good, points=1)
    with pytest.raises(HvaeError, match="edges"):
        stats.density(good, [1.0, 1.0])
    with pytest.raises(HvaeError, match="shared_edges"):
        stats.shared_edges([])
    with pytest.raises(HvaeError, match="equal_subsets"):
        stats.equal_subsets(3, 0, seed=0)
