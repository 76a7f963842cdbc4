"""Which images of a reference part lie nearest to one image, by the posterior means of every level."""

from collections.abc import Sequence

import numpy as np

from hvae.datasets import ImageSet
from hvae.measuring.correlations import represent
from hvae.runs.checkpoints import Checkpoint
from hvae.stats.arrays import Floats, Indices


def posterior_means(checkpoint: Checkpoint, images: ImageSet, index: Indices, seed: int = 0) -> list[Floats]:
    """Means of q(z_l | .), lowest level first, each `(n, units)`, of the images at positions `index` `(n,)`.

    The seed is that of the binarisation. Of a level of more units than `hvae.measuring.correlations` keeps, as many
    drawn by the seed stand for all.

    Raises:
        ConfigError: a kind of model without layers.
        DataError: images that are not of the model's shape.
    """
    return [layer.units for layer in represent(checkpoint, images, index, seed)["means"]]


def nearest(reference: Sequence[Floats], one: Sequence[Floats], k: int) -> list[list[tuple[int, float]]]:
    """(place in the reference, Euclidean distance) of the k images nearest to one, nearest first, a list a level.

    `reference` are `(n, units)` a level, `one` `(1, units)`; ties keep the order of the reference.
    """
    found = []
    for all_of_them, its in zip(reference, one, strict=True):
        distances = np.linalg.norm(all_of_them.astype(np.float64) - its.astype(np.float64), axis=1)
        order = np.argsort(distances, kind="stable")[:k]
        found.append([(int(place), float(distances[place])) for place in order])
    return found
