"""What a classifier is trained for, and what it measures of an image: one head each.

Labels are (batch,) int64; -1 is that of an outlier, as in `pytorch-ood`, whose losses and detectors are used where it
has them. Features are (batch, feature).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from pytorch_ood.detector import Mahalanobis, MaxSoftmax
from pytorch_ood.detector.odin import odin_preprocessing
from pytorch_ood.loss import BackgroundClassLoss, OutlierExposureLoss
from torch import Tensor, nn
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from hvae.models.classifier.config import ClassifierConfig
from hvae.models.drawing import normals
from hvae.models.latents import Noise

Network = Callable[[Tensor], Tensor]
"""Images to features."""
NoiseOf = Callable[[Sequence[int]], Noise]


class Told(NamedTuple):
    """What a head says of labelled images."""

    losses: Tensor
    """(batch,) what is minimised, in nats."""
    right: Tensor
    """(batch,) whether the label is told right; an outlier without a label is."""
    rates: Tensor | None = None
    """(batch,) nats through the bottleneck."""


class Head(nn.Module, ABC):
    """From features to a loss, and to the statistics of an image."""

    latent_shapes: tuple[tuple[int, ...], ...] = ()

    @abstractmethod
    def told(self, features: Tensor, labels: Tensor, generator: torch.Generator) -> Told:
        """Losses of labelled images."""

    @abstractmethod
    def measure(self, network: Network, x: Tensor, noise: NoiseOf, samples: int) -> list[Tensor]:
        """The columns of `ClassifierConfig.measured`, (batch,) float64 each."""

    def settle(self, network: Network, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Fit to training images what follows from the weights."""


