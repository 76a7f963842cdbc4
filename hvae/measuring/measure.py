"""Run x data set -> table: every statistic of every example, resumable.

Finished chunks wait in `scores/.partial/`, so an interrupted scoring continues where it stopped.
"""

import hashlib
import math
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pyarrow as pa
from filelock import Timeout
from lightning_fabric import Fabric

from hvae.datasets import ImageSet
from hvae.datasets.held import release, room, some_names
from hvae.errors import CheckpointError, ConfigError, DataError, TableError
from hvae.files import read_sealed, run_lock, write_sealed
from hvae.measuring.further import FURTHER
from hvae.measuring.noise import noise_key
from hvae.measuring.passes.sizes import MOST_LANES
from hvae.measuring.scorer import Scorer
from hvae.measuring.stopping import finishing
from hvae.runs.columns import NAME, column_array, column_type, is_further_column, require_sound
from hvae.runs.score_tables import read_content, write_content
from hvae.runs.settings import Setting
from hvae.runs.shards import Shard, shard_path, write_shard

SAME = ("weights_sha256", "data_fingerprint", "preprocessing", "setting")
"""What two tables of one name have to agree in to be of the same numbers."""
CHUNK = 256
"""Images between two saved chunks, what an interrupted scoring can lose at most; a GPU takes a whole pass at S = 1."""


