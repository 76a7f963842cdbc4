"""The config of an autoregressive model, bounded before anything is allocated. Imports no torch."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from hvae.config import ModelConfig, Preprocessing

Blocks = Annotated[int, Field(ge=1, le=16)]


class AutoregressiveConfig(ModelConfig):
    """Architecture of a PixelCNN++ (Salimans et al., 2017)."""

    kind: str = "autoregressive"
    channels: Annotated[int, Field(ge=1, le=512)] = 32
    """Of every feature map of both streams."""
    blocks: Annotated[tuple[Blocks, ...], Field(min_length=1, max_length=5)] = (2, 1, 1)
    """Gated residual blocks of each stream at each resolution, the full one first; they are passed on the way down and,
    with as many others, on the way up. Every further resolution halves the sides."""

    implementation: ClassVar[str] = "hvae.models.autoregressive.model:AutoregressiveModel"

    @model_validator(mode="after")
    def _halves(self) -> AutoregressiveConfig:
        _, height, width = self.image_shape
        divisor = 2 ** (len(self.blocks) - 1)
        if height % divisor or width % divisor:
            raise ValueError(
                f"{len(self.blocks)} resolutions need sides that {divisor} divides, the images are {height}x{width}: "
                "shorten model.blocks"
            )
        return self

    @property
    def title(self) -> str:
        """PixelCNN++."""
        return "PixelCNN++"

    def measured(self) -> list[str]:
        """An exact density has no gap: the ELBO, L_S and log p(x) are one number."""
        return ["elbo", "iw", "log_px"]

    def check_pixels(self, preprocessing: Preprocessing) -> None:
        """The mixture of logistics is one over whole pixel values."""
        if preprocessing != "integer":
            raise ValueError(
                f"a {self.title} gives densities of whole pixel values: set data.preprocessing to integer, it is "
                f"{preprocessing}"
            )
