"""The statistics of some images under one run: of a data set, or of images from outside."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
import torch
from lightning_fabric import Fabric

from hvae import __version__
from hvae.datasets import LOOSE, content_index
from hvae.errors import ConfigError, DataError
from hvae.measuring.further import Further
from hvae.measuring.noise import EvaluationNoise, prepare
from hvae.measuring.passes import counted
from hvae.measuring.passes.ahead import Ahead, threads_for
from hvae.measuring.passes.sizes import LEAST_IMAGES, Lanes
from hvae.measuring.passes.together import Check, at_once, side_by_side
from hvae.measuring.pixels import pixel_statistics
from hvae.models.blocks import channels_last, fold_weight_norm
from hvae.models.hierarchical import HierarchicalVAE
from hvae.models.latents import Noise
from hvae.runs.checkpoints import load_checkpoint
from hvae.runs.folders import RunEntry
from hvae.runs.score_tables import ScoreTable, TableMetadata
from hvae.runs.settings import Setting


@dataclass(frozen=True)
class _Asked:
    """What all passes of a call have in common; `check` is called before the noise of each of its groups of samples."""

    key: str
    how: Setting
    further: Further | None = None
    pool: Executor | None = None
    check: Check = lambda: None


class Scorer:
    """One run, ready to score images under a setting: reading, S, R, seed and precision."""

    def __init__(self, run: Path, how: Setting, fabric: Fabric, batch_size: int = 64) -> None:
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
        asked, device = _Asked(key, self.how, further), self._fabric.device
        if device.type == "cpu" and further is None and len(passes := self._passes(len(images))) > 1 < at_once():
            return self._side_by_side(images, index, asked, passes)
        with self._computing(asked):
            probed = replace(asked, how=replace(self.how, samples=1))
            self.lanes.fit(lambda: self._batch(images[:LEAST_IMAGES], index[:LEAST_IMAGES], 0, probed))
            with threads_for(device if self.how.noise == 1 else torch.device("cpu")) as pool:
                asked = replace(asked, pool=pool)
                return np.stack([self._draw(images, index, draw, asked) for draw in range(self.how.draws)])

    @contextmanager
    def _computing(self, asked: _Asked) -> Iterator[None]:
        """The modes of a pass, which are those of one thread."""
        # What is fitted to an image takes derivatives, which inference mode has none of.
        with torch.inference_mode() if asked.further is None else torch.no_grad(), self._fabric.autocast():
            yield

    def _passes(self, count: int) -> list[tuple[int, slice]]:
        """(draw, images) of each pass of so many images, for several at once."""
        size = min(self.lanes.images(self.how.samples, at_once()), max(LEAST_IMAGES, -(-count // at_once())))
        parts = [slice(start, start + size) for start in range(0, count, size)]
        return [(draw, part) for draw in range(self.how.draws) for part in parts]

    def _side_by_side(
        self, images: np.ndarray, index: np.ndarray, asked: _Asked, passes: Sequence[tuple[int, slice]]
    ) -> np.ndarray:
        """Values of every draw, (draws, n, columns), from several passes at once."""

        def job(draw: int, part: slice) -> Callable[[Check], np.ndarray]:
            def values(check: Check) -> np.ndarray:
                with self._computing(asked):
                    return self._batch(images[part], index[part], draw, replace(asked, check=check))

            return values

        found = np.concatenate(side_by_side([job(*one) for one in passes]))
        return found.reshape(self.how.draws, len(images), -1)

    def _draw(self, images: np.ndarray, index: np.ndarray, draw: int, asked: _Asked) -> np.ndarray:
        """Values of one draw, (n, columns), a pass at a time; one that needs too much memory is made in halves."""
        found: list[np.ndarray] = []
        done = 0
        while done < len(images):
            part = slice(done, done + self.lanes.images(self.how.samples))
            try:
                found.append(self._batch(images[part], index[part], draw, asked))
                done = part.stop
            except torch.OutOfMemoryError as error:
                self.lanes.halve(error)
        return np.concatenate(found)

    def _batch(self, images: np.ndarray, index: np.ndarray, draw: int, asked: _Asked) -> np.ndarray:
        """Values of one batch and draw, (images, columns)."""
        device, count, how, key = self._fabric.device, len(index), asked.how, asked.key
        padding = max(0, LEAST_IMAGES - count)
        index = np.pad(index, (0, padding), mode="edge")
        images = np.pad(images, ((0, padding), (0, 0), (0, 0), (0, 0)), mode="edge")
        prepared = prepare if how.noise == 1 else counted.prepare
        x = channels_last(prepared(images, self.config.data.preprocessing, how.seed, key, index, draw, device))

        address, shapes = (how.seed, key, index, draw), self._model.latent_shapes

        def drawn(samples: Sequence[int]) -> EvaluationNoise:
            asked.check()
            return EvaluationNoise(*address, samples, shapes, device)

        def made(samples: Sequence[int]) -> Noise:
            asked.check()
            return counted.CountedNoise(*address, samples, shapes, device)

        per_pass = max(1, self.lanes.number // len(index))
        noise = made if how.noise == 2 else drawn
        if asked.pool is not None:
            noise = Ahead(drawn, how.samples, per_pass, asked.pool)
        if asked.further is None:
            values = self._model.measure(x, noise, reading=how.reading, samples=how.samples, per_pass=per_pass)
        else:
            values = asked.further.measure(cast(HierarchicalVAE, self._model), x, noise)
        return values[:count].cpu().numpy()


class Measurer:
    """One run, ready to measure images from outside, of the `image_shape` (channel, height, width) its model takes."""

    def __init__(self, run: RunEntry, setting: Setting, *, accelerator: str = "auto", batch_size: int = 64) -> None:
        """Load the run's model; `CheckpointError` if the run is damaged. The batch size is that of a `Scorer`."""
        fabric = Fabric(accelerator=accelerator, devices=1, precision=setting.precision)
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
