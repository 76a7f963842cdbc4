"""What a training that was stopped leaves, and what is needed to go on."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from hvae.errors import CheckpointError
from hvae.runs.folders import RESUME_FILE
from hvae.training import resuming
from hvae.training.trainer import Progress, train
from tests.hvae.training.small_runs import CONFIG, FITTED, STEPS_PER_EPOCH, VALIDATION


def test_a_weight_that_no_loss_reaches_has_no_moments_and_goes_on(tmp_path: Path) -> None:
    def learnt() -> resuming.Learnt:
        model = torch.nn.ModuleList([torch.nn.Linear(2, 1), torch.nn.Linear(2, 1)])
        return resuming.Learnt(model, torch.nn.Linear(1, 1), torch.optim.Adam(model.parameters()))

    first, second = learnt(), learnt()
    first.model[0](torch.ones(2)).sum().backward()  # type: ignore[index]
    first.optimizer.step()
    resuming.write(tmp_path, first.tensors(), resuming.Progress(1))
    assert resuming.read(tmp_path, second, 4, 4).step == 1
    for name, value in first.tensors().items():
        assert torch.equal(second.tensors()[name], value), name
    assert len(second.optimizer.state) == 2
    halved = {name: value for name, value in first.tensors().items() if name != "optimizer.1.exp_avg"}
    resuming.write(tmp_path, halved, resuming.Progress(1))
    with pytest.raises(CheckpointError, match=r"another model: 'optimizer\.1\.exp_avg'"):
        resuming.read(tmp_path, learnt(), 4, 4)


def test_an_interruption_of_the_watcher_keeps_its_step(tmp_path: Path) -> None:
    for step in (3, STEPS_PER_EPOCH):

        def interrupt(progress: Progress, step: int = step) -> None:
            if progress.step == step:
                raise KeyboardInterrupt

        resume = step > 3
        with pytest.raises(KeyboardInterrupt):
            train(CONFIG, tmp_path, FITTED, VALIDATION, resume=resume, accelerator="cpu", on_step=interrupt)
        assert resuming._stored(tmp_path / RESUME_FILE)[1].step == step
