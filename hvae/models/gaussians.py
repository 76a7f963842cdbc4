"""Stochastic layers: features to a diagonal Gaussian."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import Normal

from hvae.models.blocks import Shape, convolution, dense
from hvae.models.hierarchical_config import LatentConfig

MINIMUM_SCALE = 1e-6


def gaussian(parameters: Tensor) -> Normal:
    """Normal with linear mean and softplus scale from (lanes, 2 * channels, ...) parameters, in float32.

    The softplus has beta = ln 2, so a parameter of 0 is a scale of 1; scales are clamped at 1e-6.
    """
    loc, raw = parameters.float().chunk(2, dim=1)
    return Normal(loc, F.softplus(raw, beta=math.log(2)).clamp(min=MINIMUM_SCALE), validate_args=False)


def standard_normal(shape: Shape, like: Tensor) -> Normal:
    """The prior of the top layer, N(0, I), as one lane on the device of `like`."""
    zeros = torch.zeros((1, *shape), device=like.device)
    return Normal(zeros, torch.ones_like(zeros), validate_args=False)


def precision_weighted(a: Normal, b: Normal) -> Normal:
    """The Gaussian proportional to the product of two densities (Sonderby et al., 2016, eqs. 17-19).

    Its precision is the sum of both, its mean theirs weighted by precision; here without dividing by a small variance.
    """
    spread = torch.hypot(a.scale, b.scale)
    weight = (b.scale / spread) ** 2
    return Normal(torch.lerp(b.loc, a.loc, weight), a.scale * (b.scale / spread), validate_args=False)


class GaussianLayer(nn.Module):
    """Features (channels, height, width) to `parts` Gaussian latents at once: a 3x3 convolution or a dense layer."""

    def __init__(self, shape_in: Shape, config: LatentConfig, parts: int = 1) -> None:
        super().__init__()
        self.is_dense = config.kind == "dense"
        size = parts * config.size
        if self.is_dense:
            self.parameters_of = dense(math.prod(shape_in), 2 * size)
            self.shape: Shape = (size,)
        else:
            self.parameters_of = convolution(shape_in[0], 2 * size, 3)
            self.shape = (size, *shape_in[1:])

    def forward(self, features: Tensor) -> Normal:
        """(lanes, *shape_in) -> Normal over (lanes, *shape)."""
        return gaussian(self.parameters_of(features.flatten(1) if self.is_dense else features))
