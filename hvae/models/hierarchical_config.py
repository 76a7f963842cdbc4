"""The config of a hierarchical VAE, bounded so that a file from outside is refused before anything is allocated.

Imports no torch: pages and reports read it.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, get_args

from pydantic import AfterValidator, Field, model_validator

from hvae.config import Ability, Frozen, ModelConfig, Preprocessing

LikelihoodName = Literal["bernoulli", "gaussian", "logistic-mixture"]
Padding = Literal["symmetric", "same"]
FAMILIES = {
    "bottom-up": "hvae.models.stages.bottom_up:BottomUpStage",
    "ladder": "hvae.models.stages.ladder:LadderStage",
    "bidirectional": "hvae.models.stages.bidirectional:BidirectionalStage",
    "top-down": "hvae.models.stages.top_down:TopDownStage",
}
"""How q walks, and where the stage of each family is: the one list. Addresses, since a config needs no torch."""


def _known(family: str) -> str:
    if family not in FAMILIES:
        raise ValueError(f"there is no family {family!r:.40}; the families are {', '.join(FAMILIES)}")
    return family


Family = Annotated[str, AfterValidator(_known)]


class BlockConfig(Frozen):
    """One residual block: two `kernel` x `kernel` convolutions, the second carrying the stride."""

    channels: Annotated[int, Field(ge=1, le=1024)]
    kernel: Literal[1, 3, 5, 7] = 3
    stride: Literal[1, 2] = 1


class LatentConfig(Frozen):
    """One Gaussian latent variable: `size` channels on the feature map (`conv`) or `size` units (`dense`).

    In a bidirectional model each of the two parts of a latent below the top has this size.
    """

    kind: Literal["conv", "dense"]
    size: Annotated[int, Field(ge=1, le=1024)]


class StageConfig(Frozen):
    """One stage of the hierarchy: deterministic blocks below one latent variable."""

    blocks: Annotated[tuple[BlockConfig, ...], Field(max_length=16)]
    latent: LatentConfig


class HierarchicalConfig(ModelConfig):
    """Architecture of a hierarchical VAE, lowest stage first."""

    kind: str = "hierarchical"
    family: Family = "bottom-up"
    """They differ in q: HVAE (Havtorn et al., 2021), LVAE (Sonderby et al., 2016), BIVA (Maaloe et al., 2019) or VDVAE
    (Child, 2021)."""
    stages: Annotated[tuple[StageConfig, ...], Field(min_length=1, max_length=16)]
    likelihood: LikelihoodName = "bernoulli"
    likelihood_kernel: Literal[1, 3] = 3
    """Of the convolution to the parameters of the likelihood; 1 in the released colour models."""
    likelihood_activation: bool = True
    """Whether that convolution reads activated features; the released mixture of logistics reads them as they are."""
    activation: Literal["relu", "identity"] = "relu"
    padding: Padding = "symmetric"
    """How a strided block pads and pools on the way up; the way down is the adjoint of `same` in either case.

    `symmetric`: k // 2 zeros on every side of a k x k convolution, and a shortcut that averages 2x2. `same`, as
    TensorFlow pads and as in the released models: k - 2 zeros in all, the smaller half first, and a shortcut that
    averages 3x3 under that padding, zeros counted.
    """
    skips: bool = True
    """Whether the features below z_l also feed z_{l+1} past z_l, in both walks."""
    same_shape_skip: Literal["project", "drop"] = "project"
    """What becomes of a skip whose tensor already has the right shape: a 1x1 convolution, or silently nothing.

    `drop` reproduces the released code of Havtorn et al., whose grey model so has no inference skips at all, and which
    also allocates (and never uses) a projection of the top latent.
    """

    implementation: ClassVar[str] = "hvae.models.hierarchical_model:HierarchicalModel"
    abilities: ClassVar[frozenset[Ability]] = frozenset(get_args(Ability))

    @model_validator(mode="after")
    def _bounded(self) -> HierarchicalConfig:
        options = (self.skips, self.same_shape_skip, self.padding)
        if self.family == "top-down" and options != (False, "project", "symmetric"):
            raise ValueError(
                "a top-down model has one path, without skips and without strided convolutions: set model.skips to "
                "false, and leave model.same_shape_skip at project and model.padding at symmetric"
            )
        channels, height, width = self.image_shape
        for number, stage in enumerate(self.stages, start=1):
            for block in stage.blocks:
                channels = block.channels
                if height % block.stride or width % block.stride:
                    raise ValueError(f"stage {number} halves a feature map of odd size {height}x{width}")
                height, width = height // block.stride, width // block.stride
            size = stage.latent.size * self.parts(number)
            if stage.latent.kind == "dense" and channels * height * width * size > 64_000_000:
                raise ValueError(f"the dense latent of stage {number} would need more than 64 million weights")
        return self

    def parts(self, layer: int) -> int:
        """Parts of the configured size that the latent of a layer (1 = lowest) has: 2 in BIVA, 1 at its top."""
        return 2 if self.family == "bidirectional" and layer < self.depth else 1

    @property
    def title(self) -> str:
        """VAE, or hierarchical VAE."""
        return "VAE" if self.depth == 1 else "hierarchical VAE"

    def measured(self) -> list[str]:
        """See `hierarchy_statistics`."""
        return hierarchy_statistics(self.depth)

    @property
    def curve(self) -> list[str]:
        """Likelihood, log-ratio and active units of each layer, and the schedules of the objective."""
        layers = range(1, self.depth + 1)
        per_layer = [f"{name}_{layer}" for layer in layers for name in ("log_ratio", "active_units")]
        return ["log_px", *per_layer, "beta", "free_nats"]

    @property
    def depth(self) -> int:
        """Number of latent layers L."""
        return len(self.stages)

    @property
    def inference(self) -> Family:
        """The family."""
        return self.family

    def part_of(self, layer: int, unit: int) -> str | None:
        """The half of a bidirectional latent: BU is inferred on the way up, TD on the way down."""
        if self.parts(layer) == 1:
            return None
        return "BU" if unit < self.stages[layer - 1].latent.size else "TD"

    def layer_in_words(self, layer: int) -> str:
        """Kind and size of a latent, and the blocks below it as channels and side of the kernel."""
        stage, parts = self.stages[layer - 1], self.parts(layer)
        blocks = ", ".join(
            f"{block.channels} ({block.kernel}x{block.kernel}{', halved' if block.stride == 2 else ''})"
            for block in stage.blocks
        )
        return f"{stage.latent.kind} {f'{parts} x ' if parts > 1 else ''}{stage.latent.size}, blocks {blocks or 'none'}"

    def check_pixels(self, preprocessing: Preprocessing) -> None:
        """The mixture of logistics is one over whole pixel values, and nothing else is."""
        if (self.likelihood == "logistic-mixture") != (preprocessing == "integer"):
            raise ValueError(
                "model.likelihood logistic-mixture and data.preprocessing integer belong together: the mixture is one "
                f"over whole pixel values; here {self.likelihood} meets {preprocessing}"
            )

    @property
    def latent_units(self) -> tuple[int, ...]:
        """Number of units of each latent, all its parts together, lowest first."""
        _, height, width = self.image_shape
        units: list[int] = []
        for number, stage in enumerate(self.stages, start=1):
            for block in stage.blocks:
                height, width = height // block.stride, width // block.stride
            places = height * width if stage.latent.kind == "conv" else 1
            units.append(stage.latent.size * self.parts(number) * places)
        return tuple(units)


def hierarchy_statistics(depth: int) -> list[str]:
    """Statistics of an image under a model of `depth` latent layers, in nats.

    The ELBO, L_S, every bound L^{>k}, and the terms of the ELBO: log p(x|z) and log r_l of each layer.
    """
    layers = range(1, depth + 1)
    return ["elbo", "iw", *(f"L>{k}" for k in layers), "log_px", *(f"log_ratio_{layer}" for layer in layers)]
