"""On a CUDA device: the same scores as on the CPU, and a training that runs there."""

from pathlib import Path

import numpy as np
import pytest
import torch

from hvae.datasets import load_part
from hvae.measuring.measure import score
from hvae.presets import preset
from hvae.runs.folders import read_history
from hvae.runs.score_tables import read_table
from hvae.runs.settings import Setting
from hvae.training.trainer import train
from tests.synthetic import make_run

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]


def test_scores_agree_with_the_cpu(tmp_path: Path) -> None:
    images = load_part("digits", "test", 0).take(np.arange(50))
    run = make_run(tmp_path, "run", trained=True)
    frames = []
    for accelerator in ("cpu", "cuda"):
        path = score(run, images, Setting(samples=3, draws=2), accelerator=accelerator, devices=1)
        frames.append(read_table(path).frame)
    np.testing.assert_allclose(frames[1], frames[0], rtol=1e-3, atol=1e-2)


def test_training_improves_the_elbo(tmp_path: Path) -> None:
    config = preset("digits-tiny").override({"training.precision": "bf16-mixed"})
    fitted, validation = (load_part("digits", part, 0) for part in ("fitted", "validation"))
    train(config, tmp_path / "run", fitted, validation, accelerator="cuda", devices=1)
    elbo = read_history(tmp_path / "run")["elbo"]
    assert elbo.iloc[-1] > elbo.iloc[0]
