"""Flows: change of variables, volume, and what every density owes (one in two dimensions integrates to 1)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor
from typer.testing import CliRunner

from hvae import load as load_run
from hvae import presets
from hvae.cli import app
from hvae.config import DataConfig, RunConfig, TrainingConfig
from hvae.datasets import load
from hvae.errors import ConfigError
from hvae.measuring.noise import EvaluationNoise
from hvae.measuring.scorer import Scorer
from hvae.models.flow.config import FlowConfig, ScaleConfig
from hvae.models.flow.layers import Coupling, Mixings, mix
from hvae.models.flow.model import Flow
from hvae.runs.catalogue import catalogue
from hvae.runs.checkpoints import read_weights, save_weights
from hvae.runs.folders import find_run
from hvae.runs.settings import Setting
from hvae.training.trainer import HISTORY_FILE

VOLUMES = ("affine", "constant")
each_volume = pytest.mark.parametrize("volume", VOLUMES)


def pixels(shape: tuple[int, ...], seed: int = 0) -> Tensor:
    """Dequantised images: smooth ones, so that channels of neighbours are related."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(*shape[:2], shape[2] // 2, shape[3] // 2, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, scale_factor=2, mode="bilinear")
    return (smooth * 255).floor() + torch.rand(shape, generator=generator)


def flow(volume: str, shape: tuple[int, int, int] = (1, 8, 8), scales: int = 2, steps: int = 3) -> Flow:
    """A flow set by data, all its couplings awake."""
    torch.manual_seed(1)
    config = FlowConfig(image_shape=shape, scales=(ScaleConfig(steps=steps, channels=8),) * scales, volume=volume)
    model = config.build()
    assert isinstance(model, Flow)
    for module in model.modules():
        if isinstance(module, Coupling):
            torch.nn.init.normal_(module.network[-1].weight, std=0.05)
            torch.nn.init.normal_(module.network[-1].bias, std=0.3)
    with torch.no_grad():
        model.initialise((pixels((64, *shape)).floor() / 255), torch.Generator().manual_seed(0))
    return model.requires_grad_(False)


def noise(index: np.ndarray, shape: tuple[int, ...], samples: Sequence[int] = (0,)) -> EvaluationNoise:
    return EvaluationNoise(0, "digits.test", index, 0, samples, (shape,))


