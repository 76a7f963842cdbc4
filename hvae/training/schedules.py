"""How fast a step goes, and which images the buffers beside the weights are fitted to."""

import math

import torch
from torch import Tensor

from hvae.config import TrainingConfig

SETTLING_IMAGES = 10_000
"""Fitted images, of all classes together, that buffers are fitted to beside the weights."""


def learning_rate_at(progress: float, steps: int, config: TrainingConfig) -> float:
    """Learning rate at a fraction of `steps` optimiser steps: a linear rise, then half a cosine or constant."""
    rising = config.learning_rate_warm_up * steps
    rise = min(1.0, (progress * steps + 1) / rising) if rising >= 1 else 1.0
    fall = 0.5 * (1 + math.cos(math.pi * progress)) if config.schedule == "cosine" else 1.0
    return config.learning_rate * rise * fall


def of_every_class(labels: Tensor) -> Tensor:
    """Indices of up to `SETTLING_IMAGES` images in a fixed random order, as many of each label `(n,)` but -1."""
    classes = labels[labels >= 0].unique()
    most = -(-SETTLING_IMAGES // max(1, len(classes)))
    chosen = torch.cat([labels.eq(label).nonzero().flatten()[:most] for label in classes])
    order = torch.randperm(len(chosen), generator=torch.Generator().manual_seed(0))
    return chosen[order.to(chosen.device)]
