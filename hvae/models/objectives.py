"""Training objective: the ELBO with free bits and a warm-up of the divergences, in nats per image."""

from __future__ import annotations

import torch
from torch import Tensor

from hvae.config import FreeBits, TrainingConfig
from hvae.models.contract import Objective
from hvae.models.latents import Latent, Pass


def beta_at(progress: float, config: TrainingConfig) -> float:
    """Weight of the divergences at a fraction of training: 0 -> 1 linearly over the warm-up."""
    return 1.0 if config.beta_warm_up == 0 else min(1.0, progress / config.beta_warm_up)


def free_nats_at(progress: float, config: FreeBits) -> float:
    """Floor in nats per spatial position: constant, then linear to zero, both as fractions of training."""
    if progress < config.constant:
        return config.nats
    if progress >= config.gone:
        return 0.0
    return config.nats * (config.gone - progress) / (config.gone - config.constant)


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
    """The objective of one pass of x with every z from the posterior, at a fraction `progress` of training.

    Its loss is -(log p(x|z) - beta * sum_l floored divergence_l), mean over the minibatch.
    """
    log_likelihood = result.log_likelihood(x)[0]
    ratios = [ratio for latent in result.latents if (ratio := latent.log_ratio()) is not None]
    if len(ratios) < len(result.latents):
        raise ValueError("the objective needs every latent drawn from the posterior")
    nats = free_nats_at(progress, config.free_bits)
    if nats > 0:
        divergences = [floored_divergence(latent, config.free_bits, nats) for latent in result.latents]
    else:
        divergences = [-ratio.mean() for ratio in ratios]
    loss = beta_at(progress, config) * sum(divergences) - log_likelihood.mean()
    return Objective(loss, log_likelihood, torch.stack(ratios))


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
