"""Run x data set -> table: every statistic of every example, resumable.

Finished chunks wait in `scores/.partial/`, so an interrupted scoring continues where it stopped.
"""

import hashlib
import math
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import lightning
import numpy as np
import pandas as pd
from filelock import Timeout

from hvae.datasets import ImageSet
from hvae.errors import CheckpointError, ConfigError, DataError, TableError
from hvae.files import read_sealed, run_lock, write_sealed
from hvae.measuring.further import FURTHER
from hvae.measuring.noise import noise_key
from hvae.measuring.scorer import Scorer
from hvae.runs.columns import is_further_column
from hvae.runs.score_tables import NAME, ScoreTable, read_table, write_table
from hvae.runs.settings import Setting

SAME = ("weights_sha256", "data_fingerprint", "preprocessing", "setting")
"""What two tables of one name have to agree in to be of the same numbers."""
CHUNK = 200
"""Images between two saved chunks: what an interrupted scoring can lose at most."""


def score(
    run: Path,
    images: ImageSet,
    how: Setting,
    *,
    also: str | None = None,
    batch_size: int = 256,
    accelerator: str = "auto",
    devices: int | str = "auto",
    on_progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Path of the scores of every image of a data set, in its order, under the model of a run folder.

    With `also`, a name of `hvae.measuring.further.FURTHER`, the table of these images that is there already gains
    those columns; a table that is scored again keeps them.

    `batch_size` is images x samples in one pass (at least 32 images); no value of the table depends on it. Accelerator
    and devices are as Lightning Fabric names them; `on_progress` is called with (images done, in all) after each chunk.

    Raises:
        CheckpointError: a damaged run, or one that another process is writing.
        DataError: images of another shape than the model's; or none of these images to add further columns to.
        ConfigError: a batch size below 1.
    """
    if not len(images):
        raise DataError(f"{images.name} has no images to score")
    fabric = lightning.Fabric(accelerator=accelerator, devices=devices, precision=how.precision)
    fabric.launch()
    try:
        with run_lock(run / "scores") if fabric.is_global_zero else nullcontext():
            scoring = (
                _Scoring(fabric, run, images, how, batch_size)
                if also is None
                else _Adding(fabric, run, images, how, batch_size, also)
            )
            return scoring.run(on_progress)
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
        self.columns, self.rows = self.scorer.columns, np.arange(len(images))
        identity = hashlib.sha256(self.metadata.model_dump_json().encode()).hexdigest()[:12]
        self.partial = folder / "scores" / ".partial" / f"{self.metadata.file_name}.{identity}"

    def run(self, on_progress: Callable[[int, int], None] | None) -> Path:
        """Score what is missing, then write the table."""
        n = len(self.rows)
        chunks = [(start, min(start + CHUNK, n)) for start in range(0, n, CHUNK)]
        for number, (start, stop) in enumerate(chunks):
            if number % self.fabric.world_size == self.fabric.global_rank and self._read(start, stop) is None:
                values = self._chunk(self.rows[start:stop])
                write_sealed(self._path(start), np.asarray(values, np.float64).tobytes())
            if on_progress is not None and self.fabric.is_global_zero:
                on_progress(stop, n)
        self.fabric.barrier()
        path = self.folder / "scores" / self.metadata.file_name
        if self.fabric.is_global_zero:
            path = write_table(self.folder, self._table(np.concatenate([self._kept(*one) for one in chunks], axis=1)))
            shutil.rmtree(self.partial, ignore_errors=True)
        return path

    def _path(self, start: int) -> Path:
        return self.partial / f"{start:09d}.chunk"

    def _read(self, start: int, stop: int) -> np.ndarray | None:
        """A finished chunk (draws, images, columns), None where it is missing, or damaged by so much as a bit."""
        shape = self.how.draws, stop - start, len(self.columns)
        size = 8 * math.prod(shape)
        content = read_sealed(self._path(start), size)
        return np.frombuffer(content).reshape(shape) if content and len(content) == size else None

    def _kept(self, start: int, stop: int) -> np.ndarray:
        """A finished chunk, made again where it cannot be read back."""
        values = self._read(start, stop)
        return self._chunk(self.rows[start:stop]) if values is None else values

    def _table(self, values: np.ndarray) -> ScoreTable:
        """The table of what was measured, with the further columns that it had before."""
        frame = self._summed_up(values)
        frame.insert(0, "example", self.rows)
        frame.insert(1, "label", self.images.labels)
        if self.images.names:
            frame.insert(2, NAME, self.images.names)
        before = self._stored()
        kept = [] if before is None else [name for name in before.frame if is_further_column(name)]
        return ScoreTable(frame if before is None else pd.concat([frame, before.frame[kept]], axis=1), self.metadata)

    def _stored(self) -> ScoreTable | None:
        """The table of the very same that is there already, None where there is none or a damaged one."""
        try:
            table = read_table(self.folder / "scores" / self.metadata.file_name)
        except TableError:
            return None
        same = all(getattr(table.metadata, name) == getattr(self.metadata, name) for name in SAME)
        return table if same else None

    def _summed_up(self, values: np.ndarray) -> pd.DataFrame:
        """Means over the draws, and their standard errors where there are several."""
        frame = pd.DataFrame(values.mean(0), columns=self.columns)
        if self.how.draws > 1:
            errors = values.std(0, ddof=1) / np.sqrt(self.how.draws)
            frame = pd.concat([frame, pd.DataFrame(errors, columns=[f"{name}_se" for name in self.columns])], axis=1)
        return frame

    def _chunk(self, index: np.ndarray) -> np.ndarray:
        """Values of some examples, (draws, images, columns) float64 in nats."""
        return self.scorer.values(self.images.images[index], noise_key(self.images.slug, self.images.split), index)


class _Adding(_Scoring):
    """Further columns of a table that is there already."""

    def __init__(
        self, fabric: lightning.Fabric, folder: Path, images: ImageSet, how: Setting, batch_size: int, name: str
    ) -> None:
        super().__init__(fabric, folder, images, how, batch_size)
        model, self.further = self.scorer.config.model, FURTHER[name]
        if (why := self.further.obstacle(model)) is not None:
            raise ConfigError(f"{folder.name} has no {name}: {why}")
        before = self._stored()
        if before is None:
            raise DataError(f"{self.metadata.file_name} of {folder.name} is not of these images: score them first")
        self.before, self.columns = before, self.further.columns(model.depth)
        self.rows = self.further.rows(len(images))
        self.partial = self.partial.with_name(f"{self.partial.name}.{name}")

    def _table(self, values: np.ndarray) -> ScoreTable:
        """The table as it was, with these columns instead of those of their names."""
        further = self._summed_up(values).set_axis(self.rows).reindex(range(len(self.images)))
        frame = self.before.frame.drop(columns=list(further), errors="ignore")
        return replace(self.before, frame=pd.concat([frame, further], axis=1))

    def _chunk(self, index: np.ndarray) -> np.ndarray:
        key = noise_key(self.images.slug, self.images.split)
        return self.scorer.values(self.images.images[index], key, index, self.further)