@each_volume
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 16, 8)], ids=str)
def test_the_inverse_undoes_it(volume: str, shape: tuple[int, int, int]) -> None:
    """In units of the whole range of a pixel in float32, and of one value in float64; both ways round."""
    model, x = flow(volume, shape, steps=6), pixels((16, *shape))
    assert (model.inverse(model(x)[0]) - x).abs().max() / 256 < 1e-4
    model, x = model.double(), x.double()
    z, log_det = model(x)
    assert z.shape == (16, math.prod(shape)) and log_det.shape == (16,)
    assert (model.inverse(z) - x).abs().max() < 1e-8
    z = torch.randn(z.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    assert (model(model.inverse(z))[0] - z).abs().max() < 1e-8


@each_volume
@pytest.mark.parametrize(("shape", "scales"), [((1, 4, 4), 2), ((2, 4, 2), 1)], ids=str)
def test_the_volume_is_that_of_the_jacobian(volume: str, shape: tuple[int, int, int], scales: int) -> None:
    model, x = flow(volume, shape, scales).double(), pixels((5, *shape)).double()
    _, log_det = model(x)
    for one, found in zip(x, log_det, strict=True):
        jacobian = torch.autograd.functional.jacobian(lambda v: model(v[None])[0][0], one)
        dimensions = math.prod(shape)
        assert float(torch.linalg.slogdet(jacobian.reshape(dimensions, dimensions))[1] - found) == pytest.approx(
            0, abs=1e-8
        )


def test_only_affine_couplings_change_the_volume_from_image_to_image() -> None:
    _, constant = flow("constant")(pixels((16, 1, 8, 8)))
    assert torch.equal(constant, constant[:1].expand(16))
    _, affine = flow("affine")(pixels((16, 1, 8, 8)))
    assert affine.std() > 0.1


@each_volume
def test_a_density_over_two_dimensions_integrates_to_one(volume: str) -> None:
    """The layers of a scale, over a feature map of two channels and one pixel."""
    torch.manual_seed(3)
    mixings, couplings = Mixings(3, 2).double(), [Coupling(2, 8, volume == "affine").double() for _ in range(3)]
    for coupling in couplings:
        torch.nn.init.normal_(coupling.network[-1].weight, std=0.3)
    side = torch.linspace(-10, 10, 301, dtype=torch.float64)
    x = torch.cartesian_prod(side, side)[:, :, None, None]
    with torch.no_grad():
        mixings.log_scale += 0.2
        weights, biases, log_det = mixings()
        total = log_det.expand(len(x))
        for weight, bias, coupling in zip(weights, biases, couplings, strict=True):
            x, volume_of_step = coupling(mix(x, weight, bias))
            total = total if volume_of_step is None else total + volume_of_step
    density = (total - x.flatten(1).square().sum(1) / 2).exp() / (2 * math.pi)
    assert density.max() > 0.02 and density.std() > 0
    assert float(density.sum()) * float(side[1] - side[0]) ** 2 == pytest.approx(1, abs=1e-3)


def test_data_dependent_initialisation_makes_z_standard() -> None:
    """Before any coupling is trained, its channels have mean 0 and, rotated, variance 1 on the whole."""
    torch.manual_seed(0)
    model = FlowConfig(image_shape=(1, 8, 8), scales=(ScaleConfig(steps=3, channels=8),), volume="constant").build()
    assert isinstance(model, Flow)
    x = pixels((512, 1, 8, 8))
    with torch.no_grad():
        model.initialise(x.floor() / 255, torch.Generator().manual_seed(0))
        channels = model(x)[0].unflatten(1, (4, 16))
    assert channels.mean((0, 2)).abs().max() < 0.02
    assert float(channels.square().mean()) == pytest.approx(1, abs=0.02)


@each_volume
def test_samples_are_images_of_standard_normal_noise(volume: str) -> None:
    model = flow(volume)
    images = model.sample(5, torch.Generator().manual_seed(0))
    z = torch.randn(5, 64, generator=torch.Generator().manual_seed(0))
    exact = model.inverse(z)
    assert torch.equal(images * 255, (images * 255).round()) and images.min() >= 0 and images.max() <= 1
    assert torch.equal(images, exact.floor().clamp(0, 255) / 255)
    torch.testing.assert_close(model(exact)[0], z, rtol=0, atol=1e-3)
    assert len(torch.unique(images.flatten(1), dim=0)) == 5


@each_volume
def test_the_terms_make_up_the_likelihood(volume: str) -> None:
    """And S dequantisations average to the ELBO, and bound it from above under L_S."""
    model, index = flow(volume), np.arange(6)
    x = pixels((6, 1, 8, 8)).floor() / 255

    def drawn(samples: Sequence[int]) -> EvaluationNoise:
        return noise(index, (1, 8, 8), samples)

    one = [model.measure(x, lambda _, s=s: drawn([s]), reading="mean", samples=1, per_pass=1) for s in range(5)]
    for values in one:
        elbo, iw, log_px, log_pz, log_det = values.unbind(1)
        assert torch.equal(elbo, log_px) and torch.allclose(elbo, iw, rtol=0, atol=1e-9)
        torch.testing.assert_close(log_pz + log_det, elbo, rtol=0, atol=1e-9)
    several = [model.measure(x, drawn, reading="mean", samples=5, per_pass=number) for number in (1, 2, 5)]
    for values in several:
        torch.testing.assert_close(values, several[0], rtol=1e-5, atol=1e-3)
    torch.testing.assert_close(several[0][:, 0], torch.stack(one)[:, :, 0].mean(0), rtol=1e-5, atol=1e-3)
    exact = torch.stack(one)[:, :, 0].logsumexp(0) - math.log(5)
    torch.testing.assert_close(several[0][:, 1], exact, rtol=1e-5, atol=1e-3)
    assert (several[0][:, 1] > several[0][:, 0]).all()


@each_volume
def test_no_image_sees_those_beside_it(volume: str) -> None:
    model, index = flow(volume), np.arange(40)
    x = pixels((40, 1, 8, 8)).floor() / 255

    def values(rows: np.ndarray) -> Tensor:
        noises = lambda samples: noise(rows, (1, 8, 8), samples)  # noqa: E731
        return model.measure(x[rows], noises, reading="mean", samples=2, per_pass=2)

    together = values(index)
    torch.testing.assert_close(torch.cat([values(index[:33]), values(index[33:])]), together, rtol=1e-5, atol=1e-3)
    torch.testing.assert_close(values(index[::-1].copy()).flip(0), together, rtol=1e-5, atol=1e-3)


@each_volume
def test_a_mixed_precision_step_is_finite_and_close(volume: str) -> None:
    model = flow(volume).requires_grad_(True)
    x, training = pixels((16, 1, 8, 8)).floor() / 255, TrainingConfig(epochs=1)
    arguments = (x, torch.zeros(16, dtype=torch.int64))
    full = model.objective(*arguments, torch.Generator().manual_seed(0), training, {})
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = model.objective(*arguments, torch.Generator().manual_seed(0), training, {})
    assert mixed.log_likelihood.dtype == torch.float32 and mixed.log_ratios.shape == (0, 16)
    torch.testing.assert_close(mixed.loss, full.loss, rtol=0.01, atol=0)
    mixed.loss.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all() and parameter.grad.any(), name


def test_a_config_is_bounded() -> None:
    scale = ScaleConfig(steps=1, channels=8)
    assert FlowConfig(scales=(scale,) * 2).channels == (4, 8)
    assert FlowConfig(scales=(scale,)).depth == 0
    with pytest.raises(ValueError, match="3 scales halve an image of 28x28 once too often"):
        FlowConfig(scales=(scale,) * 3)
    with pytest.raises(ValueError, match="the coarsest scale would have 2048 channels"):
        FlowConfig(image_shape=(4, 512, 512), scales=(scale,) * 8)
    with pytest.raises(ConfigError, match="data.preprocessing must be integer, not binarise"):
        presets.preset("fashionmnist-glow").override({"data.preprocessing": "binarise"})


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small flow of digits, trained and scored by the commands."""
    preset = presets.preset("fashionmnist-glow")
    small = FlowConfig(scales=(ScaleConfig(steps=2, channels=16),) * 2)
    config = RunConfig(
        preset="digits-flow",
        model=small,
        data=preset.data.model_copy(update={"name": "digits"}),
        training=preset.training.model_copy(update={"epochs": 4, "ema": 0.9, "learning_rate_warm_up": 0.0}),
    )
    root = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HVAE_RUNS", str(root))
        patch.setitem(presets._PRESETS, config.preset, config)
        commands = (
            ("train", "digits-flow", "--run", root / "digits-flow", "--device", "cpu"),
            ("score", root / "digits-flow", "--data", "digits", "--split", "test", "--device", "cpu"),
            ("score", root / "digits-flow", "--data", "digits", "--split", "reference", "--device", "cpu"),
            ("score", root / "digits-flow", "--data", "glyphs", "--limit", 100, "--device", "cpu"),
        )
        for command in commands:
            result = CliRunner().invoke(app, [str(word) for word in command])
            assert result.exit_code == 0, result.output
    return root / "digits-flow"


def test_training_improves_and_shows_both_terms(run: Path) -> None:
    curve = pd.read_csv(run / HISTORY_FILE)
    assert curve["elbo"].is_monotonic_increasing and curve["elbo"].iloc[-1] > curve["elbo"].iloc[0] + 100
    np.testing.assert_allclose(curve["log_pz"] + curve["log_det"], curve["log_px"], atol=0.05)


def test_a_trained_flow_is_scored(run: Path) -> None:
    found = catalogue(find_run(str(run)))
    tables = {entry.slug: found.read(entry) for entry in found.entries if entry.split != "reference"}
    assert list(tables["digits"].frame.columns) == ["example", "label", "elbo", "iw", "log_px", "log_pz", "log_det"]
    for table in tables.values():
        np.testing.assert_allclose(table.column("log_pz") + table.column("log_det"), table.bound(0), atol=1e-2)
    assert tables["digits"].bound(0).mean() > tables["glyphs"].bound(0).mean()
    images = load("digits", "all", image_shape=(1, 28, 28)).images[:20]
    scored = load_run(run).score(images, ("bound", "typicality"))
    assert list(scored.columns) == ["-L>0", "typicality"] and np.isfinite(scored.to_numpy()).all()


def test_scores_do_not_depend_on_batches(run: Path) -> None:
    from lightning_fabric import Fabric

    images, index = load("digits", "all", image_shape=(1, 28, 28)).images[:90], np.arange(90)
    fabric = Fabric(accelerator="cpu", devices=1)
    values = [Scorer(run, Setting(), fabric, size).values(images, "digits.all", index) for size in (1, 40, 256)]
    for other in values[1:]:
        np.testing.assert_allclose(other, values[0], rtol=1e-6, atol=2e-3)


def test_the_weights_that_need_their_digits_keep_them_in_a_small_file(tmp_path: Path) -> None:
    model = flow("affine")
    shape = FlowConfig(image_shape=(1, 8, 8), scales=(ScaleConfig(steps=3, channels=8),) * 2)
    data = DataConfig(name="digits", preprocessing="integer")
    config = RunConfig(model=shape, data=data, training=TrainingConfig(epochs=1))
    save_weights(tmp_path, model.state_dict(), config, torch.bfloat16)
    restored = read_weights(tmp_path, config)
    rounded = [name for name, value in model.state_dict().items() if not torch.equal(restored[name], value)]
    assert rounded
    assert not [name for name in rounded if "mixings" in name]
