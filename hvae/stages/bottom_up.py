"""Stage of the bottom-up hierarchical VAE (HVAE), Havtorn et al. (2021), Fig. 2a.

q(z_l | z_{l-1}) is formed in the upward walk alone; deterministic features skip past each latent in both walks, so
z_{l-1} also feeds z_{l+1} (x counts as z_0).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.distributions import Normal

from hvae.blocks import FeatureMap, ResidualBlock, Shape
from hvae.config import ModelConfig
from hvae.latents import Evidence, Latent, align, draw_from
from hvae.proposal import Draw
from hvae.stages.base import Stage
from hvae.stochastic import GaussianLayer, standard_normal

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"relu": torch.relu, "identity": lambda x: x}


class BottomUpStage(Stage):
    """One stage whose posterior needs nothing from above."""

    conditional_prior: GaussianLayer | None
    inference_projection: FeatureMap | None

    def __init__(self, config: ModelConfig, level: int, shape_in: Shape, skip_shape: Shape | None) -> None:
        """Create the stage.

        Args:
            config: of the whole model.
            level: 0 for the lowest stage.
            shape_in: what the inference reads: the image, or the projected z of the stage below.
            skip_shape: features of the stage below that skip its latent, None without skips.
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
        self.latent_shape = self.posterior.shape
        self.conditional_prior = None if self.is_top else GaussianLayer(shape, stage.latent)
        unused_at_top = self.is_top and config.same_shape_skip == "project"
        self.inference_projection = None if unused_at_top else FeatureMap(self.latent_shape, shape)
        self.generation_projection = FeatureMap(self.latent_shape, shape)
        self.evidence_shape = self.generation_projection.shape
        self.skip_shape = shape if config.skips else None
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

    def infer(self, below: Evidence, draw: Draw, noise: Callable[[], Tensor]) -> Evidence:
        """Features from z_{l-1} (and past it), then q(z_l | .) and its draw."""
        h = below.features
        for block in self.encoder:
            h = block(h, below.skip)
        return self._drawn(h if self.skip_shape is not None else None, self.posterior(self.activation(h)), draw, noise)

    def redraw(self, evidence: Evidence, draw: Draw, noise: Callable[[], Tensor]) -> Evidence:
        """Another draw from the same q(z_l | .)."""
        if evidence.posterior is None:
            raise ValueError("there is no posterior to draw from again")
        return self._drawn(evidence.skip, evidence.posterior, draw, noise)

    def _drawn(self, skip: Tensor | None, posterior: Normal, draw: Draw, noise: Callable[[], Tensor]) -> Evidence:
        z = draw_from(posterior, draw, noise)
        features = z if self.is_top or self.inference_projection is None else self.inference_projection(z)
        return Evidence(features, skip, posterior, z)

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
        posterior = None if evidence is None else evidence.posterior
        if draw.from_posterior and evidence is not None and evidence.z is not None:
            z = evidence.z
        else:
            z = draw_from(prior, draw, noise)
        z = align(z, max(len(z), len(above[-1]) if above else 1))
        hidden: list[Tensor] = []
        h = self.generation_projection(z)
        for position, block in enumerate(self.decoder):
            h = block(h, above[min(position, len(above) - 1)] if above else None)
            hidden.append(h)
        return tuple(hidden) or (h,), Latent(z, draw, posterior, prior)
