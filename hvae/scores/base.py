"""What every score of a hierarchical VAE holds and promises."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from hvae.errors import ConfigError
from hvae.models.bounds import ImportanceWeightedBound, Sweep
from hvae.models.hierarchical import HierarchicalVAE
from hvae.models.latents import generator_noise
from hvae.models.proposal import Reading

SAMPLES_PER_PASS = 32


@dataclass(frozen=True)
class Score(ABC):
    """A score of images under one model.

    Attributes:
        model: in evaluation mode.
        k: how many of the lowest layers come from the prior, 0 to L.
        samples: S of L_S.
        reading: of L^{>k}.
        seed: of the latent noise; the same batch gets the same scores.
    """

    model: HierarchicalVAE
    k: int
    samples: int = 1
    reading: Reading = "mean"
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.least_k <= self.k <= self.model.depth:
            raise ConfigError(f"k = {self.k} is outside {self.least_k}..{self.model.depth}, the layers of this model")
        if self.samples < 1:
            raise ConfigError(f"S must be at least 1, it is {self.samples}")

    @property
    @abstractmethod
    def name(self) -> str:
        """As tables and figures name it."""

    @property
    def least_k(self) -> int:
        """Smallest k for which the score says anything."""
        return 0

    @abstractmethod
    def combine(self, importance_weighted: Tensor, bound: Tensor) -> Tensor:
        """The score from L_S and L^{>k}, (batch,) each in nats."""

    @torch.inference_mode()
    def __call__(self, x: Tensor) -> Tensor:
        """Score preprocessed images.

        Args:
            x: (batch, channel, height, width) in [0, 1], on the model's device.

        Returns:
            (batch,) float64 on the CPU, nats, higher = more out-of-distribution.
        """
        generator = torch.Generator(x.device).manual_seed(self.seed)
        weighted = ImportanceWeightedBound()
        bound = None
        for start in range(0, self.samples, SAMPLES_PER_PASS):
            count = min(SAMPLES_PER_PASS, self.samples - start)
            sweep = Sweep(self.model, x, generator_noise(count * len(x), generator))
            weighted.update(sweep.elbo())
            if bound is None:
                bound = sweep.bound(self.k, self.reading).double().mean(0)
        assert bound is not None  # S >= 1
        return self.combine(weighted.value(), bound).cpu()
