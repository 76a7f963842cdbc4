"""What the stages of every family share: residual networks of Havtorn et al. (2021) around one latent variable."""

from collections.abc import Iterable

from torch import Tensor, nn
from torch.distributions import Normal

from hvae.models.blocks import FeatureMap, ResidualBlock, Shape
from hvae.models.hierarchical_config import BlockConfig, HierarchicalConfig
from hvae.models.latents import Evidence
from hvae.models.likelihoods import GaussianLayer
from hvae.models.stages.stage import ACTIVATIONS, Stage


class ResidualStage(Stage):
    """A stage whose features skip past each latent, in one walk or both."""

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
        super().__init__(config, level)
        stage = config.stages[level]
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

    def extend(self, above: tuple[Tensor, ...], z: Tensor) -> tuple[Tensor, ...]:
        """Hidden features from z, into which those of the stage above feed past it."""
        hidden = [self.generation_projection(z)]
        for position, block in enumerate(self.decoder):
            hidden.append(block(hidden[-1], above[min(position, len(above) - 1)] if above else None))
        return tuple(hidden[1:] or hidden)


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
            padding=model.padding,
        )
        blocks.append(block)
        shape = block.shape
    return blocks
