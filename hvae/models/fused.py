"""A convolution with what follows it: an addition, a ReLU.

While scoring on a CPU, oneDNN does both as it writes the result of the convolution: memory is gone over once, where it
takes as long to add two maps and to activate them as a fifth of the convolution itself. Anywhere else they follow.
"""

import torch
from torch import Tensor, nn

from hvae.models.latents import align

_POINTWISE = getattr(torch.ops.mkldnn, "_convolution_pointwise", None) if torch.backends.mkldnn.is_available() else None


def convolved(layer: nn.Module, x: Tensor, other: Tensor | None = None, *, relu: bool = False) -> Tensor:
    """layer(x), with another tensor (lanes or fewer, ...) added to it, then activated: (lanes, ...)."""
    if _POINTWISE is not None and isinstance(layer, nn.Conv2d) and _fits(layer, x, other):
        return _fused(layer, x, other, relu)
    y = layer(x)
    y = y if other is None else added(y, other)
    # What a convolution gives is nobody else's: it is activated where it lies.
    return torch.relu_(y) if relu else y


def added(y: Tensor, other: Tensor) -> Tensor:
    """y (lanes, ...), which is overwritten, with another tensor added that may have fewer lanes, or more."""
    if len(other) == len(y):
        return y.add_(other)
    if len(other) > len(y) or torch.is_grad_enabled():
        # The derivative of a part of y that is overwritten would cost copies of all of it.
        return align(y, max(len(y), len(other))) + align(other, max(len(y), len(other)))
    y.unflatten(0, (-1, len(other))).add_(other)
    return y


def _fits(layer: nn.Conv2d, x: Tensor, other: Tensor | None) -> bool:
    """Whether nothing is to be derived, no layer does more than to convolve, and the maps to add are of one size."""
    plain = torch.is_inference_mode_enabled() and type(layer) is nn.Conv2d and layer.stride == (1, 1)
    shape = (len(x), layer.out_channels, *x.shape[2:])
    return plain and x.device.type == "cpu" and _type(x) is not None and (other is None or other.shape == shape)


def _type(x: Tensor) -> torch.dtype | None:
    """What a convolution of x is computed in; None where that is not of those oneDNN fuses."""
    dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype
    return dtype if dtype in (torch.float32, torch.bfloat16) else None


def _fused(layer: nn.Conv2d, x: Tensor, other: Tensor | None, relu: bool) -> Tensor:
    dtype = _type(x)
    bias = None if layer.bias is None else layer.bias.to(dtype)
    what = layer.weight.to(dtype), bias, layer.padding, layer.stride, layer.dilation, layer.groups
    assert _POINTWISE is not None
    if other is None:
        return _POINTWISE.default(x.to(dtype), *what, "relu" if relu else "none", [], "")
    y = _POINTWISE.binary(x.to(dtype), other.to(dtype), *what, "add", 1.0, None, [], None)
    # Not all three at once: for small maps torch goes another way, which bf16 is missing from.
    return torch.relu_(y) if relu else y
