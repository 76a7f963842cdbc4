"""Likelihoods: decoder features to p(x | z), one event per image."""

from __future__ import annotations

from torch import Tensor, nn
from torch.distributions import Bernoulli, Distribution, Independent

from hvae.blocks import Shape, convolution
from hvae.config import LikelihoodName
from hvae.stochastic import gaussian


class BernoulliLikelihood(nn.Module):
    """Independent Bernoulli pixels, for binarised (or grey, in [0, 1]) images."""

    def __init__(self, shape_in: Shape, image_shape: Shape) -> None:
        """Create the 3x3 convolution from features of `shape_in` to the logits of `image_shape`."""
        super().__init__()
        self.logits = convolution(shape_in[0], image_shape[0], 3)

    def forward(self, features: Tensor) -> Distribution:
        """(lanes, *shape_in) -> distribution over (lanes,) images."""
        return Independent(Bernoulli(logits=self.logits(features).float(), validate_args=False), 3)


class GaussianLikelihood(nn.Module):
    """Independent Gaussian pixels with learnt scale, under which a linear model has an exact log p(x)."""

    def __init__(self, shape_in: Shape, image_shape: Shape) -> None:
        """Create the 3x3 convolution from features of `shape_in` to mean and scale of `image_shape`."""
        super().__init__()
        self.moments = convolution(shape_in[0], 2 * image_shape[0], 3)

    def forward(self, features: Tensor) -> Distribution:
        """(lanes, *shape_in) -> distribution over (lanes,) images."""
        return Independent(gaussian(self.moments(features)), 3)


LIKELIHOODS: dict[LikelihoodName, type[BernoulliLikelihood] | type[GaussianLikelihood]] = {
    "bernoulli": BernoulliLikelihood,
    "gaussian": GaussianLikelihood,
}
