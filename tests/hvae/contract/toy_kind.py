"""A kind of model that is no hierarchy: independent pixels, as small as the contract of models allows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from hvae.config import ModelConfig, TrainingConfig
from hvae.models.contract import Model, Objective, Weights
from hvae.models.latents import Noise
from hvae.models.proposal import Reading


class PixelsConfig(ModelConfig):
    """Independent Bernoulli pixels, or one bit for all of them."""

    kind: str = "pixels"
    implementation: ClassVar[str] = "tests.hvae.contract.toy_kind:Pixels"
    shared: bool = False

    @property
    def title(self) -> str:
        """Independent pixels."""
        return "independent pixels"

    def measured(self) -> list[str]:
        """An exact density: ELBO, L_S and log p(x) are one number."""
        return ["elbo", "iw", "log_px"]


class Pixels(Model):
    """log p(x) = sum over pixels of x log p + (1 - x) log(1 - p)."""

    def __init__(self, config: PixelsConfig) -> None:
        """One logit a pixel, or one in all."""
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(1 if config.shared else config.image_shape))

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x), (batch,) in nats."""
        return (
            -nn.functional.binary_cross_entropy_with_logits(self.logits.expand(x.shape), x, reduction="none")
            .flatten(1)
            .sum(1)
        )

    def objective(
        self, x: Tensor, labels: Tensor, generator: torch.Generator, training: TrainingConfig, weights: Weights
    ) -> Objective:
        """Maximum likelihood."""
        value = self.log_prob(x)
        return Objective(-value.mean(), value, value.new_empty(0, len(x)))

    def validate(self, batches: Iterable[tuple[Tensor, Tensor]], generator: torch.Generator) -> dict[str, float]:
        """Mean log p(x)."""
        mean = float(torch.cat([self.log_prob(x) for x, _ in batches]).double().mean())
        return {"elbo": mean, "log_px": mean}

    def measure(
        self,
        x: Tensor,
        noise: Callable[[Sequence[int]], Noise],
        *,
        reading: Reading,
        samples: int,
        per_pass: int,
    ) -> Tensor:
        """log p(x), thrice."""
        return self.log_prob(x).double().unsqueeze(1).expand(-1, 3)
