"""What every family of models owes, under every likelihood and depth: bounds, readings, samples, files, gradients."""

from __future__ import annotations

import itertools
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor

from hvae.config import DataConfig, RunConfig, TrainingConfig
from hvae.datasets import ImageSet
from hvae.errors import ConfigError
from hvae.measuring.correlations import represent
from hvae.measuring.noise import EvaluationNoise
from hvae.measuring.reconstructions import reconstruct, reconstruct_switched
from hvae.models.blocks import data_dependent_initialisation
from hvae.models.bounds import Sweep
from hvae.models.hierarchical import HierarchicalVAE
from hvae.models.hierarchical_config import (
    FAMILIES,
    BlockConfig,
    Family,
    HierarchicalConfig,
    LatentConfig,
    LikelihoodName,
    StageConfig,
)
from hvae.models.latents import Noise, SharedNoise, Walk, generator_noise
from hvae.models.proposal import (
    READINGS,
    bound_proposal,
    elbo_proposal,
    sample_proposal,
)
from hvae.runs.checkpoints import Checkpoint, load_checkpoint, save_weights, write_config
from hvae.training.trainer import HISTORY_FILE, train
from tests.hvae.small_models import awake, small_config

SIDE, BATCH = 8, 3
LIKELIHOODS: tuple[LikelihoodName, ...] = ("bernoulli", "gaussian", "logistic-mixture")


class Case(NamedTuple):
    family: Family
    likelihood: LikelihoodName
    depth: int

    def __str__(self) -> str:
        return f"{'vae' if self.depth == 1 else self.family}-{self.likelihood}-{self.depth}"


CASES = [
    *(Case("bottom-up", likelihood, 1) for likelihood in LIKELIHOODS),
    *(Case(family, likelihood, depth) for family in FAMILIES for likelihood in LIKELIHOODS for depth in (2, 3)),
    Case("bottom-up", "bernoulli", 5),
    Case("ladder", "bernoulli", 5),
    Case("bidirectional", "logistic-mixture", 10),
    Case("top-down", "bernoulli", 5),
]
each_case = pytest.mark.parametrize("case", CASES, ids=str)


def config(case: Case) -> HierarchicalConfig:
    """Latents of 2x4x4, 1x4x4, and dense ones above; the image is halved once."""
    stages, width = [], 8 if case.family == "top-down" else 4  # with four, all units of a block may rest at once
    for level in range(case.depth):
        latent = LatentConfig(kind="conv", size=2 - level) if level < 2 else LatentConfig(kind="dense", size=2)
        stages.append(StageConfig(blocks=(BlockConfig(channels=width, stride=1 if level else 2),), latent=latent))
    channels = 3 if case.likelihood == "logistic-mixture" else 1
    return HierarchicalConfig(
        family=case.family,
        image_shape=(channels, SIDE, SIDE),
        stages=tuple(stages),
        likelihood=case.likelihood,
        likelihood_kernel=1,
        skips=case.family != "top-down",
    )


def images(model: HierarchicalConfig, batch: int = BATCH, seed: int = 0) -> Tensor:
    """Images of the kind the likelihood observes: black and white, grey or of whole values."""
    values = torch.rand(batch, *model.image_shape, generator=torch.Generator().manual_seed(seed))
    return {"bernoulli": values.round(), "gaussian": values}.get(model.likelihood, (values * 255).round() / 255)


def noise(lanes: int, seed: int = 0) -> SharedNoise:
    return generator_noise(lanes, torch.Generator().manual_seed(seed))


@lru_cache
def model_of(case: Case) -> HierarchicalVAE:
    """A model set by data, its Gaussians calm: as they come, an untrained q is far from the prior in single places."""
    torch.manual_seed(0)
    model = HierarchicalVAE(config(case))
    with torch.no_grad(), data_dependent_initialisation(model):
        model(images(model.config, 64, seed=9), elbo_proposal(case.depth), noise(64))
    for name, parameter in model.named_parameters():
        if ("parameters_of" in name or "likelihood" in name) and name.endswith(("original0", "bias")):
            parameter.data.mul_(0.5)
    return awake(model).eval().requires_grad_(False)


