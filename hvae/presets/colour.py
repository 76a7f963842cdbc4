"""Colour images of 32x32 whole pixel values: CPU-size models."""

from __future__ import annotations

from hvae.config import DataConfig, ModelConfig, RunConfig, TrainingConfig
from hvae.presets.building import stage
from hvae.presets.schedules import LITE_COLOUR_TRAINING

SHAPE = (3, 32, 32)

LITE_COLOUR = ModelConfig(
    image_shape=SHAPE,
    likelihood="logistic-mixture",
    stages=(
        stage("conv", 16, ((32, 3, 2),)),
        stage("conv", 8, ((32, 3, 1), (32, 3, 2))),
        stage("dense", 32, ((32, 3, 1), (32, 3, 2))),
    ),
)
"""L = 3 for CPUs: latents 16x16x16, 8x8x8 and 32, the image halved in the first block.

Unlike in `LITE_GREY` z_1 does not collapse where a skip goes past it, and z_2 and z_3 tell more.
"""

LITE_BIVA = ModelConfig(
    family="bidirectional",
    image_shape=SHAPE,
    likelihood="logistic-mixture",
    stages=(
        stage("conv", 4, ((48, 3, 2),)),
        *(stage("conv", 4, ((48, 3, 1),)),) * 3,
        stage("conv", 4, ((48, 3, 2),)),
        *(stage("conv", 4, ((48, 3, 1),)),) * 3,
        stage("conv", 4, ((48, 3, 2),)),
        stage("dense", 32, ((48, 3, 1),)),
    ),
)
"""L = 10 for CPUs: four latents of 16x16, four of 8x8 and one of 4x4, of 4 channels a part, and 32 units at the top."""


def _preset(name: str, model: ModelConfig, data: str, training: TrainingConfig) -> RunConfig:
    observed = DataConfig(name=data, preprocessing="integer")
    return RunConfig(preset=name, model=model, data=observed, training=training)


COLOUR = (
    _preset("cifar10-lite", LITE_COLOUR, "cifar10", LITE_COLOUR_TRAINING),
    _preset("cifar10-biva-lite", LITE_BIVA, "cifar10", LITE_COLOUR_TRAINING),
)
