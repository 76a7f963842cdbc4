"""Probabilistic PCA against the Gaussian it stands for, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.decomposition import PCA

from hvae.errors import HvaeError
from hvae.stats.ppca import ProbabilisticPCA

RANDOM = np.random.default_rng(0)
SAMPLE = RANDOM.normal(size=(40, 5)) @ RANDOM.normal(size=(5, 5)) + RANDOM.normal(size=5)
FRESH = RANDOM.normal(size=(7, 5)) * 4


@pytest.mark.parametrize("q", [1, 2, 4])
def test_it_is_the_gaussian_of_its_closed_form(q):
    """W W^T + noise I: the q greatest eigenvalues of the covariance as they are, the others their mean."""
    values, vectors = np.linalg.eigh(np.cov(SAMPLE.T))
    values[: 5 - q] = values[: 5 - q].mean()
    expected = multivariate_normal(SAMPLE.mean(0), vectors @ np.diag(values) @ vectors.T).logpdf(FRESH)
    found = ProbabilisticPCA.fitted(SAMPLE, q).log_density(FRESH)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=1e-10)
    np.testing.assert_allclose(found, PCA(q, svd_solver="full").fit(SAMPLE).score_samples(FRESH), rtol=1e-10)


def test_it_integrates_to_one():
    fitted = ProbabilisticPCA.fitted(SAMPLE[:, :2], 1)
    spread = 8 * np.sqrt(fitted.variances[0])
    axes = [np.linspace(mean - spread, mean + spread, 400) for mean in fitted.mean]
    grid = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)
    area = np.prod([axis[1] - axis[0] for axis in axes])
    assert np.exp(fitted.log_density(grid)).sum() * area == pytest.approx(1, abs=1e-6)


def test_constant_values_count_as_noise():
    """Pixels that are black in every example: the density is finite, and low where one of them is not."""
    padded = np.pad(SAMPLE, ((0, 0), (0, 3)))
    fitted = ProbabilisticPCA.fitted(padded, 2)
    lit = padded[:1] + 10 * np.eye(8)[-1]
    assert np.isfinite(fitted.log_density(padded)).all()
    assert fitted.log_density(lit)[0] < fitted.log_density(padded[:1])[0] - 1


@pytest.mark.parametrize(
    ("sample", "q", "problem"),
    [
        (SAMPLE, 5, "40 examples of 5 values are too few for 5 components"),
        (SAMPLE[:3], 2, "3 examples of 5 values are too few for 2 components: needed are more than 3"),
        (np.ones((40, 5)), 2, "vary in 2 directions at most, so no noise is left"),
        (SAMPLE[:, :2] @ np.ones((2, 5)), 2, "vary in 2 directions at most"),
        (np.where(SAMPLE > 3, np.nan, SAMPLE), 2, "NaN or infinite"),
    ],
)
def test_a_sample_without_such_a_density(sample, q, problem):
    with pytest.raises(HvaeError, match=problem):
        ProbabilisticPCA.fitted(sample, q)
