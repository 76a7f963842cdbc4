"""A step that is recorded once and played again, as a CUDA graph plays it: here by a tape of its operations."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

import hvae.training.trainer
from hvae.config import RunConfig
from hvae.models.hierarchical_model import HierarchicalModel
from hvae.runs.folders import read_history
from hvae.training.recording import Record, RecordedStep
from hvae.training.trainer import _Trainer
from tests.hvae.training.small_runs import CONFIG, FITTED, VALIDATION
from tests.hvae.training.test_looking import Asked

SHORT = CONFIG.override({"training.epochs": 1, "training.batch_size": 26})
STEPS = 12
MIXED = {
    "training.precision": "bf16-mixed",
    "training.free_bits.unit": "channel",
    "training.free_bits.average": "minibatch",
    "data.mutation": 0.2,
}


class Tape(TorchDispatchMode):
    """Operations in their order, with the tensors they read and wrote; no number on them is looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[tuple[Any, tuple, dict, Any]] = []

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        assert not function.overloadpacket.__name__.startswith(Asked.WAITING), function
        found = function(*args, **(kwargs or {}))
        # What only looks at a tensor in another way needs no second look: the memory is the same.
        if not any(one.alias_info and not one.alias_info.is_write for one in function._schema.returns):
            self.made.append((function, args, kwargs or {}, found))
        return found

    @torch.no_grad()
    def play(self) -> None:
        """All of them again, each result where it was before."""
        for function, args, kwargs, before in self.made:
            now = function(*args, **kwargs)
            for old, new in zip(
                *(one if isinstance(one, tuple | list) else [one] for one in (before, now)), strict=True
            ):
                if isinstance(old, Tensor) and old is not new:
                    old.copy_(new)


class Taped:
    """A recorder like that of CUDA: recording computes nothing that lasts."""

    def __init__(self, trainer: _Trainer) -> None:
        self.trainer, self.records = trainer, 0

    def beside(self) -> nullcontext[None]:
        return nullcontext()

    def record(self, work: Callable[[], Tensor], generator: torch.Generator) -> Record:
        moments = [value for held in self.trainer.optimizer.state.values() for value in held.values()]
        lasting = [*self.trainer.model.state_dict().values(), *moments, self.trainer.soundness.bad]
        before, tape = [one.clone() for one in lasting], Tape()
        with tape:
            numbers = work()
        for one, held in zip(lasting, before, strict=True):
            one.copy_(held)
        self.records += 1
        return tape.play, numbers


class Unfit(Taped):
    """A device that cannot record."""

    def record(self, work: Callable[[], Tensor], generator: torch.Generator) -> Record:
        super().record(work, generator)
        raise RuntimeError("not now\nor ever")


def trained(config: RunConfig, folder: Path, recorder: type[Taped] | None) -> tuple[_Trainer, Taped | None]:
    fabric = Fabric(accelerator="cpu", devices=1, precision=config.training.precision)
    trainer, made = _Trainer(fabric, config, folder, FITTED, VALIDATION, resume=False), None
    if recorder is not None:
        made = recorder(trainer)
        for group in trainer.optimizer.param_groups:
            group["lr"] = torch.tensor(group["lr"])
        trainer._make = RecordedStep(trainer._made, trainer.optimizer, made)
    trainer.run(None)
    assert trainer.state.step == STEPS
    return trainer, made


@pytest.mark.parametrize(
    ("settings", "recorder"),
    [
        pytest.param({}, Taped, id="fp32", marks=pytest.mark.slow),
        pytest.param(MIXED, Taped, id="bf16"),
        pytest.param({}, Unfit, id="unfit"),
    ],
)
def test_a_recorded_training_is_the_plain_one_to_the_bit(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    settings: dict[str, object],
    recorder: type[Taped],
) -> None:
    """Nothing of the first step is left in those played from its record: noise, images, weights, learning rate."""
    # A record reads single precision, so here the plain steps get it as well.
    rate, schedule = hvae.training.trainer.learning_rate_at, HierarchicalModel.schedule
    monkeypatch.setattr(hvae.training.trainer, "learning_rate_at", lambda *about: float(np.float32(rate(*about))))
    rounded = lambda *about: {name: float(np.float32(one)) for name, one in schedule(*about).items()}  # noqa: E731
    monkeypatch.setattr(HierarchicalModel, "schedule", rounded)
    config = SHORT.override(settings)
    plain, _ = trained(config, tmp_path / "plain", None)
    with caplog.at_level(logging.WARNING):
        played, made = trained(config, tmp_path / "played", recorder)
    for name, value in plain.learnt.tensors().items():
        assert torch.equal(value, played.learnt.tensors()[name]), name
    curves = [read_history(tmp_path / name).drop(columns="images_per_second") for name in ("plain", "played")]
    pd.testing.assert_frame_equal(*curves, check_exact=True)
    assert made is not None
    # While the floor under the divergences is there, and once it is gone; the first step has no divergences at all.
    assert made.records == (1 if recorder is Unfit else 2)
    said = [one.getMessage() for one in caplog.records if one.name == "hvae.training.recording"]
    assert said == (["training goes on without a CUDA graph: not now"] if recorder is Unfit else [])
