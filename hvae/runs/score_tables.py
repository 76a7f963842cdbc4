"""Score tables: one parquet file, one row an example, and in its metadata all that the numbers depend on.

Statistics only: scores and metrics are derived on reading and never stored. Pages carry checksums and the content a
hash, both verified on reading, so that a flipped bit is an error and not another number. Imports no torch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
from pydantic import Field, ValidationError

from hvae.config import Frozen, Preprocessing, first_problem
from hvae.errors import TableError, first_line
from hvae.files import write_atomically
from hvae.models.proposal import Reading
from hvae.parquet_files import (
    LARGE,
    add_to_hash,
    content_hash,
    read_columns,
    read_footer,
    read_parquet,
    spilled,
    spooled,
    whole_schema,
    write_parquet,
)
from hvae.runs import pixel_tables
from hvae.runs.columns import (
    KEYS,
    NAME,
    column_array,
    column_type,
    companion_in_words,
    find,
    is_pair_column,
    is_partial,
    is_pixel_column,
    of_run,
    require_sound,
)
from hvae.runs.settings import Noise, Precision, Setting
from hvae.stats.arrays import Floats

TABLE_SCHEMA_VERSION = 3
READABLE_VERSIONS = (2, TABLE_SCHEMA_VERSION)
"""Schema 2 has standard errors in float32 and not in float16; all else is the same."""
METADATA_KEY = b"hvae"
MAXIMUM_ROWS, MAXIMUM_COLUMNS, MAXIMUM_TABLE_BYTES = 5_000_000, 1_000, 1_000_000_000


class TableMetadata(Frozen):
    """What the numbers of a score table depend on."""

    schema_version: Literal[2, 3] = TABLE_SCHEMA_VERSION
    data: str
    """Name of the data set as it was asked for, or the slug of a folder or file."""
    slug: Annotated[str, Field(pattern=r"^[\w-]+$", max_length=120)]
    split: Annotated[str, Field(pattern=r"^[a-z]+$")]
    reading: Reading
    samples: Annotated[int, Field(ge=1)]
    """S: importance samples in `iw`."""
    draws: Annotated[int, Field(ge=1)]
    """R: independent repeats (binarisation and posterior sample) that every value is the mean of."""
    seed: Annotated[int, Field(ge=0)]
    depth: Annotated[int, Field(ge=0, le=64)]
    dimensions: Annotated[int, Field(ge=1)]
    preprocessing: Preprocessing
    task: Annotated[str, Field(pattern=r"^[a-z-]*$", max_length=40)] = ""
    """`hvae.config.ModelConfig.task` of the model."""
    precision: Precision
    noise: Noise = 1
    """Its version, see `hvae.runs.settings.Setting`; tables from before there were several have the first."""
    weights_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    data_fingerprint: str
    """Of the pixels scored, as `hvae.datasets.ImageSet.fingerprint` gives it."""
    origin: str = ""
    """Fingerprint of the whole set the images were taken from; empty where the table does not know it."""
    data_note: str = ""
    content_sha256: str = ""
    """Of names, types and values of all columns; see `content_hash`."""
    version: str
    """Of this package."""

    @property
    def file_name(self) -> str:
        """`<slug>.<split>.<reading>.S<samples>.R<draws>.seed<seed>.parquet`."""
        return f"{self.slug}.{self.split}.{self.reading}.S{self.samples}.R{self.draws}.seed{self.seed}.parquet"

    @property
    def setting(self) -> Setting:
        """How the statistics were estimated."""
        return Setting(self.reading, self.samples, self.draws, self.seed, self.precision, self.noise)


@dataclass(frozen=True, eq=False)
class ScoreTable:
    """Statistics of every example of one image set under one model."""

    frame: pd.DataFrame
    """Columns `example`, `label`, for one's own images `name`, then those of the model
    (`hvae.runs.columns.MODEL_COLUMNS`); for R > 1 also `<column>_se`, the standard error over the draws."""
    metadata: TableMetadata
    run: str = "RUN"
    """Name of the run, for messages."""
    taken: tuple[ScoreTable, np.ndarray] | None = None
    """The table that these examples were taken from, and their rows there; None for one that is whole."""
    absent: Mapping[str, str] = field(default_factory=dict)
    """Why the columns of another run are not beside it, by its mark (`seed2`), with what would mend it."""

    def column(self, name: str, reference: ScoreTable | None = None) -> Floats:
        """A statistic of each example, `(n,)` float64; those of the pixels are joined from the image set's own table.

        `reference` is the part that a statistic of two sets is taken beside (`hvae.runs.columns.PAIR_COLUMNS`).

        Raises:
            TableError: the table has no such column: which command makes it.
        """
        if (missing := self.missing(name, reference)) is not None:
            raise TableError(f"{self.metadata.file_name} has no column `{name}`: {missing}")
        if name not in self.frame and self.taken is not None:
            whole, rows = self.taken
            return whole.column(name, reference)[rows]
        joined = self.frame if name in self.frame else self._joined(name, reference)
        assert joined is not None
        return joined[name].to_numpy(np.float64)

    def missing(self, name: str, reference: ScoreTable | None = None) -> str | None:
        """What to do about a column that is not there, in words with the command; None where it is there."""
        if name in self.frame:
            few = self.having([name])
            of = f"of the {len(self):,} images of {self.metadata.slug} ({self.metadata.split}) have it"
            return f"only {len(few):,} {of}" if few is not self else None
        if self._joined(name, reference) is not None:
            return None
        if self.taken is not None:
            return self.taken[0].missing(name, reference)
        declared, about = find(name), self.metadata
        if (wanted := companion_in_words(companion := of_run(name)[0])) is not None:
            beside = f"{about.slug} ({about.split}) of {self.run} has beside it no such table of {wanted}"
            return self.absent.get(companion, f"{beside}, scored with {about.setting.options}")
        if declared is None:
            return "this version of hvae knows no way to measure it"
        if is_pair_column(name) and not about.data_fingerprint:
            return "it is measured of whole image sets, not of single images"
        command = declared.command.format(run=self.run, data=about.data, split=about.split, images=len(self))
        model = "" if is_pixel_column(name) or is_pair_column(name) else f" {about.setting.options}"
        return f"{about.slug} ({about.split}) has not been measured so: {command}{model}"

    def bound(self, k: int) -> Floats:
        """L^{>k} of each example in nats; k = 0 is L_S (the ELBO at S = 1); `TableError` for another k."""
        if not 0 <= k <= self.metadata.depth:
            raise TableError(f"k = {k} is outside 0..{self.metadata.depth}, the layers of this model")
        return self.column("iw" if k == 0 else f"L>{k}")

    def log_ratio(self, layer: int) -> Floats:
        """log r_l of each example in nats, layer from 1; its negative mean is the KL of that layer."""
        return self.column(f"log_ratio_{layer}")

    def take(self, index: np.ndarray) -> ScoreTable:
        """Some of its examples, which keep the statistics of their pixels."""
        return replace(self, frame=self.frame.iloc[index].reset_index(drop=True), taken=(self, index))

    def having(self, columns: Sequence[str]) -> ScoreTable:
        """Those of its examples that lack none of some columns; itself where all have them."""
        there = np.ones(len(self), bool)
        for name in columns:
            if name in self.frame and is_partial(name):
                there &= np.isfinite(self.frame[name].to_numpy())
        return self if there.all() else self.take(np.flatnonzero(there))

    def __len__(self) -> int:
        """Number of examples."""
        return len(self.frame)

    def _joined(self, name: str, reference: ScoreTable | None) -> pd.DataFrame | None:
        """The statistics of the pixels that have a column; None where nobody measured them."""
        if is_pixel_column(name):
            found = self._pixels
        elif is_pair_column(name) and reference is not None:
            found = pixel_tables.read(self.metadata.data_fingerprint, reference.metadata.data_fingerprint)
        else:
            return None
        return found if found is not None and len(found) == len(self.frame) else None

    @cached_property
    def _pixels(self) -> pd.DataFrame | None:
        return pixel_tables.read(self.metadata.data_fingerprint)


def write_table(folder: Path, table: ScoreTable) -> Path:
    """Write a score table into `folder/scores` atomically (byte-stream split, zstd, page checksums).

    Statistics are stored as float32, their standard errors as float16, at most `LARGEST_ERROR`.

    Raises:
        TableError: columns that do not begin with `KEYS`, or values that are not finite.
    """
    names = list(table.frame.columns)
    if tuple(names[:2]) != KEYS:
        raise TableError(f"a score table begins with the columns {', '.join(KEYS)}, not {', '.join(names[:2])}")
    stored = {name: table.frame[name].to_numpy() if name != NAME else [*map(str, table.frame[name])] for name in names}
    content = pa.table({name: column_array(name, values) for name, values in stored.items()})
    require_sound(content, table.metadata.file_name)
    return write_content(folder / "scores" / table.metadata.file_name, content, table.metadata)


def write_content(
    path: Path, content: pa.Table, about: TableMetadata, extra: Mapping[bytes, bytes] | None = None
) -> Path:
    """Write columns as they are, under metadata with today's schema and their hash filled in, and what is `extra`."""
    today = {"schema_version": TABLE_SCHEMA_VERSION, "content_sha256": content_hash(content)}
    # Earlier versions read what is of the first noise.
    unsaid = {"noise"} if about.noise == 1 else None
    held = {METADATA_KEY: about.model_copy(update=today).model_dump_json(exclude=unsaid).encode(), **(extra or {})}
    write_atomically(path, lambda part: write_parquet(content.replace_schema_metadata(held), part))
    return path


