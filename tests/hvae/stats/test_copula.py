"""Several statistics together: on normal data the Mahalanobis distance, of each image alone."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.covariance import ledoit_wolf

from hvae.errors import HvaeError
from hvae.stats.copula import GaussianCopula, shrunk_covariance

NAMES = ("a", "b", "c")
MIXING = np.array([[1.0, 0.0, 0.0], [0.8, 0.6, 0.0], [-0.3, 0.2, 0.9]])


def drawn(n: int, seed: int) -> dict[str, np.ndarray]:
    values = np.random.default_rng(seed).normal(size=(n, 3)) @ MIXING.T
    return dict(zip(NAMES, values.T, strict=True))


COPULA = GaussianCopula(drawn(20_000, 0))


def test_squares_add_up_to_the_mahalanobis_distance():
    fresh = {name: np.clip(values, -2.5, 2.5) for name, values in drawn(500, 1).items()}
    columns = np.column_stack(list(fresh.values()))
    exact = np.einsum("ni,ij,nj->n", columns, np.linalg.inv(MIXING @ MIXING.T), columns)
    np.testing.assert_allclose(np.sum(COPULA.squares(fresh), axis=0), exact, rtol=0.15, atol=0.15)


def test_each_square_is_given_those_before_it():
    """The first is that statistic alone; of a chi-squared law of one degree each."""
    fresh = drawn(20_000, 2)
    squares = COPULA.squares(fresh)
    for square in squares:
        assert stats.kstest(square, stats.chi2(1).cdf).statistic < 0.02
    assert abs(np.corrcoef(squares[0], squares[1])[0, 1]) < 0.03
    inside = np.abs(fresh["a"]) < 2
    np.testing.assert_allclose(squares[0][inside], fresh["a"][inside] ** 2, atol=0.1, rtol=0.1)


def test_monotone_changes_of_a_statistic_change_nothing():
    """Only ranks count inside the sample: a statistic in other units, or its exponential, is the same statistic."""
    sample, fresh = drawn(2000, 3), drawn(2000, 3)
    warped = {"a": np.exp(sample["a"]), "b": 7 * sample["b"] + 1, "c": sample["c"]}
    plain, other = GaussianCopula(sample), GaussianCopula(warped)
    inside = np.all([np.abs(values) < 1 for values in fresh.values()], axis=0)
    found = (np.sum(one.squares(values), axis=0)[inside] for one, values in ((plain, fresh), (other, warped)))
    np.testing.assert_allclose(*found, atol=0.02, rtol=0.02)


def test_of_each_image_alone():
    fresh = drawn(300, 4)
    whole = np.sum(COPULA.squares(fresh), axis=0)
    for part in (slice(0, 1), slice(1, 50), slice(50, 300)):
        some = {name: values[part] for name, values in fresh.items()}
        np.testing.assert_array_equal(np.sum(COPULA.squares(some), axis=0), whole[part])


def test_one_statistic_is_enough_and_a_constant_one_is_named():
    one = GaussianCopula({"a": drawn(500, 5)["a"]})
    assert len(one.squares({"a": np.zeros(3)})) == 1
    with pytest.raises(HvaeError, match="b is the same for all 500 reference images"):
        GaussianCopula({"a": drawn(500, 5)["a"], "b": np.ones(500)})


@pytest.mark.parametrize(("n", "p"), [(4000, 7), (50, 9), (10, 20), (300, 1)])
def test_the_covariance_is_that_of_ledoit_and_wolf(n, p):
    sample = np.random.default_rng(n).normal(size=(n, p)) @ np.random.default_rng(p).normal(size=(p, p)) + 3
    expected, _ = ledoit_wolf(sample)
    np.testing.assert_allclose(shrunk_covariance(sample), expected, rtol=1e-10, atol=1e-12)
    twice = np.column_stack([sample, sample])
    assert np.linalg.eigvalsh(shrunk_covariance(twice)).min() > 0
