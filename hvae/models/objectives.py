"""Training objective: the ELBO with free bits and a warm-up of the divergences, in nats per image."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from hvae.config import FreeBits, TrainingConfig
from hvae.models.latents import Latent, Pass


@dataclass(frozen=True)
class Objective:
    """One evaluation of the training objective.

    Attributes:
        loss: scalar, -(log p(x|z) - beta * sum_l floored divergence_l), mean over the minibatch.
        log_likelihood: (batch,) log p(x|z).
        log_ratios: log r_l per layer, lowest first, (batch,) each, without floor or warm-up.
    """

    loss: Tensor
    log_likelihood: Tensor
    log_ratios: tuple[Tensor, ...]

    @property
    def elbo(self) -> Tensor:
        """(batch,) the ELBO proper: no free bits, no warm-up."""
        return sum(self.log_ratios, self.log_likelihood)


def beta_at(progress: float, config: TrainingConfig) -> float:
    """Weight of the divergences at a fraction of training: 0 -> 1 linearly over the warm-up."""
    return 1.0 if config.beta_warm_up == 0 else min(1.0, progress / config.beta_warm_up)


def learning_rate_at(progress: float, steps: int, config: TrainingConfig) -> float:
    """Learning rate at a fraction of `steps` optimiser steps: a linear rise, then half a cosine or constant."""
    rising = config.learning_rate_warm_up * steps
    rise = min(1.0, (progress * steps + 1) / rising) if rising >= 1 else 1.0
    fall = 0.5 * (1 + math.cos(math.pi * progress)) if config.schedule == "cosine" else 1.0
    return config.learning_rate * rise * fall


def free_nats_at(progress: float, config: FreeBits) -> float:
    """Floor in nats per spatial position: constant, then linear to zero, both as fractions of training."""
    if progress < config.constant:
        return config.nats
    if progress >= config.gone:
        return 0.0
    return config.nats * (config.gone - progress) / (config.gone - config.constant)


def layer_floor(shape: tuple[int, ...], nats: float) -> float:
    """Total floor of a layer in nats: `nats` per spatial position of a latent of `shape` = (channel, height, width)."""
    positions = 1
    for size in shape[1:]:
        positions *= size
    return nats * positions


def floored_divergence(latent: Latent, config: FreeBits, nats: float) -> Tensor:
    """Divergence -log r_l with free bits, scalar: mean over the minibatch.

    Kingma et al. (2016), eq. 15, with its unit and its average made explicit; see `FreeBits`.
    """
    elements = latent.log_ratio_elements()
    if elements is None:
        raise ValueError("free bits need a latent drawn from the posterior")
    divergence = -elements.flatten(2) if elements.ndim > 2 else -elements.unsqueeze(-1)  # lanes, channel, position
    channels, positions = divergence.shape[1:]
    if config.unit == "layer":
        divergence, floor = divergence.sum((1, 2)), nats * positions
    elif config.unit == "channel":
        divergence, floor = divergence.sum(2), nats * positions / channels
    else:
        floor = nats / channels
    if config.average == "minibatch":
        return divergence.mean(0).clamp(min=floor).sum()
    return divergence.clamp(min=floor).reshape(len(divergence), -1).sum(1).mean()


def objective(result: Pass, x: Tensor, config: TrainingConfig, progress: float) -> Objective:
    """The objective of one pass with every z from the posterior.

    Args:
        result: of the model at `x` under `elbo_proposal`, one sample.
        x: (batch, channel, height, width) preprocessed images.
        config: of the training.
        progress: fraction of training done, in [0, 1].
    """
    log_likelihood = result.log_likelihood(x)[0]
    nats = free_nats_at(progress, config.free_bits)
    if nats > 0:
        divergences = [floored_divergence(latent, config.free_bits, nats) for latent in result.latents]
    else:
        divergences = [-_ratio(latent).mean() for latent in result.latents]
    loss = beta_at(progress, config) * sum(divergences) - log_likelihood.mean()
    return Objective(loss, log_likelihood, tuple(_ratio(latent) for latent in result.latents))


def _ratio(latent: Latent) -> Tensor:
    ratio = latent.log_ratio()
    if ratio is None:
        raise ValueError("the objective needs every latent drawn from the posterior")
    return ratio


def first_not_finite(result: Pass) -> str:
    """Where a pass first meets a value that is not finite, in the order of the walks: one NaN soon is in every term."""
    layers = list(enumerate(result.latents, start=1))
    met = [(f"q(z_{layer}|.) of layer z_{layer}", latent.posterior) for layer, latent in layers]
    met += [(f"p(z_{layer}|.) of layer z_{layer}", latent.prior) for layer, latent in reversed(layers)]
    for name, distribution in met:
        if distribution is not None and not torch.isfinite(distribution.loc + distribution.scale).all():
            return name
    for layer, latent in layers:
        ratio = latent.log_ratio()
        if ratio is not None and not torch.isfinite(ratio).all():
            return f"log r_{layer} of layer z_{layer}"
    return "log p(x|z) of the likelihood"
