"""The config of a flow, bounded so that a file from outside is refused before anything is allocated. No torch."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from hvae.config import Ability, Frozen, ModelConfig, Preprocessing


class ScaleConfig(Frozen):
    """One scale of a flow: the steps between two halvings of the image."""

    steps: Annotated[int, Field(ge=1, le=64)]
    """Steps of flow: activation normalisation, invertible 1x1 convolution and coupling."""
    channels: Annotated[int, Field(ge=1, le=1024)]
    """Of the two hidden layers in the network of a coupling."""


class FlowConfig(ModelConfig):
    """A multi-scale flow (Glow: Kingma & Dhariwal, 2018), finest scale first."""

    kind: str = "flow"
    scales: Annotated[tuple[ScaleConfig, ...], Field(min_length=1, max_length=8)]
    volume: Literal["affine", "constant"] = "affine"
    """`affine` couplings shift and scale; `constant` ones shift alone, so log|det J| is the same for every image
    (Nalisnick et al., 2019, sec. 5)."""

    implementation: ClassVar[str] = "hvae.models.flow.model:Flow"
    abilities: ClassVar[frozenset[Ability]] = frozenset({"sample"})
    exact_weights: ClassVar[str] = "mixings"
    """The few weights of the 1x1 convolutions: in bfloat16 they alone cost .11 bits/dim."""

    @model_validator(mode="after")
    def _bounded(self) -> FlowConfig:
        _, height, width = self.image_shape
        if height % (factor := 2 ** len(self.scales)) or width % factor:
            raise ValueError(f"{len(self.scales)} scales halve an image of {height}x{width} once too often")
        if (largest := max(self.channels)) > 1024:
            raise ValueError(f"the coarsest scale would have {largest} channels, 1024 at most")
        return self

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of the feature map at each scale: times 4 where it is halved, and half of them go on."""
        return tuple(self.image_shape[0] * 4 * 2**scale for scale in range(len(self.scales)))

    @property
    def title(self) -> str:
        """Normalising flow, or constant-volume flow."""
        return "normalising flow" if self.volume == "affine" else "constant-volume flow"

    def measured(self) -> list[str]:
        """Log-likelihood under one dequantisation or S, log p(x), and its two terms: density of z, and volume."""
        return ["elbo", "iw", "log_px", "log_pz", "log_det"]

    @property
    def curve(self) -> list[str]:
        """Log-likelihood and its two terms."""
        return ["log_px", "log_pz", "log_det"]

    def check_pixels(self, preprocessing: Preprocessing) -> None:
        """Dequantised are whole pixel values."""
        if preprocessing != "integer":
            raise ValueError(f"a flow is one of whole pixels: data.preprocessing must be integer, not {preprocessing}")