class Rows:
    """Some lanes of another noise."""

    def __init__(self, source: Noise, rows: list[int]) -> None:
        self.lanes, self._source, self._rows = len(rows), source, rows

    def __call__(self, walk: Walk, layer: int, shape: tuple[int, ...]) -> Tensor:
        return self._source(walk, layer, shape)[self._rows]


class Below:
    """Other noise in the layers below `k`."""

    def __init__(self, source: Noise, other: Noise, k: int) -> None:
        self.lanes, self._source, self._other, self._k = source.lanes, source, other, k

    def __call__(self, walk: Walk, layer: int, shape: tuple[int, ...]) -> Tensor:
        return (self._other if layer < self._k else self._source)(walk, layer, shape)


@each_case
def test_every_bound_in_every_reading(case: Case) -> None:
    model = model_of(case)
    x = images(model.config)
    sweep = Sweep(model, x, noise(2 * BATCH))
    elbo = sweep.elbo()
    assert all(ratio is not None for ratio in sweep.log_ratios(elbo_proposal(case.depth)))
    for reading in READINGS:
        torch.testing.assert_close(sweep.bound(0, reading), elbo, rtol=0, atol=0)
        for k in range(1, case.depth + 1):
            bound = sweep.bound(k, reading)
            assert bound.shape == (2, BATCH)
            assert torch.isfinite(bound).all(), (reading, k)
            proposal = bound_proposal(case.depth, k, reading)
            assert [ratio is None for ratio in sweep.log_ratios(proposal)] == [level < k for level in range(case.depth)]
            assert (bound - elbo).abs().max() > 1e-3
    # With every z from the prior the image plays no part, and log p(x|z) is all there is.
    for reading in ("sample", "auxiliary"):
        proposal = bound_proposal(case.depth, case.depth, reading)
        torch.testing.assert_close(sweep.bound(case.depth, reading), sweep.log_likelihood(proposal), rtol=0, atol=0)
        other = Sweep(model, images(model.config, seed=1), sweep.noise).run(proposal)
        torch.testing.assert_close(sweep.run(proposal).likelihood.mean, other.likelihood.mean, rtol=0, atol=0)
    for level in range(case.depth + 1):
        assert torch.isfinite(sweep.complementary_bound(level)).all()
    torch.testing.assert_close(sweep.complementary_bound(case.depth), elbo, rtol=0, atol=0)


@each_case
def test_the_mean_reading_has_no_noise_below_k(case: Case) -> None:
    model = model_of(case)
    x, source, other = images(model.config), noise(BATCH), noise(BATCH, seed=1)
    once = Sweep(model, x, source)
    for k in range(case.depth + 1):
        again = Sweep(model, x, Below(source, other, k)).bound(k, "mean")
        torch.testing.assert_close(once.bound(k, "mean"), again, rtol=0, atol=0)
    changed = Sweep(model, x, Below(source, other, 1))
    assert not torch.equal(once.bound(1, "sample"), changed.bound(1, "sample"))


@each_case
def test_the_config_knows_the_units(case: Case) -> None:
    assert config(case).latent_units == tuple(int(np.prod(shape)) for shape in model_of(case).latent_shapes)


@each_case
def test_samples_of_the_prior(case: Case) -> None:
    model = model_of(case)
    drawn = model.generate(sample_proposal(case.depth).generation, None, noise(5))
    pictures = drawn.likelihood.mean
    assert pictures.shape == (5, *model.config.image_shape)
    assert torch.isfinite(pictures).all()
    assert len(torch.unique(pictures.flatten(1), dim=0)) == 5
    assert [latent.z.shape[1:] for latent in drawn.latents] == list(model.latent_shapes)
    assert all(latent.posterior is None and latent.log_ratio() is None for latent in drawn.latents)


