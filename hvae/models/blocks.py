"""Deterministic layers: weight-normed convolutions, sub-pixel upsampling and residual blocks.

Weight normalisation with data-dependent initialisation follows Salimans & Kingma (2016).
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import weight_norm

from hvae.errors import ConfigError
from hvae.models.fused import convolved
from hvae.models.hierarchical_config import BlockConfig, Padding

Shape = tuple[int, ...]
Model = TypeVar("Model", bound=nn.Module)


def channels_last(images: Tensor) -> Tensor:
    """Images (n, channel, height, width) whose layout in memory is channels_last beyond doubt.

    With one channel both layouts are the same bytes, and torch takes it for the other one: every convolution after it
    would follow, and be a quarter slower. Only the strides tell.
    """
    n, channels, height, width = images.shape
    if channels > 1:
        return images.contiguous(memory_format=torch.channels_last)
    return images.contiguous().as_strided((n, 1, height, width), (height * width, 1, width, 1))


class SubPixelUpsample(nn.Module):
    """Transposed convolution of stride 2, computed as one plain convolution and a pixel shuffle.

    Output pixel (2m + r) of a transposed convolution only sees the kernel taps of its phase r, so the four phases are
    four small kernels over the same input. The parameters are those of `torch.nn.ConvTranspose2d` cropped to exactly
    twice the input, with an odd kernel; the plain convolution is many times faster in bf16 on CPUs.
    """

    taps: Tensor

    def __init__(self, channels_in: int, channels_out: int, kernel: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels_in, channels_out, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(channels_out))
        crop = (kernel - 2) // 2 if kernel > 1 else 0
        placed = [(phase, tap, *divmod(phase + crop - tap, 2)) for phase in (0, 1) for tap in range(kernel)]
        seen = [(phase, tap, offset) for phase, tap, offset, odd in placed if not odd]
        first, last = min(offset for *_, offset in seen), max(offset for *_, offset in seen)
        self.reach = (-first, last)
        index = torch.full((2, last - first + 1), kernel)  # `kernel` points at an appended zero tap
        for phase, tap, offset in seen:
            index[phase, offset - first] = tap
        self.register_buffer("taps", index, persistent=False)
        nn.init.kaiming_normal_(self.weight, mode="fan_out", nonlinearity="relu")

    def phases(self) -> Tensor:
        """The four phase kernels, phase before channel, (4 * channels_out, channels_in, reach, reach)."""
        padded, taps = F.pad(self.weight, (0, 1, 0, 1)), self.taps
        channels_in, channels_out = self.weight.shape[:2]
        gathered = padded[:, :, taps[:, :, None, None], taps[None, None]]  # in, out, phase_y, tap_y, phase_x, tap_x
        return gathered.permute(2, 4, 1, 0, 3, 5).reshape(4 * channels_out, channels_in, taps.shape[1], taps.shape[1])

    def forward(self, x: Tensor) -> Tensor:
        """(lanes, channels_in, height, width) -> (lanes, channels_out, 2 height, 2 width)."""
        return upsampled(x, self.phases(), self.bias.repeat(4), self.reach)


class FoldedUpsample(nn.Module):
    """A `SubPixelUpsample` whose phase kernels are its parameters: nothing is gathered at a call."""

    def __init__(self, layer: SubPixelUpsample) -> None:
        super().__init__()
        wanted, self.reach = layer.weight.requires_grad, layer.reach
        phases = layer.phases().detach().contiguous(memory_format=torch.channels_last)
        self.weight = nn.Parameter(phases, requires_grad=wanted)
        self.bias = nn.Parameter(layer.bias.detach().repeat(4), requires_grad=wanted)

    def forward(self, x: Tensor) -> Tensor:
        """(lanes, channels_in, height, width) -> (lanes, channels_out, 2 height, 2 width)."""
        return upsampled(x, self.weight, self.bias, self.reach)


def upsampled(x: Tensor, phases: Tensor, bias: Tensor, reach: tuple[int, int]) -> Tensor:
    """x (lanes, channels_in, height, width) through the phase kernels, which reach so far before and behind a pixel."""
    before, after = reach
    if before != after:
        x, before = F.pad(x, (before, after, before, after)), 0
    return interleaved(F.conv2d(x, phases, bias, padding=before))


def interleaved(phases: Tensor) -> Tensor:
    """(lanes, 4 * channels, height, width), the phases (row, column) first -> (lanes, channels, 2 height, 2 width)."""
    y = phases.permute(0, 2, 3, 1)
    lanes, height, width, channels = y.shape
    # Interleaving the rows of the phases moves whole runs of channels: several times faster than F.pixel_shuffle.
    y = y.reshape(lanes, height, width, 2, channels // 2).transpose(2, 3)
    return y.reshape(lanes, 2 * height, 2 * width, channels // 4).permute(0, 3, 1, 2)


class SamePaddedConv2d(nn.Conv2d):
    """Strided convolution that pads as TensorFlow's "same": kernel - stride zeros in all, the smaller half first.

    For maps whose sides the stride divides. Its adjoint is `SubPixelUpsample`.
    """

    def forward(self, input: Tensor) -> Tensor:
        """(lanes, channels_in, height, width) -> (lanes, channels_out, height / stride, width / stride)."""
        missing = max(self.kernel_size[0] - self.stride[0], 0)
        before, after = missing // 2, missing - missing // 2
        return super().forward(F.pad(input, (before, after, before, after)))


def convolution(
    channels_in: int,
    channels_out: int,
    kernel: int,
    stride: int = 1,
    transposed: bool = False,
    padding: Padding = "symmetric",
) -> nn.Module:
    """A weight-normed convolution that keeps the feature map, or divides its sides by `stride` under either `padding`.

    `transposed` with stride 2 doubles the sides instead.
    """
    if transposed and stride == 2:
        return weight_norm(SubPixelUpsample(channels_in, channels_out, kernel), dim=1)
    if stride > 1 and padding == "same":
        layer = SamePaddedConv2d(channels_in, channels_out, kernel, stride)
    else:
        layer = nn.Conv2d(channels_in, channels_out, kernel, stride, padding=kernel // 2)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return weight_norm(layer, dim=0)


def dense(features_in: int, features_out: int) -> nn.Module:
    """A weight-normed linear layer."""
    layer = nn.Linear(features_in, features_out)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    nn.init.zeros_(layer.bias)
    return weight_norm(layer, dim=0)


class FeatureMap(nn.Module):
    """A vector as a feature map of `shape_out` through a dense layer; what is a map already passes through."""

    def __init__(self, shape_in: Shape, shape_out: Shape) -> None:
        super().__init__()
        expands = len(shape_in) < len(shape_out)
        self.shape: Shape = shape_out if expands else shape_in
        self.linear = dense(math.prod(shape_in), math.prod(shape_out)) if expands else None

    def forward(self, z: Tensor) -> Tensor:
        """(lanes, *shape_in) -> (lanes, *shape)."""
        return z if self.linear is None else self.linear(z).unflatten(1, self.shape)


class ResidualBlock(nn.Module):
    """conv(act(x)), + skip(act(aux)), act, conv carrying the stride, + x.

    The shortcut pads or crops channels and average-pools where the block is strided; the first block of a stack that
    starts from an image or from a latent has neither shortcut nor pre-activation (design of Havtorn et al., 2021).
    `transposed` lets a stride of 2 double the feature map; `same_shape_skip` says whether an auxiliary input that
    already has the right shape is `project`ed or `drop`ped; `padding` how a stride pads and pools (see the config).
    """

    def __init__(
        self,
        shape_in: Shape,
        config: BlockConfig,
        activation: Callable[[Tensor], Tensor],
        aux_shape: Shape | None = None,
        *,
        transposed: bool = False,
        shortcut: bool = True,
        same_shape_skip: str = "project",
        padding: Padding = "symmetric",
    ) -> None:
        super().__init__()
        channels_in, height, width = shape_in
        channels, kernel, stride = config.channels, config.kernel, config.stride
        self.activation, self.shortcut, self.stride, self.padding = activation, shortcut, stride, padding
        self.first = convolution(channels_in, channels, kernel)
        self.second = convolution(channels, channels, kernel, stride, transposed, padding)
        self.skip = _skip(aux_shape, (channels, height, width), kernel, same_shape_skip, padding)
        scale = 1 if stride == 1 else (2 if transposed else 0.5)
        self.shape: Shape = (channels, int(height * scale), int(width * scale))

    def forward(self, x: Tensor, aux: Tensor | None = None) -> Tensor:
        """(lanes, *shape_in), (lanes or fewer, *aux_shape) -> (lanes, *shape)."""
        side = None if self.skip is None or aux is None else self.skip(self.activation(aux))
        rectified = self.activation is torch.relu
        y = convolved(self.first, self.activation(x) if self.shortcut else x, side, relu=rectified)
        shortcut = self._shortcut(x) if self.shortcut and self.shape[1] <= x.shape[2] else None
        return convolved(self.second, y if rectified else self.activation(y), shortcut)

    def _shortcut(self, x: Tensor) -> Tensor:
        if self.stride == 2 and self.padding == "same":
            # Sides are even, so the last window alone overlaps an edge: the zeros after it, which the divisor counts.
            x = F.avg_pool2d(x, 3, 2, ceil_mode=True, divisor_override=9)
        elif self.stride == 2:
            x = F.avg_pool2d(x, 2)
        missing = self.shape[0] - x.shape[1]
        return F.pad(x, (0, 0, 0, 0, 0, missing)) if missing else x


def _skip(
    aux_shape: Shape | None, target: Shape, kernel: int, same_shape_skip: str, padding: Padding
) -> nn.Module | None:
    """The convolution bringing an auxiliary input to `target` (channels, height, width), None where it is dropped."""
    if aux_shape is None:
        return None
    (channels_in, height, _), (channels, target_height, _) = aux_shape, target
    if target_height > 2 * height:
        raise ConfigError("a skip can only double a feature map: give each stage at most one block of stride 2")
    if height > target_height:
        return convolution(channels_in, channels, kernel, stride=height // target_height, padding=padding)
    if height < target_height:
        return convolution(channels_in, channels, kernel, stride=target_height // height, transposed=True)
    if channels_in == channels and same_shape_skip == "drop":
        return None
    return convolution(channels_in, channels, 1)


@contextmanager
def data_dependent_initialisation(model: nn.Module) -> Iterator[None]:
    """Within the context, the first pass sets every weight-normed layer to zero-mean, unit-variance outputs.

    Salimans & Kingma (2016): g = 1 / std(t) and b = -mean(t) / std(t), where t is the layer's output with g = 1, b = 0
    over the initialising batch. Layers are set in the order in which the pass reaches them, each seeing inputs from
    layers already set. Run one pass, without gradients, inside the context.
    """

    def initialise(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if layer in done:
            return
        done.add(layer)
        scale: Tensor = layer.parametrizations["weight"].original0  # type: ignore[index, union-attr]
        bias: Tensor = layer.bias  # type: ignore[assignment]
        with torch.no_grad():
            scale.fill_(1.0)
            bias.zero_()
            output = layer.forward(*inputs).float()
            axes = [axis for axis in range(output.ndim) if axis != 1]
            deviation = output.var(axes, unbiased=False).add(1e-6).sqrt()
            scale.copy_((1 / deviation).view_as(scale))
            bias.copy_(-output.mean(axes) / deviation)

    done: set[nn.Module] = set()
    hooks = [layer.register_forward_pre_hook(initialise) for layer in _weight_normed(model)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def fold_weight_norm(model: Model) -> Model:
    """Replace g * v / |v| by plain weights, and upsampling by its phase kernels, in place: the same function.

    Nothing that follows from the weights alone is then computed at a call.
    """
    for layer in _weight_normed(model):
        parametrize.remove_parametrizations(layer, "weight")
        # What is left of a frozen model is a plain tensor, which nothing that goes over parameters would find.
        weight = cast(Tensor, layer.weight)
        layer.weight = nn.Parameter(weight.detach(), requires_grad=weight.requires_grad)
    for parent in [*model.modules()]:
        for name, layer in parent.named_children():
            if isinstance(layer, SubPixelUpsample):
                setattr(parent, name, FoldedUpsample(layer).train(layer.training))
    return model


def _weight_normed(model: nn.Module) -> list[nn.Module]:
    return [module for module in model.modules() if parametrize.is_parametrized(module, "weight")]