def table_paths(run: Path) -> list[Path]:
    """Files of a run's folder that ought to be score tables, sorted; none is opened."""
    return sorted((run / "scores").glob("*.parquet"))


def read_metadata(path: Path) -> TableMetadata:
    """Metadata of a score table, its size and schema checked, without reading its rows.

    Raises:
        TableError: no table, damaged, too large, or of another schema version.
    """
    stored, schema = _footer(path)
    if stored is None:
        raise TableError(f"{path.name} is no score table: it has no '{METADATA_KEY.decode()}' metadata")
    version = _version(stored)
    if version is not None and version < READABLE_VERSIONS[0]:
        raise TableError(
            f"{path.name} is of the older schema {version}: hvae runs upgrade {path.parent.parent.name or 'RUN'} "
            "converts it without changing a value but standard errors, which are rounded"
        )
    if version is not None and version > TABLE_SCHEMA_VERSION:
        known = " and ".join(map(str, READABLE_VERSIONS))
        raise TableError(f"{path.name} is of schema {version}, this version of hvae reads {known}: update hvae")
    try:
        metadata = TableMetadata.model_validate_json(stored)
    except ValidationError as error:
        raise TableError(f"{path.name} is of another schema ({first_problem(error)}): score it again") from None
    names = schema.names
    if tuple(names[:2]) != KEYS or len(names) > MAXIMUM_COLUMNS or len(set(names)) < len(names):
        raise TableError(f"{path.name} has other columns than a score table: score it again")
    for name in names:
        if (found := schema.field(name).type) != (
            wanted := column_type(name, halves=metadata.schema_version == TABLE_SCHEMA_VERSION)
        ):
            raise TableError(
                f"{path.name} has a column {name[:40]!r} of type {str(found)[:40]}, it has to be {wanted}: score it "
                "again"
            )
    return metadata


