"""Evaluation inputs that depend on (seed, data set, example, draw, sample) alone.

However images are batched, each example meets the same noise: tables repeat, and runs share random numbers.
"""

import math
from collections.abc import Sequence
from concurrent.futures import Executor, Future

import numpy as np
import torch
from torch import Tensor

from hvae.config import Preprocessing
from hvae.datasets import evaluation_noise, evaluation_normals, preprocess
from hvae.models.latents import Walk

_ROWS = 256
"""Drawn by one thread."""


def noise_key(slug: str, split: str) -> str:
    """The name under which a part of a data set has its own noise."""
    return f"{slug}.{split}"


def prepare(
    images: np.ndarray, preprocessing: Preprocessing, seed: int, key: str, index: np.ndarray, draw: int = 0,
    device: torch.device | str = "cpu",
) -> Tensor:  # fmt: skip
    """Preprocess images (batch, channel, height, width) uint8 for evaluation, to float32 in [0, 1].

    The `key` is a `noise_key`, the `index` (batch,) where each example is in its set, `draw` one of the R repeats.
    """
    binarised = preprocessing == "binarise"
    noise = evaluation_noise(seed, key, index, draw, math.prod(images.shape[1:])) if binarised else None
    return torch.from_numpy(preprocess(images, preprocessing, noise)).to(device)


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
        self._begun: tuple[Tensor, list[Future]] | None = None

    def draw(self, pool: Executor) -> None:
        """Begin to draw the inference walk by the threads of a pool, into memory that a GPU copies from by itself."""
        seed, key, index, draw = self._address
        size, n, pinned = int(self._ends[-1]), len(index), torch.device(self._device).type == "cuda"
        into = torch.empty((self.lanes, size), pin_memory=pinned)
        rows = into.numpy().reshape(len(self._samples), n, size)
        jobs = [
            pool.submit(evaluation_normals, seed, key, index[part], draw, sample, size, rows[place, part])
            for place, sample in enumerate(self._samples)
            for part in (slice(start, start + _ROWS) for start in range(0, n, _ROWS))
        ]
        self._begun = into, jobs

    def __call__(self, walk: Walk, layer: int, shape: tuple[int, ...]) -> Tensor:
        """Noise of shape (lanes, *shape) for layer `layer` (0 = lowest)."""
        if walk not in self._drawn:
            self._drawn[walk] = self._draw(walk)
        return self._drawn[walk][:, self._ends[layer] : self._ends[layer + 1]].reshape(self.lanes, *shape)

    def _draw(self, walk: Walk) -> Tensor:
        """All layers of one walk; most proposals never ask for the generative one."""
        if walk == "inference" and self._begun is not None:
            into, jobs = self._begun
            for job in jobs:
                job.result()
            return into.to(self._device, non_blocking=True)
        seed, key, index, draw = self._address
        size = int(self._ends[-1])
        start = size if walk == "generation" else 0
        normals = [
            evaluation_normals(seed, key, index, draw, sample, start + size)[:, start:] for sample in self._samples
        ]
        return torch.from_numpy(np.concatenate(normals)).to(self._device)
