"""Training is stopped by values that are not finite, and says which."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import hvae.models.hierarchical_model
import hvae.training.diverging
from hvae.models.hierarchical_config import HierarchicalConfig
from hvae.models.hierarchical_model import HierarchicalModel
from hvae.runs.checkpoints import load_checkpoint
from hvae.runs.folders import RESUME_FILE
from hvae.training import resuming
from hvae.training.trainer import Progress, TrainingDiverged, train
from tests.hvae.training.small_runs import CONFIG, FITTED, STEPS, STEPS_PER_EPOCH, VALIDATION, Stopped, stop_at


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory, one_thread: None) -> Path:
    """A training that was stopped in its second epoch."""
    folder = tmp_path_factory.mktemp("runs") / "stopped"
    with pytest.raises(Stopped):
        train(CONFIG, folder, FITTED, VALIDATION, accelerator="cpu", on_step=stop_at(STEPS_PER_EPOCH + 5))
    return folder


@pytest.mark.parametrize(
    ("parameter", "message"),
    [
        ("stages.0.posterior.parameters_of.bias", r"q\(z_1\|\.\) of layer z_1"),
        ("stages.1.posterior.parameters_of.bias", r"q\(z_2\|\.\) of layer z_2"),
        ("stages.1.conditional_prior.parameters_of.bias", r"p\(z_2\|\.\) of layer z_2"),
        ("likelihood.logits.bias", r"log p\(x\|z\)"),
    ],
)
def test_a_value_that_is_not_finite_stops_training(stopped: Path, tmp_path: Path, parameter: str, message: str) -> None:
    run = Path(shutil.copytree(stopped, tmp_path / "run"))
    tensors, progress = resuming._stored(run / RESUME_FILE)
    tensors[f"weights.{parameter}"].fill_(float("nan"))
    resuming.write(run, tensors, progress)
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    with pytest.raises(TrainingDiverged, match=message) as caught:
        train(CONFIG, run, FITTED, VALIDATION, resume=True, accelerator="cpu")
    assert f"step {progress.step + 1} of {STEPS}" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before
    load_checkpoint(run)


def test_a_gradient_that_is_not_finite_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Poisoned(HierarchicalModel):
        def __init__(self, config: HierarchicalConfig) -> None:
            super().__init__(config)
            self.get_parameter("stages.1.encoder.0.first.bias").register_hook(lambda gradient: gradient * float("nan"))

    monkeypatch.setattr(hvae.models.hierarchical_model, "HierarchicalModel", Poisoned)
    with pytest.raises(TrainingDiverged, match=rf"1 of {STEPS}: the gradient of stages\.1\.encoder\.0\.first\.bias"):
        train(CONFIG, tmp_path, FITTED, VALIDATION, accelerator="cpu")


def test_a_wild_ratio_that_weighs_nothing_yet_stops_no_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = CONFIG.override({"training.beta_warm_up": 1.0, "training.epochs": 1, "training.free_bits.nats": 0})
    first: list[Progress] = []
    train(config, tmp_path / "free", FITTED, VALIDATION, accelerator="cpu", on_step=first.append)
    loss, fallen = sum(first[0].log_ratios) - first[0].elbo, -first[0].elbo
    assert loss < fallen
    between = (loss + fallen) / 2 / CONFIG.model.dimensions
    monkeypatch.setattr(hvae.training.diverging, "DIVERGED_NATS_PER_DIMENSION", between)
    train(config, tmp_path / "bounded", FITTED, VALIDATION, accelerator="cpu")
    monkeypatch.setattr(hvae.training.diverging, "DIVERGED_NATS_PER_DIMENSION", 0.5 * loss / CONFIG.model.dimensions)
    with pytest.raises(TrainingDiverged, match=f"step 1 of {STEPS_PER_EPOCH}: the ELBO fell to"):
        train(config, tmp_path / "tight", FITTED, VALIDATION, accelerator="cpu")


def test_an_absurd_learning_rate_stops_training_and_keeps_the_checkpoint(tmp_path: Path) -> None:
    config = CONFIG.override(
        {
            "training.learning_rate": 1.0,
            "training.learning_rate_warm_up": 0,
            "training.gradient_norm": 1e30,
            "training.schedule": "constant",
            "training.epochs": 10,
        }
    )
    with pytest.raises(TrainingDiverged, match="training diverged at step") as caught:
        train(config, tmp_path, FITTED, VALIDATION, accelerator="cpu")
    assert "learning_rate" in str(caught.value)
    state = load_file(tmp_path / RESUME_FILE)
    assert all(torch.isfinite(value).all() for name, value in state.items() if name.startswith("weights."))
