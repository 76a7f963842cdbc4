"""Hierarchies without activations and with constant scales, so that x and every z are jointly Gaussian."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from hvae.models.hierarchical import HierarchicalVAE
from hvae.models.hierarchical_config import Family, HierarchicalConfig, LatentConfig, StageConfig
from hvae.models.stages.residual import ResidualStage

IMAGE = (1, 2, 2)
PIXELS = 4


def linear_model(sizes: Sequence[int], seed: int = 0, family: Family = "bottom-up") -> HierarchicalVAE:
    """A random linear-Gaussian hierarchy with dense latents of these sizes, lowest first, and constant scales."""
    config = HierarchicalConfig(
        family=family,
        image_shape=IMAGE,
        stages=tuple(StageConfig(blocks=(), latent=LatentConfig(kind="dense", size=size)) for size in sizes),
        likelihood="gaussian",
        activation="identity",
        skips=False,
    )
    torch.manual_seed(seed)
    model = HierarchicalVAE(config).requires_grad_(False)
    for parameter in model.parameters():
        if parameter.ndim == 1:
            parameter.normal_(0, 0.3)
    freeze_scales(model)
    return model


def freeze_scales(model: HierarchicalVAE) -> None:
    """Make every scale of the model constant: the rows of its scale outputs get a gain of zero."""
    layers: list[nn.Module] = [model.likelihood.moments]
    for stage in stages_of(model):
        gaussians = [stage.posterior, stage.conditional_prior, getattr(stage, "downward_posterior", None)]
        layers += [layer.parameters_of for layer in gaussians if layer is not None]
    for layer in layers:
        gain = layer.parametrizations["weight"].original0
        gain[len(gain) // 2 :] = 0


def weaken(model: HierarchicalVAE, gain: float, scale: float) -> None:
    """Bring an untrained q near the posterior: x tells little of z, and every Gaussian of q has this scale."""
    for name, parameter in model.named_parameters():
        if name.endswith("original0"):
            parameter.mul_(gain)
    for stage in stages_of(model):
        for layer in (stage.posterior, getattr(stage, "downward_posterior", None)):
            if layer is not None:
                bias = layer.parameters_of.bias
                bias[len(bias) // 2 :] = float(raw_scale(np.array(scale)))


def stages_of(model: HierarchicalVAE) -> list[ResidualStage]:
    return [stage for stage in model.stages if isinstance(stage, ResidualStage)]


def set_weight(layer: nn.Module, rows: slice, weight: np.ndarray, bias: np.ndarray) -> None:
    """Set some rows of a weight-normed dense layer; a row of zeros keeps its direction and loses its gain."""
    matrix = torch.from_numpy(weight).float()
    length = matrix.norm(dim=1, keepdim=True)
    gain, direction = layer.parametrizations["weight"].original0, layer.parametrizations["weight"].original1
    gain[rows] = length
    direction[rows] = torch.where(length > 0, matrix, direction[rows])
    layer.bias[rows] = torch.from_numpy(bias).float()


def raw_scale(scale: np.ndarray) -> np.ndarray:
    """The parameter whose softplus of beta = ln 2 is this scale."""
    return np.log(np.expm1(np.log(2) * scale)) / np.log(2)
