"""Classifiers: numbers of pytorch-ood, a bottleneck with a known rate, and runs by commands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from lightning_fabric import Fabric
from pytorch_ood.detector import ODIN, Mahalanobis
from pytorch_ood.loss import EntropicOpenSetLoss
from torch import Tensor
from typer.testing import CliRunner

from hvae import presets
from hvae.cli import app
from hvae.config import DataConfig, RunConfig, TrainingConfig
from hvae.datasets import ImageSet, load
from hvae.errors import ConfigError, DataError
from hvae.measuring.scorer import Scorer
from hvae.models.classifier.config import ClassifierConfig, HeadName
from hvae.models.classifier.heads import Bottleneck, Softmax
from hvae.models.classifier.model import Classifier
from hvae.models.contract import parameter_count
from hvae.models.latents import generator_noise
from hvae.runs.catalogue import catalogue
from hvae.runs.checkpoints import save_weights, write_config
from hvae.runs.folders import find_run
from hvae.runs.settings import Setting
from hvae.scores import SCORES, score
from hvae.training.trainer import HISTORY_FILE, train

HEADS: dict[HeadName, str] = {
    "softmax": "msp",
    "vib": "vib",
    "binary": "binary",
    "noise-class": "noise-class",
    "outlier-exposure": "outlier-exposure",
    "calibrated": "calibrated",
}
TRAINED: tuple[HeadName, ...] = ("softmax", "noise-class")
TRAINING = TrainingConfig(epochs=6, batch_size=20, learning_rate=1e-2, ema=0.9, precision="32-true")
OWN = ("fashionmnist-classifier", "fashionmnist-vib")


def model_of(head: HeadName, classes: int = 3) -> Classifier:
    torch.manual_seed(0)
    config = ClassifierConfig(head=head, classes=classes, image_shape=(1, 8, 8), channels=(4, 6), bottleneck=2)
    return Classifier(config).requires_grad_(False)


def images(n: int = 40, seed: int = 0) -> Tensor:
    return torch.rand(n, 1, 8, 8, generator=torch.Generator().manual_seed(seed))


def measured(model: Classifier, x: Tensor, samples: int = 1) -> Tensor:
    def noise(numbers):
        return generator_noise(len(numbers) * len(x), torch.Generator().manual_seed(1))

    return model.measure(x, noise, reading="mean", samples=samples, per_pass=1)


def settled() -> tuple[Softmax, Classifier, Tensor, Tensor]:
    """A plain classifier with detectors fitted to images of three classes, which they are given in two batches."""
    model, x = model_of("softmax"), images(60)
    labels = torch.arange(60) % 3
    model.settle(zip(x.split(40), labels.split(40), strict=True))
    assert isinstance(model.head, Softmax)
    return model.head, model, x, labels


def test_odin_and_mahalanobis_are_those_of_pytorch_ood() -> None:
    head, model, fitted, labels = settled()
    x = images(seed=1)
    with torch.inference_mode():
        found = measured(model, x)
    network = torch.nn.Sequential(model.network, head.linear)
    odin = ODIN(network, eps=head.epsilon, temperature=head.temperature).predict(x)
    torch.testing.assert_close(-torch.exp(-found[:, 3]), odin.double(), rtol=0, atol=1e-6)
    detector = Mahalanobis(None).fit_features(model.network(fitted), labels)
    torch.testing.assert_close(
        found[:, 4], 60 * detector.predict_features(model.network(x)).double(), rtol=1e-3, atol=0
    )


def test_msp_and_entropy_have_the_log_probabilities_of_the_network() -> None:
    head, model, *_ = settled()
    x = images(seed=1)
    expected = F.log_softmax(head.linear(model.network(x)), 1).double()
    torch.testing.assert_close(measured(model, x)[:, :3], expected)


def test_calibration_is_the_cross_entropy_with_the_uniform_distribution() -> None:
    model = model_of("calibrated")
    x, labels = images(6), torch.tensor([0, 1, 2, -1, -1, -1])
    model.head.loss.alpha = 1.0
    losses = model.head.told(model.network(x), labels, torch.Generator()).losses
    logits = model.head.linear(model.network(x))
    uniform = EntropicOpenSetLoss(reduction="none")(logits, labels)
    torch.testing.assert_close(losses, uniform)


def test_the_rate_is_the_divergence_from_the_marginal() -> None:
    """Of one Gaussian: in closed form; many samples come near it."""
    torch.manual_seed(0)
    config = ClassifierConfig(head="vib", image_shape=(1, 8, 8), channels=(4, 6), bottleneck=2, components=1)
    model, x = Classifier(config).requires_grad_(False), images(20)
    head = model.head
    assert isinstance(head, Bottleneck)
    marginal = torch.distributions.Normal(head.centres[0], F.softplus(head.spreads[0]) + 1e-4)
    exact = torch.distributions.kl_divergence(head._posterior(model.network(x)), marginal).sum(1).double()
    torch.testing.assert_close(measured(model, x, 4000)[:, 0], exact, rtol=0.05, atol=0.02)


@pytest.mark.parametrize("head", HEADS)
def test_gradients_reach_every_parameter_and_no_image_looks_at_another(head: HeadName) -> None:
    model, x = model_of(head).requires_grad_(True), images(48)
    labels = torch.arange(48) % 3 - (torch.arange(48) % 2) * 4
    labels = labels.clamp(-1) if model.head.__class__.__name__ not in ("Softmax", "Bottleneck") else labels.abs() % 3
    result = model.objective(x, labels, torch.Generator().manual_seed(0), TRAINING, {})
    result.loss.backward()
    assert result.log_ratios.shape == (0, 48) and torch.isclose(result.loss, -result.elbo.mean())
    assert [n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []
    if head != "vib":
        torch.testing.assert_close(measured(model, x)[8:16], measured(model, x[8:16]), rtol=1e-4, atol=1e-5)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Tiny runs on digits, one of them shown glyphs as outliers, trained and scored by the commands."""
    root = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HVAE_RUNS", str(root))
        for head in TRAINED:
            model = ClassifierConfig(head=head, channels=(8, 16), components=5)
            data = DataConfig(name="digits", preprocessing="grey", outliers="glyphs" if model.takes_outliers else "")
            patch.setitem(presets._PRESETS, head, RunConfig(preset=head, model=model, data=data, training=TRAINING))
            succeed("train", head, "--device", "cpu")
            parts = ("--split", "test", *(("reference", "calibration") if head == "softmax" else ()))
            succeed("score", f"{head}-seed0", "--data", "digits", *parts, "--limit", 60, "--device", "cpu")
            succeed("score", f"{head}-seed0", "--data", "glyphs", "--limit", 60, "--device", "cpu")
        yield root