class Softmax(Head):
    """log p(y|x) of the classes alone, with two detectors that take the network.

    ODIN (Liang et al., 2018) and the Mahalanobis distance of the features (Lee et al., 2018).
    """

    means: Tensor
    precision: Tensor

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__()
        size = config.channels[-1]
        self.linear = nn.Linear(size, config.classes)
        self.temperature, self.epsilon = config.temperature, config.epsilon
        self.register_buffer("means", torch.zeros(config.classes, size))
        self.register_buffer("precision", torch.eye(size))

    def told(self, features: Tensor, labels: Tensor, generator: torch.Generator) -> Told:
        """Cross-entropy."""
        logits = self.linear(features).float()
        return Told(F.cross_entropy(logits, labels, reduction="none"), logits.argmax(1) == labels)

    def measure(self, network: Network, x: Tensor, noise: NoiseOf, samples: int) -> list[Tensor]:
        """log p(y|x) of every class, ODIN, and half the squared distance of the features to the nearest class."""
        features = network(x)
        log_p = F.log_softmax(self.linear(features).double(), 1)
        detector = Mahalanobis(None)
        detector.mu, detector.precision = self.means.double(), self.precision.double()
        return [*log_p.unbind(1), self._odin(network, x), detector.predict_features(features.double())]

    def _odin(self, network: Network, x: Tensor) -> Tensor:
        """-log of ODIN's confidence, (batch,): of the softmax at T, after a step towards more of it."""

        def logits(images: Tensor) -> Tensor:
            return self.linear(network(images)).float()

        # Inference mode forbids gradients; the step is by their signs, so the sum over the batch serves as the mean.
        with torch.inference_mode(False):
            moved = odin_preprocessing(
                cast(nn.Module, logits),
                x.clone(),
                criterion=cast(Callable[[Tensor], Tensor], partial(F.cross_entropy, reduction="sum")),
                eps=self.epsilon,
                temperature=self.temperature,
            )
        return -(-MaxSoftmax.score(logits(moved).double(), self.temperature)).log()

    @torch.no_grad()
    def settle(self, network: Network, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Class means and common covariance of the features."""
        known = list(batches)
        labels = torch.cat([labels for _, labels in known])
        fitted = Mahalanobis(None).fit_features(torch.cat([network(x).float() for x, _ in known]), labels)
        self.means.copy_(fitted.mu)
        # There the covariance is a sum over the images, here a mean, so that distances are in standard deviations.
        self.precision.copy_(fitted.precision * len(labels))


class Outliers(Head):
    """log p(y|x) of the classes, and for outliers of each the same: Hendrycks et al. (2019), Lee et al. (2018)."""

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__()
        self.linear = nn.Linear(config.channels[-1], config.classes)
        self.loss = OutlierExposureLoss(alpha=config.outlier_weight, reduction="none")

    def told(self, features: Tensor, labels: Tensor, generator: torch.Generator) -> Told:
        """Cross-entropy, with the labels or with the uniform distribution."""
        logits = self.linear(features).float()
        return Told(self.loss(logits, labels), (logits.argmax(1) == labels) | (labels < 0))

    def measure(self, network: Network, x: Tensor, noise: NoiseOf, samples: int) -> list[Tensor]:
        """Log-probability of the likeliest class."""
        return [F.log_softmax(self.linear(network(x)).double(), 1).amax(1)]


class NoiseClass(Head):
    """One class more, that of the outliers."""

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__()
        self.linear = nn.Linear(config.channels[-1], config.classes + 1)
        self.loss = BackgroundClassLoss(config.classes, reduction="none")

    def told(self, features: Tensor, labels: Tensor, generator: torch.Generator) -> Told:
        """Cross-entropy."""
        logits = self.linear(features).float()
        told, classes = logits.argmax(1), logits.shape[1] - 1
        return Told(self.loss(logits, labels), told == torch.where(labels < 0, classes, labels))

    def measure(self, network: Network, x: Tensor, noise: NoiseOf, samples: int) -> list[Tensor]:
        """Log-probability of the likeliest class but that of the outliers."""
        return [F.log_softmax(self.linear(network(x)).double(), 1)[:, :-1].amax(1)]


class Binary(Head):
    """Outlier or not; labels play no part."""

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__()
        self.linear = nn.Linear(config.channels[-1], 1)

    def told(self, features: Tensor, labels: Tensor, generator: torch.Generator) -> Told:
        """Cross-entropy of two classes."""
        logits, outlier = self.linear(features).float().squeeze(1), labels < 0
        losses = F.binary_cross_entropy_with_logits(logits, outlier.float(), reduction="none")
        return Told(losses, (logits > 0) == outlier)

    def measure(self, network: Network, x: Tensor, noise: NoiseOf, samples: int) -> list[Tensor]:
        """Log-odds of an outlier."""
        return [self.linear(network(x)).double().squeeze(1)]


class Bottleneck(Head):
    """Variational information bottleneck: log p(y|z), z ~ q(z|x), at a price for the rate KL(q(z|x) || m(z)).

    Alemi et al. (2017), eq. 17; the marginal m is a learnt mixture of Gaussians, as in Alemi et al. (2018).
    """

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__()
        size, count = config.bottleneck, config.components
        self.latent_shapes, self.rate_weight = ((size,),), config.rate_weight
        self.encoder = nn.Linear(config.channels[-1], 2 * size)
        self.linear = nn.Linear(size, config.classes)
        self.weights = nn.Parameter(torch.zeros(count))
        self.centres = nn.Parameter(torch.randn(count, size))
        self.spreads = nn.Parameter(torch.zeros(count, size))

    def told(self, features: Tensor, labels: Tensor, generator: torch.Generator) -> Told:
        """Cross-entropy and weighted rate at one sample of the bottleneck."""
        posterior = self._posterior(features)
        noise = normals(posterior.loc.shape, generator)
        z, rates = self._sampled(posterior, noise)
        logits = self.linear(z)
        losses = F.cross_entropy(logits, labels, reduction="none") + self.rate_weight * rates
        return Told(losses, logits.argmax(1) == labels, rates)

    def measure(self, network: Network, x: Tensor, noise: NoiseOf, samples: int) -> list[Tensor]:
        """The rate, the mean over the samples."""
        posterior = self._posterior(network(x))
        drawn = noise(range(samples))("inference", 0, self.latent_shapes[0])
        _, rates = self._sampled(posterior, drawn.unflatten(0, (samples, len(x))))
        return [rates.double().mean(0)]

    def _posterior(self, features: Tensor) -> Normal:
        mean, spread = self.encoder(features).float().chunk(2, dim=1)
        return Normal(mean, F.softplus(spread) + 1e-4)

    def _sampled(self, posterior: Normal, noise: Tensor) -> tuple[Tensor, Tensor]:
        """z (..., batch, unit) of some noise, and log q(z|x) - log m(z), (..., batch)."""
        z = posterior.loc + posterior.scale * noise
        parts = Independent(Normal(self.centres, F.softplus(self.spreads) + 1e-4), 1)
        marginal = MixtureSameFamily(Categorical(logits=self.weights), parts)
        return z, posterior.log_prob(z).sum(-1) - marginal.log_prob(z)


HEADS: dict[str, type[Head]] = {
    "softmax": Softmax,
    "vib": Bottleneck,
    "binary": Binary,
    "noise-class": NoiseClass,
    "outlier-exposure": Outliers,
    "calibrated": Outliers,
}
