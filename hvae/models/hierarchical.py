"""Hierarchical variational autoencoder: stages walked once upward and once downward under a proposal."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pkgutil import resolve_name
from typing import cast

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from hvae.errors import ConfigError
from hvae.models.blocks import Shape
from hvae.models.hierarchical_config import FAMILIES, HierarchicalConfig
from hvae.models.interventions import Change
from hvae.models.latents import Evidence, Latent, Noise, Pass, align, generator_noise
from hvae.models.likelihoods import LIKELIHOODS
from hvae.models.proposal import Draw, Proposal, sample_proposal
from hvae.models.stages.stage import Stage


class HierarchicalVAE(nn.Module):
    """p(x | z_1) prod_l p(z_l | z_{l+1}, ...) with its inference model: a hierarchy of one family.

    A depth of 1 is a plain VAE. Images are (batch, channel, height, width) float32 in [0, 1]; latents and log-ratios
    are stored lowest layer first.
    """

    def __init__(self, config: HierarchicalConfig) -> None:
        """Build the stages; those whose shapes do not fit together are a `ConfigError`."""
        super().__init__()
        self.config = config
        stage_type = resolve_name(FAMILIES[config.family])
        stages: list[Stage] = []
        shape: Shape = config.image_shape
        skip: Shape | None = None
        for level in range(config.depth):
            stages.append(stage_type(config, level, shape, skip))
            shape, skip = stages[-1].evidence_shape, stages[-1].skip_shape
        _require_fit(stages, config)
        self.stages = nn.ModuleList(stages)
        self.likelihood = LIKELIHOODS[config.likelihood](
            stages[0].output_shape, config.image_shape, config.likelihood_kernel
        )

    @property
    def depth(self) -> int:
        """Number of latent layers L."""
        return self.config.depth

    @property
    def latent_shapes(self) -> tuple[Shape, ...]:
        """Shape of each z_l without lanes, lowest first."""
        return tuple(stage.latent_shape for stage in self._stages)

    @property
    def _stages(self) -> Sequence[Stage]:
        return self.stages  # type: ignore[return-value]

    def infer_layer(self, below: Evidence, level: int, draw: Draw, noise: Noise) -> Evidence:
        """One step of the inference walk, `level` = 0 for the lowest stage."""
        stage = self._stages[level]
        return stage.infer(below, draw, lambda: noise("inference", level, stage.latent_shape))

    def redraw_layer(self, evidence: Evidence, level: int, draw: Draw, noise: Noise) -> Evidence:
        """The evidence of layer `level` (0 = lowest) under another draw from the same q."""
        stage = self._stages[level]
        return stage.redraw(evidence, draw, lambda: noise("inference", level, stage.latent_shape))

    def infer(self, x: Tensor, draws: Sequence[Draw], noise: Noise) -> tuple[Evidence, ...]:
        """The inference walk: evidence of every layer, lowest first, for images x (batch, channel, height, width)."""
        walk = [Evidence(features=x)]
        for level, draw in enumerate(draws):
            walk.append(self.infer_layer(walk[-1], level, draw, noise))
        return tuple(walk[1:])

    def generate(
        self,
        draws: Sequence[Draw],
        evidence: Sequence[Evidence] | None,
        noise: Noise,
        changes: Mapping[int, Change] | None = None,
    ) -> Pass:
        """The generative walk from the top layer to p(x | z), with the `draws` of each z, lowest first.

        Without images there is no `evidence` of the inference walk, every draw must be from the prior, and the lanes of
        the `noise` are the number of images. `changes` are made to the latents of some layers (0 = lowest) before the
        stages below read them, and may bring more lanes.
        """
        if evidence is None and any(draw.from_posterior for draw in draws):
            raise ConfigError("without images every latent variable has to come from the prior")
        above = cast(tuple[Tensor, ...], ())
        latents: list[Latent] = []
        for level in reversed(range(self.depth)):
            stage, before = self._stages[level], above
            above, latent = stage.generate(
                before,
                None if evidence is None else evidence[level],
                draws[level],
                lambda stage=stage, level=level: noise("generation", level, stage.latent_shape),
            )
            if changes and level in changes:
                latent = changes[level](latent)
                latent = replace(latent, z=align(latent.z, max(len(latent.z), len(before[-1]) if before else 1)))
                above = stage.extend(before, latent.z)
            latents.append(latent)
        return Pass(tuple(reversed(latents)), self.decode(above[-1]))

    def decode(self, features: Tensor) -> Distribution:
        """p(x | z) from the features of the lowest stage."""
        activated = self.config.likelihood_activation and self.config.activation == "relu"
        return self.likelihood(torch.relu(features) if activated else features)

    def forward(self, x: Tensor, proposal: Proposal, noise: Noise) -> Pass:
        """Both walks under one proposal."""
        return self.generate(proposal.generation, self.infer(x, proposal.inference, noise), noise)

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Means of p(x | z) with every z from the prior, (n, channel, height, width) in [0, 1]."""
        drawn = self.generate(sample_proposal(self.depth).generation, None, generator_noise(n, generator))
        return drawn.likelihood.mean.clamp(0, 1)


def _require_fit(stages: Sequence[Stage], config: HierarchicalConfig) -> None:
    for level, (below, above) in enumerate(itertools.pairwise(stages), start=1):
        if above.output_shape != below.feature_shape:
            raise ConfigError(
                f"stage {level + 1} hands features of shape {above.output_shape} to stage {level}, which needs "
                f"{below.feature_shape}: make its first block as wide as the last block of stage {level}"
            )
        beside = above.hidden_shapes[: len(config.stages[level - 1].blocks)] if config.skips else ()
        if unfit := [shape for shape in beside if shape != below.feature_shape]:
            raise ConfigError(
                f"features of shape {unfit[0]} inside stage {level + 1} skip to stage {level}, which needs "
                f"{below.feature_shape}: make all blocks of stage {level + 1} equally wide, with the stride in the "
                f"last one, or set model.skips to false"
            )
