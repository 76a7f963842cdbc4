"""Interventions: one latent of a pass exchanged, drawn anew or moved, while the walk below it goes on as it does.

Each is a change of the proposal at that layer, so the log-ratios of the pass still add up to a bound on log p(x): an
exchanged latent is priced by the q that drew it, a moved one by q moved along, and one from the prior not at all.
"""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor
from torch.distributions import Normal

from hvae.errors import HvaeError
from hvae.models.latents import Latent, align, draw_from
from hvae.models.proposal import Draw

Change = Callable[[Latent], Latent]
"""What a latent variable becomes before the stages below it read it."""


def exchanged(donor: Latent) -> Change:
    """The z of another pass, of as many lanes or a divisor of them, with the q that drew it there."""
    return lambda own: replace(donor, prior=own.prior)


def from_prior(standard: Tensor) -> Change:
    """A sample of the conditional prior p(z_l | z_{>l}) by standard-normal noise `(lanes, *latent)`."""
    return lambda own: Latent(draw_from(own.prior, Draw.PRIOR, lambda: standard), Draw.PRIOR, None, own.prior)


def moved(unit: int, steps: Tensor) -> Change:
    """One unit (of a map, a channel at every place) moved by `steps` `(lanes,)` in standard deviations of its prior."""

    def change(own: Latent) -> Latent:
        if not 0 <= unit < own.z.shape[1]:
            raise HvaeError(f"there is no unit {unit}: this layer has {own.z.shape[1]}, counted from 0")
        lanes = max(len(steps), len(own.z))
        far = torch.zeros_like(align(own.z, lanes))
        deviations = align(own.prior.scale, lanes)[:, unit]
        far[:, unit] = deviations * align(steps, lanes).reshape(-1, *(1,) * (deviations.ndim - 1))
        posterior = own.posterior and Normal(
            align(own.posterior.loc, lanes) + far, align(own.posterior.scale, lanes), validate_args=False
        )
        return replace(own, z=align(own.z, lanes) + far, posterior=posterior)

    return change