@each_case
def test_a_run_comes_back_to_the_bit(case: Case, tmp_path: Path) -> None:
    model = model_of(case)
    observed = "integer" if case.likelihood == "logistic-mixture" else "grey"
    data = DataConfig(name="digits", preprocessing=observed)
    run = RunConfig(model=model.config, data=data, training=TrainingConfig(epochs=1))
    write_config(tmp_path, run)
    save_weights(tmp_path, model.state_dict(), run)
    restored = load_checkpoint(tmp_path)
    assert restored.config == run
    x = images(model.config)
    first, second = (Sweep(each, x, noise(BATCH)).elbo() for each in (model, restored.model))
    torch.testing.assert_close(first, second, rtol=1e-5, atol=1e-4)


@each_case
def test_gradients_reach_every_parameter(case: Case) -> None:
    model = HierarchicalVAE(config(case))
    model.load_state_dict(model_of(case).state_dict())
    Sweep(model, images(model.config, 16), noise(16)).elbo().mean().backward()
    assert [n for n, value in model.named_parameters() if value.grad is None or not value.grad.abs().sum() > 0] == []


@each_case
def test_neither_the_batch_nor_the_samples_beside_an_image_matter(case: Case) -> None:
    model = model_of(case)
    x, shared = images(model.config), noise(2 * BATCH)
    together = Sweep(model, x, shared)
    second = Sweep(model, x, Rows(shared, list(range(BATCH, 2 * BATCH))))
    alone = Sweep(model, x[1:2], Rows(shared, [1, BATCH + 1]))
    for k in {0, 1, case.depth}:
        for reading in READINGS:
            many = together.bound(k, reading)
            torch.testing.assert_close(many[1:], second.bound(k, reading), rtol=1e-5, atol=1e-3)
            torch.testing.assert_close(many[:, 1:2], alone.bound(k, reading), rtol=1e-5, atol=1e-3)


@each_case
def test_mixed_precision_is_close(case: Case) -> None:
    model = model_of(case)
    x = images(model.config, 16)
    full = Sweep(model, x, noise(16)).elbo()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        sweep = Sweep(model, x, noise(16))
        mixed, latents = sweep.elbo(), sweep.run(elbo_proposal(case.depth)).latents
    assert mixed.dtype == torch.float32
    assert all(latent.z.dtype == torch.float32 for latent in latents)
    torch.testing.assert_close(mixed.mean(), full.mean(), rtol=0.005, atol=0)


