"""What the walks ask of one stage of a hierarchy of any family: one latent variable and the networks around it."""

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.distributions import Normal

from hvae.models.blocks import Shape
from hvae.models.hierarchical_config import HierarchicalConfig
from hvae.models.latents import Evidence, Latent, LayerNoise, align, draw_from
from hvae.models.likelihoods import standard_normal
from hvae.models.proposal import Draw

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"relu": torch.relu, "identity": lambda x: x}


class Stage(nn.Module, ABC):
    """One latent variable z_l: an encoder below, a decoder below in the other walk, the prior, and the family's own q.

    Attributes:
        evidence_shape: shape of the features that the next stage's inference reads.
        skip_shape: shape of the features that also feed the next stage past z_l, None without skips.
        feature_shape: shape of the features that p(z_l | z_{>l}) reads from the stage above.
        hidden_shapes: shapes of the hidden features of the generative walk, the last one the output.
        latent_shape: shape of z_l without lanes.
    """

    evidence_shape: Shape
    skip_shape: Shape | None
    feature_shape: Shape
    hidden_shapes: tuple[Shape, ...]
    latent_shape: Shape
    conditional_prior: Callable[[Tensor], Normal] | None

    def __init__(self, config: HierarchicalConfig, level: int) -> None:
        super().__init__()
        self.is_top = level == config.depth - 1
        self.activation = ACTIVATIONS[config.activation]

    @property
    def output_shape(self) -> Shape:
        """Shape of the features handed to the stage below (or to the likelihood)."""
        return self.hidden_shapes[-1]

    @abstractmethod
    def infer(self, below: Evidence, draw: Draw, noise: LayerNoise) -> Evidence:
        """One step of the inference walk: read the stage below, form q(z_l | .) and draw from it."""

    @abstractmethod
    def redraw(self, evidence: Evidence, draw: Draw, noise: LayerNoise) -> Evidence:
        """What `infer` gives under another draw from the same q(z_l | .), without its deterministic part."""

    @abstractmethod
    def infer_downward(
        self, evidence: Evidence, above: tuple[Tensor, ...], prior: Normal, draw: Draw, noise: LayerNoise
    ) -> tuple[Normal, Tensor]:
        """q(z_l | .) as it stands in the generative walk, and the z of it; see `generate` for the arguments."""

    @abstractmethod
    def extend(self, above: tuple[Tensor, ...], z: Tensor) -> tuple[Tensor, ...]:
        """Hidden features of this stage from those above and z_l, the last one its output."""

    def prior(self, above: tuple[Tensor, ...]) -> Normal:
        """p(z_l | z_{>l}), N(0, I) at the top."""
        if self.conditional_prior is None:
            return standard_normal(self.latent_shape, next(self.parameters()))
        return self.conditional_prior(self.activation(above[-1]))

    def generate(
        self, above: tuple[Tensor, ...], evidence: Evidence | None, draw: Draw, noise: LayerNoise
    ) -> tuple[tuple[Tensor, ...], Latent]:
        """One step of the generative walk: hidden features of this stage, the last one its output, and the latent.

        The same of the stage `above` (empty at the top) feed past z_l. There is no `evidence` in a pass without images.
        """
        prior = self.prior(above)
        if evidence is not None and draw.from_posterior:
            posterior, z = self.infer_downward(evidence, above, prior, draw, noise)
        else:
            posterior, z = None, draw_from(prior, draw, noise)
        z = align(z, max(len(z), len(above[-1]) if above else 1))
        return self.extend(above, z), Latent(z, draw, posterior, prior)
