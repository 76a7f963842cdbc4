"""The statistics of some images under one run, whatever is done with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import lightning
import numpy as np
import torch

from hvae import __version__
from hvae.errors import ConfigError
from hvae.measuring.noise import EvaluationNoise, prepare
from hvae.models.blocks import fold_weight_norm
from hvae.runs.checkpoints import load_checkpoint
from hvae.runs.score_tables import TableMetadata
from hvae.runs.settings import Setting

LEAST_IMAGES = 32
"""Images in one pass at the least, padded with copies: math libraries take other kernels for smaller ones, which round
differently, and no value of a table may depend on the batch size."""


class Scorer:
    """One run, ready to score images.

    Attributes:
        config: of the run.
        weights_sha256: of the weights.
        how: reading, S, R, seed and precision.
    """

    def __init__(self, run: Path, how: Setting, fabric: lightning.Fabric, batch_size: int = 256) -> None:
        """Load a run folder; `batch_size` is images x samples in one pass (at least 32 images), no value depends on it.

        Raises:
            CheckpointError: a damaged run.
            ConfigError: a batch size below 1.
        """
        if batch_size < 1:
            raise ConfigError(f"scoring: batch_size must be at least 1, it is {batch_size}")
        checkpoint = load_checkpoint(run, fabric.device)
        self.config, self.weights_sha256, self.how = checkpoint.config, checkpoint.weights_sha256, how
        self._model = fold_weight_norm(checkpoint.model)
        self._fabric, self._batch_size = fabric, batch_size

    @property
    def columns(self) -> list[str]:
        """Names of the statistics that `values` gives."""
        return self.config.model.measured()

    def about(self, **images: str) -> TableMetadata:
        """What a table of some images depends on, given the fields that say which images they are."""
        return TableMetadata(
            depth=self.config.model.depth,
            dimensions=self.config.model.dimensions,
            preprocessing=self.config.data.preprocessing,
            weights_sha256=self.weights_sha256,
            version=__version__,
            **images,
            **self.how.fields,
        )

    def values(self, images: np.ndarray, key: str, index: np.ndarray) -> np.ndarray:
        """The `columns` in nats for each draw, (draws, n, columns) float64.

        Args:
            images: (n, channel, height, width) uint8 of the model's shape.
            key: name of the noise; see `hvae.measuring.noise.noise_key`.
            index: (n,) what addresses each image's noise: its position in the data set, or its content.
        """
        with torch.inference_mode(), self._fabric.autocast():
            draws = [
                np.concatenate([self._batch(images[part], key, index[part], draw) for part in self._parts(len(images))])
                for draw in range(self.how.draws)
            ]
        return np.stack(draws)

    def _parts(self, n: int) -> Iterator[slice]:
        size = LEAST_IMAGES if self.how.samples > 1 else max(self._batch_size, LEAST_IMAGES)
        for start in range(0, n, size):
            yield slice(start, start + size)

    def _batch(self, images: np.ndarray, key: str, index: np.ndarray, draw: int) -> np.ndarray:
        """Values of one batch and draw, (images, columns)."""
        how, device, count = self.how, self._fabric.device, len(index)
        padding = max(0, LEAST_IMAGES - count)
        index = np.pad(index, (0, padding), mode="edge")
        images = np.pad(images, ((0, padding), (0, 0), (0, 0), (0, 0)), mode="edge")
        x = prepare(images, self.config.data.preprocessing, how.seed, key, index, draw).to(device)
        x = x.contiguous(memory_format=torch.channels_last)

        def noise(samples: Sequence[int]) -> EvaluationNoise:
            return EvaluationNoise(how.seed, key, index, draw, samples, self._model.latent_shapes, device)

        per_pass = max(1, self._batch_size // len(index))
        values = self._model.measure(x, noise, reading=how.reading, samples=how.samples, per_pass=per_pass)
        return values[:count].cpu().numpy()
