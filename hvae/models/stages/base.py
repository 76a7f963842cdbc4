"""The contract of a stage."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn
from torch.distributions import Normal

from hvae.models.blocks import Shape
from hvae.models.latents import Evidence, Latent, LayerNoise
from hvae.models.proposal import Draw


class Stage(nn.Module, ABC):
    """One latent variable z_l with the networks between it and the stage below.

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
    def generate(
        self, above: tuple[Tensor, ...], evidence: Evidence | None, draw: Draw, noise: LayerNoise
    ) -> tuple[tuple[Tensor, ...], Latent]:
        """One step of the generative walk: hidden features of this stage, the last one its output, and the latent.

        Args:
            above: hidden features of the stage above, the last one its output; empty at the top.
            evidence: what this stage inferred; None in a pass without images.
            draw: where z_l comes from.
            noise: standard-normal noise (lanes, *latent) for a sampled draw.
        """

    @abstractmethod
    def prior(self, above: tuple[Tensor, ...]) -> Normal:
        """p(z_l | z_{>l}) from the features of the stage above; N(0, I) at the top."""
