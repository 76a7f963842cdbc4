"""Small models that have every part of the architecture: conv and dense latents, strides, skips."""

from __future__ import annotations

from typing import Literal

import torch

from hvae.models.blocks import data_dependent_initialisation
from hvae.models.hierarchical import HierarchicalVAE
from hvae.models.hierarchical_config import (
    BlockConfig,
    Family,
    HierarchicalConfig,
    LatentConfig,
    LikelihoodName,
    StageConfig,
)
from hvae.models.latents import generator_noise
from hvae.models.proposal import elbo_proposal


def small_config(
    same_shape_skip: Literal["project", "drop"] = "project",
    likelihood: LikelihoodName = "bernoulli",
    family: Family = "bottom-up",
) -> HierarchicalConfig:
    """L = 3 on 8x8 images: latents 2x4x4, 3 and 2; in BIVA the lower two twice."""
    wide = BlockConfig(channels=4, kernel=3)
    return HierarchicalConfig(
        family=family,
        image_shape=(1, 8, 8),
        stages=(
            StageConfig(
                blocks=(BlockConfig(channels=4, kernel=5), BlockConfig(channels=4, kernel=3, stride=2)),
                latent=LatentConfig(kind="conv", size=2),
            ),
            StageConfig(
                blocks=(wide, BlockConfig(channels=4, kernel=3, stride=2)), latent=LatentConfig(kind="dense", size=3)
            ),
            StageConfig(blocks=(wide, wide), latent=LatentConfig(kind="dense", size=2)),
        ),
        likelihood=likelihood,
        same_shape_skip=same_shape_skip,
        skips=family != "top-down",
    )


def random_images(batch: int, size: int = 8, seed: int = 0) -> torch.Tensor:
    """Binary images (batch, 1, size, size)."""
    return torch.bernoulli(torch.full((batch, 1, size, size), 0.4), generator=torch.Generator().manual_seed(seed))


def initialised(config: HierarchicalConfig, seed: int = 0) -> HierarchicalVAE:
    """A model with random weights, set by data on random images as training sets it."""
    torch.manual_seed(seed)
    model = HierarchicalVAE(config)
    x = random_images(64, config.image_shape[1])
    with torch.no_grad(), data_dependent_initialisation(model):
        model(x, elbo_proposal(model.depth), generator_noise(len(x), torch.Generator().manual_seed(seed)))
    return awake(model)


def awake(model: HierarchicalVAE) -> HierarchicalVAE:
    """With weights where a fresh model has zeros, so that q is another Gaussian than p."""
    for parameter in model.parameters():
        if parameter.ndim > 1 and not parameter.any():
            parameter.data.normal_(0, 0.1, generator=torch.Generator().manual_seed(parameter.numel()))
    return model
