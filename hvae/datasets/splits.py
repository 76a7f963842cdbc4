"""Parts of the official training set, by seed.

The test images are only for reports: everything a model or a threshold is chosen or calibrated on comes from the
training set, each purpose from images of its own.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from hvae.datasets.base import ImageSet
from hvae.datasets.registry import load
from hvae.errors import DataError

PARTS = ("fitted", "validation", "reference", "calibration")
"""fitted: the weights; validation: checkpoint choice; reference: density fits and tail ranks; calibration: p-values."""

_SMALL = 20_000
_VALIDATION, _REFERENCE, _CALIBRATION = 2_000, 4_000, 4_000


def parts(n: int, seed: int) -> dict[str, np.ndarray]:
    """Divide ``n`` training images into disjoint parts by a seeded permutation.

    2,000 validation, 4,000 reference and 4,000 calibration images; with fewer than 20,000 images n/10, n/5 and n/5
    (rounded down), which is the same at 20,000. The rest is fitted.

    Args:
        n: Number of images, at least 10.
        seed: Seed of the permutation, not negative.

    Returns:
        Sorted int64 indices per part; the same for the same ``(n, seed)`` on every machine.

    Raises:
        DataError: If there are too few images or the seed is negative.
    """
    if n < 10:
        raise DataError(f"{n} images are too few to divide into {', '.join(PARTS)}: at least 10 are needed")
    if seed < 0:
        raise DataError(f"the seed of the parts must not be negative, it is {seed}")
    small = n < _SMALL
    sizes = (n // 10, n // 5, n // 5) if small else (_VALIDATION, _REFERENCE, _CALIBRATION)
    order = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed))).permutation(n)
    validation, reference, calibration, fitted = np.split(order, np.cumsum(sizes))
    return {
        "fitted": np.sort(fitted),
        "validation": np.sort(validation),
        "reference": np.sort(reference),
        "calibration": np.sort(calibration),
    }


def load_part(
    name: str, part: str, seed: int, root: Path | None = None, image_shape: tuple[int, int, int] | None = None
) -> ImageSet:
    """Load a part of the training set, or a whole split.

    Args:
        name: Data set (see `hvae.datasets.registry.load`).
        part: One of `PARTS`, or a split of the data set (``train``, ``test``, ...).
        seed: Seed of the parts; whole splits do not depend on it.
        root: Folder of the data sets.
        image_shape: ``(channels, height, width)`` that the model expects (see `load`).

    Returns:
        The images; ``split`` is the part's name.

    Raises:
        DataError: As `load` does.
    """
    if part not in PARTS:
        return load(name, part, root, image_shape)
    train = load(name, "train", root, image_shape)
    return replace(train.take(parts(len(train), seed)[part]), split=part)
