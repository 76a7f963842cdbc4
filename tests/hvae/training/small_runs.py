"""A training of seconds: a small model of scikit-learn's digits."""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits

from hvae.config import DataConfig, RunConfig, TrainingConfig
from hvae.datasets import ImageSet
from hvae.training.trainer import Progress
from tests.hvae.small_models import small_config

CONFIG = RunConfig(
    model=small_config(),
    data=DataConfig(name="digits"),
    training=TrainingConfig(
        epochs=3, batch_size=40, learning_rate=3e-3, ema=0.9, precision="32-true", seed=5, checkpoint_every=4
    ),
)
STEPS_PER_EPOCH, STEPS = 8, 24


def digits(part: slice, split: str) -> ImageSet:
    """scikit-learn's digits at their own 8x8 pixels."""
    pixels = load_digits().images[part]
    images = np.rint(pixels * (255 / 16)).astype(np.uint8)[:, None]
    return ImageSet("digits", split, images, np.zeros(len(images), np.int64))


FITTED, VALIDATION = digits(slice(0, 320), "fitted"), digits(slice(480, 600), "validation")


class Stopped(Exception):
    """What a test stops a training with."""


def stop_at(step: int):
    def on_step(progress: Progress) -> None:
        if progress.step == step:
            raise Stopped

    return on_step
