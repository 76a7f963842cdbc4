"""Grey images: the paper's models, CPU-size ones, and a tiny one for tests."""

from hvae.models.hierarchical_config import HierarchicalConfig
from hvae.presets.parts import stage

PAPER_GREY = HierarchicalConfig(
    same_shape_skip="drop",
    stages=(
        stage("conv", 8, (64, 5, 1), (64, 5, 1), (64, 5, 2)),
        stage("dense", 16, (64, 3, 1), (64, 3, 1), (64, 3, 2)),
        stage("dense", 8, (64, 3, 1), (64, 3, 1), (64, 3, 1)),
    ),
)
"""Havtorn et al. (2021), grey images, L = 3, as released: latents 8x14x14, 16 and 8; 2,620,258 parameters."""

VAE_GREY = HierarchicalConfig(stages=(stage("dense", 32, (64, 5, 1), (64, 5, 2), (64, 3, 2)),))
"""A plain VAE: one latent of 32 units."""

LVAE_GREY = PAPER_GREY.model_copy(update={"family": "ladder", "same_shape_skip": "project"})
"""The stages and latents of the paper's model under the inference of Sonderby et al. (2016)."""

BIVA_GREY = HierarchicalConfig(
    family="bidirectional",
    stages=(
        stage("conv", 8, (64, 5, 1), (64, 5, 2)),
        stage("conv", 8, (64, 3, 1), (64, 3, 1)),
        stage("conv", 8, (64, 3, 1), (64, 3, 2)),
        stage("conv", 8, (64, 3, 1), (64, 3, 1)),
        stage("dense", 16, (64, 3, 1), (64, 3, 1)),
        stage("dense", 8, (64, 3, 1), (64, 3, 1)),
    ),
)
"""BIVA of six layers, as Maaloe et al. (2019) use for MNIST: two latents of 14x14, two of 7x7, then 16 and 8 units."""

LITE_GREY = HierarchicalConfig(
    same_shape_skip="drop",
    stages=(
        stage("conv", 8, (16, 3, 1), (16, 3, 1), (32, 3, 2)),
        stage("dense", 16, (32, 3, 1), (32, 3, 1), (32, 3, 2)),
        stage("dense", 8, (32, 3, 1), (32, 3, 1), (32, 3, 1)),
    ),
)
"""The same hierarchy and latents for CPUs: 16 channels at 28x28, 32 below, 3x3 kernels.

Chosen on the validation ELBO after equal training time against 32 channels throughout and against halving the image
in the first block. As in the released grey model no skip goes past z_1 in the inference walk: with one, z_1
collapses to less than a nat within a few epochs, because z_2 then sees the image without it.
"""

TINY_GREY = HierarchicalConfig(
    stages=(
        stage("conv", 2, (8, 3, 2)),
        stage("dense", 8, (8, 3, 2)),
        stage("dense", 4, (8, 3, 1)),
    )
)
"""A few thousand weights, for tests."""
