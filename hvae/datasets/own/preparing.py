"""What is done to an image from outside before a model of other images can take it, each step only where it is asked.

A scan is dark ink on light, uneven paper, anywhere on the page; a model of MNIST knows white strokes on black, in a
box of 20 pixels about their centre of mass. How the training images lie is a fact about their data set, see `Layout`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage

from hvae.datasets.conversions import border, conform, describe_change
from hvae.datasets.layouts import Layout, layout
from hvae.errors import DataError

STEPS = ("auto-invert", "level", "crop", "centre")
"""auto-invert: make paper black where it is light, as the training images are; level: make the background even and
black, the ink white; crop: leave out what is around the ink; centre: the ink as large and where the training images
have it. Together they turn a scan into what the model knows."""

SCAN = "scan"
"""Name of all steps together."""

_FIT_WORDS = {
    "pad": "padded with black",
    "extend": "padded with the colour of its border",
    "crop": "cropped at the centre",
    "squash": "stretched",
}
_WORKED_ON = 512
"""Longer side in pixels at which steps work: ten times what a model here takes."""
_INK = 0.25
"""Share of the full range above which a levelled pixel counts as ink."""
_HALO, _FAINT = 0.1, 25
"""Share of the ink's darkness that is the blur around it, and the percentile of the ink from which it is white: the
strokes of the training images are full to their edge."""
_SPECK = 0.02
"""Share of all ink below which what does not touch the rest is dust."""
_LEAST_CONTRAST = 16
"""Grey values between paper and ink below which there is no ink: levelling would show the grain of the paper."""


@dataclass(frozen=True)
class Treatment:
    """What is done to an image so that a model of `image_shape` `(channel, height, width)` can take it."""

    image_shape: tuple[int, int, int]
    fit: str = "pad"
    """One of `hvae.datasets.conversions.FITS`, for images of another aspect."""
    invert: bool = False
    """Whether to make black white, whatever the image is."""
    steps: tuple[str, ...] = ()
    """Of `STEPS`, done in that order."""
    like: str = ""
    """The data set that a model was trained on: its images show how others have to lie."""

    @property
    def layout(self) -> Layout:
        """How the images lie that the model was trained on."""
        return layout(self.like)


def usual_fit(trained: str) -> str:
    """The fit where none is asked for, by the data set trained on: bars of no foreign colour, unless it has others."""
    return "extend" if layout(trained).as_published else "pad"


def steps_of(names: Iterable[str]) -> tuple[str, ...]:
    """The steps by their names, `SCAN` for all of them, in the order in which they are done."""
    found = {step for name in names for step in (STEPS if name == SCAN else (name,))}
    if unknown := found - {*STEPS}:
        raise DataError(f"images cannot be prepared by {min(unknown)!r}: {', '.join((SCAN, *STEPS))}")
    return tuple(step for step in STEPS if step in found)


def prepare(pixels: np.ndarray, size: tuple[int, int], how: Treatment) -> tuple[np.ndarray, list[str]]:
    """(pixels `(height, width, channels)` uint8 as the model takes them, what was done in words, in order).

    `size` is (height, width) of the file, of which `pixels` may be an average over blocks.
    """
    changes = ["inverted"] * how.invert
    pixels = 255 - pixels if how.invert else pixels
    # Of a blank sheet there is nothing to make even, cut out or centre.
    if how.steps and np.ptp(pixels) >= _LEAST_CONTRAST:
        pixels = _at_most(pixels, _WORKED_ON)
        for step, way in zip(STEPS, _WAYS, strict=True):
            pixels, done = way(pixels, how) if step in how.steps else (pixels, "")
            changes += [done] * bool(done)
    channels, height, width = how.image_shape
    if resized := describe_change((pixels.shape[2], *size), how.image_shape):
        rows, columns = pixels.shape[:2] if how.steps else size
        same_aspect = rows * width == columns * height
        changes.append(resized if same_aspect else f"{resized} ({_FIT_WORDS.get(how.fit, how.fit)})")
    return conform(pixels, how.image_shape, how.fit), changes


def has_light_border(pixels: np.ndarray) -> bool:
    """Whether an image `(height, width, channels)` is lighter at its border than half-way between its extremes."""
    grey = pixels.mean(axis=2)
    low, high = np.percentile(grey, (1, 99))
    edge = float(np.median(border(pixels).mean(axis=1)))
    return high - low >= _LEAST_CONTRAST and edge > (low + high) / 2


def _auto_invert(pixels: np.ndarray, how: Treatment) -> tuple[np.ndarray, str]:
    if how.layout.light_on_dark and has_light_border(pixels):
        return 255 - pixels, "inverted (light border)"
    return pixels, ""


def _level(pixels: np.ndarray, how: Treatment) -> tuple[np.ndarray, str]:
    """Subtract what is larger than any stroke, cut off the grain, and stretch the ink to white."""
    values = pixels.astype(np.float32)
    side = max(3, max(pixels.shape[:2]) // 3)
    smooth = ndimage.gaussian_filter(values, (1, 1, 0), mode="nearest")
    ground = ndimage.grey_opening(smooth, (side, side, 1), mode="nearest")
    raised = np.maximum(values - ndimage.gaussian_filter(ground, (side / 4, side / 4, 0), mode="nearest"), 0)
    full = float(np.percentile(raised, 99.5))
    grain = max(4 * float(np.median(raised)), _HALO * full)
    body = raised[raised > (grain + full) / 2]
    if full - grain < _LEAST_CONTRAST or not len(body):
        return pixels, ""
    top = float(np.percentile(body, _FAINT))
    level = np.clip(255 * (raised - grain) / max(top - grain, 1), 0, 255).round().astype(np.uint8)
    # What is left of the grain away from all ink would be noise that no training image has.
    near = ndimage.binary_dilation(_ink(level), iterations=max(1, max(pixels.shape[:2]) // 64))
    return level * near[..., None], "background levelled"


def _ink(pixels: np.ndarray) -> np.ndarray:
    """Mask `(height, width)` of ink on black, without dust."""
    ink = pixels.max(axis=2) > _INK * 255
    parts = np.asarray(ndimage.label(ink, np.ones((3, 3)))[0])  # type: ignore[index]
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return (sizes >= _SPECK * sizes.sum())[parts] & ink


def _crop(pixels: np.ndarray, how: Treatment) -> tuple[np.ndarray, str]:
    rows, columns = (np.flatnonzero(_ink(pixels).any(axis=axis)) for axis in (1, 0))
    if not len(rows) or (len(rows), len(columns)) == pixels.shape[:2]:
        return pixels, ""
    return pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], "cropped to the ink"


def _centre(pixels: np.ndarray, how: Treatment) -> tuple[np.ndarray, str]:
    """The whole of what is left in the box of the training images, its ink where theirs is."""
    _, height, width = how.image_shape
    if not _ink(pixels).any():
        return pixels, ""
    scale = how.layout.box * min(height / pixels.shape[0], width / pixels.shape[1])
    small = _resized(pixels, (max(1, round(pixels.shape[0] * scale)), max(1, round(pixels.shape[1] * scale))))
    rows, columns = small.shape[:2]
    middle = ((rows - 1) / 2, (columns - 1) / 2)
    if how.layout.by_mass:
        mass = small.sum(axis=2, dtype=np.float64)
        middle = [float(np.average(np.arange(mass.shape[axis]), weights=mass.sum(axis=1 - axis))) for axis in (0, 1)]
    top = int(np.clip(round((height - 1) / 2 - middle[0]), 0, height - rows))
    left = int(np.clip(round((width - 1) / 2 - middle[1]), 0, width - columns))
    canvas = np.zeros((height, width, small.shape[2]), np.uint8)
    canvas[top : top + rows, left : left + columns] = small
    return canvas, "centred as the training images are"


def _at_most(pixels: np.ndarray, side: int) -> np.ndarray:
    height, width, _ = pixels.shape
    scale = side / max(height, width)
    return pixels if scale >= 1 else _resized(pixels, (max(1, round(height * scale)), max(1, round(width * scale))))


def _resized(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Pixels averaged or interpolated to (height, width)."""
    filtered = Image.Resampling.BOX if size[0] < pixels.shape[0] else Image.Resampling.BICUBIC
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    return np.atleast_3d(np.asarray(image.resize((size[1], size[0]), filtered)))


_WAYS = (_auto_invert, _level, _crop, _centre)
