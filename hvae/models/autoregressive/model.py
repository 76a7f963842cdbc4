"""PixelCNN++ under the contract of models: trained by maximum likelihood, measured by its exact log p(x)."""

from collections.abc import Callable, Iterable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hvae.config import TrainingConfig
from hvae.models.autoregressive.config import AutoregressiveConfig
from hvae.models.autoregressive.layers import Doubled, Entrance, GatedStreams, Halved, Streams
from hvae.models.blocks import data_dependent_initialisation
from hvae.models.contract import Model, Objective, Weights
from hvae.models.latents import Noise
from hvae.models.likelihoods import LogisticMixtureLikelihood
from hvae.models.logistic_mixture import LEVELS, DiscretisedLogisticMixture
from hvae.models.proposal import Reading


class AutoregressiveModel(Model):
    """log p(x) = sum over pixels, row by row, of log p(pixel | pixels before it), Salimans et al. (2017).

    The channels of a pixel are one event of its discretised mixture of logistics. No noise takes part.
    """

    def __init__(self, config: AutoregressiveConfig, levels: int = LEVELS) -> None:
        """A network with fresh weights, for pixels of `levels` values."""
        super().__init__()
        channels, resolutions = config.channels, range(len(config.blocks))
        self.entrance = Entrance(config.image_shape[0], channels)
        self.down, self.up = (
            nn.ModuleList(
                nn.ModuleList(GatedStreams(channels, shortcut) for _ in range(blocks)) for blocks in config.blocks
            )
            for shortcut in (False, True)
        )
        self.halved = nn.ModuleList(Halved(channels) for _ in resolutions[1:])
        self.doubled = nn.ModuleList(Doubled(channels) for _ in resolutions[1:])
        shape = (channels, *config.image_shape[1:])
        self.likelihood = LogisticMixtureLikelihood(shape, config.image_shape, kernel=1, levels=levels)

    def forward(self, x: Tensor) -> DiscretisedLogisticMixture:
        """The distribution of every pixel of (batch, channel, height, width) in [0, 1], given those before it."""
        streams: Streams = self.entrance(x)
        shortcuts: list[Streams] = []
        for resolution, blocks in enumerate(self.down):
            if resolution:
                streams = self.halved[resolution - 1](streams)
            for block in blocks:  # type: ignore[attr-defined]
                streams = block(streams)
                shortcuts.append(streams)
        for resolution, blocks in reversed([*enumerate(self.up)]):
            for block in blocks:  # type: ignore[attr-defined]
                streams = block(streams, shortcuts.pop())
            if resolution:
                streams = self.doubled[resolution - 1](streams)
        return self.likelihood(F.elu(streams.horizontal))

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x), (batch,) in nats."""
        return self(x).log_prob(x)

    def initialise(self, x: Tensor, generator: torch.Generator) -> None:
        """Data-dependent initialisation of the weight norm."""
        with data_dependent_initialisation(self):
            self(x)

    def objective(
        self, x: Tensor, labels: Tensor, generator: torch.Generator, training: TrainingConfig, weights: Weights
    ) -> Objective:
        """Maximum likelihood."""
        values = self.log_prob(x)
        return Objective(-values.mean(), values, values.new_empty(0, len(x)))

    def validate(self, batches: Iterable[tuple[Tensor, Tensor]], generator: torch.Generator) -> dict[str, float]:
        """Mean log p(x) in nats."""
        mean = float(torch.cat([self.log_prob(x) for x, _ in batches]).double().mean())
        return {"elbo": mean, "log_px": mean}

    def measure(
        self, x: Tensor, noise: Callable[[Sequence[int]], Noise], *, reading: Reading, samples: int, per_pass: int
    ) -> Tensor:
        """log p(x) as the ELBO, L_S and itself: without latents nothing lies between them."""
        return self.log_prob(x).double().unsqueeze(1).expand(-1, 3)
