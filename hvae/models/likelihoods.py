"""Likelihoods: decoder features (lanes, *shape_in) to p(x | z), one event per image of `image_shape`."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Distribution, Independent

from hvae.models.blocks import Shape, convolution
from hvae.models.gaussians import gaussian
from hvae.models.hierarchical_config import LikelihoodName
from hvae.models.logistic_mixture import DiscretisedLogisticMixture

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

    def __init__(self, shape_in: Shape, image_shape: Shape, kernel: int = 3) -> None:
        super().__init__()
        channels = image_shape[0]
        self.sizes = [1, channels, channels, channels * (channels - 1) // 2]
        self.parameters_of = convolution(shape_in[0], COMPONENTS * sum(self.sizes), kernel)

    def forward(self, features: Tensor) -> Distribution:
        """p(x | z) of (lanes,) images."""
        # In channels_last the three values of a colour would be the longest run in memory: twice as slow on a CPU.
        parameters = self.parameters_of(features).float().contiguous().unflatten(1, (COMPONENTS, -1))
        logits, means, log_scales, coefficients = parameters.split(self.sizes, dim=2)
        return DiscretisedLogisticMixture(logits.squeeze(2), means, log_scales, torch.tanh(coefficients))


LIKELIHOODS: dict[
    LikelihoodName, type[BernoulliLikelihood] | type[GaussianLikelihood] | type[LogisticMixtureLikelihood]
] = {
    "bernoulli": BernoulliLikelihood,
    "gaussian": GaussianLikelihood,
    "logistic-mixture": LogisticMixtureLikelihood,
}
