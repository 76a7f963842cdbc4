"""A flow under the contract of models: log p(x) = log p(z) + log|det dz/dx| of uniformly dequantised pixels."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from hvae.config import TrainingConfig
from hvae.models.bounds import ImportanceWeightedBound
from hvae.models.contract import Model, Objective, Weights
from hvae.models.drawing import uniforms
from hvae.models.flow.config import FlowConfig
from hvae.models.flow.layers import Scale
from hvae.models.latents import Noise
from hvae.models.logistic_mixture import LEVELS
from hvae.models.proposal import Reading


class Flow(Model):
    """Glow (Kingma & Dhariwal, 2018): x -> z ~ N(0, I), where half of the dimensions leave after each scale.

    Pixels are in [0, 256), uniform noise in [0, 1) added to whole values, so E log p(x + u) bounds the log-probability
    of the 8-bit image from below (Theis et al., 2016, sec. 3.1), and log|det| counts volume in these units.
    """

    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        self.image_shape = config.image_shape
        scales = nn.ModuleList(
            Scale(scale.steps, channels, scale.channels, config.volume == "affine")
            for scale, channels in zip(config.scales, config.channels, strict=True)
        )
        self.scales = cast(Sequence[Scale], scales)

    @property
    def latent_shapes(self) -> tuple[tuple[int, ...], ...]:
        """That of the dequantisation."""
        return (self.image_shape,)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Pixels (batch, channel, height, width) in [0, 256) to z (batch, dimension) and log|det dz/dx| (batch,)."""
        h, log_det = pixels / LEVELS - 0.5, -math.log(LEVELS) * math.prod(self.image_shape)
        parts: list[Tensor] = []
        for scale in self.scales[:-1]:
            h, volume = scale(h)
            h, leaving = h.chunk(2, dim=1)
            parts.append(leaving.flatten(1))
            log_det = log_det + volume
        h, volume = self.scales[-1](h)
        return torch.cat([*parts, h.flatten(1)], dim=1), log_det + volume

    def inverse(self, z: Tensor) -> Tensor:
        """The pixels (batch, channel, height, width) of z (batch, dimension); outside [0, 256) where z has no image."""
        *parts, h = z.split(self._sizes(), dim=1)
        h = self.scales[-1].inverse(self._map(h, len(parts), 1))
        for level in reversed(range(len(parts))):
            h = self.scales[level].inverse(torch.cat([h, self._map(parts[level], level, 2)], dim=1))
        return (h + 0.5) * LEVELS

    def log_terms(self, pixels: Tensor) -> Tensor:
        """log p(z) and log|det dz/dx| of pixels in [0, 256), (2, batch) in nats."""
        z, log_det = self(pixels)
        return torch.stack([-(z.square().sum(1) + math.log(2 * math.pi) * z.shape[1]) / 2, log_det])

    def initialise(self, x: Tensor, generator: torch.Generator) -> None:
        """Data-dependent initialisation of the activation normalisations."""
        h = self._dequantised(x, generator) / LEVELS - 0.5
        for scale in self.scales:
            h, _ = scale.initialise(h).chunk(2, dim=1)

    def objective(
        self, x: Tensor, labels: Tensor, generator: torch.Generator, training: TrainingConfig, weights: Weights
    ) -> Objective:
        """Maximum likelihood."""
        value = self.log_terms(self._dequantised(x, generator)).sum(0)
        return Objective(-value.mean(), value, value.new_empty(0, len(x)))

    def validate(self, batches: Iterable[tuple[Tensor, Tensor]], generator: torch.Generator) -> dict[str, float]:
        """Mean log p(x) and its two terms."""
        terms = torch.cat([self.log_terms(self._dequantised(x, generator)) for x, _ in batches], 1).double().mean(1)
        value = float(terms.sum())
        return {"elbo": value, "log_px": value, "log_pz": float(terms[0]), "log_det": float(terms[1])}

    def measure(
        self, x: Tensor, noise: Callable[[Sequence[int]], Noise], *, reading: Reading, samples: int, per_pass: int
    ) -> Tensor:
        """Mean log p(x) over S dequantisations, L_S, the mean again, and the means of its two terms."""
        sums = torch.zeros(2, len(x), dtype=torch.float64, device=x.device)
        weighted = ImportanceWeightedBound()
        for first in range(0, samples, per_pass):
            numbers = range(first, min(first + per_pass, samples))
            uniform = torch.special.ndtr(noise(numbers)("inference", 0, self.image_shape))
            pixels = x.repeat(len(numbers), 1, 1, 1) * (LEVELS - 1) + uniform
            terms = self.log_terms(pixels).double().unflatten(1, (len(numbers), len(x)))
            sums += terms.sum(1)
            weighted.update(terms.sum(0))
        mean, terms = sums.sum(0) / samples, sums / samples
        return torch.stack([mean, weighted.value(), mean, *terms], dim=1)

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Images of z ~ N(0, I), (n, channel, height, width) in [0, 1]."""
        z = torch.randn(n, math.prod(self.image_shape), generator=generator, device=generator.device)
        return self.inverse(z).floor().clamp(0, LEVELS - 1) / (LEVELS - 1)

    def _dequantised(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Images in [0, 1] as pixels in [0, 256), with fresh noise."""
        return x * (LEVELS - 1) + uniforms(x.shape, generator)

    def _sizes(self) -> list[int]:
        """Dimensions of each part of z."""
        left = math.prod(self.image_shape)
        parts = [left // 2**level for level in range(1, len(self.scales))]
        return [*parts, left - sum(parts)]

    def _map(self, part: Tensor, level: int, halves: int) -> Tensor:
        """A part of z as the feature map it left, whose channels it had one of `halves` of."""
        channels, height, width = self.image_shape
        side = 2 ** (level + 1)
        return part.unflatten(1, (channels * 4 * 2**level // halves, height // side, width // side))
