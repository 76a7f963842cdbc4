"""Likelihood regret: how much an encoder of one image's own gains over the encoder that all images share."""

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

import torch
from torch import Tensor
from torch.distributions import kl_divergence
from torch.func import functional_call, grad_and_value, vmap

from hvae.errors import HvaeError
from hvae.models.hierarchical import HierarchicalVAE
from hvae.models.latents import Noise, Pass, Walk, generator_noise
from hvae.models.proposal import elbo_proposal, sample_proposal
from hvae.scores.levels.regret import STEPS

RATE = 2e-4
"""Learning rate of Adam, as `STEPS` from the released code of Xiao et al. (2020)."""
LANES = 32
"""Encoders fitted side by side, always as many: no value depends on which images come together."""
_WALKS: tuple[Walk, ...] = ("inference", "generation")
Drawn = dict[tuple[Walk, int], Tensor]


def likelihood_regret(
    model: HierarchicalVAE, x: Tensor, noise: Callable[[Sequence[int]], Noise], steps: int = STEPS, rate: float = RATE
) -> Tensor:
    """max_phi L(x; theta, phi) - L(x; theta, phi*), Xiao et al. (2020), eq. 6, `(batch, 1)` in nats, never negative.

    Starting at phi* the encoder is fitted to each image alone, the decoder theta stays. L has the noise of the table's
    first sample at every step and the divergences in closed form: with one fixed draw the estimated ones have no upper
    bound in phi. The best step counts, the start among them.

    Raises:
        HvaeError: values that are not finite.
    """
    shared = noise([0])
    drawn: Drawn = {
        (walk, layer): shared(walk, layer, shape)
        for walk, (layer, shape) in product(_WALKS, enumerate(model.latent_shapes))
    }
    found = torch.cat([_fitted(model, *lanes, steps, rate) for lanes in _in_lanes(x, drawn)])[: len(x)]
    if not torch.isfinite(found).all():
        raise HvaeError("the likelihood regret is not finite: the weights of this run may be damaged")
    return found.double().unsqueeze(1)


def closed_form(model: HierarchicalVAE, x: Tensor, noise: Noise) -> Tensor:
    """log p(x|z) - sum_l KL(q(z_l|.) || p(z_l|.)), `(batch,)` in nats, where q and p depend on the same latents."""
    result = model(x, elbo_proposal(model.depth), noise)
    divergences = [
        kl_divergence(latent.posterior, latent.prior).flatten(1).sum(1)
        for latent in result.latents
        if latent.posterior is not None
    ]
    return result.log_likelihood(x)[0] - sum(divergences, torch.zeros_like(divergences[0]))


def inference_parameters(model: HierarchicalVAE, x: Tensor) -> dict[str, Tensor]:
    """The parameters that p(x, z) has no part in: phi. Images x only say of what shape they are."""
    named = {name: value.detach().requires_grad_() for name, value in model.named_parameters()}
    with torch.enable_grad():
        noise = generator_noise(len(x), torch.Generator(x.device).manual_seed(0))
        sampled: Pass = functional_call(model, named, (x, sample_proposal(model.depth), noise))
        touched = torch.autograd.grad(sampled.log_likelihood(x).sum(), list(named.values()), allow_unused=True)
    unused = zip(named.items(), touched, strict=True)
    return {name: value.detach() for (name, value), gradient in unused if gradient is None}


class _OneImage:
    """Noise of one lane, given beforehand."""

    lanes = 1

    def __init__(self, drawn: Drawn) -> None:
        self._drawn = drawn

    def __call__(self, walk: Walk, layer: int, shape: tuple[int, ...]) -> Tensor:
        return self._drawn[walk, layer].reshape(1, *shape)


def _fitted(model: HierarchicalVAE, x: Tensor, drawn: Drawn, steps: int, rate: float) -> Tensor:
    """The regret of each lane, `(lanes,)`."""
    own = inference_parameters(model, x)
    stacked = {name: value.expand(len(x), *value.shape).clone() for name, value in own.items()}

    def loss(phi: dict[str, Tensor], image: Tensor, eps: Drawn) -> Tensor:
        arguments: tuple[Any, ...] = (image.unsqueeze(0), _OneImage(eps))
        return -functional_call(_ClosedForm(model), {f"model.{name}": value for name, value in phi.items()}, arguments)

    losses = vmap(grad_and_value(loss))
    # Elementwise, so that one optimiser of all lanes is one of each.
    adam = torch.optim.Adam(stacked.values(), lr=rate)
    start = best = None
    for step in range(steps + 1):
        gradients, values = losses(stacked, x, drawn)
        start = values if start is None else start
        # A step that leads nowhere finite is no best one.
        best = values if best is None else torch.fmin(best, values)
        if step < steps:
            for name, value in stacked.items():
                value.grad = gradients[name]
            adam.step()
    assert start is not None and best is not None
    return start - best


class _ClosedForm(torch.nn.Module):
    """`closed_form` of one image, as a module whose parameters can be replaced."""

    def __init__(self, model: HierarchicalVAE) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor, noise: Noise) -> Tensor:
        return closed_form(self.model, x, noise)[0]


def _in_lanes(x: Tensor, drawn: Drawn) -> Iterator[tuple[Tensor, Drawn]]:
    """Images and their noise, `LANES` at a time, the last of them repeated to fill up."""
    index = torch.arange(-(-len(x) // LANES) * LANES, device=x.device).clamp(max=len(x) - 1)
    for part in index.split(LANES):
        yield x[part], {key: value[part] for key, value in drawn.items()}
