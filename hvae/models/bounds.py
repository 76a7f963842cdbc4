"""Bounds on log p(x) of a hierarchical VAE, in nats.

The ELBO (Havtorn et al., 2021, eq. 1), its importance-weighted version L_S (eq. 9), the bound L^{>k} that draws the k
lowest latent variables from the conditional prior (eq. 5) in four readings, and the complementary bound L^{<l}.
"""

import math

import torch
from torch import Tensor

from hvae.models.hierarchical import HierarchicalVAE
from hvae.models.latents import Evidence, Noise, Pass
from hvae.models.proposal import Draw, Proposal, Reading, bound_proposal, complementary_proposal, elbo_proposal


class Sweep:
    """All bounds of one batch under one noise, sharing what they have in common.

    Inference walks that begin with the same draws share their steps, and q of the next layer too, so the lowest
    encoder stage runs once for every k and every sample. All bounds of a sweep share their random numbers.
    """

    def __init__(self, model: HierarchicalVAE, x: Tensor, noise: Noise) -> None:
        """A sweep over x (batch, channel, height, width) under noise of `samples * batch` lanes, sample-major."""
        samples, remainder = divmod(noise.lanes, len(x))
        if remainder or not samples:
            raise ValueError(f"{noise.lanes} lanes of noise are no multiple of a batch of {len(x)} images")
        self.model, self.x, self.noise, self.samples = model, x, noise, samples
        self._image = Evidence(features=x)
        # By the evidence below, not by the draws that led to it: where nothing is drawn, all walks are one.
        self._steps: dict[int, dict[Draw, Evidence]] = {}
        self._terms: dict[Proposal, tuple[Tensor, tuple[Tensor | None, ...]]] = {}

    def evidence(self, draws: tuple[Draw, ...]) -> tuple[Evidence, ...]:
        """Evidence of the inference walk under `draws`, lowest layer first."""
        walk = [self._image]
        for level, draw in enumerate(draws):
            known = self._steps.setdefault(id(walk[-1]), {})
            if draw not in known and known:
                known[draw] = self.model.redraw_layer(next(iter(known.values())), level, draw, self.noise)
            elif draw not in known:
                known[draw] = self.model.infer_layer(walk[-1], level, draw, self.noise)
            walk.append(known[draw])
        return tuple(walk[1:])

    def run(self, proposal: Proposal) -> Pass:
        """The pass under a proposal; what it holds is large, so only its terms are remembered."""
        return self.model.generate(proposal.generation, self.evidence(proposal.inference), self.noise)

    def log_likelihood(self, proposal: Proposal) -> Tensor:
        """log p(x|z), (samples, batch)."""
        return self._found(proposal)[0]

    def log_ratios(self, proposal: Proposal) -> tuple[Tensor | None, ...]:
        """log r_l per layer, lowest first, (samples, batch) or None where z_l came from the prior."""
        return self._found(proposal)[1]

    def _found(self, proposal: Proposal) -> tuple[Tensor, tuple[Tensor | None, ...]]:
        """log p(x|z) and every log r_l, computed once."""
        if proposal not in self._terms:
            found = self.run(proposal)
            self._terms[proposal] = (
                found.log_likelihood(self.x, self.samples),
                found.log_ratios(self.samples, len(self.x)),
            )
        return self._terms[proposal]

    def log_weights(self, proposal: Proposal) -> Tensor:
        """log w = log p(x|z) + sum of log r_l over the layers that q drew, (samples, batch)."""
        return self._weighed(proposal, proposal)

    def elbo(self) -> Tensor:
        """log w of the ELBO, eq. 1, (samples, batch); its mean over samples is L."""
        return self.log_weights(elbo_proposal(self.model.depth))

    def bound(self, k: int, reading: Reading = "mean") -> Tensor:
        """log w of L^{>k}, eq. 5, (samples, batch); its arithmetic mean over samples is L^{>k}.

        Importance-weighting it instead would drive it to log p(x), and LLR^{>k} to 0.
        """
        proposal = bound_proposal(self.model.depth, k, reading)
        return self._weighed(proposal, elbo_proposal(self.model.depth) if reading == "early-release" else proposal)

    def complementary_bound(self, level: int) -> Tensor:
        """log w of L^{<l}: the `level` lowest latents from q, the others from the prior, (samples, batch)."""
        return self.log_weights(complementary_proposal(self.model.depth, level))

    def _weighed(self, rebuilt: Proposal, inferred: Proposal) -> Tensor:
        """log p(x|z) of one proposal with the log-ratios of another, (samples, batch)."""
        return sum((ratio for ratio in self.log_ratios(inferred) if ratio is not None), self.log_likelihood(rebuilt))


class ImportanceWeightedBound:
    """L_S = log(1/S sum_s w_s), Havtorn et al. (2021), eq. 9, streamed over chunks of samples exactly."""

    def __init__(self) -> None:
        self._log_sum: Tensor | None = None
        self._samples = 0

    def update(self, log_weights: Tensor) -> None:
        """Add a chunk of log w, (samples, batch)."""
        chunk = log_weights.double().logsumexp(0)
        self._log_sum = chunk if self._log_sum is None else torch.logaddexp(self._log_sum, chunk)
        self._samples += len(log_weights)

    def value(self) -> Tensor:
        """L_S of everything added so far, (batch,) float64."""
        if self._log_sum is None:
            raise ValueError("L_S needs at least one sample")
        return self._log_sum - math.log(self._samples)
