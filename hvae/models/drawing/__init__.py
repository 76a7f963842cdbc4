"""Random numbers for the images of a minibatch, the same by however many processes it is computed."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor


class Share(torch.Generator):
    """The generator of a minibatch that several processes share: this one has each `of`-th image, from `part` on.

    Every process draws the numbers of all images and takes its own: that costs little beside a pass of the model.
    """

    part: int = 0
    of: int = 1


def normals(shape: Sequence[int], generator: torch.Generator) -> Tensor:
    """Standard-normal numbers (image, ...) on the generator's device."""
    return _drawn(torch.randn, shape, generator)


def uniforms(shape: Sequence[int], generator: torch.Generator) -> Tensor:
    """Numbers in [0, 1), (image, ...)."""
    return _drawn(torch.rand, shape, generator)


def integers(end: int, shape: Sequence[int], generator: torch.Generator) -> Tensor:
    """Whole numbers below `end`, (image, ...) int64."""
    return _drawn(lambda whole, **where: torch.randint(0, end, whole, **where), shape, generator)


def _drawn(draw: Callable[..., Tensor], shape: Sequence[int], generator: torch.Generator) -> Tensor:
    where: dict[str, Any] = {"generator": generator, "device": generator.device}
    if not isinstance(generator, Share):
        return draw(tuple(shape), **where)
    return draw((shape[0] * generator.of, *shape[1:]), **where)[generator.part :: generator.of]
