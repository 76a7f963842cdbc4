"""The optimised path against the plain one: the released layers, a full pass a sample and a k, the same noise."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch

from hvae.measuring.noise import EvaluationNoise
from hvae.models.blocks import fold_weight_norm
from hvae.models.hierarchical_config import Family
from hvae.models.hierarchical_model import HierarchicalModel
from hvae.models.proposal import Reading
from hvae.runs.checkpoints import load_checkpoint
from tests.benchmarks.speed.published import published, score
from tests.hvae.small_models import random_images
from tests.hvae.test_golden import make_fixed_run

NATS = 1e-3


@pytest.mark.parametrize("family", ["bottom-up", "ladder", "bidirectional"])
@pytest.mark.parametrize(("reading", "samples"), [("mean", 1), ("sample", 5)])
def test_both_paths_agree_on_the_same_noise(family: Family, reading: Reading, samples: int, tmp_path: Path) -> None:
    run = make_fixed_run(tmp_path / "run", family)
    model = cast(HierarchicalModel, load_checkpoint(run, torch.device("cpu")).model)
    plainly = published(model)
    folded = fold_weight_norm(model).to(memory_format=torch.channels_last)
    x, index = random_images(40), np.arange(40)

    def noise(numbers: Sequence[int]) -> EvaluationNoise:
        return EvaluationNoise(0, "agree", index, 0, numbers, model.latent_shapes)

    with torch.inference_mode():
        plain = score(plainly, x, noise, reading, samples)
        optimised = folded.measure(x, noise, reading=reading, samples=samples, per_pass=3)
    assert plain.std() > 1
    torch.testing.assert_close(optimised, plain, rtol=0, atol=NATS)
