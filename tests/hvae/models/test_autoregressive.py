"""PixelCNN++: a density of whole images that sums to one, each pixel told by those before it alone."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from lightning_fabric import Fabric
from sklearn.datasets import load_digits
from typer.testing import CliRunner

import hvae
from hvae import presets
from hvae.cli import app
from hvae.config import DataConfig, RunConfig, TrainingConfig
from hvae.datasets import ImageSet
from hvae.errors import ConfigError
from hvae.measuring.scorer import Scorer
from hvae.models.autoregressive.config import AutoregressiveConfig
from hvae.models.autoregressive.model import AutoregressiveModel
from hvae.models.blocks import Shape, fold_weight_norm
from hvae.models.logistic_mixture import DiscretisedLogisticMixture
from hvae.runs.catalogue import catalogue
from hvae.runs.folders import find_run
from hvae.runs.settings import Setting
from hvae.training.trainer import HISTORY_FILE, train

TRAINING = TrainingConfig(epochs=3, batch_size=40, learning_rate=3e-3, ema=0.9, precision="32-true")


def model_of(shape: Shape, blocks: tuple[int, ...], levels: int = 256) -> AutoregressiveModel:
    """A small model as it is after initialisation, with biases of its own."""
    torch.manual_seed(0)
    model = AutoregressiveModel(AutoregressiveConfig(image_shape=shape, channels=4, blocks=blocks), levels)
    x = torch.randint(0, levels, (64, *shape)) / (levels - 1)
    with torch.no_grad():
        model.initialise(x, torch.Generator())
        for name, parameter in model.named_parameters():
            if name.endswith("bias"):
                parameter.add_(0.1 * torch.randn_like(parameter))
    return model.requires_grad_(False)


@pytest.mark.parametrize(
    ("shape", "blocks", "levels"), [((1, 2, 3), (1,), 3), ((1, 2, 2), (1, 1), 5), ((3, 2, 2), (2, 1), 2)], ids=str
)
def test_the_densities_of_all_images_sum_to_one(shape: Shape, blocks: tuple[int, ...], levels: int) -> None:
    model = model_of(shape, blocks, levels)
    values = itertools.product(range(levels), repeat=int(np.prod(shape)))
    every = torch.tensor(list(values)).view(-1, *shape) / (levels - 1)
    densities = model.log_prob(every).double().exp()
    assert float(densities.sum()) == pytest.approx(1, abs=2e-5)
    assert float(densities.std() / densities.mean()) > 0.1, "no two images alike"


@pytest.mark.parametrize(
    ("shape", "blocks"), [((1, 8, 8), (1, 1, 1)), ((3, 4, 4), (2, 1)), ((3, 3, 5), (2,)), ((1, 4, 8), (1, 2))], ids=str
)
def test_a_pixel_is_told_by_those_before_it(shape: Shape, blocks: tuple[int, ...]) -> None:
    """By gradients: none comes from the pixel itself or a later one, in any channel; the pixels around it give one."""
    model, (_, height, width) = model_of(shape, blocks), shape
    x = torch.rand(2, *shape).requires_grad_()
    found = model(x)
    every = (found.log_weights.unsqueeze(2), found.means, found.log_scales, found.coefficients)
    parameters = torch.cat([one.flatten(1, 2) for one in every], dim=1)
    weights = torch.randn(parameters.shape[1])
    for place in range(height * width):
        at_pixel = (parameters.flatten(2)[:, :, place] * weights).sum()
        (gradient,) = torch.autograd.grad(at_pixel, x, retain_graph=True)
        told = gradient.abs().flatten(2)
        assert (told[:, :, place:] == 0).all(), place
        row, column = divmod(place, width)
        around = [(row, column - 1), *((row - 1, column + step) for step in (-1, 0, 1))]
        near = [width * y + x for y, x in around if y >= 0 and 0 <= x < width]
        assert (told[:, :, near] > 0).all(), place
    assert (told[:, :, :-width] > 0).all(), "no blind spot in the rows above the last"


def test_a_channel_is_told_by_those_before_it() -> None:
    """The first channels of a pixel have a mixture of their own, whatever the later ones are."""
    levels = 3
    found = model_of((3, 2, 2), (1,), levels)(torch.rand(1, 3, 2, 2))
    values = torch.tensor(list(itertools.product(range(levels), repeat=3))) / (levels - 1)
    joint = found.pixel_log_prob(values.view(-1, 1, 3, 1, 1).expand(-1, 1, 3, 2, 2)).view(levels, levels, levels, 2, 2)
    for first in (1, 2):
        alone = DiscretisedLogisticMixture(
            found.log_weights,
            found.means[:, :, :first],
            found.log_scales[:, :, :first],
            found.coefficients[:, :, : first * (first - 1) // 2],
            levels,
        )
        kept = values.view(levels, levels, levels, 3)[(..., *(0,) * (3 - first), slice(first))].reshape(-1, first)
        expected = alone.pixel_log_prob(kept.view(-1, 1, first, 1, 1).expand(-1, 1, first, 2, 2))
        marginal = joint.logsumexp(tuple(range(first, 3))).view_as(expected)
        torch.testing.assert_close(marginal, expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 8, 8)], ids=str)
def test_neither_the_batch_nor_the_fold_nor_the_precision_matters(shape: Shape) -> None:
    model = model_of(shape, (1, 1))
    x = torch.randint(0, 256, (48, *shape)) / 255
    together = model.log_prob(x)
    assert together.shape == (48,) and together.std() > 0
    torch.testing.assert_close(model.log_prob(x[7:9]), together[7:9], rtol=1e-5, atol=1e-3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = model.log_prob(x)
    assert mixed.dtype == torch.float32
    torch.testing.assert_close(mixed.mean(), together.mean(), rtol=0.005, atol=0)
    torch.testing.assert_close(fold_weight_norm(model).log_prob(x), together, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_gradients_reach_every_parameter(precision: str) -> None:
    model = model_of((3, 8, 8), (1, 1)).requires_grad_(True)
    x = torch.round(torch.rand(8, 3, 8, 8))
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16-mixed"):
        result = model.objective(x, torch.zeros(8), torch.Generator(), TRAINING, {})
    result.loss.backward()
    assert result.log_ratios.shape == (0, 8) and torch.equal(result.elbo, result.log_likelihood)
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().sum() > 0, name


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A tiny run on digits in mixed precision, trained and scored by the commands."""
    root = tmp_path_factory.mktemp("runs")
    model = AutoregressiveConfig(channels=4, blocks=(1, 1))
    config = RunConfig(
        preset="digits-pixelcnn",
        model=model,
        data=DataConfig(name="digits", preprocessing="integer"),
        training=TRAINING.model_copy(update={"precision": "bf16-mixed"}),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(presets._PRESETS, config.preset, config)
        patch.setenv("HVAE_RUNS", str(root))
        for command in (
            ("train", config.preset, "--device", "cpu"),
            ("score", "digits-pixelcnn-seed0", "--data", "digits", "--limit", "80", "--device", "cpu"),
            ("score", "digits-pixelcnn-seed0", "--data", "glyphs", "--limit", "80", "--device", "cpu"),
        ):
            result = CliRunner().invoke(app, list(command))
            assert result.exit_code == 0, result.output
        yield root / "digits-pixelcnn-seed0"


def test_training_on_digits_improves(run: Path) -> None:
    curve = pd.read_csv(run / HISTORY_FILE)
    assert curve["elbo"].is_monotonic_increasing and np.isfinite(curve.to_numpy()).all()
    assert curve["elbo"].iloc[-1] > curve["elbo"].iloc[0] + 100
    assert -curve["elbo"].iloc[-1] < 4 * 28 * 28 * np.log(2), "4 of 8 bits"


def test_a_run_is_scored_and_reported(run: Path) -> None:
    found = catalogue(find_run(run.name))
    tables = {entry.slug: found.read(entry) for entry in found.entries}
    assert set(tables) == {"digits", "glyphs"}
    for table in tables.values():
        assert list(table.frame.columns) == ["example", "label", "elbo", "iw", "log_px"]
        assert np.array_equal(table.bound(0), table.column("elbo"))
        assert np.array_equal(table.bound(0), table.column("log_px"))
    said = CliRunner().invoke(app, ["report", run.name, "--bootstrap", "20"])
    assert said.exit_code == 0 and "glyphs" in said.output, said.output


def test_a_score_does_not_depend_on_its_batch(run: Path) -> None:
    fabric = Fabric(accelerator="cpu", devices=1, precision="32-true")
    images, index = np.random.default_rng(0).integers(0, 256, (96, 1, 28, 28), np.uint8), np.arange(96)
    small, large = (Scorer(run, Setting(), fabric, size) for size in (32, 96))
    np.testing.assert_array_equal(small.values(images, "a", index), large.values(images, "b", index))


@pytest.mark.slow
def test_colour_images_train_and_score(tmp_path: Path) -> None:
    """A hue each, so that the channels tell of one another."""
    grey = np.rint(load_digits().images[:480] * (255 / 16))[:, None]
    hues = np.random.default_rng(0).uniform(0.2, 1, (480, 3, 1, 1))
    pixels, labels = np.rint(grey * hues).astype(np.uint8), np.zeros(480, np.int64)
    config = RunConfig(
        model=AutoregressiveConfig(image_shape=(3, 8, 8), channels=8, blocks=(1, 1)),
        data=DataConfig(name="digits", preprocessing="integer"),
        training=TRAINING,
    )
    fitted, held = (
        ImageSet("digits", split, pixels[part], labels[part])
        for split, part in (("fitted", slice(400)), ("validation", slice(400, None)))
    )
    folder = train(config, tmp_path / "colour", fitted, held, accelerator="cpu")
    curve = pd.read_csv(folder / HISTORY_FILE)
    assert curve["elbo"].is_monotonic_increasing and curve["elbo"].iloc[-1] > curve["elbo"].iloc[0] + 20
    loaded = hvae.load(folder)
    noise = np.random.default_rng(1).integers(0, 256, (40, 3, 8, 8), np.uint8)
    own, other = (loaded.score(images, ("bound",))["-L>0"].to_numpy() for images in (pixels[400:440], noise))
    assert own.max() < other.min()


def test_what_no_model_may_have_is_one_line() -> None:
    config = presets.preset("fashionmnist-pixelcnn")
    with pytest.raises(ConfigError, match=r"need sides that 8 divides, the images are 28x28: shorten model\.blocks"):
        config.override({"model.blocks": [1, 1, 1, 1]})
    with pytest.raises(ConfigError, match=r"set data\.preprocessing to integer, it is binarise"):
        config.override({"data.preprocessing": "binarise"})
    for field, value in (("model.channels", 513), ("model.blocks", [17]), ("model.blocks", [])):
        with pytest.raises(ConfigError, match=field):
            config.override({field: value})
    assert "PixelCNN++) cannot rebuild images level by level" in str(config.model.inability("reconstruct"))