def read_table(path: Path, run: str = "RUN", columns: Collection[str] | None = None) -> ScoreTable:
    """Read and verify one score table, or some `columns` of it; `run` is the name of the run, for messages.

    Raises as `read_metadata` does; a TableError, too, where the content is not what was written, or not finite.
    """
    if columns is None and path.is_file() and path.stat().st_size > LARGE:
        metadata = read_metadata(path)
        return ScoreTable(spilled(verified(path, metadata)), metadata, run)
    return as_table(*read_content(path, columns), run)


def as_table(metadata: TableMetadata, content: pa.Table, run: str = "RUN") -> ScoreTable:
    """What `read_content` gives as a score table; not in half precision, where the square of 256 is infinite."""
    whole = [one.with_type(pa.float32()) if one.type == pa.float16() else one for one in content.schema]
    return ScoreTable(content.cast(pa.schema(whole)).to_pandas(use_threads=False), metadata, run)


def read_content(path: Path, keep: Collection[str] | None = None) -> tuple[TableMetadata, pa.Table]:
    """The columns of a score table as they are stored, verified; raises as `read_table` does.

    A large table lies in a temporary file. With names to `keep`, the others are verified and let go, one at a time.
    """
    metadata = read_metadata(path)
    if keep is not None:
        return metadata, pa.table({name: one for name, one in verified(path, metadata) if name in keep})
    if path.stat().st_size > LARGE:
        return metadata, spooled(verified(path, metadata))
    with _readable(path):
        content = read_parquet(path)
    _require_written(path, content_hash(content), metadata)
    require_sound(content, path.name)
    return metadata, content


def verified(path: Path, metadata: TableMetadata) -> Iterator[tuple[str, pa.ChunkedArray]]:
    """Each column by its name, one in memory at a time; what is wrong with any is known once the last was taken."""
    digest = hashlib.sha256()
    with _readable(path):
        for name, column in read_columns(path):
            add_to_hash(digest, name, column)
            require_sound(pa.table({name: column}), path.name)
            yield name, column
    _require_written(path, digest.hexdigest(), metadata)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, ValueError) as error:
        raise TableError(f"{path.name} is damaged ({first_line(error)}): score it again") from None


def _require_written(path: Path, found: str, metadata: TableMetadata) -> None:
    if found != metadata.content_sha256:
        raise TableError(f"{path.name} is not what was written: its values have another hash; score it again")


def _footer(path: Path) -> tuple[bytes | None, pa.Schema]:
    if not path.is_file():
        raise TableError(f"there is no score table {path.name}")
    if path.stat().st_size > MAXIMUM_TABLE_BYTES:
        raise TableError(f"{path.name} is larger than any score table ({MAXIMUM_TABLE_BYTES} bytes at most)")
    try:
        file = read_footer(path)
        schema = whole_schema(file.schema.to_arrow_schema())
    except (pa.ArrowException, OSError, ValueError) as error:
        raise TableError(f"{path.name} is no readable parquet file ({first_line(error)})") from None
    if file.num_rows > MAXIMUM_ROWS:
        raise TableError(f"{path.name} claims {file.num_rows:,} rows, {MAXIMUM_ROWS:,} at most")
    return (file.metadata or {}).get(METADATA_KEY), schema


def _version(stored: bytes) -> int | None:
    try:
        version = json.loads(stored)["schema_version"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return version if type(version) is int else None
