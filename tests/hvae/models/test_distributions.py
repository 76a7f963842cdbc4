"""The discretised mixture of logistics: it is a distribution, exact where it is hard, and what it samples fits it."""

import itertools

import numpy as np
import pytest
import torch
from scipy import stats

from hvae.models.logistic_mixture import LEAST_LOG_SCALE, DiscretisedLogisticMixture, log_bin


def mixture(
    channels: int = 3, components: int = 4, size: int = 1, lanes: int = 1, levels: int = 256, seed: int = 0
) -> DiscretisedLogisticMixture:
    """Random parameters in float64."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(lanes, components, *shape, size, size, generator=generator, dtype=torch.float64)

    return DiscretisedLogisticMixture(
        normal(), normal(channels), normal(channels) - 1.5, torch.tanh(normal(channels * (channels - 1) // 2)), levels
    )


def ends(levels: int, dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(every value on [-1, 1], which is the lowest, which the highest)."""
    whole = torch.arange(levels, dtype=dtype)
    return 2 * whole / (levels - 1) - 1, whole == 0, whole == levels - 1


@pytest.mark.parametrize("log_scale", [-7.0, -4.0, -1.0, 3.0])
@pytest.mark.parametrize("mean", [-3.0, -1.0, 0.0021, 0.7, 1.0])
def test_a_component_sums_to_one_over_the_256_values(mean: float, log_scale: float) -> None:
    y, lowest, highest = ends(256)
    logs = log_bin(y, torch.tensor(mean), torch.tensor(log_scale, dtype=torch.float64), lowest, highest, 1 / 255)
    assert float(logs.exp().sum()) == pytest.approx(1, abs=1e-12)


def test_the_joint_of_all_channels_sums_to_one() -> None:
    found = mixture(levels=5)
    images = torch.tensor(list(itertools.product(range(5), repeat=3)), dtype=torch.float64) / 4
    total = found.log_prob(images.reshape(-1, 1, 3, 1, 1)).exp().sum()
    assert float(total) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 1e-4)])
@pytest.mark.parametrize("log_scale", [-7.0, -5.0, 0.0])
def test_it_matches_a_reference_in_double_precision(log_scale: float, dtype: torch.dtype, tolerance: float) -> None:
    y, lowest, highest = ends(256, dtype)
    mean = 0.3
    found = log_bin(y, torch.tensor(mean, dtype=dtype), torch.tensor(log_scale, dtype=dtype), lowest, highest, 1 / 255)
    edges = (np.arange(257) - 0.5) / 255 * 2 - 1
    edges[0], edges[-1] = -np.inf, np.inf
    logistic = stats.logistic(float(torch.tensor(mean, dtype=dtype)), np.exp(log_scale))
    # Whichever tail is the smaller one keeps its digits: the difference is taken there, of logarithms.
    below = edges[1:] < mean
    larger = np.where(below, logistic.logcdf(edges[1:]), logistic.logsf(edges[:-1]))
    smaller = np.where(below, logistic.logcdf(edges[:-1]), logistic.logsf(edges[1:]))
    expected = larger + np.log1p(-np.exp(smaller - larger))
    # Far out log p is large, and single precision has so many digits of it.
    assert np.abs((found.double().numpy() - expected) / np.maximum(1, np.abs(expected))).max() < tolerance


@pytest.mark.parametrize("value", [0.0, 1 / 255, 0.5, 1.0])
def test_gradients_are_finite_at_the_ends_and_at_the_least_scale(value: float) -> None:
    parameters = [one.clone().requires_grad_() for one in (torch.zeros(1, 2, 1, 1), torch.full((1, 2, 3, 1, 1), 0.9),
                  torch.full((1, 2, 3, 1, 1), -20.0), torch.zeros(1, 2, 3, 1, 1))]  # fmt: skip
    found = DiscretisedLogisticMixture(*parameters).log_prob(torch.full((1, 3, 1, 1), value))
    found.sum().backward()
    assert torch.isfinite(found).all()
    assert all(one.grad is not None and torch.isfinite(one.grad).all() for one in parameters)
    assert DiscretisedLogisticMixture(*parameters).log_scales.min() == LEAST_LOG_SCALE


def test_samples_follow_the_joint() -> None:
    found = mixture(levels=3, seed=3)
    torch.manual_seed(0)
    drawn = found.sample(torch.Size((40_000,))).reshape(-1, 3)
    assert drawn.min() >= 0 and drawn.max() <= 1
    images = torch.tensor(list(itertools.product(range(3), repeat=3)), dtype=torch.float64)
    counts = torch.stack([(torch.round(drawn * 2) == image).all(1).sum() for image in images]).numpy()
    expected = found.log_prob((images / 2).reshape(-1, 1, 3, 1, 1)).exp().reshape(-1).numpy() * len(drawn)
    enough = expected > 5
    assert counts.sum() == len(drawn) and enough.sum() > 10
    statistic = ((counts - expected)[enough] ** 2 / expected[enough]).sum()
    assert statistic < stats.chi2.ppf(0.999, enough.sum() - 1)


def test_the_mean_is_that_of_the_samples_where_nothing_reaches_the_ends() -> None:
    found = mixture(components=2, size=2, lanes=2)
    inner = DiscretisedLogisticMixture(
        found.log_weights, 0.2 * torch.tanh(found.means), torch.full_like(found.means, -3.0), 0.3 * found.coefficients
    )
    torch.manual_seed(0)
    drawn = inner.sample(torch.Size((8_000,)))
    error = drawn.std(0) / np.sqrt(len(drawn))
    assert inner.mean.shape == (2, 3, 2, 2)
    assert ((drawn.mean(0) - inner.mean).abs() < 5 * error).all()


def test_lanes_and_pixels_are_independent() -> None:
    found = mixture(size=2, lanes=3)
    torch.manual_seed(0)
    x = found.sample()
    assert x.shape == (3, 3, 2, 2) and torch.allclose(x * 255, torch.round(x * 255))
    whole = found.log_prob(x)
    assert whole.shape == (3,)
    other = x.clone()
    other[1, :, 0, 1] = 1 - other[1, :, 0, 1]
    changed = found.log_prob(other)
    assert torch.equal(changed[[0, 2]], whole[[0, 2]]) and changed[1] != whole[1]
    repeated = found.log_prob(torch.stack([x, other]))
    assert torch.allclose(repeated, torch.stack([whole, changed]))


def test_one_channel_needs_no_coefficients() -> None:
    found = mixture(channels=1, levels=7)
    values = (torch.arange(7, dtype=torch.float64) / 6).reshape(-1, 1, 1, 1, 1)
    assert float(found.log_prob(values).exp().sum()) == pytest.approx(1, abs=1e-12)
