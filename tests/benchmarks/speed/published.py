"""The published procedure, written with our layers: what the speed of training and scoring is measured against.

As the released code computes: in fp32 and the usual layout of memory, weight norm and all at every call, transposed
convolutions, one full pass of the model for every importance sample and for every k, nothing shared between them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from hvae.models.blocks import SubPixelUpsample
from hvae.models.bounds import ImportanceWeightedBound
from hvae.models.hierarchical_model import HierarchicalModel
from hvae.models.latents import Noise
from hvae.models.proposal import Proposal, Reading, bound_proposal, elbo_proposal


class TransposedConvolution(nn.Module):
    """What a `SubPixelUpsample` computes, with its parameters, as PyTorch does it."""

    def __init__(self, layer: SubPixelUpsample) -> None:
        super().__init__()
        self.weight, self.bias = (nn.Parameter(one.detach().clone()) for one in (layer.weight, layer.bias))
        kernel = self.weight.shape[-1]
        self.crop = (kernel - 2) // 2 if kernel > 1 else 0

    def forward(self, x: Tensor) -> Tensor:
        """(lanes, channels_in, height, width) -> (lanes, channels_out, 2 height, 2 width)."""
        height, width = x.shape[2:]
        grown = F.conv_transpose2d(F.pad(x, (0, 1, 0, 1)), self.weight, self.bias, stride=2, padding=self.crop)
        return grown[:, :, : 2 * height, : 2 * width]


def published(model: HierarchicalModel) -> HierarchicalModel:
    """A copy of a model with the released layers, whose function is the same."""
    weights = {name: value.clone(memory_format=torch.contiguous_format) for name, value in model.state_dict().items()}
    # Not a deep copy, which shares its classes: folding the weight norm of the one would break the other.
    model = cast(HierarchicalModel, model.config.build()).train(model.training)
    model.load_state_dict(weights)
    for parent in [*model.modules()]:
        for name, layer in parent.named_children():
            if isinstance(layer, SubPixelUpsample):
                setattr(parent, name, weight_norm(TransposedConvolution(layer), dim=1))
    return model


def log_weight(model: HierarchicalModel, x: Tensor, noise: Noise, proposal: Proposal) -> tuple[Tensor, Tensor]:
    """One full pass: (log w, its terms log p(x|z) and log r_l, lowest first), (batch,) and (1 + layer, batch)."""
    found = model(x, proposal, noise)
    terms = torch.cat([found.log_likelihood(x), *(one for one in found.log_ratios(1, len(x)) if one is not None)])
    return terms.double().sum(0), terms.double()


def score(
    model: HierarchicalModel, x: Tensor, noise: Callable[[Sequence[int]], Noise], reading: Reading, samples: int
) -> Tensor:
    """The statistics that `HierarchicalModel.measure` gives for every reading but `early-release`, a pass for each."""
    weighted, passes = ImportanceWeightedBound(), []
    for sample in range(samples):
        passes.append(log_weight(model, x, noise([sample]), elbo_proposal(model.depth)))
        weighted.update(passes[-1][0].unsqueeze(0))
    bounds = [
        log_weight(model, x, noise([0]), bound_proposal(model.depth, k, reading))[0] for k in range(1, model.depth + 1)
    ]
    elbo, terms = (torch.stack(one).mean(0) for one in zip(*passes, strict=True))
    return torch.stack([elbo, weighted.value(), *bounds, *terms], dim=1)
