"""The statistics of some images under one run: of a data set, or of images from outside."""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from typing import cast

import lightning
import numpy as np
import pandas as pd
import torch

from hvae import __version__
from hvae.datasets import LOOSE, content_index
from hvae.errors import ConfigError, DataError
from hvae.measuring.further import Further
from hvae.measuring.noise import EvaluationNoise, prepare
from hvae.measuring.passes import counted
from hvae.measuring.passes.ahead import Ahead, threads_for
from hvae.measuring.passes.sizes import LEAST_IMAGES, Lanes
from hvae.measuring.pixels import pixel_statistics
from hvae.models.blocks import channels_last, fold_weight_norm
from hvae.models.hierarchical import HierarchicalVAE
from hvae.models.latents import Noise
from hvae.runs.checkpoints import load_checkpoint
from hvae.runs.folders import RunEntry
from hvae.runs.score_tables import ScoreTable, TableMetadata
from hvae.runs.settings import Setting


class Scorer:
    """One run, ready to score images under a setting: reading, S, R, seed and precision."""

    def __init__(self, run: Path, how: Setting, fabric: lightning.Fabric, batch_size: int = 64) -> None:
        """Load a run; `batch_size` is images x samples in one pass (at least 32 images), no value depends on it.

        On a GPU it is as many more as fit its free memory, and half of them as often as that runs out.
        """
        if batch_size < 1:
            raise ConfigError(f"scoring: batch_size must be at least 1, it is {batch_size}")
        checkpoint = load_checkpoint(run, fabric.device)
        self.config, self.weights_sha256, self.how = checkpoint.config, checkpoint.weights_sha256, how
        self._model = fold_weight_norm(checkpoint.model)
        self._fabric, self.lanes = fabric, Lanes(batch_size, fabric.device)

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
            task=self.config.model.task,
            weights_sha256=self.weights_sha256,
            version=__version__,
            **images,
            **self.how.fields,
        )

    def values(self, images: np.ndarray, key: str, index: np.ndarray, further: Further | None = None) -> np.ndarray:
        """The `columns` in nats for each draw, (draws, n, columns), of uint8 images (n, channel, height, width).

        The `index` (n,) addresses each image's noise of the name `key`: its position in the data set, or its content.
        With `further`, those columns instead.
        """
        # What is fitted to an image takes derivatives, which inference mode has none of.
        with torch.inference_mode() if further is None else torch.no_grad(), self._fabric.autocast():
            some = images[:LEAST_IMAGES], key, index[:LEAST_IMAGES]
            self.lanes.fit(lambda: self._batch(*some, 0, further, replace(self.how, samples=1), None))
            with threads_for(self._fabric.device if self.how.noise == 1 else torch.device("cpu")) as pool:
                return np.stack([self._draw(images, key, index, draw, further, pool) for draw in range(self.how.draws)])

    def _draw(
        self,
        images: np.ndarray,
        key: str,
        index: np.ndarray,
        draw: int,
        further: Further | None,
        pool: Executor | None,
    ) -> np.ndarray:
        """Values of one draw, (n, columns), a pass at a time; one that needs too much memory is made in halves."""
        found: list[np.ndarray] = []
        done = 0
        while done < len(images):
            part = slice(done, done + self.lanes.images(self.how.samples))
            try:
                found.append(self._batch(images[part], key, index[part], draw, further, self.how, pool))
                done = part.stop
            except torch.OutOfMemoryError as error:
                self.lanes.halve(error)
        return np.concatenate(found)

    def _batch(
        self,
        images: np.ndarray,
        key: str,
        index: np.ndarray,
        draw: int,
        further: Further | None,
        how: Setting,
        pool: Executor | None,
    ) -> np.ndarray:
        """Values of one batch and draw, (images, columns)."""
        device, count = self._fabric.device, len(index)
        padding = max(0, LEAST_IMAGES - count)
        index = np.pad(index, (0, padding), mode="edge")
        images = np.pad(images, ((0, padding), (0, 0), (0, 0), (0, 0)), mode="edge")
        prepared = prepare if how.noise == 1 else counted.prepare
        x = channels_last(prepared(images, self.config.data.preprocessing, how.seed, key, index, draw, device))

        address, shapes = (how.seed, key, index, draw), self._model.latent_shapes

        def drawn(samples: Sequence[int]) -> EvaluationNoise:
            return EvaluationNoise(*address, samples, shapes, device)

        def made(samples: Sequence[int]) -> Noise:
            return counted.CountedNoise(*address, samples, shapes, device)

        per_pass = max(1, self.lanes.number // len(index))
        noise = made if how.noise == 2 else drawn if pool is None else Ahead(drawn, how.samples, per_pass, pool)
        if further is None:
            values = self._model.measure(x, noise, reading=how.reading, samples=how.samples, per_pass=per_pass)
        else:
            values = further.measure(cast(HierarchicalVAE, self._model), x, noise)
        return values[:count].cpu().numpy()


class Measurer:
    """One run, ready to measure images from outside, of the `image_shape` (channel, height, width) its model takes."""

    def __init__(self, run: RunEntry, setting: Setting, *, accelerator: str = "auto", batch_size: int = 64) -> None:
        """Load the run's model; `CheckpointError` if the run is damaged. The batch size is that of a `Scorer`."""
        fabric = lightning.Fabric(accelerator=accelerator, devices=1, precision=setting.precision)
        self.setting, self._run = setting, run.name
        self._scorer = Scorer(run.path, setting, fabric, batch_size)
        self.image_shape, self.weights_sha256 = self._scorer.config.model.image_shape, self._scorer.weights_sha256

    def table(self, images: np.ndarray) -> ScoreTable:
        """A score table in memory of images (m, channel, height, width) uint8, statistics of the pixels among them.

        Values are in nats, the mean over the draws; each image is on its own, so they may come in any portions. Images
        of another shape or type are a `DataError`.
        """
        if images.dtype != np.uint8 or images.shape[1:] != tuple(self.image_shape):
            raise DataError(
                f"{self._run} takes uint8 images of shape {tuple(self.image_shape)}, these are {images.dtype} of shape "
                f"{images.shape[1:]}"
            )
        index = np.array([content_index(image) for image in images])
        means = self._scorer.values(images, LOOSE, index).mean(0)
        # Rounded as a stored table is, so that an image ranks as it would there.
        frame = pd.DataFrame(means.astype(np.float32), columns=self._scorer.columns)
        frame = pd.concat([frame, pixel_statistics(images)], axis=1).astype(np.float64)
        frame.insert(0, "example", np.arange(len(images)))
        frame.insert(1, "label", 0)
        about = self._scorer.about(data=LOOSE, slug=LOOSE, split="all", data_fingerprint="")
        return ScoreTable(frame, about, self._run)