@pytest.mark.parametrize(("family", "likelihood"), [*zip(FAMILIES, itertools.cycle(LIKELIHOODS), strict=False)])
def test_pictures_and_representations(family: Family, likelihood: LikelihoodName) -> None:
    """What the pages ask of a model, with the noise of an evaluation."""
    case = Case(family, likelihood, 3)
    model = model_of(case)
    x, index = images(model.config), np.arange(BATCH)
    drawn = EvaluationNoise(0, "digits.all", index, 0, [0], model.latent_shapes)
    pictures = reconstruct(model, x, drawn)
    switched = reconstruct_switched(model, x, drawn, ["qqq", "pqq", "qpp", "pqp", "ppp"])
    np.testing.assert_allclose(pictures.levels[0], switched.means[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(pictures.levels[1], switched.means[1], rtol=1e-5, atol=1e-6)
    assert pictures.pixel_log_px.shape == (4, BATCH, *model.config.image_shape[1:])
    np.testing.assert_allclose(pictures.pixel_log_px.sum((2, 3)), pictures.log_px, rtol=1e-4)
    assert np.isnan(switched.log_ratios).sum(axis=(1, 2)).tolist() == [0, BATCH, 2 * BATCH, 2 * BATCH, 3 * BATCH]
    observed = DataConfig(name="digits", preprocessing="integer" if likelihood == "logistic-mixture" else "binarise")
    run = RunConfig(model=model.config, data=observed, training=TrainingConfig(epochs=1))
    seen = ImageSet("digits", "all", (255 * x).byte().numpy(), np.zeros(BATCH, np.int64))
    found = represent(Checkpoint(model, run, "0" * 64), seen, index)
    parts = 2 if family == "bidirectional" else 1
    assert [layer.units.shape for layer in found["means"]] == [(BATCH, 32 * parts), (BATCH, 16 * parts), (BATCH, 2)]
    assert [layer.units.shape for layer in found["features"]] == [
        (BATCH, 16 * model.config.stages[0].blocks[0].channels)
    ] * 3


@pytest.mark.parametrize("family", [family for family in FAMILIES if family != "bottom-up"])
def test_training_improves_and_reports_every_layer(family: Family, tmp_path: Path) -> None:
    pixels = np.rint(load_digits().images[:480] * (255 / 16)).astype(np.uint8)[:, None]
    labels = np.zeros(480, np.int64)
    run = RunConfig(
        model=small_config(family=family),
        data=DataConfig(name="digits"),
        training=TrainingConfig(epochs=2, batch_size=40, learning_rate=3e-3, ema=0.9, precision="32-true"),
    )
    fitted, held = (
        ImageSet("digits", split, pixels[part], labels[part])
        for split, part in (("fitted", slice(400)), ("validation", slice(400, None)))
    )
    history = pd.read_csv(train(run, tmp_path / "run", fitted, held, accelerator="cpu") / HISTORY_FILE)
    assert history["elbo"].is_monotonic_increasing
    assert history["elbo"].iloc[-1] > history["elbo"].iloc[0] + 2
    for layer, count in enumerate(run.model.latent_units, start=1):
        assert np.isfinite(history[f"log_ratio_{layer}"]).all()
        assert (history[f"active_units_{layer}"] <= count).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_the_densities_of_all_images_sum_to_one(family: Family) -> None:
    """Over the 16 black-and-white images of 2x2 pixels; importance sampling by q is unbiased for p(x)."""
    block = BlockConfig(channels=4)
    stages = [StageConfig(blocks=(block,), latent=LatentConfig(kind=kind, size=1)) for kind in ("conv", "dense")]
    torch.manual_seed(1)
    model = HierarchicalVAE(
        HierarchicalConfig(family=family, image_shape=(1, 2, 2), stages=tuple(stages), skips=family != "top-down")
    ).requires_grad_(False)
    every = torch.tensor(list(itertools.product((0.0, 1.0), repeat=4))).view(-1, 1, 2, 2)
    with data_dependent_initialisation(model):
        model(every, elbo_proposal(2), noise(16))
    for name, parameter in awake(model).named_parameters():
        if "parameters_of" in name and name.endswith(("original0", "bias")):
            parameter.mul_(0.3)
    samples = 4000
    densities = Sweep(model, every, noise(samples * 16)).elbo().double().exp().sum(1)
    error = float(densities.std()) / samples**0.5
    assert error < 0.03 and abs(float(densities.mean()) - 1) < 4 * error


def test_a_hostile_config_may_not_double_its_weights_by_its_family() -> None:
    dense = StageConfig(
        blocks=(BlockConfig(channels=1024, stride=2),), latent=LatentConfig(kind="dense", size=200)
    ).model_dump()
    fine = {"image_shape": (1, 32, 32), "stages": [dense, dense]}
    assert HierarchicalConfig.model_validate(fine).depth == 2
    with pytest.raises(ValueError, match="dense latent of stage 1"):
        HierarchicalConfig.model_validate({**fine, "family": "bidirectional"})
    with pytest.raises(ConfigError, match="model.family"):
        RunConfig.from_json('{"model": {"family": "glow", "stages": []}}')
