"""Stage of the very deep VAE (VDVAE), Child (2021): every level adds to one running state.

The upward walk is deterministic. The generative walk carries a state s from a learnt constant at the top to the image:
p(z_l | z_{>l}) reads s, q(z_l | x, z_{>l}) reads s beside the features of the image, and what is drawn is added to s.
Nothing is merged or dropped on the way, and each level begins by adding little, so no floor has to keep it alive.
"""

import math
from collections.abc import Callable
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import Normal

from hvae.models.blocks import Shape
from hvae.models.hierarchical_config import BlockConfig, HierarchicalConfig, LatentConfig
from hvae.models.latents import Evidence, LayerNoise, align, draw_from
from hvae.models.likelihoods import gaussian
from hvae.models.proposal import Draw
from hvae.models.stages.stage import Stage

Layer = TypeVar("Layer", nn.Linear, nn.Conv2d)


class StateBlock(nn.Module):
    """The state brought to another size and number of channels, then conv(act(conv(act(x)))) added to it.

    A stride of 2 averages over 2x2 pixels on the way up (`grows` false) and repeats each pixel on the way down.
    """

    def __init__(
        self, shape_in: Shape, config: BlockConfig, activation: Callable[[Tensor], Tensor], scale: float, *, grows: bool
    ) -> None:
        super().__init__()
        channels, kernel = config.channels, config.kernel
        self.activation, self.grows, self.stride = activation, grows, config.stride
        self.widen = nn.Conv2d(shape_in[0], channels, 1) if channels != shape_in[0] else None
        self.first = nn.Conv2d(channels, channels, kernel, padding="same")
        self.second = _scaled(nn.Conv2d(channels, channels, kernel, padding="same"), scale)
        factor = config.stride if grows else 1 / config.stride
        self.shape: Shape = (channels, *(int(side * factor) for side in shape_in[1:]))

    def forward(self, x: Tensor) -> Tensor:
        """(lanes, *shape_in) -> (lanes, *shape)."""
        if self.stride == 2 and not self.grows:
            x = F.avg_pool2d(x, 2)
        x = x if self.widen is None else self.widen(x)
        if self.stride == 2 and self.grows:
            x = F.interpolate(x, scale_factor=2, mode="nearest")
        return x + self.second(self.activation(self.first(self.activation(x))))


class StateGaussian(nn.Module):
    """A Gaussian from features, N(0, I) until it has learnt anything."""

    def __init__(self, shape_in: Shape, config: LatentConfig) -> None:
        super().__init__()
        self.is_dense, size = config.kind == "dense", config.size
        self.shape: Shape = (size,) if self.is_dense else (size, *shape_in[1:])
        if self.is_dense:
            self.parameters_of = _scaled(nn.Linear(math.prod(shape_in), 2 * size), 0.0)
        else:
            self.parameters_of = _scaled(nn.Conv2d(shape_in[0], 2 * size, 3, padding=1), 0.0)

    def forward(self, state: Tensor) -> Normal:
        """(lanes, *shape_in) -> Normal over (lanes, *shape)."""
        return gaussian(self.parameters_of(state.flatten(1) if self.is_dense else state))


class Addition(nn.Module):
    """What a latent adds to the state: a 1x1 convolution, or a dense layer for a vector."""

    def __init__(self, shape_in: Shape, shape_out: Shape, scale: float) -> None:
        super().__init__()
        self.shape = shape_out
        if len(shape_in) == 1:
            self.layer = _scaled(nn.Linear(shape_in[0], math.prod(shape_out)), scale)
        else:
            self.layer = _scaled(nn.Conv2d(shape_in[0], shape_out[0], 1), scale)

    def forward(self, z: Tensor) -> Tensor:
        """(lanes, *shape_in) -> (lanes, *shape)."""
        return self.layer(z).unflatten(1, self.shape) if z.ndim == 2 else self.layer(z)


def _scaled(layer: Layer, scale: float) -> Layer:
    """A fresh layer with its weights times `scale` and no bias."""
    with torch.no_grad():
        layer.weight.mul_(scale)
        nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer


class TopDownStage(Stage):
    """One latent variable that q and p both see from above, and the blocks from it to the level below."""

    def __init__(self, config: HierarchicalConfig, level: int, shape_in: Shape, skip_shape: Shape | None) -> None:
        super().__init__(config, level)
        stage, activation = config.stages[level], self.activation
        self.skip_shape = None
        # What is added to the state is scaled down by how often that is done, so that depth does not make it grow.
        scale = 1 / math.sqrt(sum(1 + len(one.blocks) for one in config.stages))
        up, shape = [], shape_in
        for block in stage.blocks:
            up.append(StateBlock(shape, block, activation, scale, grows=False))
            shape = up[-1].shape
        self.encoder = nn.ModuleList(up)
        self.evidence_shape = self.feature_shape = shape
        beside = BlockConfig(channels=shape[0])
        self.beside = StateBlock((2 * shape[0], *shape[1:]), beside, activation, 1.0, grows=False)
        self.posterior = StateGaussian(shape, stage.latent)
        self.conditional_prior = None if self.is_top else StateGaussian(shape, stage.latent)
        self.latent_shape = self.posterior.shape
        self.start = nn.Parameter(torch.zeros(1, *shape)) if self.is_top else None
        self.addition = Addition(self.latent_shape, shape, scale)
        down = []
        for place, block in reversed(list(enumerate(stage.blocks))):
            # As wide as what lies below; no features of the state have as few channels as an image.
            channels = stage.blocks[place - 1].channels if place else shape_in[0] if level else block.channels
            wanted = block.model_copy(update={"channels": channels})
            down.append(StateBlock(shape, wanted, activation, scale, grows=True))
            shape = down[-1].shape
        self.decoder = nn.ModuleList(down)
        self.hidden_shapes = tuple(block.shape for block in down) or (shape,)

    def infer(self, below: Evidence, draw: Draw, noise: LayerNoise) -> Evidence:
        """Features of the image; nothing is drawn."""
        h = below.features
        for block in self.encoder:
            h = block(h)
        return Evidence(features=h, hidden=h)

    def redraw(self, evidence: Evidence, draw: Draw, noise: LayerNoise) -> Evidence:
        """The same evidence: there is nothing to draw."""
        return evidence

    def infer_downward(
        self, evidence: Evidence, above: tuple[Tensor, ...], prior: Normal, draw: Draw, noise: LayerNoise
    ) -> tuple[Normal, Tensor]:
        """q(z_l | x, z_{>l}) from the state beside the features of the image, and its draw."""
        if evidence.hidden is None:
            raise ValueError("there are no features of the upward walk")
        h, state = evidence.hidden, self._state(above)
        lanes = max(len(h), len(state))
        merged = self.beside(torch.cat([align(h, lanes), align(state, lanes).to(h.dtype)], dim=1))
        posterior = self.posterior(self.activation(merged))
        return posterior, draw_from(posterior, draw, noise)

    def _state(self, above: tuple[Tensor, ...]) -> Tensor:
        return above[-1] if self.start is None else self.start

    def extend(self, above: tuple[Tensor, ...], z: Tensor) -> tuple[Tensor, ...]:
        """The state with z added, through the blocks to the level below."""
        state, added = self._state(above), self.addition(z)
        lanes = max(len(state), len(added))
        hidden = [align(state, lanes) + align(added, lanes)]
        for block in self.decoder:
            hidden.append(block(hidden[-1]))
        return tuple(hidden[1:] or hidden)
