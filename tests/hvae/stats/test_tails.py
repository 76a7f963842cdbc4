"""How far out a value is: closed forms, monotone without end, ties, and what cannot be fitted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.special import ndtri

from hvae.errors import HvaeError
from hvae.stats.tails import LEAST_SPREAD, TwoTails, UpperTail

N = 4000


@pytest.fixture(scope="module")
def sample() -> np.ndarray:
    return np.random.default_rng(0).normal(size=N)


def test_inside_it_is_the_mid_rank_share(sample):
    """Half of the reference values are above their median, n - .5 of n above the least."""
    tail = UpperTail.fitted(sample)
    ordered = np.sort(sample)
    ranks = (N - np.arange(1, N + 1) + 0.5) / N
    inside = slice(0, N - N // 20)
    np.testing.assert_allclose(tail(ordered[inside]), -np.log(ranks[inside]), rtol=0, atol=1e-12)
    between = (ordered[:100] + ordered[1:101]) / 2
    assert (tail(between) > tail(ordered[:100])).all() and (tail(between) < tail(ordered[1:101])).all()


def test_beyond_it_is_the_exponential_tail(sample):
    """The share above u + t is that above u times exp(-t / mean excess)."""
    tail = UpperTail.fitted(sample)
    ordered = np.sort(sample)
    m = N // 20
    u = ordered[-m - 1]
    excess = (ordered[-m:] - u).mean()
    further = np.array([0.0, 1.0, 100.0, 1e6])
    np.testing.assert_allclose(tail(u + further), -np.log((m + 0.5) / N) + further / excess, rtol=1e-9)


def test_an_exponential_sample_is_read_exactly_far_beyond_it():
    """Of Exp(1) the share above s is exp(-s): E(s) = s, also where no sample of this size has a value."""
    tail = UpperTail.fitted(np.random.default_rng(1).exponential(size=200_000))
    s = np.array([0.5, 2.0, 8.0, 30.0])
    np.testing.assert_allclose(tail(s), s, rtol=0.03)


@example([0.0, 2.2250738585e-313], [0.0, 1.0])
@example([0.0, 0.0, 1e-289, 1.0], [-1e7, 1e7])
@example([*[0.0] * 10, 1.0, 2.32e-308], [0.0, -5.0])
@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=60), st.lists(st.floats(-1e7, 1e7), min_size=2, max_size=20))
def test_it_never_falls(sample: list[float], values: list[float]):
    if np.ptp(sample) < LEAST_SPREAD:
        with pytest.raises(HvaeError, match="is the same for all"):
            UpperTail.fitted(np.array(sample))
        return
    tail = UpperTail.fitted(np.array(sample))
    found = tail(np.sort(values))
    assert (np.diff(found) >= -1e-9).all() and (found >= 0).all() and np.isfinite(found).all()


def test_it_rises_strictly_through_and_beyond_the_sample(sample):
    grid = np.linspace(-8, 40, 5000)
    for values in (sample, np.round(sample, 1)):
        assert (np.diff(UpperTail.fitted(values)(grid)) > 0).all()


def test_each_value_alone(sample):
    """Order and company change no bit."""
    tails = TwoTails.fitted(sample)
    values = np.random.default_rng(2).normal(size=97) * 3
    whole = tails.normal_scores(values)
    np.testing.assert_array_equal(whole[::-1], tails.normal_scores(values[::-1]))
    for part in (slice(0, 1), slice(1, 20), slice(20, 97)):
        np.testing.assert_array_equal(tails.normal_scores(values[part]), whole[part])


def test_normal_scores_of_a_normal_sample_are_its_standardised_values(sample):
    tails = TwoTails.fitted(3 * sample + 7)
    quantiles = ndtri(np.linspace(0.05, 0.95, 19))
    np.testing.assert_allclose(tails.normal_scores(3 * quantiles + 7), quantiles, atol=0.06)
    far = tails.normal_scores(np.array([-1e4, 1e4]))
    assert far[0] < -8 and far[1] > 8 and np.isfinite(far).all()


def test_the_two_sides_mirror_each_other(sample):
    tails, mirrored = TwoTails.fitted(sample), TwoTails.fitted(-sample)
    grid = np.linspace(-6, 6, 101)
    np.testing.assert_allclose(tails.normal_scores(grid), -mirrored.normal_scores(-grid), atol=1e-12)
    np.testing.assert_allclose(tails.share(grid), mirrored.share(-grid), atol=1e-12)


def test_share_is_what_as_many_values_have(sample):
    """Of fresh values a tenth has a share of at most a tenth."""
    shares = TwoTails.fitted(sample).share(np.random.default_rng(3).normal(size=20_000))
    for alpha in (0.01, 0.1, 0.5):
        assert abs((shares <= alpha).mean() - alpha) < 4 * np.sqrt(alpha * (1 - alpha) * (1 / 20_000 + 1 / N))


@pytest.mark.parametrize(
    ("sample", "said"),
    [
        (np.full(300, 2.0), "log r_1 is the same for all 300 reference images"),
        (np.array([1.0]), "log r_1 is the same for all 1 reference images"),
        (np.array([1.0, np.nan]), "log r_1: 1 of 2 values are NaN or infinite"),
        (np.array([]), "log r_1: is empty"),
    ],
)
def test_what_cannot_be_fitted(sample, said):
    with pytest.raises(HvaeError, match=said):
        TwoTails.fitted(sample, "log r_1")


@pytest.mark.parametrize("ties", ["most of it", "its upper end", "its lower end", "two values"])
def test_ties(ties):
    """However many values tie, what is beyond all of them is further out than they are."""
    random = np.random.default_rng(0).normal(size=100)
    sample = {
        "most of it": np.r_[np.zeros(900), np.abs(random)],
        "its upper end": np.minimum(random, 0.0),
        "its lower end": np.maximum(random, 0.0),
        "two values": np.r_[np.zeros(50), np.ones(50)],
    }[ties]
    tail = UpperTail.fitted(sample)
    low, high = sample.min(), sample.max()
    found = tail(np.array([low - 1, low, high, high + 1, high + 2]))
    assert (np.diff(found) > 0).all() and np.isfinite(found).all()
