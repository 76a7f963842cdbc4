"""Configurations of a run: frozen, bounded, and the same in Python and in `config.json`.

Every field that sizes a tensor is bounded here, so a `config.json` from outside is refused before anything is
allocated. Unknown keys are refused too: a misspelt override must not pass in silence.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializeAsAny,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from hvae.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np

    from hvae.models.contract import Model

SCHEMA_VERSION = 1
"""Version of `config.json`; a file of another version is refused by name."""

Preprocessing = Literal["binarise", "threshold", "grey", "integer"]
Count = Annotated[int, Field(ge=1, le=4096)]

KINDS = {
    "hierarchical": "hvae.models.hierarchical_config:HierarchicalConfig",
    "flow": "hvae.models.flow.config:FlowConfig",
    "autoregressive": "hvae.models.autoregressive.config:AutoregressiveConfig",
    "classifier": "hvae.models.classifier.config:ClassifierConfig",
}
"""Kinds of models, and where the config of each is: the one list of them.

Addresses rather than classes: a kind is imported when the first config names it, since configs lie below models.
"""

Ability = Literal["reconstruct", "sample", "represent"]
DOES: dict[Ability, str] = {
    "reconstruct": "rebuild images level by level",
    "sample": "draw images of its own",
    "represent": "show what its layers respond to",
}
"""Abilities in words, after "cannot"."""


class Frozen(BaseModel):
    """Base of all configurations: immutable, unknown keys forbidden, every number finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


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


