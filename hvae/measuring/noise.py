"""Evaluation inputs that depend on nothing but (seed, data set, example, draw, sample).

However images are batched, each example meets the same binarisation and the same latent noise, so tables repeat and
runs are compared on common random numbers.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from hvae.config import Preprocessing
from hvae.datasets import evaluation_noise, evaluation_normals, preprocess
from hvae.models.latents import Walk


def noise_key(slug: str, split: str) -> str:
    """The name under which a part of a data set has its noise, so that no two parts share any."""
    return f"{slug}.{split}"


def prepare(
    images: np.ndarray, preprocessing: Preprocessing, seed: int, key: str, index: np.ndarray, draw: int = 0
) -> Tensor:
    """Preprocess images (batch, channel, height, width) uint8 for evaluation, to float32 in [0, 1].

    The `key` is a `noise_key`, the `index` (batch,) the position of each example in its data set, and `draw` one of the
    R independent repeats.
    """
    binarised = preprocessing == "binarise"
    noise = evaluation_noise(seed, key, index, draw, math.prod(images.shape[1:])) if binarised else None
    return torch.from_numpy(preprocess(images, preprocessing, noise))


class EvaluationNoise:
    """Standard-normal noise of one batch, addressed by example, draw and sample; see `hvae.models.latents.Noise`.

    Each example has one stream: the inference walk's latents, lowest first, then the generative walk's.
    """

    def __init__(
        self,
        seed: int,
        key: str,
        index: np.ndarray,
        draw: int,
        samples: Sequence[int],
        latent_shapes: Sequence[tuple[int, ...]],
        device: torch.device | str = "cpu",
    ) -> None:
        """Address the noise of `samples` (their numbers) for the examples at `index`, sample-major."""
        self.lanes = len(samples) * len(index)
        self._ends = np.cumsum([0, *(math.prod(shape) for shape in latent_shapes)])
        self._address, self._samples, self._device = (seed, key, index, draw), samples, device
        self._drawn: dict[Walk, Tensor] = {}

    def __call__(self, walk: Walk, layer: int, shape: tuple[int, ...]) -> Tensor:
        """Noise of shape (lanes, *shape) for layer `layer` (0 = lowest)."""
        if walk not in self._drawn:
            self._drawn[walk] = self._draw(walk)
        return self._drawn[walk][:, self._ends[layer] : self._ends[layer + 1]].reshape(self.lanes, *shape)

    def _draw(self, walk: Walk) -> Tensor:
        """All layers of one walk; most proposals never ask for the generative one."""
        seed, key, index, draw = self._address
        size = int(self._ends[-1])
        start = size if walk == "generation" else 0
        normals = [
            evaluation_normals(seed, key, index, draw, sample, start + size)[:, start:] for sample in self._samples
        ]
        return torch.from_numpy(np.concatenate(normals)).to(self._device)
