"""Images and data sets brought to the shape a model expects, the latter under a name that says so.

No known data set is converted in silence: what a model scored is in the name of every table, figure and file, as in
``mnist-as-32x32-colour``.
"""

import re
from dataclasses import replace

import numpy as np
from PIL import Image

from hvae.datasets.base import DataSetInfo, ImageSet
from hvae.errors import DataError

FITS = ("pad", "extend", "crop", "squash")
"""pad: the whole image on black; extend: on the colour of its own border; crop: the largest centred part of the right
aspect; squash: stretched."""

MAX_SIDE = 1_024


def check_image_shape(image_shape: tuple[int, int, int]) -> None:
    """Raise `DataError` unless ``image_shape`` is 1 or 3 channels of at most 1,024 x 1,024 pixels."""
    channels, *sides = image_shape
    if channels not in (1, 3) or len(sides) != 2 or not all(1 <= side <= MAX_SIDE for side in sides):
        needed = f"(1 or 3 channels, height, width) of at most {MAX_SIDE} pixels"
        raise DataError(f"image shape {tuple(image_shape)} must be {needed}")


def conform(
    pixels: np.ndarray, image_shape: tuple[int, int, int], fit: str = "pad", invert: bool = False
) -> np.ndarray:
    """Pixels ``(height, width, 1 or 3 channels)`` uint8 in the ``(channels, height, width)`` a model expects.

    Shrinking averages areas, enlarging is bicubic; grey is the ITU-R 601 luma. Images of another aspect are brought to
    it by a ``fit`` of `FITS`. To ``invert`` (255 - v) comes before padding, so that the padding stays black.
    `DataError` if ``fit`` or ``image_shape`` is not possible.
    """
    if fit not in FITS:
        raise DataError(f"unknown fit {fit!r}; known: {', '.join(FITS)}")
    check_image_shape(image_shape)
    channels, height, width = image_shape
    pixels = 255 - pixels if invert else pixels
    if pixels.shape == (height, width, channels):
        return pixels.transpose(2, 0, 1).copy()
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    if image.mode != (mode := "L" if channels == 1 else "RGB"):
        image = image.convert(mode)
    if image.size != (width, height):
        image = _resize(image, width, height, fit)
    array = np.asarray(image)
    return (array[None] if channels == 1 else array.transpose(2, 0, 1)).copy()


def conform_set(images: ImageSet, image_shape: tuple[int, int, int]) -> ImageSet:
    """``images`` in another shape, with the change added to the note; the same object if nothing changes."""
    check_image_shape(image_shape)
    if images.shape == tuple(image_shape):
        return images
    rows = np.ascontiguousarray(images.images.transpose(0, 2, 3, 1))
    conformed = np.stack([conform(row, image_shape) for row in rows])
    note = "; ".join(filter(None, (images.note, describe_change(images.shape, image_shape))))
    return replace(images, images=conformed, note=note)


def describe_change(shape: tuple[int, int, int], image_shape: tuple[int, int, int]) -> str:
    """What `conform` does to an image of ``shape`` ``(channels, height, width)``, in words; empty for nothing."""
    changes = []
    if shape[0] != image_shape[0]:
        changes.append("converted to grey" if image_shape[0] == 1 else "grey repeated as colour")
    if tuple(shape[1:]) != tuple(image_shape[1:]):
        changes.append(f"resized from {shape[1]}x{shape[2]} to {image_shape[1]}x{image_shape[2]}")
    return ", ".join(changes)


def _resize(image: Image.Image, width: int, height: int, fit: str) -> Image.Image:
    scale = min(width / image.width, height / image.height)
    if fit == "squash":
        return image.resize((width, height), _filter(scale))
    if fit == "crop":
        scale = max(width / image.width, height / image.height)
        across, down = width / scale, height / scale
        left, top = (image.width - across) / 2, (image.height - down) / 2
        return image.resize((width, height), _filter(scale), box=(left, top, left + across, top + down))
    # Resized first and padded then: padding a 1 x 50,000,000 image to a square would need petabytes.
    inner = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    if inner == (width, height):
        return image.resize(inner, _filter(scale))
    canvas = Image.new(image.mode, (width, height), _border_colour(image) if fit == "extend" else 0)
    canvas.paste(image.resize(inner, _filter(scale)), ((width - inner[0]) // 2, (height - inner[1]) // 2))
    return canvas


def _border_colour(image: Image.Image) -> int | tuple[int, ...]:
    """Median of each channel over the outermost pixels."""
    pixels = np.atleast_3d(np.asarray(image))
    return (
        tuple(np.median(border(pixels), axis=0).astype(int).tolist())
        if image.mode == "RGB"
        else int(np.median(border(pixels)))
    )


def border(pixels: np.ndarray) -> np.ndarray:
    """The outermost pixels ``(m, channels)`` of an image ``(height, width, channels)``."""
    return np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])


def _filter(scale: float) -> Image.Resampling:
    return Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC


_NAME = re.compile(r"([a-z0-9_]+)-as-([1-9][0-9]{0,3})x([1-9][0-9]{0,3})-(grey|colour)")
_CHANNELS = {"grey": 1, "colour": 3}


def converted_name(name: str, shape: tuple[int, int, int]) -> str:
    """Name of the data set ``name`` converted to ``shape`` ``(1 or 3 channels, height, width)``."""
    channels, height, width = shape
    return f"{name}-as-{height}x{width}-{'grey' if channels == 1 else 'colour'}"


def parse_name(name: str) -> tuple[str, tuple[int, int, int] | None]:
    """The data set behind a name, and the shape it is converted to; None where the name asks for no conversion."""
    match = _NAME.fullmatch(name)
    if match is None:
        return name, None
    source, height, width, kind = match.groups()
    return source, (_CHANNELS[kind], int(height), int(width))


def converted_info(own: DataSetInfo, shape: tuple[int, int, int]) -> DataSetInfo:
    """The facts about a data set converted to ``shape``: padded to its aspect, resized, grey or colour."""
    name, done = converted_name(own.name, shape), describe_change(own.shape, shape)
    before = () if own.preprocessing == "none" else (own.preprocessing,)
    return replace(
        own,
        name=name,
        title=f"{own.title} as {name.rpartition('-as-')[2].replace('-', ' ')}",
        preprocessing="; ".join((*before, done)) or "none",
        shape=shape,
    )
