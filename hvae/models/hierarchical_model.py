"""A hierarchical VAE under the contract of models: trained by its ELBO, measured by one sweep of all its bounds."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, distributed

from hvae.config import FreeBits, TrainingConfig
from hvae.models.blocks import data_dependent_initialisation
from hvae.models.bounds import ImportanceWeightedBound, Sweep
from hvae.models.contract import Model, Objective, Weights
from hvae.models.hierarchical import HierarchicalVAE
from hvae.models.latents import Latent, Noise, Pass, generator_noise
from hvae.models.proposal import Reading, elbo_proposal

ACTIVE_VARIANCE = 0.01
"""A unit is active if its posterior mean varies more than this over images (Burda et al., 2016)."""


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


def floored_divergence(latent: Latent, config: FreeBits, nats: float | Tensor) -> Tensor:
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
        return over_processes(divergence.mean(0)).clamp(min=floor).sum()
    return divergence.clamp(min=floor).reshape(len(divergence), -1).sum(1).mean()


def over_processes(mean: Tensor) -> Tensor:
    """The mean over the minibatch of all processes, each of which has the `mean` of its share.

    Its gradient is that of this share: processes average theirs.
    """
    if not (distributed.is_available() and distributed.is_initialized()):
        return mean
    whole = mean.detach().clone()
    distributed.all_reduce(whole)
    return mean + (whole / distributed.get_world_size() - mean.detach())


def objective(result: Pass, x: Tensor, config: TrainingConfig, weights: Weights) -> Objective:
    """The objective of one pass of x with every z from the posterior, under the `weights` of a schedule.

    Its loss is -(log p(x|z) - beta * sum_l floored divergence_l), mean over the minibatch.
    """
    log_likelihood = result.log_likelihood(x)[0]
    ratios = [ratio for latent in result.latents if (ratio := latent.log_ratio()) is not None]
    if len(ratios) < len(result.latents):
        raise ValueError("the objective needs every latent drawn from the posterior")
    nats = weights["free_nats"]
    if isinstance(nats, Tensor) or nats > 0:
        divergences = [floored_divergence(latent, config.free_bits, nats) for latent in result.latents]
    else:
        divergences = [-ratio.mean() for ratio in ratios]
    loss = weights["beta"] * sum(divergences) - log_likelihood.mean()
    return Objective(loss, log_likelihood, torch.stack(ratios))


class HierarchicalModel(HierarchicalVAE, Model):
    """A hierarchical VAE of any family as trainer and scorer see it; the same weights as `HierarchicalVAE`."""

    def initialise(self, x: Tensor, generator: torch.Generator) -> None:
        """Data-dependent initialisation of the weight norm."""
        with data_dependent_initialisation(self):
            self._pass(x, generator)

    def objective(
        self, x: Tensor, labels: Tensor, generator: torch.Generator, training: TrainingConfig, weights: Weights
    ) -> Objective:
        """The ELBO with free bits and warm-up."""
        return objective(self._pass(x, generator), x, training, weights)

    def schedule(self, training: TrainingConfig, progress: float) -> dict[str, float]:
        """Weight of the divergences, and their floor in nats per position."""
        return {"beta": beta_at(progress, training), "free_nats": free_nats_at(progress, training.free_bits)}

    def validate(self, batches: Iterable[tuple[Tensor, Tensor]], generator: torch.Generator) -> dict[str, float]:
        """ELBO and its terms in nats, and the active units of each layer."""
        totals: list[Tensor] = []
        means: list[list[Tensor]] = []
        for x, _ in batches:
            result = self._pass(x, generator)
            totals.append(torch.stack([result.log_likelihood(x)[0], *(one.log_ratio() for one in result.latents)]))
            means.append([latent.posterior.loc.flatten(1) for latent in result.latents])
        terms = torch.cat(totals, 1).double().mean(1)
        row = {"elbo": float(terms.sum()), "log_px": float(terms[0])}
        for layer, values in enumerate(zip(*means, strict=True), start=1):
            row[f"log_ratio_{layer}"] = float(terms[layer])
            row[f"active_units_{layer}"] = int((torch.cat(values).var(0) > ACTIVE_VARIANCE).sum())
        return row

    def first_not_finite(self, x: Tensor, generator: torch.Generator) -> str:
        """The first of q, p, log r and log p(x|z) that is not finite, in the order of the walks."""
        layers = list(enumerate(self._pass(x, generator).latents, start=1))
        met = [(f"q(z_{layer}|.) of layer z_{layer}", latent.posterior) for layer, latent in layers]
        met += [(f"p(z_{layer}|.) of layer z_{layer}", latent.prior) for layer, latent in reversed(layers)]
        for name, distribution in met:
            if not torch.isfinite(distribution.loc + distribution.scale).all():
                return name
        for layer, latent in layers:
            if not torch.isfinite(latent.log_ratio()).all():
                return f"log r_{layer} of layer z_{layer}"
        return "log p(x|z) of the likelihood"

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
