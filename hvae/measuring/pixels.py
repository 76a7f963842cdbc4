"""Statistics of the pixels alone: what an image says of itself before any model looks at it. Imports no torch."""

import io
import zlib
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from scipy.special import entr

from hvae.datasets import ImageSet
from hvae.datasets.held import release, room
from hvae.errors import DataError, HvaeError
from hvae.runs import pixel_tables
from hvae.runs.columns import PIXEL_COLUMNS
from hvae.stats.ppca import ProbabilisticPCA

PPCA_COMPONENTS = 50
_TOP = 255.0
_AT_ONCE = 1000
"""Images measured at once."""


def measure_pixels(images: ImageSet) -> Path:
    """Path of the stored statistics of an image set, measured unless they are there: once for all models."""
    found = pixel_tables.find(images.fingerprint)
    if found is not None:
        return found
    measured = {column.name: room(len(images), np.float32) for column in PIXEL_COLUMNS}
    for start in range(0, len(images), _AT_ONCE):
        some = pixel_statistics(images.images[start : start + _AT_ONCE])
        for name, values in measured.items():
            values[start : start + _AT_ONCE] = some[name]
            release(values)
        release(images.images)
    return pixel_tables.write(pd.DataFrame(measured, copy=False), images.fingerprint)


class PixelDensity:
    """A probabilistic PCA of the pixels of a run's reference part, fitted when it is first needed."""

    def __init__(self, reference: ImageSet) -> None:
        """From the images of the part."""
        self._reference = reference

    def measure(self, images: ImageSet, on_progress: Callable[[int, int], None] = lambda done, total: None) -> Path:
        """Path of the stored log densities of an image set, measured unless they are there.

        Raises:
            DataError: images of another shape than the reference part's, or a part that has no such density.
        """
        reference = self._reference
        if (found := pixel_tables.find(images.fingerprint, reference.fingerprint)) is not None:
            return found
        if images.shape != reference.shape:
            shapes = " and ".join("x".join(map(str, one.shape)) for one in (images, reference))
            raise DataError(f"{images.slug} and the {reference.split} part have images of different shapes: {shapes}")
        parts = []
        for start in range(0, len(images), _AT_ONCE):
            parts.append(self._fitted.log_density(_vectors(images.images[start : start + _AT_ONCE])))
            release(images.images)
            on_progress(min(start + _AT_ONCE, len(images)), len(images))
        statistics = pd.DataFrame({"ppca_log_density": _rounded(np.concatenate(parts), 16)})
        return pixel_tables.write(statistics, images.fingerprint, reference.fingerprint)

    @cached_property
    def _fitted(self) -> ProbabilisticPCA:
        try:
            return ProbabilisticPCA.fitted(_vectors(self._reference.images), PPCA_COMPONENTS)
        except HvaeError as error:
            about = self._reference
            raise DataError(f"{about.slug} ({about.split}) has no PPCA density of its pixels: {error}") from None


def pixel_statistics(images: np.ndarray) -> pd.DataFrame:
    """The columns of `hvae.runs.columns.PIXEL_COLUMNS`, a row for each of (n, channel, height, width) uint8 images.

    Float32 rounded to 16 significant bits (1e-5 of the value), what has no unit to 12 (2e-4): every set is kept.
    """
    columns = {column.name: (_MEASURES[column.name](images), column.unit) for column in PIXEL_COLUMNS}
    return pd.DataFrame({name: _rounded(values, 12 if unit == "1" else 16) for name, (values, unit) in columns.items()})


def input_entropy(images: np.ndarray) -> np.ndarray:
    """H of each image: the sum over its values of the binary entropy of value / 255, nats, `(n,)` float64."""
    grey = np.arange(256) / _TOP
    return (entr(grey) + entr(1 - grey))[images].sum(axis=(1, 2, 3))


def _vectors(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1) / _TOP


def _rounded(values: np.ndarray, significant: int) -> np.ndarray:
    """float32 values with so many of their 24 significant bits."""
    step = np.uint32(1 << (24 - significant))
    bits = values.astype(np.float32).view(np.uint32) + step // 2
    return (bits - bits % step).view(np.float32)


def _png(image: np.ndarray) -> int:
    """Bytes of one image (channel, height, width) as an optimised PNG; channels beyond grey and colour apart."""
    size = 0
    for picture in [image.transpose(1, 2, 0)] if len(image) == 3 else image:
        file = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(picture)).save(file, "PNG", optimize=True)
        size += file.tell()
    return size


def _total_variation(images: np.ndarray) -> np.ndarray:
    x = images.astype(np.float64) / _TOP
    steps = [np.abs(np.diff(x, axis=axis)).reshape(len(x), -1) for axis in (2, 3)]
    return np.concatenate(steps, axis=1).mean(axis=1) if sum(step.shape[1] for step in steps) else np.zeros(len(x))


def _sharpness(images: np.ndarray) -> np.ndarray:
    x = np.pad(images.astype(np.float64) / _TOP, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    centre = x[:, :, 1:-1, 1:-1]
    around = x[:, :, :-2, 1:-1] + x[:, :, 2:, 1:-1] + x[:, :, 1:-1, :-2] + x[:, :, 1:-1, 2:]
    return (around - 4 * centre).var(axis=(1, 2, 3))


_EACH = (1, 2, 3)
_MEASURES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "input_entropy": input_entropy,
    "grey_share": lambda images: ((images > 0) & (images < 255)).mean(axis=_EACH),
    "zlib_bytes": lambda images: np.array([len(zlib.compress(image.tobytes(), 9)) for image in images], np.float64),
    "png_bytes": lambda images: np.array([_png(image) for image in images], np.float64),
    "mean": lambda images: images.mean(axis=_EACH) / _TOP,
    "sd": lambda images: images.std(axis=_EACH) / _TOP,
    "total_variation": _total_variation,
    "ink": lambda images: (images >= 128).mean(axis=_EACH),
    "sharpness": _sharpness,
}
