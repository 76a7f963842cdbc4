"""What the two walks hand on: evidence upward, latents and the whole pass downward."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor
from torch.distributions import Distribution, Normal

from hvae.models.drawing import normals
from hvae.models.proposal import Draw

Walk = Literal["inference", "generation"]
LayerNoise = Callable[[], Tensor]
"""Standard-normal noise of one layer and walk, (lanes, *latent); called only where something is sampled."""


class Noise(Protocol):
    """Standard-normal noise for the reparameterised draws of one pass.

    Calling it twice with the same walk and layer gives the same tensor, so that every proposal evaluated with one
    noise shares its random numbers (the two terms of LLR^{>k} then cancel most of their variance).
    """

    lanes: int
    """Length of the leading axis of every draw: sample x batch, sample-major."""

    def __call__(self, walk: Walk, layer: int, shape: tuple[int, ...]) -> Tensor:
        """Noise of shape (lanes, *shape) for layer `layer` (0 = lowest)."""
        ...


class SharedNoise:
    """Noise from a source of standard-normal tensors by shape, drawn once per walk and layer and then remembered."""

    def __init__(self, lanes: int, source: Callable[[tuple[int, ...]], Tensor]) -> None:
        self.lanes, self._source = lanes, source
        self._drawn: dict[tuple[Walk, int], Tensor] = {}

    def __call__(self, walk: Walk, layer: int, shape: tuple[int, ...]) -> Tensor:
        """Noise of shape (lanes, *shape)."""
        if (walk, layer) not in self._drawn:
            self._drawn[walk, layer] = self._source((self.lanes, *shape))
        return self._drawn[walk, layer]


def generator_noise(lanes: int, generator: torch.Generator) -> SharedNoise:
    """Noise from an explicit generator, on the generator's device."""
    return SharedNoise(lanes, lambda shape: normals(shape, generator))


def align(tensor: Tensor, lanes: int) -> Tensor:
    """Repeat a tensor of fewer lanes along its first axis.

    Lanes are sample-major, so a tensor that does not depend on the sample stays at one lane per image (or one lane in
    all, below a prior mean) until something sampled needs it: what the samples share is computed once.
    """
    if tensor.shape[0] == lanes or lanes == 1:
        return tensor
    return tensor.repeat(lanes // tensor.shape[0], *(1,) * (tensor.ndim - 1))


def _log_density(distribution: Normal, z: Tensor) -> Tensor:
    """Log-density of each element of z, (lanes, *latent) in nats, under a Gaussian of as many lanes or fewer."""
    return distribution.log_prob(z.unflatten(0, (-1, len(distribution.loc)))).flatten(0, 1)


def draw_from(distribution: Normal, draw: Draw, noise: LayerNoise) -> Tensor:
    """The mean of a Gaussian over (lanes or fewer, *latent), or a reparameterised sample of it, (lanes, *latent)."""
    if not draw.sampled:
        return distribution.loc
    standard = noise()
    lanes = len(standard)
    return torch.addcmul(align(distribution.loc, lanes), align(distribution.scale, lanes), standard)


@dataclass(frozen=True)
class Evidence:
    """What one stage's inference hands to the stage above and to its own generation.

    Attributes:
        features: (lanes, ...) input of the next stage.
        skip: (lanes, ...) deterministic features that also feed the next stage past z; None without skips.
        posterior: q(z_l | .), None where q needs the generative walk (ladder and bidirectional models).
        z: (lanes, ...) the draw of the inference walk, None where it draws nothing (ladder models).
        bottom_up: where q needs the generative walk, the Gaussian of this walk that q is made of.
        hidden: (lanes, ...) where q needs the generative walk, the deterministic features of this one.
    """

    features: Tensor
    skip: Tensor | None = None
    posterior: Normal | None = None
    z: Tensor | None = None
    bottom_up: Normal | None = None
    hidden: Tensor | None = None

    @property
    def deterministic(self) -> Tensor | None:
        """(lanes, ...) deterministic features of the stage; None where nothing but z is handed on."""
        return self.skip if self.hidden is None else self.hidden


@dataclass(frozen=True)
class Latent:
    """One latent variable z (lanes, *latent) of a pass, with its draw, q(z_l | .) and p(z_l | z_{>l}).

    There is no `posterior` where z came from the prior; the `prior` is of one lane at the top.
    """

    z: Tensor
    draw: Draw
    posterior: Normal | None
    prior: Normal

    def log_ratio_elements(self) -> Tensor | None:
        """log p(z|.) - log q(z|.) of each element, (lanes, *latent) in nats; None where z came from the prior."""
        if not self.draw.from_posterior or self.posterior is None:
            return None
        return _log_density(self.prior, self.z) - _log_density(self.posterior, self.z)

    def log_ratio(self) -> Tensor | None:
        """log r_l = log p(z_l|z_{>l}) - log q(z_l|.), (lanes,) in nats; None where z_l came from the prior."""
        elements = self.log_ratio_elements()
        return None if elements is None else elements.flatten(1).sum(1)


@dataclass(frozen=True)
class Pass:
    """One walk up and down the hierarchy under one proposal: latents, lowest first, and p(x | z), event = one image."""

    latents: tuple[Latent, ...]
    likelihood: Distribution

    def log_likelihood(self, x: Tensor, samples: int = 1) -> Tensor:
        """log p(x|z), (samples, batch) in nats, for images x of shape (batch, channel, height, width)."""
        batch = len(x)
        copies = samples if self.likelihood.batch_shape[0] == samples * batch else 1
        likelihood = self.likelihood.expand(torch.Size((copies * batch,)))
        return likelihood.log_prob(x.repeat(copies, 1, 1, 1)).view(copies, batch).expand(samples, batch)

    def log_ratios(self, samples: int, batch: int) -> tuple[Tensor | None, ...]:
        """log r_l of every layer, lowest first, each (samples, batch) in nats or None where z_l came from the prior."""
        ratios = (latent.log_ratio() for latent in self.latents)
        return tuple(None if ratio is None else align(ratio, samples * batch).view(samples, batch) for ratio in ratios)
