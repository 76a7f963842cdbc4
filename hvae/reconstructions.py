"""Reconstructions at every level of a hierarchy, and unconditional samples.

What an image becomes when its k lowest latent variables are forgotten and drawn from the conditional prior instead:
the pictures behind L^{>k} (Havtorn et al., 2021, eq. 5 and Fig. 1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution, Independent

from hvae.bounds import Sweep
from hvae.errors import HvaeError
from hvae.latents import Noise, align, generator_noise
from hvae.models.hierarchical import HierarchicalVAE
from hvae.proposal import Reading, bound_proposal, sample_proposal


@dataclass(frozen=True, eq=False)
class Reconstructions:
    """What one batch looks like with z_1 ... z_k from the prior, for k = 0 ... L along the first axis.

    Attributes:
        levels: `(L + 1, n, channel, height, width)` float32, the mean of p(x | z); k = 0 has every z from q.
        log_px: `(L + 1, n)` float32, log p(x | z) in nats.
        pixel_log_px: `(L + 1, n, channel, height, width)` float32, the same by pixel; its sum over a picture is
            `log_px`.
        bounds: `(L + 1, n)` float32, one draw of L^{>k} in nats; k = 0 is the ELBO.
    """

    levels: np.ndarray
    log_px: np.ndarray
    pixel_log_px: np.ndarray
    bounds: np.ndarray


@torch.no_grad()
def reconstruct(model: HierarchicalVAE, x: Tensor, noise: Noise, reading: Reading = "mean") -> Reconstructions:
    """Reconstructions of x with its k lowest latent variables from the prior, for every k = 0 ... L.

    All levels share their random numbers and the walks they have in common.

    Args:
        model: the model, in evaluation mode.
        x: `(n, channel, height, width)` float32 in [0, 1], preprocessed as the model was trained.
        noise: one lane an image.
        reading: how L^{>k} is read (see `hvae.proposal.bound_proposal`); `mean` and `early-release` take the prior's
            mean, `sample` and `auxiliary` a sample of it.

    Raises:
        HvaeError: images that are not of the model's shape, or noise of another number of lanes.
    """
    shape = model.config.image_shape
    if x.ndim != 4 or tuple(x.shape[1:]) != tuple(shape):
        raise HvaeError(
            f"images of shape {tuple(x.shape)} do not fit this model: it takes (n, {', '.join(map(str, shape))})"
        )
    if noise.lanes != len(x):
        raise HvaeError(f"{len(x)} images need {len(x)} lanes of noise, one each, not {noise.lanes}")
    sweep = Sweep(model, x, noise)
    levels, log_px, pixels, bounds = [], [], [], []
    for k in range(model.depth + 1):
        proposal = bound_proposal(model.depth, k, reading)
        likelihood = sweep.run(proposal).likelihood
        levels.append(align(likelihood.mean, len(x)))
        pixels.append(_pixel_log_prob(likelihood, x))
        log_px.append(sweep.log_likelihood(proposal)[0])
        bounds.append(sweep.bound(k, reading)[0])
    return Reconstructions(*(_stacked(parts) for parts in (levels, log_px, pixels, bounds)))


@torch.no_grad()
def unconditional_samples(model: HierarchicalVAE, n: int, generator: torch.Generator) -> np.ndarray:
    """Means of p(x | z) with every z from the prior, `(n, channel, height, width)` float32 in [0, 1].

    Args:
        model: the model, in evaluation mode.
        n: how many.
        generator: on the device of the model.

    Raises:
        HvaeError: n below 1.
    """
    if n < 1:
        raise HvaeError(f"asked for {n} samples: at least 1 is needed")
    sampled = model.generate(sample_proposal(model.depth).generation, None, generator_noise(n, generator))
    return sampled.likelihood.mean.clamp(0, 1).float().cpu().numpy()


def _pixel_log_prob(likelihood: Distribution, x: Tensor) -> Tensor:
    """log p(x | z) of each pixel, (n, channel, height, width); one lane serves every image."""
    assert isinstance(likelihood, Independent)
    return likelihood.base_dist.log_prob(x)


def _stacked(parts: list[Tensor]) -> np.ndarray:
    return torch.stack(parts).float().cpu().numpy()
