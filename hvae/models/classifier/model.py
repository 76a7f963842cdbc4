"""A classifier under the contract of models: a small convolutional network and one of the heads."""

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn

from hvae.config import TrainingConfig
from hvae.models.classifier.config import ClassifierConfig
from hvae.models.classifier.heads import HEADS
from hvae.models.contract import Model, Objective, Weights
from hvae.models.latents import Noise
from hvae.models.proposal import Reading


class Classifier(Model):
    """Features of an image and what a head makes of them. No layer looks at other images of a batch."""

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = config.image_shape[0]
        for channels in config.channels:
            first, second = nn.Conv2d(before, channels, 3, 2, 1), nn.Conv2d(channels, channels, 3, 1, 1)
            layers += [first, nn.ReLU(), second, nn.ReLU()]
            before = channels
        for layer in layers:
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        self.network = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = HEADS[config.head](config)

    @property
    def latent_shapes(self) -> tuple[tuple[int, ...], ...]:
        """That of the bottleneck, where the head has one."""
        return self.head.latent_shapes

    def objective(
        self, x: Tensor, labels: Tensor, generator: torch.Generator, training: TrainingConfig, weights: Weights
    ) -> Objective:
        """The loss of the head, and with the sign changed what takes the place of a likelihood."""
        losses = self.head.told(self.network(x), labels, generator).losses
        return Objective(losses.mean(), -losses, losses.new_empty(0, len(x)))

    def validate(self, batches: Iterable[tuple[Tensor, Tensor]], generator: torch.Generator) -> dict[str, float]:
        """Minus the mean loss, which checkpoints are chosen by, and how often the label is told right."""
        told = [self.head.told(self.network(x), labels, generator) for x, labels in batches]
        means = {
            "elbo": -float(torch.cat([one.losses for one in told]).double().mean()),
            "accuracy": float(torch.cat([one.right for one in told]).double().mean()),
        }
        rates = [one.rates for one in told if one.rates is not None]
        return means | ({"rate": float(torch.cat(rates).double().mean())} if rates else {})

    def settle(self, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Fit the detectors of the head to training images."""
        self.head.settle(self.network, batches)

    def first_not_finite(self, x: Tensor, generator: torch.Generator) -> str:
        """The features or the loss."""
        return "the loss" if torch.isfinite(self.network(x)).all() else "a feature"

    def measure(
        self, x: Tensor, noise: Callable[[Sequence[int]], Noise], *, reading: Reading, samples: int, per_pass: int
    ) -> Tensor:
        """What the head measures; readings play no part."""
        return torch.stack(self.head.measure(self.network, x, noise, samples), dim=1).double()
