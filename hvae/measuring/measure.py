"""Run x data set -> table: every statistic of every example, resumable.

Finished chunks wait in `scores/.partial/`, so an interrupted scoring continues where it stopped.
"""

import hashlib
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import lightning
import numpy as np
import pandas as pd
from filelock import Timeout

from hvae.datasets import ImageSet
from hvae.errors import CheckpointError, DataError
from hvae.files import run_lock, write_atomically
from hvae.measuring.noise import noise_key
from hvae.measuring.scorer import Scorer
from hvae.runs.score_tables import NAME, ScoreTable, write_table
from hvae.runs.settings import Setting

CHUNK = 200
"""Images between two saved chunks: what an interrupted scoring can lose at most."""


def score(
    run: Path,
    images: ImageSet,
    how: Setting,
    *,
    batch_size: int = 256,
    accelerator: str = "auto",
    devices: int | str = "auto",
    on_progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Path of the scores of every image of a data set, in its order, under the model of a run folder.

    `batch_size` is images x samples in one pass (at least 32 images); no value of the table depends on it. Accelerator
    and devices are as Lightning Fabric names them; `on_progress` is called with (images done, in all) after each chunk.

    Raises:
        CheckpointError: a damaged run, or one that another process is writing.
        DataError: images of another shape than the model's.
        ConfigError: a batch size below 1.
    """
    if not len(images):
        raise DataError(f"{images.name} has no images to score")
    fabric = lightning.Fabric(accelerator=accelerator, devices=devices, precision=how.precision)
    fabric.launch()
    try:
        with run_lock(run / "scores") if fabric.is_global_zero else nullcontext():
            return _Scoring(fabric, run, images, how, batch_size).run(on_progress)
    except Timeout:
        raise CheckpointError(f"another process is scoring {run}: wait until it ends; its chunks are kept") from None


class _Scoring:
    """One data set under one run."""

    def __init__(self, fabric: lightning.Fabric, folder: Path, images: ImageSet, how: Setting, batch_size: int) -> None:
        self.scorer = Scorer(folder, how, fabric, batch_size)
        shape = self.scorer.config.model.image_shape
        if images.shape != shape:
            raise DataError(
                f"{images.name} has images of shape {images.shape}, the model of {folder.name} expects {shape}"
            )
        self.fabric, self.folder, self.images, self.how = fabric, folder, images, how
        self.metadata = self.scorer.about(
            data=images.slug,
            slug=images.slug,
            split=images.split,
            data_fingerprint=images.fingerprint,
            origin=images.origin or images.fingerprint,
            data_note=images.note,
        )
        self.columns = self.scorer.columns
        identity = hashlib.sha256(self.metadata.model_dump_json().encode()).hexdigest()[:12]
        self.partial = folder / "scores" / ".partial" / f"{self.metadata.file_name}.{identity}"

    def run(self, on_progress: Callable[[int, int], None] | None) -> Path:
        """Score what is missing, then write the table."""
        n = len(self.images)
        chunks = [(start, min(start + CHUNK, n)) for start in range(0, n, CHUNK)]
        for number, (start, stop) in enumerate(chunks):
            if number % self.fabric.world_size == self.fabric.global_rank and self._read(start, stop) is None:
                values = self._chunk(np.arange(start, stop))
                write_atomically(self._path(start), lambda part, values=values: _save(part, values))
            if on_progress is not None and self.fabric.is_global_zero:
                on_progress(stop, n)
        self.fabric.barrier()
        path = self.folder / "scores" / self.metadata.file_name
        if self.fabric.is_global_zero:
            parts = [self._read(*chunk) for chunk in chunks]
            path = write_table(self.folder, self._table(np.concatenate(parts, axis=1)))  # type: ignore[arg-type]
            shutil.rmtree(self.partial, ignore_errors=True)
        return path

    def _path(self, start: int) -> Path:
        return self.partial / f"{start:09d}.npy"

    def _read(self, start: int, stop: int) -> np.ndarray | None:
        """A finished chunk (draws, images, columns), None where it is missing or damaged."""
        try:
            values = np.load(self._path(start), allow_pickle=False)
        except (OSError, ValueError):
            return None
        return values if values.shape == (self.how.draws, stop - start, len(self.columns)) else None

    def _table(self, values: np.ndarray) -> ScoreTable:
        """Means over the draws, and their standard errors where there are several."""
        frame = pd.DataFrame(values.mean(0), columns=self.columns)
        frame.insert(0, "example", np.arange(len(self.images)))
        frame.insert(1, "label", self.images.labels)
        if self.images.names:
            frame.insert(2, NAME, self.images.names)
        if self.how.draws > 1:
            errors = values.std(0, ddof=1) / np.sqrt(self.how.draws)
            frame = pd.concat([frame, pd.DataFrame(errors, columns=[f"{name}_se" for name in self.columns])], axis=1)
        return ScoreTable(frame, self.metadata)

    def _chunk(self, index: np.ndarray) -> np.ndarray:
        """Values of some examples, (draws, images, columns) float64 in nats."""
        return self.scorer.values(self.images.images[index], noise_key(self.images.slug, self.images.split), index)


def _save(part: Path, values: np.ndarray) -> None:
    with part.open("wb") as file:
        np.save(file, values, allow_pickle=False)
