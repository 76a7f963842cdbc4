"""Layers that end in a distribution: features to a diagonal Gaussian, or to p(x | z), one event per image."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import Bernoulli, Distribution, Independent, Normal

from hvae.models.blocks import Shape, convolution, dense
from hvae.models.hierarchical_config import LatentConfig, LikelihoodName
from hvae.models.logistic_mixture import LEVELS, DiscretisedLogisticMixture

MINIMUM_SCALE = 1e-6


def gaussian(parameters: Tensor) -> Normal:
    """Normal with linear mean and softplus scale from (lanes, 2 * channels, ...) parameters, in float32.

    The softplus has beta = ln 2, so a parameter of 0 is a scale of 1; scales are clamped at 1e-6.
    """
    # Each half for itself: a softplus of every other run of channels is ten times slower on a CPU.
    loc, raw = (half.to(torch.float32, copy=True) for half in parameters.chunk(2, dim=1))
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
        self.is_dense, size = config.kind == "dense", parts * config.size
        self.shape: Shape = (size,) if self.is_dense else (size, *shape_in[1:])
        self.parameters_of = (
            dense(math.prod(shape_in), 2 * size) if self.is_dense else convolution(shape_in[0], 2 * size, 3)
        )

    def forward(self, features: Tensor) -> Normal:
        """(lanes, *shape_in) -> Normal over (lanes, *shape)."""
        return gaussian(self.parameters_of(features.flatten(1) if self.is_dense else features))


COMPONENTS = 10
"""Logistics in the mixture of a pixel (Salimans et al., 2017)."""


class BernoulliLikelihood(nn.Module):
    """Independent Bernoulli pixels, for binarised (or grey, in [0, 1]) images."""

    def __init__(self, shape_in: Shape, image_shape: Shape, kernel: int = 3) -> None:
        super().__init__()
        self.logits = convolution(shape_in[0], image_shape[0], kernel)

    def forward(self, features: Tensor) -> Distribution:
        """p(x | z) of (lanes,) images."""
        return Independent(Bernoulli(logits=self.logits(features).float(), validate_args=False), 3)


class GaussianLikelihood(nn.Module):
    """Independent Gaussian pixels with learnt scale, under which a linear model has an exact log p(x)."""

    def __init__(self, shape_in: Shape, image_shape: Shape, kernel: int = 3) -> None:
        super().__init__()
        self.moments = convolution(shape_in[0], 2 * image_shape[0], kernel)

    def forward(self, features: Tensor) -> Distribution:
        """p(x | z) of (lanes,) images."""
        return Independent(gaussian(self.moments(features)), 3)


class LogisticMixtureLikelihood(nn.Module):
    """A discretised mixture of `COMPONENTS` logistics a pixel, for images whose values are whole (times 1 / 255)."""

    def __init__(self, shape_in: Shape, image_shape: Shape, kernel: int = 3, levels: int = LEVELS) -> None:
        super().__init__()
        channels, self.levels = image_shape[0], levels
        self.sizes = [1, channels, channels, channels * (channels - 1) // 2]
        self.parameters_of = convolution(shape_in[0], COMPONENTS * sum(self.sizes), kernel)

    def forward(self, features: Tensor) -> DiscretisedLogisticMixture:
        """p(x | z) of (lanes,) images."""
        # In channels_last the three values of a colour would be the longest run in memory: twice as slow on a CPU.
        parameters = self.parameters_of(features).to(torch.float32, memory_format=torch.contiguous_format)
        parameters = parameters.unflatten(1, (COMPONENTS, -1))
        logits, means, log_scales, coefficients = parameters.split(self.sizes, dim=2)
        moved_by = torch.tanh(coefficients)
        return DiscretisedLogisticMixture(logits.squeeze(2), means, log_scales, moved_by, self.levels)


LIKELIHOODS: dict[LikelihoodName, Callable[[Shape, Shape, int], nn.Module]] = {
    "bernoulli": BernoulliLikelihood,
    "gaussian": GaussianLikelihood,
    "logistic-mixture": LogisticMixtureLikelihood,
}
