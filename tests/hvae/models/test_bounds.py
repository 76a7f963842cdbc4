"""Bounds of a batch share their work and their noise, and change no number by it."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from hvae.models.bounds import ImportanceWeightedBound, Sweep
from hvae.models.hierarchical import HierarchicalVAE
from hvae.models.latents import SharedNoise, Walk, generator_noise
from hvae.models.proposal import READINGS, Proposal, bound_proposal, complementary_proposal, elbo_proposal
from tests.hvae.small_models import initialised, random_images, small_config

BATCH = 3
PROPOSALS: list[Proposal] = [
    *(bound_proposal(3, k, reading) for reading in READINGS for k in range(4)),
    *(complementary_proposal(3, level) for level in range(4)),
]


@pytest.fixture(scope="module", params=["project", "drop"])
def model(request: pytest.FixtureRequest) -> HierarchicalVAE:
    return initialised(small_config(request.param)).requires_grad_(False)


class SlicedNoise:
    """Some lanes of another noise."""

    def __init__(self, whole: SharedNoise, lanes: slice) -> None:
        self._whole, self._lanes = whole, lanes
        self.lanes = len(range(whole.lanes)[lanes])

    def __call__(self, walk: Walk, layer: int, shape: tuple[int, ...]) -> Tensor:
        return self._whole(walk, layer, shape)[self._lanes]


def noise(lanes: int, seed: int = 0) -> SharedNoise:
    return generator_noise(lanes, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("samples", [1, 4])
def test_a_sweep_equals_separate_passes_over_repeated_images(model: HierarchicalVAE, samples: int) -> None:
    x, shared = random_images(BATCH), noise(samples * BATCH)
    sweep = Sweep(model, x, shared)
    for proposal in PROPOSALS:
        repeated = x.repeat(samples, 1, 1, 1)
        alone = model(repeated, proposal, shared)
        likelihood = alone.log_likelihood(repeated).view(samples, BATCH)
        torch.testing.assert_close(sweep.log_likelihood(proposal), likelihood, rtol=1e-5, atol=1e-4)
        expected = likelihood
        for swept, latent in zip(sweep.log_ratios(proposal), alone.latents, strict=True):
            ratio = latent.log_ratio()
            assert (swept is None) == (ratio is None)
            if swept is not None and ratio is not None:
                torch.testing.assert_close(swept, ratio.view(samples, BATCH), rtol=1e-5, atol=1e-4)
                expected = expected + swept
        torch.testing.assert_close(sweep.log_weights(proposal), expected)


def test_lanes_are_sample_major(model: HierarchicalVAE) -> None:
    samples = 4
    x, shared = random_images(BATCH), noise(samples * BATCH)
    whole = Sweep(model, x, shared)
    for sample in range(samples):
        for image in range(BATCH):
            lane = sample * BATCH + image
            one = Sweep(model, x[image : image + 1], SlicedNoise(shared, slice(lane, lane + 1)))
            for proposal in PROPOSALS:
                value = whole.log_weights(proposal)[sample, image]
                torch.testing.assert_close(value, one.log_weights(proposal)[0, 0], rtol=1e-5, atol=1e-4)


def test_every_bound_is_the_log_weight_it_is_defined_by(model: HierarchicalVAE) -> None:
    x, shared = random_images(BATCH), noise(2 * BATCH)
    sweep = Sweep(model, x, shared)
    full = sweep.log_ratios(elbo_proposal(3))
    assert all(ratio is not None for ratio in full)
    for reading in READINGS:
        torch.testing.assert_close(sweep.bound(0, reading), sweep.elbo(), rtol=0, atol=0)
        for k in (1, 2, 3):
            proposal = bound_proposal(3, k, reading)
            upper = full if reading == "early-release" else sweep.log_ratios(proposal)[k:]
            expected = sum((ratio for ratio in upper if ratio is not None), sweep.log_likelihood(proposal))
            torch.testing.assert_close(sweep.bound(k, reading), expected)
    torch.testing.assert_close(sweep.complementary_bound(3), sweep.elbo(), rtol=0, atol=0)


def test_what_samples_and_bounds_share_is_computed_once(model: HierarchicalVAE) -> None:
    lanes: dict[int, list[int]] = {0: [], 1: []}
    hooks = [
        model.stages[level].posterior.register_forward_pre_hook(  # type: ignore[union-attr]
            lambda _, inputs, level=level: lanes[level].append(len(inputs[0]))
        )
        for level in lanes
    ]
    sweep = Sweep(model, random_images(BATCH), noise(5 * BATCH))
    for k in range(4):
        sweep.bound(k, "mean")
    for hook in hooks:
        hook.remove()
    assert lanes[0] == [BATCH], "q(z_1|x) depends on neither k nor the sample"
    assert sorted(lanes[1]) == [BATCH, 5 * BATCH], "one walk from the sampled z_1, one from its mean for all samples"


def test_lanes_have_to_be_a_multiple_of_the_batch(model: HierarchicalVAE) -> None:
    for lanes in (2, 4, 0):
        with pytest.raises(ValueError, match="no multiple"):
            Sweep(model, random_images(BATCH), noise(lanes))


def test_streaming_over_any_chunks_equals_one_logsumexp() -> None:
    log_weights = 30 * torch.randn(97, BATCH, generator=torch.Generator().manual_seed(3), dtype=torch.float64) - 500
    exact = log_weights.logsumexp(0) - math.log(97)
    for size in (1, 2, 10, 96, 97, 200):
        weighted = ImportanceWeightedBound()
        for chunk in log_weights.split(size):
            weighted.update(chunk)
        torch.testing.assert_close(weighted.value(), exact, rtol=1e-12, atol=1e-12)


def test_streaming_takes_single_precision_without_losing_any() -> None:
    log_weights = torch.randn(64, BATCH, generator=torch.Generator().manual_seed(4)) * 5 - 90
    weighted = ImportanceWeightedBound()
    for chunk in log_weights.split(7):
        weighted.update(chunk)
    assert weighted.value().dtype == torch.float64
    exact = log_weights.double().logsumexp(0) - math.log(64)
    torch.testing.assert_close(weighted.value(), exact, rtol=1e-12, atol=1e-12)


def test_one_sample_is_the_elbo(model: HierarchicalVAE) -> None:
    elbo = Sweep(model, random_images(BATCH), noise(BATCH)).elbo()
    weighted = ImportanceWeightedBound()
    weighted.update(elbo)
    torch.testing.assert_close(weighted.value(), elbo[0].double(), rtol=0, atol=1e-12)


def test_more_samples_raise_the_bound(model: HierarchicalVAE) -> None:
    """Burda et al. (2016), theorem 1, holds for the samples at hand: L_S is at least the mean of its leave-one-outs."""
    log_weights = Sweep(model, random_images(BATCH), noise(6 * BATCH)).elbo()
    for samples in range(2, 7):
        whole = _importance_weighted(log_weights[:samples])
        fewer = [
            _importance_weighted(torch.cat([log_weights[:s], log_weights[s + 1 : samples]])) for s in range(samples)
        ]
        assert (whole >= torch.stack(fewer).mean(0)).all()
        assert (whole <= log_weights[:samples].max(0).values + 1e-9).all()


def test_no_sample_has_no_bound() -> None:
    with pytest.raises(ValueError, match="at least one sample"):
        ImportanceWeightedBound().value()


def _importance_weighted(log_weights: Tensor) -> Tensor:
    weighted = ImportanceWeightedBound()
    weighted.update(log_weights)
    return weighted.value()
