"""A step on an accelerator asks the device for nothing between two looks of the host; processes share minibatches."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from torch.utils._python_dispatch import TorchDispatchMode

from hvae.errors import ConfigError
from hvae.runs.folders import RESUME_FILE, read_history
from hvae.training import diverging
from hvae.training.batches import Batches
from hvae.training.trainer import Progress, TrainingDiverged, _Trainer, train
from tests.hvae.training.small_runs import CONFIG, FITTED, STEPS, VALIDATION


class Asked(TorchDispatchMode):
    """Counts what makes a host wait: numbers read from a tensor, and shapes that depend on values."""

    WAITING = ("_local_scalar_dense", "nonzero", "masked_select", "unique", "is_nonzero", "equal")

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = function.overloadpacket.__name__
        self.names += [name] if name.startswith(self.WAITING) else []
        return function(*args, **(kwargs or {}))


@pytest.fixture
def seldom(monkeypatch: pytest.MonkeyPatch) -> int:
    """The host looks as seldom as on an accelerator."""
    every = 5
    monkeypatch.setattr(diverging.Soundness, "due", property(lambda self: len(self._rows) >= every))
    return every


def test_a_step_asks_the_device_for_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seldom: int) -> None:
    asked, step = Asked(), _Trainer._step

    def watched(self: _Trainer, index: torch.Tensor) -> None:
        with asked:
            step(self, index)
            if self.state.step == STEPS:
                float(self.soundness.bad)

    monkeypatch.setattr(_Trainer, "_step", watched)
    seen: list[Progress] = []
    train(CONFIG, tmp_path / "seldom", FITTED, VALIDATION, accelerator="cpu", on_step=seen.append)
    assert asked.names == ["_local_scalar_dense"], "the last step alone was asked, by this test"
    # By its end, where a checkpoint is due (4) and where the epoch ends (8).
    assert [one.step for one in seen] == list(range(4, STEPS + 1, 4))
    monkeypatch.undo()
    train(CONFIG, tmp_path / "always", FITTED, VALIDATION, accelerator="cpu")
    curves = [read_history(tmp_path / name).drop(columns="images_per_second") for name in ("seldom", "always")]
    pd.testing.assert_frame_equal(*curves, check_exact=True)


def test_a_bad_step_is_told_by_its_number_and_leaves_the_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seldom: int
) -> None:
    """The step 7 meets a NaN; the host looks after the step 8, at the checkpoint."""
    preprocess, config = Batches.preprocess, CONFIG.override({"training.checkpoint_every": 8})
    bad = CONFIG.training.seed, 1, 6

    def poisoned(self: Batches, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        x = preprocess(self, images, generator)
        return x * float("nan") if generator.initial_seed() == self.generator(*bad[1:]).initial_seed() else x

    kept: list[dict[str, torch.Tensor]] = []
    step = _Trainer._step

    def watched(self: _Trainer, index: torch.Tensor) -> None:
        step(self, index)
        kept.append({name: value.clone() for name, value in self.model.state_dict().items()})

    monkeypatch.setattr(Batches, "preprocess", poisoned)
    monkeypatch.setattr(_Trainer, "_step", watched)
    with pytest.raises(TrainingDiverged, match=f"step 7 of {STEPS}: .* is not finite"):
        train(config, tmp_path, FITTED, VALIDATION, accelerator="cpu")
    assert len(kept) == 8
    for name, value in kept[5].items():
        assert torch.equal(value, kept[6][name]) and torch.equal(value, kept[7][name]), name
    assert all(torch.isfinite(value).all() for value in load_file(tmp_path / RESUME_FILE).values())


def test_a_minibatch_is_shared_alike_by_all_processes() -> None:
    fabric: Any = SimpleNamespace(device=torch.device("cpu"), global_rank=0, world_size=3)
    assert Batches(fabric, CONFIG.override({"training.batch_size": 6}), FITTED).size == 2
    with pytest.raises(ConfigError, match="7 cannot be shared by 3 processes: --set training.batch_size=9"):
        Batches(fabric, CONFIG.override({"training.batch_size": 7}), FITTED)
