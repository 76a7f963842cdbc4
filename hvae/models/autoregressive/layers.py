"""Causal layers of PixelCNN++ (Salimans et al., 2017): shifted convolutions, gated blocks, steps down and up.

Two streams of feature maps pass through them. At each pixel the *vertical* one has seen the rows above, the
*horizontal* one these and what lies left in the pixel's own row; neither has seen the pixel itself.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from hvae.models.blocks import convolution, interleaved

VERTICAL, HORIZONTAL = (2, 3), (2, 2)
"""Kernels (rows, columns) of the two streams: the pixel's own row and the one above; on either side, or left alone."""


class Streams(NamedTuple):
    """Feature maps of both streams, (batch, channel, height, width) each."""

    vertical: Tensor
    horizontal: Tensor


class CausalConv2d(nn.Conv2d):
    """Convolution from a pixel upward: three columns have it in their middle, two at their right."""

    def forward(self, input: Tensor) -> Tensor:
        """(batch, channels_in, height, width) -> (batch, channels_out, height / stride, width / stride)."""
        rows, columns = self.kernel_size
        left = columns // 2
        return super().forward(F.pad(input, (left, columns - 1 - left, rows - 1, 0)))


def causal(channels_in: int, channels_out: int, kernel: tuple[int, int], stride: int = 1) -> nn.Module:
    """A weight-normed `CausalConv2d`."""
    layer = CausalConv2d(channels_in, channels_out, kernel, stride)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return weight_norm(layer, dim=0)


def concatenated_elu(x: Tensor) -> Tensor:
    """elu of x and of -x along the channels: twice as many, none of them dead."""
    return F.elu(torch.cat([x, -x], dim=1))


class Entrance(nn.Module):
    """An image to both streams, shifted by a row or a column so that no pixel sees itself."""

    def __init__(self, image_channels: int, channels: int) -> None:
        super().__init__()
        self.above = causal(image_channels + 1, channels, VERTICAL)
        self.row_above = causal(image_channels + 1, channels, (1, 3))
        self.left = causal(image_channels + 1, channels, (2, 1))

    def forward(self, x: Tensor) -> Streams:
        """(batch, channel, height, width) in [0, 1] -> streams of that size."""
        # A channel of ones tells what lies outside the image from values in the middle of the range.
        x = F.pad(2 * x - 1, (0, 0, 0, 0, 0, 1), value=1.0)
        down, right = (0, 0, 1, -1), (1, -1, 0, 0)
        return Streams(F.pad(self.above(x), down), F.pad(self.row_above(x), down) + F.pad(self.left(x), right))


class GatedBlock(nn.Module):
    """x + a sigmoid(b), (a, b) by two convolutions from x; as many maps as `beside` join between these."""

    def __init__(self, channels: int, kernel: tuple[int, int], beside: int) -> None:
        super().__init__()
        self.first = causal(2 * channels, channels, kernel)
        self.beside = convolution(2 * channels * beside, channels, 1) if beside else None
        self.second = causal(2 * channels, 2 * channels, kernel)

    def forward(self, x: Tensor, *beside: Tensor) -> Tensor:
        """(batch, channel, height, width), and those that join, of the same size -> that size."""
        y = self.first(concatenated_elu(x))
        if self.beside is not None:
            y = y + self.beside(concatenated_elu(torch.cat(beside, dim=1)))
        value, gate = self.second(concatenated_elu(y)).chunk(2, dim=1)
        return x + value * torch.sigmoid(gate)


class GatedStreams(nn.Module):
    """A gated block of each stream; the horizontal one also sees the vertical one, and both a `shortcut` if any."""

    def __init__(self, channels: int, shortcut: bool) -> None:
        super().__init__()
        self.vertical = GatedBlock(channels, VERTICAL, int(shortcut))
        self.horizontal = GatedBlock(channels, HORIZONTAL, 1 + shortcut)

    def forward(self, streams: Streams, shortcut: Streams | None = None) -> Streams:
        """Streams, and those of the way down -> streams of the same size."""
        past_vertical, past_horizontal = ((one,) for one in shortcut) if shortcut else ((), ())
        vertical = self.vertical(streams.vertical, *past_vertical)
        return Streams(vertical, self.horizontal(streams.horizontal, vertical, *past_horizontal))


class Halved(nn.Module):
    """Both streams at half the sides: a place has seen what its upper left pixel had."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.vertical = causal(channels, channels, VERTICAL, stride=2)
        self.horizontal = causal(channels, channels, HORIZONTAL, stride=2)

    def forward(self, streams: Streams) -> Streams:
        """(batch, channel, height, width) each -> (batch, channel, height / 2, width / 2) each."""
        return Streams(self.vertical(streams.vertical), self.horizontal(streams.horizontal))


class Doubled(nn.Module):
    """Both streams at twice the sides, by transposed 2x2 convolutions of stride 2."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.vertical = convolution(channels, 4 * channels, 1)
        self.horizontal = convolution(channels, 4 * channels, 1)

    def forward(self, streams: Streams) -> Streams:
        """(batch, channel, height, width) each -> (batch, channel, 2 height, 2 width) each."""
        return Streams(interleaved(self.vertical(streams.vertical)), interleaved(self.horizontal(streams.horizontal)))
