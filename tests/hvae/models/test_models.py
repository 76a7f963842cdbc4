"""The hierarchy: shapes, parameters, gradients, round trips and independence of batch neighbours."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from hvae.config import DataConfig, RunConfig, TrainingConfig
from hvae.errors import ConfigError
from hvae.models.bounds import Sweep
from hvae.models.contract import parameter_count
from hvae.models.hierarchical import HierarchicalVAE
from hvae.models.hierarchical_config import BlockConfig, HierarchicalConfig, LatentConfig, StageConfig
from hvae.models.latents import SharedNoise, generator_noise
from hvae.models.proposal import bound_proposal, elbo_proposal, sample_proposal
from hvae.presets import PAPER_GREY
from hvae.runs.checkpoints import load_checkpoint, save_weights, write_config
from tests.hvae.small_models import initialised, random_images, small_config

DENSE = LatentConfig(kind="dense", size=2)


def run_config(model: HierarchicalConfig) -> RunConfig:
    return RunConfig(model=model, data=DataConfig(name="digits"), training=TrainingConfig(epochs=1))


def noise(lanes: int, seed: int = 0) -> SharedNoise:
    return generator_noise(lanes, torch.Generator().manual_seed(seed))


def test_the_papers_grey_model() -> None:
    released = PAPER_GREY.model_copy(update={"same_shape_skip": "drop"})
    assert parameter_count(released) == 2_620_258
    with torch.device("meta"):
        model = HierarchicalVAE(released)
    assert model.latent_shapes == ((8, 14, 14), (16,), (8,))
    assert model.depth == 3
    assert released.dimensions == 784


def test_counting_parameters_allocates_none_and_counts_all() -> None:
    config = small_config()
    assert parameter_count(config) == sum(parameter.numel() for parameter in HierarchicalVAE(config).parameters())


@pytest.mark.parametrize("same_shape_skip", ["project", "drop"])
def test_gradients_reach_every_parameter(same_shape_skip: str) -> None:
    model = initialised(small_config(same_shape_skip))  # type: ignore[arg-type]
    Sweep(model, random_images(32), noise(32)).elbo().mean().backward()
    untouched = {
        name for name, value in model.named_parameters() if value.grad is None or not value.grad.abs().sum() > 0
    }
    unused = {name for name, _ in model.named_parameters() if name.startswith("stages.2.inference_projection.")}
    assert bool(unused) == (same_shape_skip == "drop"), "drop allocates what the released code allocates"
    assert untouched == unused


def test_a_run_comes_back_to_the_bit(tmp_path: Path) -> None:
    model = initialised(small_config())
    config = run_config(model.config)
    write_config(tmp_path, config)
    save_weights(tmp_path, model.state_dict(), config)
    checkpoint = load_checkpoint(tmp_path)
    assert checkpoint.config == config
    assert RunConfig.from_json(config.to_json()) == config
    restored = checkpoint.model.state_dict()
    assert restored.keys() == model.state_dict().keys()
    for name, value in model.state_dict().items():
        assert torch.equal(restored[name], value), name
    assert not checkpoint.model.training
    assert not any(parameter.requires_grad for parameter in checkpoint.model.parameters())
    x = random_images(4)
    with torch.no_grad():
        first, second = (Sweep(each, x, noise(4)).elbo() for each in (model.eval(), checkpoint.model))
    torch.testing.assert_close(first, second, rtol=1e-5, atol=1e-4)


def test_bf16_weights_are_the_rounded_ones(tmp_path: Path) -> None:
    model = initialised(small_config())
    config = run_config(model.config)
    write_config(tmp_path, config)
    save_weights(tmp_path, model.state_dict(), config, torch.bfloat16)
    restored = load_checkpoint(tmp_path).model.state_dict()
    for name, value in model.state_dict().items():
        assert restored[name].dtype == torch.float32
        assert torch.equal(restored[name], value.bfloat16().float()), name


def test_unconditional_samples() -> None:
    model = initialised(small_config()).requires_grad_(False)
    drawn = model.generate(sample_proposal(3).generation, None, noise(6))
    assert drawn.likelihood.mean.shape == (6, 1, 8, 8)
    assert [latent.z.shape for latent in drawn.latents] == [(6, 2, 4, 4), (6, 3), (6, 2)]
    assert all(latent.log_ratio() is None for latent in drawn.latents)
    assert len({tuple(image.flatten().tolist()) for image in drawn.likelihood.mean}) == 6
    # Images play no part in a pass whose every z is from the prior.
    seen = model(random_images(6, seed=1), sample_proposal(3), noise(6))
    fresh = noise(6)
    for layer, shape in enumerate(model.latent_shapes):
        fresh("inference", layer, shape)
    again = model(random_images(6, seed=2), sample_proposal(3), noise(6))
    torch.testing.assert_close(seen.likelihood.mean, again.likelihood.mean, rtol=0, atol=0)


def test_posteriors_need_images() -> None:
    model = initialised(small_config())
    with pytest.raises(ConfigError, match="from the prior"):
        model.generate(elbo_proposal(3).generation, None, noise(2))


def test_a_plain_vae_is_a_hierarchy_of_depth_one() -> None:
    stage = StageConfig(blocks=(BlockConfig(channels=4, stride=2),), latent=DENSE)
    model = initialised(HierarchicalConfig(image_shape=(1, 8, 8), stages=(stage,)))
    sweep = Sweep(model, random_images(3), noise(6))
    assert sweep.elbo().shape == (2, 3)
    assert sweep.bound(1, "sample").shape == (2, 3)


def block(channels: int, stride: int = 1) -> BlockConfig:
    return BlockConfig(channels=channels, stride=stride)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ([(block(4),), (block(8),)], "stage 2 hands features of shape"),
        ([(block(4),), (block(4), block(8))], "inside stage 2 skip to stage 1"),
        ([(block(4),), (block(4, 2), block(4))], "inside stage 2 skip to stage 1"),
        ([(block(4), block(4, 2), block(4, 2)), (block(4),)], "at most one block of stride 2"),
    ],
)
def test_stages_that_do_not_fit_are_refused_when_built(stages: list[tuple[BlockConfig, ...]], message: str) -> None:
    config = HierarchicalConfig(
        image_shape=(1, 8, 8), stages=tuple(StageConfig(blocks=blocks, latent=DENSE) for blocks in stages)
    )
    with pytest.raises(ConfigError, match=message):
        HierarchicalVAE(config)


@pytest.mark.parametrize(
    "stages",
    [
        [(block(4), block(8), block(6, 2)), (block(6),), (block(6, 2),)],
        [(), (block(1, 2),)],
        [(block(4, 2),), ()],
        [(block(4, 2), block(4)), (block(4), block(4), block(4, 2)), (block(4),)],
    ],
)
@pytest.mark.parametrize("same_shape_skip", ["project", "drop"])
@pytest.mark.parametrize("kind", ["conv", "dense"])
def test_stages_that_fit_run(stages: list[tuple[BlockConfig, ...]], same_shape_skip: str, kind: str) -> None:
    latents = [LatentConfig(kind=kind if blocks else "dense", size=4) for blocks in stages]  # type: ignore[arg-type]
    config = HierarchicalConfig(
        image_shape=(1, 8, 8),
        stages=tuple(StageConfig(blocks=b, latent=latent) for b, latent in zip(stages, latents, strict=True)),
        same_shape_skip=same_shape_skip,  # type: ignore[arg-type]
    )
    sweep = Sweep(initialised(config), random_images(2), noise(4))
    for k in range(config.depth + 1):
        assert torch.isfinite(sweep.bound(k, "sample")).all()
        assert torch.isfinite(sweep.bound(k, "mean")).all()


def test_without_skips_blocks_may_differ() -> None:
    config = HierarchicalConfig(
        image_shape=(1, 8, 8),
        stages=(
            StageConfig(blocks=(block(4), block(4, 2), block(4, 2)), latent=DENSE),
            StageConfig(blocks=(block(4), block(8)), latent=DENSE),
        ),
        skips=False,
    )
    assert torch.isfinite(Sweep(initialised(config), random_images(2), noise(2)).elbo()).all()


def test_mixed_precision_runs_with_latents_in_full_precision() -> None:
    model = initialised(small_config(), seed=2).requires_grad_(False)
    x = random_images(16)
    full = Sweep(model, x, noise(16)).elbo()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        sweep = Sweep(model, x, noise(16))
        mixed = sweep.elbo()
        latents = sweep.run(elbo_proposal(3)).latents
    assert all(latent.z.dtype == torch.float32 for latent in latents)
    assert mixed.dtype == torch.float32
    torch.testing.assert_close(mixed.mean(), full.mean(), rtol=0.02, atol=0)


@pytest.mark.parametrize("k", [0, 1, 2])
def test_no_image_depends_on_its_neighbours(k: int) -> None:
    model = initialised(small_config()).requires_grad_(False)
    x, shared = random_images(5), noise(5)
    proposal = bound_proposal(3, k, "sample")
    together = Sweep(model, x, shared).log_weights(proposal)
    poisoned = x.clone()
    poisoned[2] = float("nan")
    beside = Sweep(model, poisoned, shared).log_weights(proposal)
    assert torch.isnan(beside[0, 2])
    others = [0, 1, 3, 4]
    torch.testing.assert_close(beside[0, others], together[0, others], rtol=1e-6, atol=1e-5)


def test_the_skip_carries_what_the_latent_lost() -> None:
    """q(z_2|.) sees x past z_1, p(x|z) sees z_2 past z_1; without skips neither does."""
    for skips in (True, False):
        model = initialised(small_config().model_copy(update={"skips": skips})).requires_grad_(False)
        x = random_images(1)
        fixed = model.infer(x, elbo_proposal(3).inference, noise(1))
        other = model.infer(1 - x, elbo_proposal(3).inference, noise(1))
        same_z = [fixed[0].__class__(fixed[0].features, other[0].skip, fixed[0].posterior, fixed[0].z)]
        posteriors = [
            model.infer_layer(evidence, 1, elbo_proposal(3).inference[1], noise(1)).posterior
            for evidence in (fixed[0], same_z[0])
        ]
        assert posteriors[0] is not None
        assert posteriors[1] is not None
        assert torch.equal(posteriors[0].loc, posteriors[1].loc) != skips
