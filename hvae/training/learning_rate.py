"""The learning rate over a training."""

from __future__ import annotations

import math

from hvae.config import TrainingConfig


def learning_rate_at(progress: float, steps: int, config: TrainingConfig) -> float:
    """Learning rate at a fraction of `steps` optimiser steps: a linear rise, then half a cosine or constant."""
    rising = config.learning_rate_warm_up * steps
    rise = min(1.0, (progress * steps + 1) / rising) if rising >= 1 else 1.0
    fall = 0.5 * (1 + math.cos(math.pi * progress)) if config.schedule == "cosine" else 1.0
    return config.learning_rate * rise * fall
