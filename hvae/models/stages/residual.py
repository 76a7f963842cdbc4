"""What the stages of every family share: residual networks of Havtorn et al. (2021) around one latent variable."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.distributions import Normal

from hvae.models.blocks import FeatureMap, ResidualBlock, Shape
from hvae.models.gaussians import GaussianLayer, standard_normal
from hvae.models.hierarchical_config import HierarchicalConfig
from hvae.models.latents import Evidence, Latent, align, draw_from
from hvae.models.proposal import Draw
from hvae.models.stages.base import Stage

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"relu": torch.relu, "identity": lambda x: x}


class ResidualStage(Stage):
    """An encoder below the latent, a decoder below it in the other walk, and the prior; q is the family's own."""

    conditional_prior: GaussianLayer | None
    inference_projection: FeatureMap | None

    def __init__(
        self,
        config: HierarchicalConfig,
        level: int,
        shape_in: Shape,
        skip_shape: Shape | None,
        *,
        parts: int = 1,
        hands_latent_on: bool = True,
    ) -> None:
        """Create the networks.

        Args:
            config: of the whole model.
            level: 0 for the lowest stage.
            shape_in: what the inference reads: the image, or what the stage below hands on.
            skip_shape: features of the stage below that skip its latent, None without skips.
            parts: variables of the configured size that z_l consists of, side by side along the first axis; the
                upward walk infers the first.
            hands_latent_on: whether the upward walk draws a variable for the stage above, or hands its features on.
        """
        super().__init__()
        stage = config.stages[level]
        self.is_top = level == config.depth - 1
        self.activation = ACTIVATIONS[config.activation]
        self.encoder = nn.ModuleList()
        shape = shape_in
        for position, block_config in enumerate(stage.blocks):
            block = ResidualBlock(
                shape,
                block_config,
                self.activation,
                skip_shape,
                shortcut=level > 0 or position > 0,
                same_shape_skip=config.same_shape_skip,
            )
            self.encoder.append(block)
            shape = block.shape
        self.feature_shape = shape
        self.posterior = GaussianLayer(shape, stage.latent)
        inferred = self.posterior.shape
        self.latent_shape = (parts * inferred[0], *inferred[1:])
        self.conditional_prior = None if self.is_top else GaussianLayer(shape, stage.latent, parts)
        needless = not hands_latent_on or (self.is_top and not self._allocates_as_released(config))
        self.inference_projection = None if needless else FeatureMap(inferred, shape)
        self.generation_projection = FeatureMap(self.latent_shape, shape)
        self.evidence_shape = shape if not hands_latent_on or len(inferred) == 1 else inferred
        self.skip_shape = shape if config.skips and hands_latent_on else None
        self.decoder = nn.ModuleList()
        from_above = None if self.is_top or not config.skips else shape
        shape = self.generation_projection.shape
        hidden: list[Shape] = []
        for position, block_config in enumerate(reversed(stage.blocks)):
            block = ResidualBlock(
                shape,
                block_config,
                self.activation,
                from_above,
                transposed=True,
                shortcut=position > 0,
                same_shape_skip=config.same_shape_skip,
            )
            self.decoder.append(block)
            shape = block.shape
            hidden.append(shape)
        self.hidden_shapes = tuple(hidden) or (shape,)
        self.output_shape = shape

    @staticmethod
    def _allocates_as_released(config: HierarchicalConfig) -> bool:
        """Whether a projection of the top latent is there though nothing reads it: only in the released model."""
        return False

    def encode(self, below: Evidence) -> Tensor:
        """Deterministic features h_l of the upward walk, (lanes, *feature_shape)."""
        h = below.features
        for block in self.encoder:
            h = block(h, below.skip)
        return h

    def inferred_upward(self, h: Tensor) -> Normal:
        """The Gaussian of the upward walk from its features."""
        return self.posterior(self.activation(h))

    def projected(self, z: Tensor) -> Tensor:
        """What the stage above reads of a draw of the upward walk; at the top the draw itself, which nothing reads."""
        return z if self.is_top or self.inference_projection is None else self.inference_projection(z)

    @abstractmethod
    def infer_downward(
        self,
        evidence: Evidence,
        above: tuple[Tensor, ...],
        prior: Normal,
        draw: Draw,
        noise: Callable[[], Tensor],
    ) -> tuple[Normal, Tensor]:
        """q(z_l | .) as it stands in the generative walk, and the z of it; see `generate` for the arguments."""

    def prior(self, above: tuple[Tensor, ...]) -> Normal:
        """p(z_l | z_{>l}), N(0, I) at the top."""
        if self.conditional_prior is None:
            return standard_normal(self.latent_shape, next(self.parameters()))
        return self.conditional_prior(self.activation(above[-1]))

    def generate(
        self, above: tuple[Tensor, ...], evidence: Evidence | None, draw: Draw, noise: Callable[[], Tensor]
    ) -> tuple[tuple[Tensor, ...], Latent]:
        """Draw z_l and decode it, with the hidden features of the stage above feeding past it."""
        prior = self.prior(above)
        if evidence is not None and draw.from_posterior:
            posterior, z = self.infer_downward(evidence, above, prior, draw, noise)
        else:
            posterior, z = None, draw_from(prior, draw, noise)
        z = align(z, max(len(z), len(above[-1]) if above else 1))
        hidden: list[Tensor] = []
        h = self.generation_projection(z)
        for position, block in enumerate(self.decoder):
            h = block(h, above[min(position, len(above) - 1)] if above else None)
            hidden.append(h)
        return tuple(hidden) or (h,), Latent(z, draw, posterior, prior)
