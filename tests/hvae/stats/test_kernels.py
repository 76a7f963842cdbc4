"""Kernel densities: those of scipy, far out too, and of each value alone."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import gaussian_kde

from hvae.errors import HvaeError
from hvae.stats.kernels import KernelDensity, is_constant

RANDOM = np.random.default_rng(0)
SAMPLES = {
    "normal": RANDOM.normal(3, 2, 400),
    "two": np.r_[RANDOM.normal(-5, 1, 200), RANDOM.normal(5, 0.5, 200)],
    "outlier": np.r_[RANDOM.normal(size=300), 40.0],
    "few": np.array([1.0, 2.0, 4.0]),
    "large": RANDOM.normal(-1e6, 100, 200),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_it_is_that_of_scipy(name):
    sample = SAMPLES[name]
    fitted, known = KernelDensity.fitted(sample), gaussian_kde(sample)
    within = np.linspace(sample.min(), sample.max(), 301)
    np.testing.assert_allclose(
        fitted(within), known.logpdf(within), rtol=0.01 if name in ("two", "outlier") else 0, atol=0.008
    )
    beyond = sample.max() + fitted.width * np.array([1.0, 5.0, 50.0])
    assert (np.diff(fitted(beyond)) < 0).all() and np.isfinite(fitted(sample.max() + np.array([1e9]))).all()


def test_it_integrates_to_one():
    grid = np.linspace(-20, 20, 20_001)
    mass = np.trapezoid(np.exp(KernelDensity.fitted(SAMPLES["normal"])(grid)), grid)
    assert mass == pytest.approx(1, abs=5e-3)


def test_each_value_stands_alone():
    fitted, values = KernelDensity.fitted(SAMPLES["two"]), RANDOM.normal(size=50) * 9
    np.testing.assert_array_equal(fitted(values), np.concatenate([fitted(values[i : i + 1]) for i in range(50)]))


def test_what_has_no_density():
    with pytest.raises(HvaeError, match="log_px is the same for all 300 reference images"):
        KernelDensity.fitted(np.full(300, -1e4) + RANDOM.normal(0, 1e-3, 300), "log_px")
    with pytest.raises(HvaeError, match="NaN or infinite"):
        KernelDensity.fitted([1.0, np.nan])
    assert is_constant(np.array([3.0])) and not is_constant(np.array([1.0, 2.0]))
    assert is_constant(np.array([1e-4, 2e-4]), beside=1000.0)
