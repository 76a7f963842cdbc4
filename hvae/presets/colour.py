"""Colour images of 32x32 whole pixel values: the paper's models, their neighbours, and CPU-size ones."""

from hvae.models.hierarchical_config import HierarchicalConfig
from hvae.presets.parts import Block, stage

_FACTS = {"image_shape": (3, 32, 32), "likelihood": "logistic-mixture"}

PAPER_COLOUR = HierarchicalConfig(
    **_FACTS,
    likelihood_kernel=1,
    same_shape_skip="drop",
    stages=(
        stage("conv", 128, (256, 5, 1), (256, 5, 1), (256, 5, 2)),
        stage("conv", 64, (256, 3, 1), (256, 3, 1), (256, 3, 2)),
        stage("dense", 32, (256, 3, 1), (256, 3, 1), (256, 3, 2)),
    ),
)
"""Havtorn et al. (2021), colour images, L = 3, as released: latents 128x16x16, 64x8x8 and 32; 37,013,064 parameters."""

PAPER_COLOUR_4 = PAPER_COLOUR.model_copy(
    update={
        "stages": (
            *PAPER_COLOUR.stages[:2],
            stage("conv", 32, (256, 3, 1), (256, 3, 1), (256, 3, 2)),
            stage("dense", 32, (256, 3, 1), (256, 3, 1), (256, 3, 1)),
        )
    }
)
"""L = 4, as the paper says of its colour models; the latent of 32x4x4 below the top is our choice."""

VAE_COLOUR = HierarchicalConfig(
    **_FACTS,
    stages=(stage("dense", 128, (128, 5, 2), (128, 3, 2), (128, 3, 1), (128, 3, 2)),),
)
"""A plain VAE: one latent of 128 units."""

_SAME: tuple[Block, ...] = ((128, 3, 1), (128, 3, 1))
_HALVED: tuple[Block, ...] = ((128, 3, 1), (128, 3, 2))
BIVA_COLOUR = HierarchicalConfig(
    family="bidirectional",
    **_FACTS,
    stages=(
        stage("conv", 16, (128, 5, 1), (128, 5, 2)),
        *(stage("conv", 16, *_SAME),) * 3,
        stage("conv", 8, *_HALVED),
        *(stage("conv", 8, *_SAME),) * 3,
        stage("conv", 8, *_HALVED),
        stage("dense", 64, *_SAME),
    ),
)
"""BIVA of the paper's depth, L = 10, on a GPU: four latents of 16x16, four of 8x8, one of 4x4, and 64 units at the top.

Maaloe et al. (2019) give depths and resolutions; channels are our choice.
"""

LITE_COLOUR = HierarchicalConfig(
    **_FACTS,
    stages=(
        stage("conv", 16, (32, 3, 2)),
        stage("conv", 8, (32, 3, 1), (32, 3, 2)),
        stage("dense", 32, (32, 3, 1), (32, 3, 2)),
    ),
)
"""L = 3 for CPUs: latents 16x16x16, 8x8x8 and 32, the image halved in the first block.

Unlike in `LITE_GREY` z_1 does not collapse where a skip goes past it, and z_2 and z_3 tell more.
"""

LITE_BIVA = HierarchicalConfig(
    family="bidirectional",
    **_FACTS,
    stages=(
        stage("conv", 4, (48, 3, 2)),
        *(stage("conv", 4, (48, 3, 1)),) * 3,
        stage("conv", 4, (48, 3, 2)),
        *(stage("conv", 4, (48, 3, 1)),) * 3,
        stage("conv", 4, (48, 3, 2)),
        stage("dense", 32, (48, 3, 1)),
    ),
)
"""L = 10 for CPUs: four latents of 16x16, four of 8x8 and one of 4x4, of 4 channels a part, and 32 units at the top."""
