"""Invertible layers of Glow (Kingma & Dhariwal, 2018) and their log-determinants.

Not those of `normflows` 1.7.3: its activation normalisation asks the device at every pass whether it is initialised
(a synchronisation a step on CUDA), its 1x1 convolution runs in bfloat16 or TF32 under autocast, which the inverse and
log-density do not survive, and is factorised by the deprecated `Tensor.lu`. Here the 1x1 convolutions of a scale are
made at once, each with its normalisation in one product, which spares a small model most of its kernel launches.

Every feature map is (batch, channel, height, width); only the networks of the couplings run under autocast.
"""

from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SMALLEST_DEVIATION = 1e-4
"""Channels are normalised as if they varied at least so much."""


def full_precision(x: Tensor) -> torch.autocast:
    """Without autocast on the device of x."""
    return torch.autocast(x.device.type, enabled=False)


def mix(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """A 1x1 convolution with weight (channel, channel), in the precision of x."""
    # As a matrix product over the last axis: convolutions of float32 are TF32 by default on CUDA, products are not.
    with full_precision(x):
        return F.linear(x.permute(0, 2, 3, 1), weight, bias).permute(0, 3, 1, 2)


class Mixings(nn.Module):
    """Activation normalisations (sec. 3.1) and invertible 1x1 convolutions P L U (sec. 3.2, eq. 10) of all steps.

    Step k maps each pixel to W_k ((x + offset_k) exp(log_scale_k)).
    """

    permutation: Tensor
    signs: Tensor

    def __init__(self, steps: int, channels: int) -> None:
        super().__init__()
        rotation, _ = torch.linalg.qr(torch.randn(steps, channels, channels))
        permutation, lower, upper = torch.linalg.lu(rotation)
        diagonal = upper.diagonal(dim1=1, dim2=2)
        self.register_buffer("permutation", permutation)
        self.register_buffer("signs", diagonal.sign())
        self.lower, self.upper = nn.Parameter(lower.tril(-1)), nn.Parameter(upper.triu(1))
        self.log_diagonal = nn.Parameter(diagonal.abs().log())
        self.offset = nn.Parameter(torch.zeros(steps, channels))
        self.log_scale = nn.Parameter(torch.zeros(steps, channels))

    def forward(self) -> tuple[Tensor, Tensor, Tensor]:
        """Weights (step, channel, channel), biases (step, channel), and log|det| of all steps for one pixel, ()."""
        with full_precision(self.offset):
            lower = self.lower.tril(-1) + torch.diag_embed(torch.ones_like(self.offset))
            upper = self.upper.triu(1) + torch.diag_embed(self.signs * self.log_diagonal.exp())
            weights = self.permutation @ lower @ upper * self.log_scale.exp().unsqueeze(1)
            return weights, (weights @ self.offset.unsqueeze(2)).squeeze(2), (self.log_diagonal + self.log_scale).sum()

    @torch.no_grad()
    def normalise(self, step: int, x: Tensor) -> None:
        """Data-dependent initialisation: every channel of x leaves the normalisation with mean 0 and variance 1."""
        self.offset[step] = -x.mean((0, 2, 3))
        self.log_scale[step] = -x.std((0, 2, 3)).clamp(min=SMALLEST_DEVIATION).log()


class Coupling(nn.Module):
    """A coupling (sec. 3.3): one half of the channels decides how the other is shifted, and where affine, scaled.

    Its network ends in zeros, so it begins as the same map for every image. Scales are below 1, as released.
    """

    def __init__(self, channels: int, hidden: int, affine: bool) -> None:
        super().__init__()
        half = channels // 2
        self.affine = affine
        first, middle = nn.Conv2d(half, hidden, 3, padding=1), nn.Conv2d(hidden, hidden, 1)
        last = nn.Conv2d(hidden, 2 * half if affine else half, 3, padding=1)
        self.network = nn.Sequential(first, nn.ReLU(), middle, nn.ReLU(), last)
        for layer in (first, middle, last):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        nn.init.zeros_(last.weight)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """The feature map after the coupling, and log|det| (batch,); None where it is 0."""
        kept, changed = x.chunk(2, dim=1)
        shift, log_scale = self._decided(kept)
        if log_scale is None:
            return torch.cat([kept, changed + shift], dim=1), None
        return torch.cat([kept, (changed + shift) * log_scale.exp()], dim=1), log_scale.flatten(1).sum(1)

    def inverse(self, y: Tensor) -> Tensor:
        """The feature map before the coupling."""
        kept, changed = y.chunk(2, dim=1)
        shift, log_scale = self._decided(kept)
        return torch.cat([kept, (changed if log_scale is None else changed / log_scale.exp()) - shift], dim=1)

    def _decided(self, kept: Tensor) -> tuple[Tensor, Tensor | None]:
        """Shift, and logarithm of the scale."""
        out = self.network(kept).to(kept.dtype)
        if not self.affine:
            return out, None
        shift, raw = out.chunk(2, dim=1)
        return shift, F.logsigmoid(raw + 2)


class Scale(nn.Module):
    """One scale: the image halved into four times the channels (squeezed), then steps of flow.

    Half of the channels then leave as a part of z, so the last coupling is the learnt prior of what leaves given what
    goes on (sec. 3.5): z is standard normal in all its dimensions.
    """

    def __init__(self, steps: int, channels: int, hidden: int, affine: bool) -> None:
        super().__init__()
        self.mixings = Mixings(steps, channels)
        couplings = nn.ModuleList(Coupling(channels, hidden, affine) for _ in range(steps))
        self.couplings = cast(Sequence[Coupling], couplings)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, channels / 4, 2 height, 2 width) to (batch, channels, height, width), and log|det| (batch,)."""
        y = self._squeezed(x)
        weights, biases, log_det = self.mixings()
        log_dets = [(log_det * (y.shape[2] * y.shape[3])).expand(len(y))]
        for weight, bias, coupling in zip(weights.unbind(), biases.unbind(), self.couplings, strict=True):
            y, volume = coupling(mix(y, weight, bias))
            log_dets += [] if volume is None else [volume]
        return y, torch.stack(log_dets).sum(0)

    def inverse(self, y: Tensor) -> Tensor:
        """The feature map before the scale."""
        weights, biases, _ = self.mixings()
        # Inverted in double precision: what many steps lose adds up.
        inverses = torch.linalg.inv(weights.double())
        backward = zip(inverses.unbind(), biases.unbind(), self.couplings, strict=True)
        for inverse, bias, coupling in reversed(list(backward)):
            y = mix(coupling.inverse(y).double(), inverse, -(inverse @ bias.double())).to(y.dtype)
        return F.pixel_shuffle(y, 2)

    @torch.no_grad()
    def initialise(self, x: Tensor) -> Tensor:
        """Data-dependent initialisation of all steps by the feature map x, which is handed on as `forward` does."""
        y = self._squeezed(x)
        for step, coupling in enumerate(self.couplings):
            self.mixings.normalise(step, y)
            weights, biases, _ = self.mixings()
            y, _ = coupling(mix(y, weights[step], biases[step]))
        return y

    def _squeezed(self, x: Tensor) -> Tensor:
        return F.pixel_unshuffle(x, 2).contiguous(memory_format=torch.channels_last)