def succeed(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.output


def fail(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 2
    return result.stderr.strip()


@pytest.mark.parametrize("head", TRAINED)
def test_it_learns_and_is_scored_and_reported(head: HeadName, runs: Path) -> None:
    run = find_run(f"{head}-seed0")
    curve = pd.read_csv(run.path / HISTORY_FILE)
    assert curve["elbo"].iloc[-1] > curve["elbo"].iloc[0] + 0.1 and curve["accuracy"].iloc[-1] > 0.2
    said = succeed("report", run.name, "--bootstrap", 20)
    names = [name for name, kind in SCORES.items() if kind.task]
    table = next(catalogue(run).read(entry) for entry in catalogue(run).entries if entry.slug == "glyphs")
    given = [name for name in names if score(name, 0).obstacle(table) is None]
    assert given == (["msp", "entropy", "odin", "mahalanobis"] if head == "softmax" else [HEADS[head]])
    assert all(score(name, 0).label in said for name in given) and "Bits per dimension" not in said
    assert "model of log p(x), and" in str(score("bound", 0).obstacle(table))


def test_outliers_of_the_other_half_are_told(runs: Path) -> None:
    """The sign: higher = more out-of-distribution, of images that were not shown."""
    found = catalogue(find_run("noise-class-seed0"))
    tables = {entry.slug: found.read(entry) for entry in found.entries if entry.split == "test"}
    own, other = (score("noise-class", 0).of(tables[slug]) for slug in ("digits", "glyphs"))
    assert np.mean(own) < np.mean(other)
    assert tables["glyphs"].metadata.origin == load("glyphs").fingerprint


def test_runs_are_listed_and_judge_images(runs: Path) -> None:
    listed = succeed("runs", "list")
    (row,) = [line for line in listed.splitlines() if "softmax-seed0" in line]
    assert "right" in row and "bits/dim" not in row
    assert "classifier, " in succeed("runs", "check", "softmax-seed0")
    judged = succeed(
        "score", "softmax-seed0", "--images", Path(__file__).parents[3] / "assets" / "screenshots", "--json"
    )
    assert "msp" in judged


def test_what_cannot_be_trained_or_scored_is_said_before_anything_is_computed(runs: Path, tmp_path: Path) -> None:
    grey = np.random.default_rng(0).integers(0, 256, (60, 1, 28, 28), np.uint8)
    np.savez(tmp_path / "bare.npz", images=grey[:, 0])
    assert "the images have no labels" in fail("train", "softmax", "--data", f"npz:{tmp_path / 'bare.npz'}")
    with pytest.raises(DataError, match="there are none: name it by data.outliers"):
        config = presets.preset("noise-class")
        one = ImageSet("digits", "fitted", grey, np.arange(60) % 10)
        train(config, tmp_path / "run", one, one, accelerator="cpu")
    with pytest.raises(ConfigError, match="is trained on images of another set as well: name it by data.outliers"):
        presets.preset("noise-class").override({"data.outliers": ""})
    with pytest.raises(ConfigError, match="learns nothing from data.outliers"):
        presets.preset("softmax").override({"data.outliers": "glyphs"})
    with pytest.raises(ConfigError, match="the very set that is trained on"):
        presets.preset("noise-class").override({"data.outliers": "digits"})
    with pytest.raises(DataError, match="10 classes up to number 9, the model 7 from 0: set model.classes"):
        presets.preset("softmax").override({"model.classes": 7}).model.check_labels(np.arange(10))
    assert "there is no data set 'nowhere'" in fail(
        "train", "noise-class", "--run", tmp_path / "x", "--set", "data.outliers=nowhere"
    )
    assert not (tmp_path / "run").exists() and not (tmp_path / "x").exists()


@pytest.mark.parametrize("head", HEADS)
def test_a_score_does_not_depend_on_its_batch(head: HeadName, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = ClassifierConfig(head=head, channels=(4, 8), components=5)
    data = DataConfig(name="digits", preprocessing="grey", outliers="glyphs" if model.takes_outliers else "")
    config = RunConfig(model=model, data=data, training=TRAINING)
    write_config(tmp_path, config)
    save_weights(tmp_path, model.build().state_dict(), config)
    fabric = Fabric(accelerator="cpu", devices=1, precision="32-true")
    random = np.random.default_rng(0).integers(0, 256, (96, 1, 28, 28), np.uint8)
    small, large = (Scorer(tmp_path, Setting(), fabric, size) for size in (32, 96))
    one, other = (each.values(random, "a", np.arange(96)) for each in (small, large))
    assert one.std(1).min() > 0
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", [name for name in presets.names() if name.endswith(tuple(HEADS)) or name in OWN])
def test_presets_are_small(name: str) -> None:
    assert parameter_count(presets.preset(name).model) < 150_000
