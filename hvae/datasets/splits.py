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
_SIZES = (2_000, 4_000, 4_000)


def parts(n: int, seed: int) -> dict[str, np.ndarray]:
    """Divide ``n`` training images into disjoint parts by a seeded permutation.

    2,000 validation, 4,000 reference and 4,000 calibration images; with fewer than 20,000 images n/10, n/5 and n/5
    (rounded down), which is the same at 20,000. The rest is fitted.

    The sorted int64 indices per part are the same for the same ``(n, seed)`` on every machine. Fewer than 10 images or
    a negative seed are a `DataError`.
    """
    if n < 10:
        raise DataError(f"{n} images are too few to divide into {', '.join(PARTS)}: at least 10 are needed")
    if seed < 0:
        raise DataError(f"the seed of the parts must not be negative, it is {seed}")
    sizes = (n // 10, n // 5, n // 5) if n < _SMALL else _SIZES
    order = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed))).permutation(n)
    *others, fitted = np.split(order, np.cumsum(sizes))
    return {part: np.sort(indices) for part, indices in zip(PARTS, (fitted, *others), strict=True)}


def load_part(
    name: str, part: str, seed: int, root: Path | None = None, image_shape: tuple[int, int, int] | None = None
) -> ImageSet:
    """Load one of `PARTS` of the training set, or a whole split, which does not depend on the seed; see `load`."""
    if part not in PARTS:
        return load(name, part, root, image_shape)
    train = load(name, "train", root, image_shape)
    return replace(train.take(parts(len(train), seed)[part]), split=part)
