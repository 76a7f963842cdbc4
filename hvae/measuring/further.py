"""Further statistics of a score table: what costs passes of its own and so is measured where it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hvae.config import ModelConfig
from hvae.measuring.regret import likelihood_regret
from hvae.models.bounds import Sweep
from hvae.models.hierarchical import HierarchicalVAE
from hvae.models.latents import Noise
from hvae.models.proposal import mean_proposal
from hvae.scores import at_every_level

Noises = Callable[[Sequence[int]], Noise]
"""Noise of importance samples by their numbers, the same for the same."""


@dataclass(frozen=True)
class Further:
    """Statistics that `hvae score --also` adds to a table, named as the score that is made of them."""

    name: str
    measure: Callable[[HierarchicalVAE, Tensor, Noises], Tensor]
    """Of one batch and draw, `(batch, columns)` float64."""
    depth: int = 1
    """Latent layers that a model has to have at least."""
    same_given: bool = False
    """Whether q and p of every layer have to depend on the same latents, so that their divergence is in closed form."""
    images: int | None = None
    """Of how many images of a table, spread evenly; None for all."""

    def columns(self, depth: int) -> list[str]:
        """Their names in a model of so many latent layers: all that the score takes at any level."""
        return [column for score in at_every_level(self.name, depth) for column in score.columns(depth)]

    def obstacle(self, model: ModelConfig) -> str | None:
        """Why a model does not have them, None where it does."""
        if model.depth < self.depth:
            return f"it takes a model of at least {self.depth} latent layers, this {model.title} has {model.depth}"
        if self.same_given and model.depth > 1 and model.inference not in ("ladder", "top-down"):
            return (
                "it takes divergences in closed form, which a hierarchy inferred from the bottom up has not: a VAE of "
                f"one layer or a ladder, not this {model.title} of {model.depth}"
            )
        return None

    def rows(self, count: int) -> np.ndarray:
        """Which rows of a table of so many images they are measured of."""
        few = count if self.images is None else min(count, self.images)
        return np.linspace(0, count - 1, few).round().astype(int)


def complementary_bounds(model: HierarchicalVAE, x: Tensor, noise: Noises) -> Tensor:
    """L^{<l} of the first importance sample, l = 1 ... L - 1, `(batch, L - 1)` in nats."""
    sweep = Sweep(model, x, noise([0]))
    return torch.stack([sweep.complementary_bound(level)[0].double() for level in range(1, model.depth)], dim=1)


def likelihood_path(model: HierarchicalVAE, x: Tensor, noise: Noises) -> Tensor:
    """|x - E[x|z]|, then |mu_l| and |sigma_l| of every q(z_l|.), each z at its mean: `(batch, 1 + 2 L)`.

    Norms of the sufficient statistics on the way from x to log p(x|z), Huang et al. (2024), "The Likelihood Path
    Principle".
    """
    result = model(x, mean_proposal(model.depth), noise([0]))
    of_layers = [(latent.posterior.loc, latent.posterior.scale) for latent in result.latents if latent.posterior]
    means, scales = zip(*of_layers, strict=True)
    statistics = [x - result.likelihood.mean, *means, *scales]
    return torch.stack([one.double().flatten(1).norm(dim=1) for one in statistics], dim=1)


FURTHER = {
    further.name: further
    for further in (
        Further("complementary", complementary_bounds, depth=2),
        Further("lpath", likelihood_path),
        Further("regret", likelihood_regret, same_given=True, images=1000),
    )
}
"""By the name of the score."""
