"""Image files from outside: bytes to what a model takes, with words for what was done to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hvae.datasets.conforming import conform, describe_change
from hvae.datasets.decoding import decode

_FIT_WORDS = {"pad": "padded with black", "crop": "cropped at the centre", "squash": "stretched"}


@dataclass(frozen=True, eq=False)
class Upload:
    """One uploaded image in the shape of a model.

    Attributes:
        image: `(1, channel, height, width)` uint8.
        changes: in words, what was done to the file's pixels, in order; empty where nothing was.
    """

    image: np.ndarray
    changes: tuple[str, ...]


def read_upload(data: bytes, image_shape: tuple[int, int, int], fit: str = "pad", invert: bool = False) -> Upload:
    """One image file as a batch of one; see `hvae.datasets.decoding.decode` for what is checked before decoding.

    Args:
        data: the file's bytes: PNG, JPEG, WebP, BMP, TIFF or PPM by content, whatever its name says.
        image_shape: `(channel, height, width)` the model takes.
        fit: one of `hvae.datasets.conforming.FITS`, for images of another aspect.
        invert: whether to make black white; MNIST's digits are white on black, paper is not.

    Raises:
        DataError: with a reason fit for a person; it does not repeat the file's name.
    """
    decoded = decode(data)
    height, width, channels = decoded.pixels.shape
    changes = [*decoded.changes]
    if invert:
        changes.append("inverted")
    if resized := describe_change((channels, height, width), image_shape):
        same_aspect = height * image_shape[2] == width * image_shape[1]
        changes.append(resized if same_aspect else f"{resized} ({_FIT_WORDS.get(fit, fit)})")
    return Upload(conform(decoded.pixels, image_shape, fit, invert)[None], tuple(changes))
