"""Training computes in the precision that its configuration names, on one device as on several."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import hvae.models.hierarchical_model
from hvae.training.trainer import train
from tests.hvae.training.small_runs import CONFIG, FITTED, VALIDATION, Stopped


@pytest.mark.parametrize(("precision", "expected"), [("bf16-mixed", True), ("32-true", False)])
def test_the_objective_is_computed_as_configured(
    precision: str, expected: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def seen(*_: object) -> None:
        assert torch.is_autocast_enabled("cpu") == expected
        raise Stopped

    monkeypatch.setattr(hvae.models.hierarchical_model, "objective", seen)
    with pytest.raises(Stopped):
        train(CONFIG.override({"training.precision": precision}), tmp_path, FITTED, VALIDATION, accelerator="cpu")
