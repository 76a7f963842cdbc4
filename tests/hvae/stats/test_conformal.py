"""The label-free rule against its definition, and its guarantees by simulation with a fixed seed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import betabinom, kstest

from hvae.errors import HvaeError
from hvae.stats import conformal


def in_distribution(rng: np.random.Generator, n: int) -> np.ndarray:
    """`(n, 3)` scores whose columns depend on one another, as LLR^{>1..3} do."""
    return rng.gumbel(size=(n, 1)) + rng.normal(size=(n, 3)) * [0.5, 1, 2]


def test_tail_ranks_by_definition_with_ties():
    rng = np.random.default_rng(0)
    reference, values = rng.integers(0, 6, (20, 2)), rng.integers(-1, 7, (30, 2))
    upper = (1 + np.sum(reference[None] >= values[:, None], axis=1)) / 21
    lower = (1 + np.sum(reference[None] <= values[:, None], axis=1)) / 21
    np.testing.assert_allclose(conformal.tail_ranks(reference, values), upper)
    two_sided = conformal.tail_ranks(reference, values, two_sided=True)
    np.testing.assert_allclose(two_sided, np.minimum(1, 2 * np.minimum(upper, lower)))
    np.testing.assert_allclose(conformal.statistic(upper), upper.min(axis=1))


def test_ranks_of_extremes():
    reference = np.arange(99.0)[:, None]
    ranks = conformal.tail_ranks(reference, np.array([[1e6], [-1e6]]))
    np.testing.assert_allclose(ranks[:, 0], [0.01, 1.0])
    two_sided = conformal.tail_ranks(reference, np.array([[1e6], [-1e6]]), two_sided=True)
    np.testing.assert_allclose(two_sided[:, 0], 0.02)


def test_p_values_by_definition():
    calibration, t = np.array([0.1, 0.2, 0.2, 0.5]), np.array([0.05, 0.1, 0.2, 0.3, 0.9])
    np.testing.assert_allclose(conformal.p_values(calibration, t), [0.2, 0.4, 0.8, 0.8, 1.0])


def test_p_values_of_fresh_images_are_uniform_over_calibrations():
    rng = np.random.default_rng(1)
    reference = in_distribution(rng, 4000)
    p = []
    for _ in range(1500):
        ranks = conformal.tail_ranks(reference, in_distribution(rng, 100))
        t = conformal.statistic(ranks)
        p.append(float(conformal.p_values(t[:99], t[99:])[0]))
    assert kstest(p, "uniform").pvalue > 0.01
    for alpha in (0.05, 0.1, 0.2, 0.5):
        assert abs(np.mean(np.array(p) <= alpha) - alpha) < 4 * np.sqrt(alpha * (1 - alpha) / len(p))


def test_ties_never_raise_the_false_alarm_rate():
    rng = np.random.default_rng(2)
    reference = in_distribution(rng, 15)
    alarms = []
    for _ in range(1500):
        t = conformal.statistic(conformal.tail_ranks(reference, in_distribution(rng, 40)))
        alarms.append(conformal.p_values(t[:39], t[39:])[0] <= 0.25)
    assert np.mean(alarms) < 0.25 + 3 * np.sqrt(0.25 * 0.75 / 1500)


def test_false_alarm_interval_covers_and_a_binomial_one_would_not():
    rng = np.random.default_rng(3)
    n, m, alpha, repeats = 200, 1000, 0.05, 1500
    low, high = conformal.false_alarm_interval(alpha, n, m, level=0.9)
    rates = np.empty(repeats)
    for index in range(repeats):
        t = rng.uniform(size=n + m)
        rates[index] = np.mean(conformal.p_values(t[:n], t[n:]) <= alpha)
    covered = np.mean((rates >= low) & (rates <= high))
    assert 0.88 < covered < 0.94
    binomial = 1.645 * np.sqrt(alpha * (1 - alpha) / m)
    assert np.mean(np.abs(rates - alpha) <= binomial) < 0.7


def test_false_alarm_interval_is_a_quantile_pair_of_the_beta_binomial():
    low, high = conformal.false_alarm_interval(0.05, 3999, 2000, level=0.999)
    law = betabinom(2000, 200, 3800)
    assert law.cdf(round(high * 2000)) - law.cdf(round(low * 2000) - 1) >= 0.999
    assert law.cdf(round(high * 2000) - 1) < 0.9995
    assert law.cdf(round(low * 2000)) >= 0.0005
    assert low < 0.05 < high
    narrow = conformal.false_alarm_interval(0.05, 3999, 2000, level=0.9)
    assert low < narrow[0] < narrow[1] < high


def test_no_alarm_is_possible_with_too_few_calibration_images():
    assert conformal.false_alarm_interval(0.05, 10, 100) == (0.0, 0.0)
    assert np.min(conformal.p_values(np.arange(10.0), [-1.0])) > 0.05


def test_benjamini_hochberg_by_definition():
    rng = np.random.default_rng(4)
    p = np.r_[rng.uniform(size=40), rng.uniform(size=10) * 1e-3]
    order = np.sort(p)
    passing = np.flatnonzero(order <= 0.1 * np.arange(1, 51) / 50)
    np.testing.assert_array_equal(conformal.benjamini_hochberg(p, 0.1), p <= order[passing[-1]])
    assert not conformal.benjamini_hochberg([0.5, 0.9], 0.1).any()


def test_benjamini_hochberg_holds_the_false_discovery_rate_with_conformal_p_values():
    rng = np.random.default_rng(5)
    shares = []
    for _ in range(300):
        t = np.r_[rng.uniform(size=500 + 80), rng.uniform(size=20) * 1e-3]
        called = conformal.benjamini_hochberg(conformal.p_values(t[:500], t[500:]), 0.2)
        shares.append(np.mean(~(np.flatnonzero(called) >= 80)) if called.any() else 0.0)
    assert 0.05 < np.mean(shares) < 0.2


@pytest.mark.parametrize(("m", "alpha", "n"), [(100, 0.1, 99), (1000, 0.05, 3999), (37, 0.2, 50)])
def test_least_rejections(m, alpha, n):
    least = conformal.least_rejections(m, alpha, n)
    p = np.ones(m)
    p[: least - 1] = 1 / (n + 1)
    assert not conformal.benjamini_hochberg(p, alpha).any()
    p[: least + 1] = 1 / (n + 1)
    assert conformal.benjamini_hochberg(p, alpha).sum() == least + 1


def test_bad_input_is_named():
    good = np.zeros((5, 3))
    with pytest.raises(HvaeError, match="2 columns, the reference has 3"):
        conformal.tail_ranks(good, good[:, :2])
    with pytest.raises(HvaeError, match="1 of 15 values are NaN"):
        conformal.tail_ranks(np.where(np.arange(15).reshape(5, 3) == 7, np.nan, 0), good)
    with pytest.raises(HvaeError, match="empty"):
        conformal.p_values([], [0.5])
    with pytest.raises(HvaeError, match="alpha"):
        conformal.false_alarm_interval(0.0, 10, 10)
    with pytest.raises(HvaeError, match="needs images"):
        conformal.false_alarm_interval(0.1, 0, 10)
    with pytest.raises(HvaeError, match="p-values"):
        conformal.benjamini_hochberg([1.5], 0.1)
    with pytest.raises(HvaeError, match="needs images"):
        conformal.least_rejections(0, 0.1, 10)


def test_broken_ties_keep_the_order_and_order_what_lies_beyond_the_reference() -> None:
    generator = np.random.default_rng(3)
    reference, values = generator.normal(size=(50, 2)), np.sort(generator.normal(0, 3, size=(400, 2)), axis=0)
    for two_sided in (False, True):
        plain = conformal.tail_ranks(reference, values, two_sided=two_sided)
        fine = conformal.tail_ranks(reference, values, two_sided=two_sided, break_ties=True)
        assert np.all(fine < plain) and np.all(fine > plain - 1 / 51)
        assert np.all(fine > 0)
    fine = conformal.tail_ranks(reference, values, break_ties=True)
    assert np.all(np.diff(fine, axis=0) < 0), "strictly, ties or not"