class ModelConfig(Frozen, ABC):
    """What the config of every kind of model says, so that nothing else asks which kind it is. Imports no torch.

    Its subclasses are found through `KINDS`; the other half of the contract is `hvae.models.contract.Model`.
    """

    kind: str
    """A key of `KINDS`; subclasses give it a default."""
    image_shape: tuple[Annotated[int, Field(ge=1, le=4)], Count, Count] = (1, 28, 28)
    """(channels, height, width)."""

    implementation: ClassVar[str]
    """Address of the class of `hvae.models.contract.Model` that takes this config, as `module:name`."""
    abilities: ClassVar[frozenset[Ability]] = frozenset()
    """What the model can do beside giving its statistics."""
    objective: ClassVar[str] = "ELBO"
    """What is learnt, in nats an image, higher = better: the title of `elbo` in a learning curve."""
    exact_weights: ClassVar[str] = ""
    """Weights whose names hold this keep float32 where others are rounded for a small file; empty for none."""

    @field_validator("kind")
    @classmethod
    def _own(cls, kind: str) -> str:
        if kind != cls.model_fields["kind"].default:
            raise ValueError(f"{cls.__name__} is not the config of a model of kind {kind!r:.40}")
        return kind

    @field_validator("image_shape")
    @classmethod
    def _supported(cls, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        _, height, width = shape
        if height > 512 or width > 512:
            raise ValueError(f"images of {height}x{width} pixels are larger than the supported 512x512")
        return shape

    def build(self) -> Model:
        """A model of this config with fresh weights, or a `ConfigError`; torch is imported here and not before."""
        return resolve_name(self.implementation)(self)

    @property
    @abstractmethod
    def title(self) -> str:
        """The kind of model in words, such as `hierarchical VAE`."""

    @abstractmethod
    def measured(self) -> list[str]:
        """Names of the statistics that one draw gives of an image, the columns of `Model.measure` in their order."""

    def statistics(self, draws: int = 1) -> list[str]:
        """Names of the statistics in a score table: those measured, and over several draws their standard errors."""
        values = self.measured()
        return [*values, *(f"{name}_se" for name in values)] if draws > 1 else values

    @property
    def curve(self) -> list[str]:
        """Columns that a learning curve may have beside the trainer's own: `Model.validate` and `Model.schedule`."""
        return ["log_px"]

    @property
    def latent_units(self) -> tuple[int, ...]:
        """Number of units of each latent layer, lowest first; empty for a kind without."""
        return ()

    @property
    def depth(self) -> int:
        """Number of latent layers L, 0 for a kind without."""
        return len(self.latent_units)

    @property
    def inference(self) -> str | None:
        """In which order q draws the latent layers (`bottom-up`, `ladder`, `bidirectional`); None without layers."""
        return None

    def part_of(self, layer: int, unit: int) -> str | None:
        """Which part of the latent of a layer (1 = lowest) a unit is in, None where it has but one."""
        return None

    def layer_in_words(self, layer: int) -> str:
        """A latent layer (1 = lowest) with what lies below it, in a few words."""
        return f"{self.latent_units[layer - 1]} units"

    def check_pixels(self, preprocessing: Preprocessing) -> None:
        """Raise a ValueError where the model cannot be trained on pixels that are preprocessed so."""

    @property
    def task(self) -> str:
        """What it is trained for; empty where that is log p(x) or a bound of it, which has bits/dim."""
        return ""

    @property
    def takes_outliers(self) -> bool:
        """Whether it is trained on images of another set as well, `DataConfig.outliers`."""
        return False

    def check_labels(self, labels: np.ndarray) -> None:
        """Raise a DataError where the model cannot learn from images with these labels `(n,)`, -1 of an outlier."""

    def inability(self, ability: Ability) -> str | None:
        """Why a model of this kind cannot do something, None where it can."""
        able = ability in self.abilities
        return None if able else f"a model of kind {self.kind} ({self.title}) cannot {DOES[ability]}"

    @property
    def dimensions(self) -> int:
        """D: observed dimensions of one image, the denominator of bits/dim."""
        channels, height, width = self.image_shape
        return channels * height * width


def _of_its_kind(value: object) -> object:
    """The config of a model, read by the class of its kind; files from before there were kinds name none."""
    if not isinstance(value, dict):
        return value
    kind = value.get("kind", "hierarchical")
    if not isinstance(kind, str) or kind not in KINDS:
        known, asked = ", ".join(KINDS), " ".join(str(kind).split())[:40]
        raise PydanticCustomError(
            "kind", "this version of hvae knows models of kind {known}, not '{asked}': update hvae",
            {"known": known, "asked": asked},
        )  # fmt: skip
    return resolve_name(KINDS[kind]).model_validate(value)


class DataConfig(Frozen):
    """What a run is trained on."""

    name: Annotated[str, Field(min_length=1, max_length=400)]
    preprocessing: Preprocessing = "binarise"
    split_seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    fingerprint: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    """Of the whole training set, noted when training starts; empty in runs from before it was."""
    images: Annotated[int, Field(ge=0)] = 0
    """Images of the whole training set, all its parts together; 0 where the fingerprint is empty."""
    mutation: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the pixels that a uniform value replaces at every read while training, for a model of the background
    (Ren et al., 2019). Images are scored as they are."""
    outliers: Annotated[str, Field(pattern=r"^[\w.-]*$", max_length=100)] = ""
    """Data set whose one half is shown in training as out-of-distribution, or `mutated`: the training images with a
    share of their pixels replaced; see `hvae.runs.images.outliers`. Empty for none."""


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
    model: Annotated[SerializeAsAny[ModelConfig], BeforeValidator(_of_its_kind)]
    data: DataConfig
    training: TrainingConfig

    @field_validator("schema_version")
    @classmethod
    def _readable(cls, version: int) -> int:
        if version != SCHEMA_VERSION:
            known = f"this version of hvae reads {SCHEMA_VERSION}"
            raise ValueError(f"the file is of schema {version}, {known}: update hvae")
        return version

    @model_validator(mode="after")
    def _observed(self) -> RunConfig:
        self.model.check_pixels(self.data.preprocessing)
        outliers = self.data.outliers
        if outliers and outliers == self.data.name:
            raise ValueError(f"data.outliers is {outliers}, the very set that is trained on: name another one")
        if self.model.takes_outliers and not outliers:
            raise ValueError(
                f"a {self.model.title} is trained on images of another set as well: name it by data.outliers"
            )
        if outliers and not self.model.takes_outliers:
            raise ValueError(f"a {self.model.title} learns nothing from data.outliers: leave it empty")
        return self

    def to_json(self) -> str:
        """The configuration as indented JSON; `from_json` is its inverse."""
        return self.model_dump_json(indent=1)

    @classmethod
    def from_json(cls, text: str | bytes, source: str = "config.json") -> Self:
        """Parse and validate JSON; the `ConfigError` where it is unfit names its `source`."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise ConfigError(f"{source}: {first_problem(error)}") from None

    def override(self, settings: dict[str, object]) -> RunConfig:
        """A copy with dotted settings replaced, such as `{"training.epochs": 3}`; `ConfigError` where it is unfit."""
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


class RunFile(RunConfig):
    """What a `config.json` holds: a configuration, and which weights are its own."""

    weights_sha256: Annotated[tuple[Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")], ...], Field(max_length=2)] = ()
    """SHA-256 of `model.safetensors`; two while one file takes the place of another, none in runs from before it was
    noted and in those without weights yet."""

    @property
    def config(self) -> RunConfig:
        """The configuration alone."""
        return RunConfig(**{name: getattr(self, name) for name in RunConfig.model_fields})


def first_problem(error: ValidationError) -> str:
    """One line on the first thing pydantic refused, with the key's dotted name and how many more there are."""
    problems = error.errors(include_url=False, include_input=False)
    first = problems[0]
    # A key from a hostile file may hold line breaks or a novel.
    where = " ".join(".".join(str(part) for part in first["loc"]).split())[:100] or "the file"
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{where}: {first['msg']}{more}"
