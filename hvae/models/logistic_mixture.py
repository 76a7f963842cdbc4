"""Distributions that PyTorch does not have: the discretised mixture of logistics, for pixels of whole values."""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import Distribution, constraints
from torch.types import _size

LEVELS = 256
"""Values of an 8-bit pixel."""
LEAST_LOG_SCALE = -7.0
"""Of a logistic on [-1, 1]: a tenth of a grey level. Below it a likelihood could grow without bound."""

_LANES = 8
"""Images whose log p is computed at once: what comes between then stays in a CPU's cache, more than twice as fast."""


class DiscretisedLogisticMixture(Distribution):
    """A mixture of logistics over whole images whose pixels take `levels` values (Salimans et al., 2017, PixelCNN++).

    Each pixel has its own mixture of K components; within a component the mean of channel c is moved by coefficients
    times the values of the channels before it, so the channels of a pixel are dependent and their joint sums to 1.
    Values lie in [0, 1] as multiples of 1 / (levels - 1). Inside they are taken to [-1, 1], where a logistic is
    integrated over the bin of its value; the lowest and the highest bin reach to infinity.
    """

    has_rsample = False

    def __init__(
        self, logits: Tensor, means: Tensor, log_scales: Tensor, coefficients: Tensor, levels: int = LEVELS
    ) -> None:
        """Take the parameters as a network gives them, in float32 or float64.

        The `logits` of the components are `(lanes, K, height, width)`, the `means` on [-1, 1] and the `log_scales`
        `(lanes, K, channels, height, width)`, and the `coefficients` `(lanes, K, channels (channels - 1) / 2, height,
        width)` in the order c = 1: 0; c = 2: 0, 1; ...: what channel c takes of the channels before it.
        """
        lanes, _, channels, height, width = means.shape
        self.log_weights = F.log_softmax(logits, dim=1)
        self.means, self.log_scales = means, log_scales.clamp(min=LEAST_LOG_SCALE)
        self.coefficients, self.levels = coefficients, levels
        super().__init__(torch.Size((lanes,)), torch.Size((channels, height, width)), validate_args=False)

    @property
    def arg_constraints(self) -> dict[str, constraints.Constraint]:
        """None: every parameter is taken as a network gives it."""
        return {}

    @property
    def support(self) -> constraints.Constraint:
        """Images in [0, 1]."""
        return constraints.independent(constraints.unit_interval, 3)

    def expand(self, batch_shape: _size, _instance: object = None) -> DiscretisedLogisticMixture:
        """The same distribution for `batch_shape = (lanes,)`, where there was one lane."""
        logits, means, log_scales, coefficients = (
            one.expand(*batch_shape, *one.shape[1:])
            for one in (self.log_weights, self.means, self.log_scales, self.coefficients)
        )
        return DiscretisedLogisticMixture(logits, means, log_scales, coefficients, self.levels)

    @property
    def mean(self) -> Tensor:
        """`(lanes, channels, height, width)` in [0, 1]: the mixture of the component means, each kept within range.

        The channels before a channel stand in with their own means. That is the mean of the logistics before they are
        discretised; it differs from that of the pixels by what lies beyond the range.
        """
        found: list[Tensor] = []
        for channel in range(self.means.shape[2]):
            found.append(self._located(channel, found).clamp(-1, 1))
        mixed = (self.log_weights.exp().unsqueeze(2) * torch.stack(found, dim=2)).sum(1)
        return (mixed + 1) / 2

    def log_prob(self, value: Tensor) -> Tensor:
        """log p of whole images in nats, `(..., lanes)`, finite with finite gradients everywhere.

        Takes `(..., lanes, channels, height, width)` in [0, 1], rounded to the next value a pixel can have.
        """
        whole = torch.is_grad_enabled() or value.device.type != "cpu"
        parts = [slice(None)] if whole else [slice(at, at + _LANES) for at in range(0, len(self.means), _LANES)]
        found = [self._some(part).pixel_log_prob(value[..., part, :, :, :]).sum((-2, -1)) for part in parts]
        return found[0] if len(found) == 1 else torch.cat(found, dim=-1)

    def _some(self, lanes: slice) -> DiscretisedLogisticMixture:
        """That of some lanes."""
        some = copy.copy(self)
        for name in ("log_weights", "means", "log_scales", "coefficients"):
            setattr(some, name, getattr(self, name)[lanes])
        return some

    def pixel_log_prob(self, value: Tensor) -> Tensor:
        """log p of each pixel in nats, `(..., lanes, height, width)`; its channels are one event. See `log_prob`.

        Its derivative by the value is that of the bin around it, as the bin moves along.
        """
        scaled = value * (self.levels - 1)
        whole = scaled + (torch.round(scaled) - scaled).detach()
        y = (2 * whole / (self.levels - 1) - 1).unsqueeze(-4)
        channels = self.means.shape[2]
        parts = [self._located(c, [y[..., i, :, :] for i in range(c)]) for c in range(channels)]
        located = torch.stack(torch.broadcast_tensors(*parts), dim=-3)
        lowest, highest = ((whole == end).unsqueeze(-4) for end in (0, self.levels - 1))
        bins = log_bin(y, located, self.log_scales, lowest, highest, 1 / (self.levels - 1))
        return torch.logsumexp(self.log_weights + bins.sum(-3), dim=-3)

    def sample(self, sample_shape: _size = torch.Size()) -> Tensor:  # noqa: B008
        """`(*sample_shape, lanes, channels, height, width)`: a component for each pixel, then channel after channel."""
        with torch.no_grad():
            shape = (*sample_shape, *self.log_weights.shape)
            gumbels = -torch.log(-torch.log(self._uniform(shape)))
            chosen = (self.log_weights + gumbels).argmax(-3, keepdim=True)
            drawn: list[Tensor] = []
            for channel in range(self.means.shape[2]):
                located = self._located(channel, [one.unsqueeze(-3) for one in drawn]).expand(shape)
                scales = self.log_scales[:, :, channel].exp().expand(shape)
                location, scale = (one.gather(-3, chosen).squeeze(-3) for one in (located, scales))
                y = location + scale * torch.logit(self._uniform(location.shape))
                # On the pixel's own value: that is what the next channel depends on.
                whole = torch.round((y.clamp(-1, 1) + 1) / 2 * (self.levels - 1))
                drawn.append(2 * whole / (self.levels - 1) - 1)
            return (torch.stack(drawn, dim=-3) + 1) / 2

    def _located(self, channel: int, before: list[Tensor]) -> Tensor:
        """Means of a channel in every component, `(..., lanes, K, height, width)`, given the channels before it."""
        first = channel * (channel - 1) // 2
        moved = self.means[:, :, channel]
        for place, values in enumerate(before):
            moved = moved + self.coefficients[:, :, first + place] * values
        return moved

    def _uniform(self, shape: tuple[int, ...] | torch.Size) -> Tensor:
        """Uniform in (0, 1), both ends left out."""
        tiny = torch.finfo(self.means.dtype).eps
        return torch.rand(shape, dtype=self.means.dtype, device=self.means.device).clamp(tiny, 1 - tiny)


def log_bin(y: Tensor, mean: Tensor, log_scale: Tensor, lowest: Tensor, highest: Tensor, half: float) -> Tensor:
    """Log-probability of the bin [y - half, y + half] under a logistic, in nats.

    An interior bin is log sigma(a) + log sigma(-b) + log(1 - exp(b - a)) with a, b its ends in units of the scale:
    exact where the difference of two sigmoids has no digit left, and with gradients that stay finite. Where a bin is
    the `lowest` or `highest`, it reaches to infinity.
    """
    scale = log_scale.exp()
    a, b = (y + half - mean) / scale, (y - half - mean) / scale
    upper, lower = F.logsigmoid(a), F.logsigmoid(-b)
    inside = upper + lower + torch.log(-torch.expm1(-2 * half / scale))
    return torch.where(lowest, upper, torch.where(highest, lower, inside))
