"""Free bits against loops, and the schedules at their corners."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch.distributions import Normal

from hvae.config import FreeBits, TrainingConfig
from hvae.models.hierarchical_model import beta_at, floored_divergence, free_nats_at, objective
from hvae.models.latents import Latent, generator_noise
from hvae.models.proposal import Draw, bound_proposal, elbo_proposal
from tests.hvae.small_models import initialised, random_images, small_config

UNITS = ("element", "channel", "layer")
AVERAGES = ("example", "minibatch")


def latent(shape: tuple[int, ...], seed: int = 0, lanes: int = 5) -> Latent:
    generator = torch.Generator().manual_seed(seed)

    def normal() -> Normal:
        loc = torch.randn((lanes, *shape), generator=generator)
        return Normal(loc, torch.rand((lanes, *shape), generator=generator) + 0.3)

    posterior, prior = normal(), normal()
    z = posterior.loc + posterior.scale * torch.randn((lanes, *shape), generator=generator)
    return Latent(z, Draw.POSTERIOR, posterior, prior)


def log_normal(x: float, loc: float, scale: float) -> float:
    return float(Normal(torch.tensor(loc), torch.tensor(scale)).log_prob(torch.tensor(x)))


def brute_force(of: Latent, unit: str, average: str, nats: float) -> float:
    """Free bits, element by element."""
    assert of.posterior is not None
    prior = of.prior.expand(of.z.shape)
    lanes, channels = of.z.shape[:2]
    positions = [tuple(p) for p in itertools.product(*(range(size) for size in of.z.shape[2:]))]
    group_of = {"element": lambda c, p: (c, p), "channel": lambda c, p: c, "layer": lambda c, p: None}[unit]
    floor_of = {
        "element": nats / channels,
        "channel": nats * len(positions) / channels,
        "layer": nats * len(positions),
    }[unit]
    groups: list[dict[object, float]] = []
    for lane in range(lanes):
        sums: dict[object, float] = {}
        for channel in range(channels):
            for position in positions:
                at = (lane, channel, *position)
                z = float(of.z[at])
                divergence = log_normal(z, float(of.posterior.loc[at]), float(of.posterior.scale[at]))
                divergence -= log_normal(z, float(prior.loc[at]), float(prior.scale[at]))
                key = group_of(channel, position)
                sums[key] = sums.get(key, 0.0) + divergence
        groups.append(sums)
    if average == "example":
        return sum(max(value, floor_of) for sums in groups for value in sums.values()) / lanes
    means = {key: sum(sums[key] for sums in groups) / lanes for key in groups[0]}
    return sum(max(value, floor_of) for value in means.values())


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize("shape", [(4, 3, 2), (6,)])
@pytest.mark.parametrize("nats", [0.5, 3.0])
def test_free_bits_equal_the_loops(unit: str, average: str, shape: tuple[int, ...], nats: float) -> None:
    of = latent(shape)
    config = FreeBits(unit=unit, average=average)  # type: ignore[arg-type]
    value = float(floored_divergence(of, config, nats))
    assert value == pytest.approx(brute_force(of, unit, average, nats), rel=1e-5)


def test_the_six_kinds_of_free_bits_differ() -> None:
    of = latent((4, 3, 2))
    values = {
        round(float(floored_divergence(of, FreeBits(unit=unit, average=average), 16.0)), 3)  # type: ignore[arg-type]
        for unit in UNITS
        for average in AVERAGES
    }
    assert len(values) == 6


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize(("shape", "total"), [((8, 14, 14), 392.0), ((16,), 2.0), ((8,), 2.0)])
def test_a_collapsed_layer_costs_its_floor(unit: str, average: str, shape: tuple[int, ...], total: float) -> None:
    """The floors of the paper's grey model at f = 2, whatever the grain; no gradient below them."""
    loc = torch.zeros((3, *shape), requires_grad=True)
    same = Normal(loc, torch.ones_like(loc))
    collapsed = Latent(loc.detach() + 0.1, Draw.POSTERIOR, same, Normal(loc.detach(), torch.ones_like(loc)))
    config = FreeBits(nats=2.0, unit=unit, average=average)  # type: ignore[arg-type]
    value = floored_divergence(collapsed, config, 2.0)
    assert float(value.detach()) == pytest.approx(total, rel=1e-6)
    value.backward()
    assert loc.grad is not None
    assert (loc.grad == 0).all()


