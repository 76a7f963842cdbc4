"""Images of another set that some models are shown in training as out-of-distribution, and those left to test with.

A run sees one half of the other set and is tested on the other half: the training split is the one half where a set has
it, else the even positions of its only split. Imports no torch.
"""

from dataclasses import replace

import numpy as np

from hvae.config import RunConfig
from hvae.datasets import ImageSet, info, load
from hvae.errors import DataError

MUTATED = "mutated"
"""In place of a set: the training images with a share of the pixels replaced by uniform values, as Ren et al. (2019)
make theirs."""
MUTATION = 0.3
LABEL = -1
"""Of an outlier."""
_VALIDATION = 20
"""One of so many outliers is a validation image."""


def exposed(config: RunConfig, fitted: ImageSet, validation: ImageSet) -> tuple[ImageSet, ImageSet]:
    """Fitted and validation images, with as many outliers in each where the run takes some.

    Raises:
        DataError: outliers that are missing, or of another shape.
    """
    if not config.data.outliers:
        return fitted, validation
    if config.data.outliers == MUTATED:
        return _with(fitted, _mutated(fitted)), _with(validation, _mutated(validation))
    seen = _seen(config.data.outliers, config.model.image_shape)
    held = np.arange(len(seen)) % _VALIDATION == 0
    return _with(fitted, seen.images[~held]), _with(validation, seen.images[held])


def unseen(config: RunConfig, images: ImageSet) -> ImageSet:
    """The images of a set that a run was not shown as outliers.

    Raises:
        DataError: it was shown them.
    """
    if images.name != config.data.outliers:
        return images
    if "train" not in info(images.name).splits:
        return images.take(np.arange(1, len(images), 2))
    if images.split in ("train", "all"):
        raise DataError(
            f"the run was shown the training images of {images.name} as outliers, {images.split} has them: score its "
            "test split"
        )
    return images


def _seen(name: str, image_shape: tuple[int, int, int]) -> ImageSet:
    if "train" in info(name).splits:
        return load(name, "train", image_shape=image_shape)
    whole = load(name, "test", image_shape=image_shape)
    return whole.take(np.arange(0, len(whole), 2))


def _with(images: ImageSet, outliers: np.ndarray) -> ImageSet:
    """Images, then as many outliers `(m, channel, height, width)`, evenly spaced or repeated."""
    n, m = len(images), len(outliers)
    chosen = np.linspace(0, m - 1, n).round().astype(int) if n < m else np.arange(n) % m
    labels = np.concatenate([images.labels, np.full(n, LABEL, np.int64)])
    return replace(images, images=np.concatenate([images.images, outliers[chosen]]), labels=labels, names=())


def _mutated(images: ImageSet) -> np.ndarray:
    random = np.random.default_rng(0)
    replaced = random.random(images.images.shape, np.float32) < MUTATION
    return np.where(replaced, random.integers(0, 256, images.images.shape, np.uint8), images.images)