def score(
    run: Path,
    images: ImageSet,
    how: Setting,
    *,
    also: str | None = None,
    shard: Shard | None = None,
    batch_size: int = 64,
    accelerator: str = "auto",
    devices: int | str = "auto",
    nodes: int = 1,
    on_progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Path of the scores of every image of a data set, in its order, under the model of a run folder.

    With `also`, a name of `hvae.measuring.further.FURTHER`, the table of these images that is there already gains
    those columns; a table that is scored again keeps them. With a `shard`, only its rows are scored, into a file that
    `hvae.runs.shards.merge` puts together with the others.

    `batch_size` is images x samples in one pass (at least 32 images); no value of the table depends on it.
    Accelerator, devices and nodes are as Lightning Fabric names them; `on_progress` is called with (images done, in
    all) after each chunk.

    Raises:
        CheckpointError: a damaged run, or one that another process is writing.
        DataError: images of another shape than the model's; or none of these images to add further columns to.
        ConfigError: a batch size below 1.
    """
    if not len(images):
        raise DataError(f"{images.name} has no images to score")
    fabric = Fabric(accelerator=accelerator, devices=devices, num_nodes=nodes, precision=how.precision)
    fabric.launch()
    if also is None:
        scoring = _Scoring(fabric, run, images, how, batch_size, shard)
    else:
        scoring = _Adding(fabric, run, images, how, batch_size, also)
    try:
        with run_lock(scoring.locked) if fabric.is_global_zero else nullcontext():
            return scoring.run(on_progress)
    except Timeout:
        raise CheckpointError(f"another process is scoring {run}: wait until it ends; its chunks are kept") from None


class _Scoring:
    """One data set under one run."""

    def __init__(
        self,
        fabric: Fabric,
        folder: Path,
        images: ImageSet,
        how: Setting,
        batch_size: int,
        shard: Shard | None = None,
    ) -> None:
        self.scorer = Scorer(folder, how, fabric, batch_size)
        shape = self.scorer.config.model.image_shape
        if images.shape != shape:
            raise DataError(
                f"{images.name} has images of shape {images.shape}, the model of {folder.name} expects {shape}"
            )
        self.fabric, self.folder, self.images, self.how, self.shard = fabric, folder, images, how, shard
        self.metadata = self.scorer.about(
            data=images.slug,
            slug=images.slug,
            split=images.split,
            data_fingerprint=images.fingerprint,
            origin=images.origin or images.fingerprint,
            data_note=images.note,
        )
        self.columns = self.scorer.columns
        self.rows = np.arange(len(images)) if shard is None else shard.rows(len(images))
        identity = hashlib.sha256(self.metadata.model_dump_json().encode()).hexdigest()[:12]
        self.partial = folder / "scores" / ".partial" / f"{self.metadata.file_name}.{identity}"
        if shard is not None:
            self.partial = self.partial.with_name(f"{self.partial.name}.{shard.name}")
        # One table at a time; shards of one are made side by side, each by one process.
        self.locked = folder / "scores" if shard is None else shard_path(folder, self.metadata, shard).with_suffix("")

    def run(self, on_progress: Callable[[int, int], None] | None) -> Path:
        """Score what is missing, then write the table."""
        n = len(self.rows)
        size = MOST_LANES if self.fabric.device.type == "cuda" and self.how.samples == 1 else CHUNK
        chunks = [(start, min(start + size, n)) for start in range(0, n, size)]
        with finishing() as stop_if_asked:
            for number, (start, stop) in enumerate(chunks):
                if number % self.fabric.world_size == self.fabric.global_rank and self._read(start, stop) is None:
                    values = self._chunk(self.rows[start:stop])
                    release(self.images.images)
                    write_sealed(self._path(start), np.asarray(values, np.float64).tobytes())
                if on_progress is not None and self.fabric.is_global_zero:
                    on_progress(stop, n)
                stop_if_asked()
        self.fabric.barrier()
        path = self.folder / "scores" / self.metadata.file_name
        if self.fabric.is_global_zero:
            path = self._write(self._content(self._statistics(chunks)))
            shutil.rmtree(self.partial, ignore_errors=True)
            if self.shard is not None:
                shutil.rmtree(self.locked, ignore_errors=True)
        # No process reads the table, or goes on to the next, before it is there.
        self.fabric.barrier()
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

    def _statistics(self, chunks: list[tuple[int, int]]) -> dict[str, np.ndarray]:
        """Means over the draws of each row, and their standard errors where there are several, as they are stored."""
        names = [*self.columns, *(f"{name}_se" for name in self.columns if self.how.draws > 1)]
        found = {name: room(len(self.rows), column_type(name).to_pandas_dtype()) for name in names}
        for start, stop in chunks:
            values = self._kept(start, stop)
            statistics = values.mean(0)
            if self.how.draws > 1:
                errors = values.std(0, ddof=1) / np.sqrt(self.how.draws)
                statistics = np.concatenate([statistics, errors], axis=1)
            for name, column in zip(names, statistics.T, strict=True):
                found[name][start:stop] = column_array(name, column).to_numpy()
                release(found[name])
        return found

    def _content(self, statistics: dict[str, np.ndarray]) -> pa.Table:
        """The columns of the table, with the further ones that it had before."""
        columns: dict[str, pa.Array | pa.ChunkedArray] = {
            "example": column_array("example", self.rows),
            "label": column_array("label", self.images.labels[self.rows]),
        }
        if names := self.images.names:
            columns[NAME] = column_array(NAME, some_names(names, self.rows))
        columns |= {name: pa.array(values) for name, values in statistics.items()}
        before = None if self.shard else self._stored()
        kept = [] if before is None else [name for name in before.column_names if is_further_column(name)]
        return pa.table(columns | {name: before.column(name) for name in kept})  # type: ignore[union-attr]

    def _write(self, content: pa.Table) -> Path:
        require_sound(content, self.metadata.file_name)
        if self.shard is not None:
            return write_shard(self.folder, content, self.metadata, self.shard, len(self.images))
        return write_content(self.folder / "scores" / self.metadata.file_name, content, self.metadata)

    def _stored(self) -> pa.Table | None:
        """The columns of a table of the very same that is there already, None where there is none or a damaged one."""
        try:
            metadata, content = read_content(self.folder / "scores" / self.metadata.file_name)
        except TableError:
            return None
        same = all(getattr(metadata, name) == getattr(self.metadata, name) for name in SAME)
        return content if same else None

    def _chunk(self, index: np.ndarray) -> np.ndarray:
        """Values of some examples, (draws, images, columns) float64 in nats."""
        return self.scorer.values(self.images.images[index], noise_key(self.images.slug, self.images.split), index)


class _Adding(_Scoring):
    """Further columns of a table that is there already."""

    def __init__(
        self, fabric: Fabric, folder: Path, images: ImageSet, how: Setting, batch_size: int, name: str
    ) -> None:
        super().__init__(fabric, folder, images, how, batch_size)
        model, self.further = self.scorer.config.model, FURTHER[name]
        if (why := self.further.obstacle(model)) is not None:
            raise ConfigError(f"{folder.name} has no {name}: {why}")
        self.columns = self.further.columns(model.depth)
        self.rows = self.further.rows(len(images))
        self.partial = self.partial.with_name(f"{self.partial.name}.{name}")

    def run(self, on_progress: Callable[[int, int], None] | None) -> Path:
        """Score what is missing, then write the table; refused before anything is computed where there is none yet."""
        self._before()
        return super().run(on_progress)

    def _before(self) -> pa.Table:
        """The table as it is."""
        before = self._stored()
        if before is None:
            raise DataError(f"{self.metadata.file_name} of {self.folder.name} is not of these images: score them first")
        return before

    def _content(self, statistics: dict[str, np.ndarray]) -> pa.Table:
        """The table as it was, with these columns instead of those of their names."""
        content = self._before().replace_schema_metadata(None)
        content = content.drop_columns([name for name in statistics if name in content.column_names])
        for name, values in statistics.items():
            column = room(len(self.images), values.dtype)
            column[:] = np.nan
            column[self.rows] = values
            content = content.append_column(name, pa.array(column))
        return content

    def _chunk(self, index: np.ndarray) -> np.ndarray:
        key = noise_key(self.images.slug, self.images.split)
        return self.scorer.values(self.images.images[index], key, index, self.further)
