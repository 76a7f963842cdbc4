"""The learning rate at its corners."""

from __future__ import annotations

import math

import pytest

from hvae.config import TrainingConfig
from hvae.training.schedules import learning_rate_at


def test_the_learning_rate_rises_to_its_value_and_falls_to_zero() -> None:
    config = TrainingConfig(epochs=1, learning_rate=0.5, learning_rate_warm_up=0.1)
    assert learning_rate_at(0.0, 100, config) == pytest.approx(0.5 / 10)
    assert learning_rate_at(0.09, 100, config) == pytest.approx(0.5 * (1 + math.cos(0.09 * math.pi)) / 2)
    assert learning_rate_at(0.5, 100, config) == pytest.approx(0.25)
    assert learning_rate_at(1.0, 100, config) == pytest.approx(0.0)
    constant = config.model_copy(update={"schedule": "constant", "learning_rate_warm_up": 0.0})
    assert {learning_rate_at(progress, 100, constant) for progress in (0.0, 0.5, 1.0)} == {0.5}
