"""A hierarchical VAE under the contract of models: trained by its ELBO, measured by one sweep of all its bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from hvae.config import TrainingConfig
from hvae.models.blocks import data_dependent_initialisation
from hvae.models.bounds import ImportanceWeightedBound, Sweep
from hvae.models.contract import Model, Objective
from hvae.models.hierarchical import HierarchicalVAE
from hvae.models.latents import Noise, generator_noise
from hvae.models.objectives import beta_at, first_not_finite, free_nats_at, objective
from hvae.models.proposal import Reading, elbo_proposal

ACTIVE_VARIANCE = 0.01
"""A unit is active if its posterior mean varies more than this over images (Burda et al., 2016)."""


class HierarchicalModel(HierarchicalVAE, Model):
    """A hierarchical VAE of any family as trainer and scorer see it; the same weights as `HierarchicalVAE`."""

    def initialise(self, x: Tensor, generator: torch.Generator) -> None:
        """Data-dependent initialisation of the weight norm."""
        with data_dependent_initialisation(self):
            self._pass(x, generator)

    def objective(
        self, x: Tensor, labels: Tensor, generator: torch.Generator, training: TrainingConfig, progress: float
    ) -> Objective:
        """The ELBO with free bits and warm-up."""
        return objective(self._pass(x, generator), x, training, progress)

    def schedule(self, training: TrainingConfig, progress: float) -> dict[str, float]:
        """Weight of the divergences, and their floor in nats per position."""
        return {"beta": beta_at(progress, training), "free_nats": free_nats_at(progress, training.free_bits)}

    def validate(self, batches: Iterable[tuple[Tensor, Tensor]], generator: torch.Generator) -> dict[str, float]:
        """ELBO and its terms in nats, and the active units of each layer."""
        totals: list[Tensor] = []
        means: list[list[Tensor]] = [[] for _ in range(self.depth)]
        for x, _ in batches:
            result = self._pass(x, generator)
            ratios = [latent.log_ratio() for latent in result.latents]
            totals.append(torch.stack([result.log_likelihood(x)[0], *ratios]))
            for layer, latent in enumerate(result.latents):
                means[layer].append(latent.posterior.loc.flatten(1))
        terms = torch.cat(totals, 1).double().mean(1)
        row = {"elbo": float(terms.sum()), "log_px": float(terms[0])}
        for layer in range(1, self.depth + 1):
            row[f"log_ratio_{layer}"] = float(terms[layer])
            row[f"active_units_{layer}"] = int((torch.cat(means[layer - 1]).var(0) > ACTIVE_VARIANCE).sum())
        return row

    def first_not_finite(self, x: Tensor, generator: torch.Generator) -> str:
        """The first of q, p, log r and log p(x|z) that is not finite, in the order of the walks."""
        return first_not_finite(self._pass(x, generator))

    def measure(
        self, x: Tensor, noise: Callable[[Sequence[int]], Noise], *, reading: Reading, samples: int, per_pass: int
    ) -> Tensor:
        """ELBO, L_S, every L^{>k} (from the first sample, the rest from all S), log p(x|z) and every log r_l."""
        sums = torch.zeros(self.depth + 2, len(x), dtype=torch.float64, device=x.device)
        weighted = ImportanceWeightedBound()
        bounds: list[Tensor] = []
        groups = [[0], *(list(range(s, min(s + per_pass, samples))) for s in range(1, samples, per_pass))]
        for group in groups:
            sweep = Sweep(self, x, noise(group))
            proposal = elbo_proposal(self.depth)
            ratios = [ratio for ratio in sweep.log_ratios(proposal) if ratio is not None]
            terms = torch.stack([sweep.log_likelihood(proposal), *ratios]).double()
            log_weights = terms.sum(0, keepdim=True)
            sums += torch.cat([log_weights, terms]).sum(1)
            weighted.update(log_weights[0])
            if group == [0]:
                bounds = [sweep.bound(k, reading)[0].double() for k in range(1, self.depth + 1)]
        means = sums / samples
        return torch.stack([means[0], weighted.value(), *bounds, *means[1:]], dim=1)

    def _pass(self, x: Tensor, generator: torch.Generator) -> Any:
        """Both walks with every z from its posterior: a `Pass` in which no posterior or log-ratio is None."""
        return self(x, elbo_proposal(self.depth), generator_noise(len(x), generator))
