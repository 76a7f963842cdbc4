"""Configurations of a run: frozen, bounded, and the same in Python and in `config.json`.

Every field that sizes a tensor is bounded here, so a `config.json` from outside is refused before anything is
allocated. Unknown keys are refused too: a misspelt override must not pass in silence.
"""

from __future__ import annotations

import json
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from hvae.errors import ConfigError

SCHEMA_VERSION = 1
"""Version of `config.json`; a file of another version is refused by name."""

Preprocessing = Literal["binarise", "threshold", "grey", "integer"]
LikelihoodName = Literal["bernoulli", "gaussian", "logistic-mixture"]
Family = Literal["bottom-up", "ladder", "bidirectional"]
Count = Annotated[int, Field(ge=1, le=4096)]


class Frozen(BaseModel):
    """Base of all configurations: immutable, unknown keys forbidden, every number finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


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


class FreeBits(Frozen):
    """Free bits (Kingma et al., 2016): a floor under the divergence of each latent, so that none collapses early.

    The floor of a layer is `nats` for each spatial position (a dense latent has one), whatever the `unit`; the unit
    says at which grain it is applied. `unit="element", average="example"` is what Havtorn et al. released: each
    element of each example is floored at `nats / channels`.
    """

    nats: Annotated[float, Field(ge=0, le=1000)] = 2.0
    unit: Literal["element", "channel", "layer"] = "element"
    average: Literal["example", "minibatch"] = "example"
    constant: Annotated[float, Field(ge=0, le=1)] = 0.2
    """Fraction of training during which the floor stays at `nats`."""
    gone: Annotated[float, Field(ge=0, le=1)] = 0.4
    """Fraction of training at which the floor has fallen linearly to zero."""

    @model_validator(mode="after")
    def _ordered(self) -> FreeBits:
        if self.gone < self.constant:
            raise ValueError("free_bits.gone must not come before free_bits.constant")
        return self


class ModelConfig(Frozen):
    """Architecture of a hierarchical VAE, lowest stage first."""

    family: Family = "bottom-up"
    """HVAE (Havtorn et al., 2021), LVAE (Sonderby et al., 2016) or BIVA (Maaloe et al., 2019); they differ in q."""
    image_shape: tuple[Annotated[int, Field(ge=1, le=4)], Count, Count] = (1, 28, 28)
    """(channels, height, width)."""
    stages: Annotated[tuple[StageConfig, ...], Field(min_length=1, max_length=16)]
    likelihood: LikelihoodName = "bernoulli"
    likelihood_kernel: Literal[1, 3] = 3
    """Of the convolution to the parameters of the likelihood; 1 in the released colour models."""
    activation: Literal["relu", "identity"] = "relu"
    skips: bool = True
    """Whether the features below z_l also feed z_{l+1} past z_l, in both walks."""
    same_shape_skip: Literal["project", "drop"] = "project"
    """What becomes of a skip whose tensor already has the right shape: a 1x1 convolution, or silently nothing.

    `drop` reproduces the released code of Havtorn et al., whose grey model so has no inference skips at all, and which
    also allocates (and never uses) a projection of the top latent.
    """

    @model_validator(mode="after")
    def _bounded(self) -> ModelConfig:
        channels, height, width = self.image_shape
        if height > 512 or width > 512:
            raise ValueError(f"images of {height}x{width} pixels are larger than the supported 512x512")
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

    def parts(self, number: int) -> int:
        """Parts of the configured size that the latent of stage `number` (1 = lowest) has: 2 in BIVA, 1 at its top."""
        return 2 if self.family == "bidirectional" and number < self.depth else 1

    @property
    def depth(self) -> int:
        """Number of latent layers L."""
        return len(self.stages)

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

    @property
    def dimensions(self) -> int:
        """D: observed dimensions of one image, the denominator of bits/dim."""
        channels, height, width = self.image_shape
        return channels * height * width


class DataConfig(Frozen):
    """What a run is trained on."""

    name: Annotated[str, Field(min_length=1, max_length=400)]
    preprocessing: Preprocessing = "binarise"
    split_seed: Annotated[int, Field(ge=0, lt=2**31)] = 0


class TrainingConfig(Frozen):
    """How a run is trained. Fractions are of all optimiser steps."""

    epochs: Annotated[int, Field(ge=1, le=100_000)]
    batch_size: Annotated[int, Field(ge=1, le=65_536)] = 128
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 1e-3
    schedule: Literal["cosine", "constant"] = "cosine"
    learning_rate_warm_up: Annotated[float, Field(ge=0, le=1)] = 0.01
    gradient_norm: Annotated[float, Field(gt=0)] = 1000.0
    """Gradients are clipped to this global norm (nats per example and unit of weight)."""
    ema: Annotated[float, Field(ge=0, lt=1)] = 0.999
    """Decay of the exponential moving average of the weights; 0 keeps the raw weights."""
    beta_warm_up: Annotated[float, Field(ge=0, le=1)] = 0.2
    """Fraction over which the weight of the divergences rises linearly from 0 to 1 (Sonderby et al., 2016)."""
    free_bits: FreeBits = FreeBits()
    precision: Literal["bf16-mixed", "32-true"] = "bf16-mixed"
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    checkpoint_every: Annotated[int, Field(ge=1)] = 200
    """Optimiser steps between two checkpoints: what a killed run can lose at most."""


class RunConfig(Frozen):
    """Everything a run folder says about itself in `config.json`."""

    schema_version: int = SCHEMA_VERSION
    preset: Annotated[str, Field(max_length=100)] = ""
    model: ModelConfig
    data: DataConfig
    training: TrainingConfig

    @field_validator("schema_version")
    @classmethod
    def _readable(cls, version: int) -> int:
        if version != SCHEMA_VERSION:
            raise ValueError(
                f"the file is of schema {version}, this version of hvae reads {SCHEMA_VERSION}: update hvae"
            )
        return version

    @model_validator(mode="after")
    def _observed(self) -> RunConfig:
        mixture, whole = self.model.likelihood == "logistic-mixture", self.data.preprocessing == "integer"
        if mixture != whole:
            raise ValueError(
                "model.likelihood logistic-mixture and data.preprocessing integer belong together: the mixture is one "
                f"over whole pixel values; here {self.model.likelihood} meets {self.data.preprocessing}"
            )
        return self

    def to_json(self) -> str:
        """The configuration as indented JSON; `from_json` is its inverse."""
        return self.model_dump_json(indent=1)

    @classmethod
    def from_json(cls, text: str | bytes, source: str = "config.json") -> RunConfig:
        """Parse and validate a configuration.

        Args:
            text: JSON.
            source: where it came from, for the message.

        Raises:
            ConfigError: unknown keys, values out of bounds, another schema version, or no JSON at all.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise ConfigError(f"{source}: {first_problem(error)}") from None

    def override(self, settings: dict[str, object]) -> RunConfig:
        """A copy with dotted settings replaced, such as `{"training.epochs": 3}`.

        Raises:
            ConfigError: a setting that does not exist or a value out of bounds.
        """
        tree = json.loads(self.to_json())
        for dotted, value in settings.items():
            *parents, leaf = dotted.split(".")
            branch = tree
            for parent in parents:
                branch = branch.get(parent) if isinstance(branch, dict) else None
            if not isinstance(branch, dict) or leaf not in branch:
                raise ConfigError(f"unknown setting '{dotted}'; settings are dotted names such as training.epochs")
            branch[leaf] = value
        return RunConfig.from_json(json.dumps(tree), source="override")


def first_problem(error: ValidationError) -> str:
    """One line on the first thing pydantic refused, with the key's dotted name and how many more there are."""
    problems = error.errors(include_url=False, include_input=False)
    first = problems[0]
    # A key from a hostile file may hold line breaks or a novel.
    where = " ".join(".".join(str(part) for part in first["loc"]).split())[:100] or "the file"
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{where}: {first['msg']}{more}"
