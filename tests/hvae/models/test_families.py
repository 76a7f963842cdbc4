"""What sets the ladder and the bidirectional family apart from the bottom-up one: where q comes from."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.distributions import Normal

from hvae.models.bounds import Sweep
from hvae.models.hierarchical import HierarchicalVAE
from hvae.models.hierarchical_config import Family, HierarchicalConfig
from hvae.models.latents import Noise, SharedNoise, generator_noise
from hvae.models.likelihoods import precision_weighted
from hvae.models.proposal import READINGS, Draw, bound_proposal, elbo_proposal, mean_proposal
from tests.hvae.small_models import initialised, random_images, small_config

DOWNWARD: tuple[Family, ...] = ("ladder", "bidirectional")
BATCH = 4


def noise(lanes: int, seed: int = 0) -> SharedNoise:
    return generator_noise(lanes, torch.Generator().manual_seed(seed))


def built(family: Family, same_shape_skip: str = "project", skips: bool = True) -> HierarchicalVAE:
    config = small_config(family=family).model_copy(update={"same_shape_skip": same_shape_skip, "skips": skips})
    return initialised(config).requires_grad_(False)


class _Moved:
    """Noise whose top layer of either walk is another."""

    def __init__(self, source: Noise, depth: int) -> None:
        self.lanes, self._source, self._top = source.lanes, source, depth - 1

    def __call__(self, walk: str, layer: int, shape: tuple[int, ...]) -> torch.Tensor:
        values = self._source(walk, layer, shape)  # type: ignore[arg-type]
        return values + 3 if layer == self._top else values


@pytest.mark.parametrize("skips", [True, False])
@pytest.mark.parametrize("same_shape_skip", ["project", "drop"])
@pytest.mark.parametrize("family", DOWNWARD)
def test_every_q_below_listens_to_the_layers_above(family: Family, same_shape_skip: str, skips: bool) -> None:
    model = built(family, same_shape_skip, skips)
    x, source = random_images(BATCH), noise(BATCH)
    once = model(x, elbo_proposal(3), source)
    moved = model(x, elbo_proposal(3), _Moved(source, 3))
    for layer in (0, 1):
        before, after = (each.latents[layer].posterior.loc for each in (once, moved))
        assert (before - after).abs().max() > 1e-3, f"q(z_{layer + 1}) does not see z_3"
    top = (each.latents[2].posterior.loc for each in (once, moved))
    assert torch.equal(*top)


@pytest.mark.parametrize("same_shape_skip", ["project", "drop"])
@pytest.mark.parametrize("family", DOWNWARD)
def test_every_q_sees_the_image(family: Family, same_shape_skip: str) -> None:
    """With the same z above: what is merged from below must matter on its own."""
    model = built(family, same_shape_skip)
    inference, generation = elbo_proposal(3).inference, (Draw.POSTERIOR, Draw.PRIOR, Draw.PRIOR)
    first, second = (
        model.generate(generation, model.infer(x, inference, noise(BATCH)), noise(BATCH)).latents[0]
        for x in (random_images(BATCH, seed=1), random_images(BATCH, seed=2))
    )
    torch.testing.assert_close(first.prior.loc, second.prior.loc)
    assert (first.posterior.loc - second.posterior.loc)[:, -2:].abs().max() > 1e-2  # type: ignore[union-attr]


def test_a_ladder_draws_nothing_upward_and_walks_up_once() -> None:
    model = built("ladder")

    class Silent:
        lanes = 6 * BATCH

        def __init__(self) -> None:
            self.source = noise(self.lanes)

        def __call__(self, walk: str, layer: int, shape: tuple[int, ...]) -> torch.Tensor:
            assert walk == "generation"
            return self.source("generation", layer, shape)

    lanes: list[int] = []
    hooks = [
        model.stages[level].posterior.register_forward_pre_hook(lambda _, inputs: lanes.append(len(inputs[0])))  # type: ignore[union-attr]
        for level in range(3)
    ]
    sweep = Sweep(model, random_images(BATCH), Silent())
    for k in range(4):
        for reading in READINGS:
            assert torch.isfinite(sweep.bound(k, reading)).all()
    for hook in hooks:
        hook.remove()
    assert lanes == [BATCH] * 3, "what the images say of each z is computed once for all k, readings and samples"


@pytest.mark.parametrize("k", [1, 2, 3])
def test_the_bounds_of_a_ladder_are_one(k: int) -> None:
    sweep = Sweep(built("ladder"), random_images(BATCH), noise(3 * BATCH))
    torch.testing.assert_close(sweep.bound(k, "sample"), sweep.bound(k, "auxiliary"), rtol=0, atol=0)


def test_a_merge_is_the_product_of_two_densities() -> None:
    a, b = Normal(torch.tensor([1.0, -2.0]), torch.tensor([0.5, 2.0])), Normal(torch.zeros(2), torch.ones(2))
    merged = precision_weighted(a, b)
    z = torch.randn(7, 2, generator=torch.Generator().manual_seed(0))
    difference = a.log_prob(z) + b.log_prob(z) - merged.log_prob(z)
    torch.testing.assert_close(difference, difference[:1].expand_as(difference), rtol=0, atol=1e-5)
    for scales in ((1e-6, 1e6), (1e-6, 1e-6), (1e6, 1e6)):
        extreme = precision_weighted(
            *(Normal(torch.tensor([loc]), torch.tensor([s])) for loc, s in zip((3.0, 5.0), scales, strict=True))
        )
        precision = 1 / np.float64(scales[0]) ** 2 + 1 / np.float64(scales[1]) ** 2
        np.testing.assert_allclose(extreme.scale, precision**-0.5, rtol=1e-6)
        mean = (3 / np.float64(scales[0]) ** 2 + 5 / np.float64(scales[1]) ** 2) / precision
        np.testing.assert_allclose(extreme.loc, mean, rtol=1e-6)


def test_the_parts_of_a_bidirectional_latent() -> None:
    """z^BU as the upward walk drew it, z^TD beside it; the top has one part; prior draws leave no part out."""
    model = built("bidirectional")
    assert model.latent_shapes == ((4, 4, 4), (6,), (2,))
    x, shared = random_images(BATCH), noise(BATCH)
    evidence = model.infer(x, elbo_proposal(3).inference, shared)
    latents = model.generate(elbo_proposal(3).generation, evidence, shared).latents
    for level, size in enumerate((2, 3, 2)):
        assert evidence[level].z is not None
        assert torch.equal(latents[level].z[:, :size], evidence[level].z)  # type: ignore[arg-type]
        assert torch.equal(latents[level].posterior.loc[:, :size], evidence[level].bottom_up.loc)  # type: ignore[union-attr]
    for k in (1, 2, 3):
        sampled = model.generate(bound_proposal(3, k, "sample").generation, evidence, shared).latents
        means = model.generate(bound_proposal(3, k, "mean").generation, evidence, shared).latents
        for level in range(k):
            prior, standard = sampled[level].prior, shared("generation", level, model.latent_shapes[level])
            torch.testing.assert_close(sampled[level].z, prior.loc + prior.scale * standard)
            assert torch.equal(means[level].z, means[level].prior.loc.expand_as(means[level].z))
    whole = model(x, mean_proposal(3), shared)
    for latent in whole.latents:
        assert torch.equal(latent.z, latent.posterior.loc)


@pytest.mark.parametrize("same_shape_skip", ["project", "drop"])
@pytest.mark.parametrize("family", DOWNWARD)
def test_gradients_reach_every_parameter(family: Family, same_shape_skip: str) -> None:
    model = built(family, same_shape_skip).requires_grad_(True)
    Sweep(model, random_images(32), noise(32)).elbo().mean().backward()
    assert [n for n, value in model.named_parameters() if value.grad is None or not value.grad.abs().sum() > 0] == []


@pytest.mark.parametrize("family", DOWNWARD)
def test_one_layer_is_a_plain_vae(family: Family) -> None:
    """No layer above to hear from: the same numbers as the bottom-up family gives with the same weights."""

    def single(kind: Family) -> HierarchicalConfig:
        whole = small_config(family=kind)
        return whole.model_copy(update={"stages": whole.stages[:1]})

    plain, other = (initialised(single(kind)).requires_grad_(False) for kind in ("bottom-up", family))
    assert [n for n, _ in plain.named_parameters()] == [n for n, _ in other.named_parameters()]
    other.load_state_dict(plain.state_dict())
    x = random_images(BATCH)
    evidence = plain.infer(x, mean_proposal(1).inference, noise(BATCH))
    assert torch.equal(evidence[0].posterior.loc, other(x, mean_proposal(1), noise(BATCH)).latents[0].posterior.loc)  # type: ignore[union-attr]
    torch.testing.assert_close(
        Sweep(plain, x, noise(BATCH)).log_weights(mean_proposal(1)),
        Sweep(other, x, noise(BATCH)).log_weights(mean_proposal(1)),
    )


@pytest.mark.parametrize("ignored", [{"skips": True}, {"same_shape_skip": "drop"}, {"padding": "same"}], ids=str)
def test_a_top_down_model_refuses_what_it_would_ignore(ignored: dict[str, object]) -> None:
    config = small_config(family="top-down").model_dump()
    assert HierarchicalConfig.model_validate(config).depth == 3
    with pytest.raises(ValueError, match="a top-down model has one path.*set model.skips to false"):
        HierarchicalConfig.model_validate(config | ignored)


def test_a_fresh_top_down_model_says_what_its_prior_says() -> None:
    """Nothing is learnt yet: every q is N(0, I), as every p is, so that no layer starts far from its prior."""
    config = small_config(family="top-down")
    torch.manual_seed(0)
    model = HierarchicalVAE(config)
    for latent in model(random_images(BATCH), elbo_proposal(3), noise(BATCH)).latents:
        assert latent.posterior is not None
        for one in (latent.posterior, latent.prior):
            assert torch.equal(one.loc, torch.zeros_like(one.loc)) and torch.allclose(one.scale, torch.ones(()))


def test_every_level_of_a_top_down_model_moves_the_image() -> None:
    """The state carries each z to the pixels, whatever lies between."""
    model = built("top-down", skips=False)
    draws = (Draw.PRIOR,) * 3
    source = noise(BATCH)
    plain = model.generate(draws, None, source).likelihood.mean

    def shifted(layer: int) -> Noise:
        def draw(walk: str, level: int, shape: tuple[int, ...]) -> torch.Tensor:
            return source(walk, level, shape) + (3 if level == layer else 0)  # type: ignore[arg-type]

        draw.lanes = BATCH  # type: ignore[attr-defined]
        return draw  # type: ignore[return-value]

    for layer in range(3):
        assert (model.generate(draws, None, shifted(layer)).likelihood.mean - plain).abs().max() > 1e-3
