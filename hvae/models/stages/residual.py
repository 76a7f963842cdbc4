"""What the stages of every family share: residual networks of Havtorn et al. (2021) around one latent variable."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.distributions import Normal

from hvae.models.blocks import FeatureMap, ResidualBlock, Shape
from hvae.models.hierarchical_config import BlockConfig, HierarchicalConfig
from hvae.models.latents import Evidence, Latent, LayerNoise, align, draw_from
from hvae.models.likelihoods import GaussianLayer, standard_normal
from hvae.models.proposal import Draw

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"relu": torch.relu, "identity": lambda x: x}


class ResidualStage(nn.Module, ABC):
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
        """Create the networks of the stage at `level` (0 = lowest), which reads the `shape_in` and `skip_shape` below.

        z_l consists of `parts` variables of the configured size side by side along the first axis, the first of which
        the upward walk infers. That walk draws a variable for the stage above, unless `hands_latent_on` is false: then
        it hands its features on.
        """
        super().__init__()
        stage = config.stages[level]
        self.is_top = level == config.depth - 1
        self.activation = ACTIVATIONS[config.activation]
        encoder = _blocks(stage.blocks, shape_in, skip_shape, config, first_shortcut=level > 0)
        self.encoder = nn.ModuleList(encoder)
        shape = encoder[-1].shape if encoder else shape_in
        self.posterior = GaussianLayer(shape, stage.latent)
        inferred = self.posterior.shape
        self.latent_shape = (parts * inferred[0], *inferred[1:])
        self.conditional_prior = None if self.is_top else GaussianLayer(shape, stage.latent, parts)
        needless = not hands_latent_on or (self.is_top and not self._allocates_as_released(config))
        self.inference_projection = None if needless else FeatureMap(inferred, shape)
        self.generation_projection = FeatureMap(self.latent_shape, shape)
        self.feature_shape = shape
        self.evidence_shape = shape if not hands_latent_on or len(inferred) == 1 else inferred
        self.skip_shape = shape if config.skips and hands_latent_on else None
        from_above = None if self.is_top or not config.skips else shape
        decoded = self.generation_projection.shape
        decoder = _blocks(reversed(stage.blocks), decoded, from_above, config, transposed=True)
        self.decoder = nn.ModuleList(decoder)
        self.hidden_shapes = tuple(block.shape for block in decoder) or (decoded,)

    @staticmethod
    def _allocates_as_released(config: HierarchicalConfig) -> bool:
        """Whether a projection of the top latent is there though nothing reads it: only in the released model."""
        return False

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
        self, evidence: Evidence, above: tuple[Tensor, ...], prior: Normal, draw: Draw, noise: LayerNoise
    ) -> tuple[Normal, Tensor]:
        """q(z_l | .) as it stands in the generative walk, and the z of it; see `generate` for the arguments."""

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
        hidden = [self.generation_projection(z)]
        for position, block in enumerate(self.decoder):
            hidden.append(block(hidden[-1], above[min(position, len(above) - 1)] if above else None))
        return tuple(hidden[1:] or hidden), Latent(z, draw, posterior, prior)


def _blocks(
    configs: Iterable[BlockConfig],
    shape: Shape,
    aux_shape: Shape | None,
    model: HierarchicalConfig,
    *,
    transposed: bool = False,
    first_shortcut: bool = False,
) -> list[ResidualBlock]:
    """Blocks one behind the other from features of `shape` on."""
    blocks: list[ResidualBlock] = []
    for config in configs:
        block = ResidualBlock(
            shape,
            config,
            ACTIVATIONS[model.activation],
            aux_shape,
            transposed=transposed,
            shortcut=first_shortcut or bool(blocks),
            same_shape_skip=model.same_shape_skip,
        )
        blocks.append(block)
        shape = block.shape
    return blocks