def test_free_bits_need_a_posterior() -> None:
    of = latent((3,))
    with pytest.raises(ValueError, match="posterior"):
        floored_divergence(Latent(of.z, Draw.PRIOR, of.posterior, of.prior), FreeBits(), 1.0)


def test_the_floor_is_constant_then_falls_to_zero() -> None:
    config = FreeBits(nats=2.0, constant=0.2, gone=0.4)
    expected = {0.0: 2.0, 0.2: 2.0, 0.25: 1.5, 0.3: 1.0, 0.4: 0.0, 1.0: 0.0}
    for progress, nats in expected.items():
        assert free_nats_at(progress, config) == pytest.approx(nats), progress
    assert free_nats_at(0.19999, config) == 2.0
    step = FreeBits(nats=2.0, constant=0.3, gone=0.3)
    assert (free_nats_at(0.2999, step), free_nats_at(0.3, step)) == (2.0, 0.0)
    never = FreeBits(nats=2.0, constant=0.0, gone=0.0)
    assert free_nats_at(0.0, never) == 0.0
    always = FreeBits(nats=2.0, constant=1.0, gone=1.0)
    assert free_nats_at(0.999, always) == 2.0


def test_the_warm_up_rises_to_one() -> None:
    config = TrainingConfig(epochs=1, beta_warm_up=0.2)
    for progress, beta in {0.0: 0.0, 0.1: 0.5, 0.2: 1.0, 0.7: 1.0}.items():
        assert beta_at(progress, config) == pytest.approx(beta)
    assert beta_at(0.0, TrainingConfig(epochs=1, beta_warm_up=0.0)) == 1.0
    assert beta_at(1.0, TrainingConfig(epochs=1, beta_warm_up=1.0)) == 1.0


@pytest.mark.parametrize("progress", [0.0, 0.1, 0.3, 1.0])
def test_the_loss_is_likelihood_and_warmed_floored_divergences(progress: float) -> None:
    model = initialised(small_config()).requires_grad_(False)
    x = random_images(6)
    config = TrainingConfig(epochs=1, free_bits=FreeBits(nats=1.0, unit="channel", average="minibatch"))
    result = model(x, elbo_proposal(3), generator_noise(6, torch.Generator().manual_seed(0)))
    weights = {"beta": beta_at(progress, config), "free_nats": free_nats_at(progress, config.free_bits)}
    value = objective(result, x, config, weights)
    nats = free_nats_at(progress, config.free_bits)
    if nats > 0:
        divergence = sum(brute_force(of, "channel", "minibatch", nats) for of in result.latents)
    else:
        divergence = -float(value.log_ratios.sum(0).mean())
    expected = beta_at(progress, config) * divergence - float(value.log_likelihood.mean())
    assert float(value.loss) == pytest.approx(expected, rel=1e-4)
    torch.testing.assert_close(value.elbo, value.log_likelihood + value.log_ratios.sum(0))
    if progress == 1.0:
        assert float(value.loss) == pytest.approx(-float(value.elbo.mean()), rel=1e-5)


def test_the_objective_needs_every_latent_from_the_posterior() -> None:
    model = initialised(small_config()).requires_grad_(False)
    x = random_images(2)
    result = model(x, bound_proposal(3, 1, "sample"), generator_noise(2, torch.Generator().manual_seed(0)))
    for nats in (2.0, 0.0):
        with pytest.raises(ValueError, match="posterior"):
            objective(result, x, TrainingConfig(epochs=1), {"beta": 1.0, "free_nats": nats})
