"""Parts of a score table that several machines made: written beside it, and merged once all of them are there.

A shard is a score table of consecutive rows, with the metadata of the whole: what has to agree is compared.
Imports no torch.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from hvae.errors import ConfigError, TableError
from hvae.parquet_files import read_footer, spooled, whole_schema
from hvae.runs.score_tables import TableMetadata, read_content, read_metadata, verified, write_content

FOLDER = ".shards"
"""Below `scores/`, a folder a table."""
SHARD_KEY = b"shard"
_OWN = ("content_sha256", "schema_version", "data")
"""Metadata in which shards of one table may differ: where the images lie is each machine's own."""


@dataclass(frozen=True)
class Shard:
    """The `number`-th of `of` parts of all rows, counted from 1."""

    number: int
    of: int

    @classmethod
    def of_text(cls, text: str) -> "Shard":
        """`2/8`; `ConfigError` for anything else, with what is meant."""
        found = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text)
        shard = cls(int(found[1]), int(found[2])) if found else None
        if shard is None or not 1 <= shard.number <= shard.of:
            raise ConfigError(f"--shard {text}: write i/n, the i-th of n parts, such as 1/8 to 8/8")
        return shard

    def rows(self, total: int) -> np.ndarray:
        """Which of so many rows it holds, ascending; `ConfigError` where there are fewer rows than shards."""
        if self.of > total:
            raise ConfigError(f"--shard {self}: there are only {total:,} images, so at most {total:,} shards")
        return np.arange(total * (self.number - 1) // self.of, total * self.number // self.of)

    @property
    def name(self) -> str:
        """Fit for a file."""
        return f"{self.number}-of-{self.of}"

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


def shard_path(run: Path, about: TableMetadata, shard: Shard) -> Path:
    """Where the shard of a table lies."""
    return run / "scores" / FOLDER / about.file_name.removesuffix(".parquet") / f"{shard.name}.parquet"


def write_shard(run: Path, content: pa.Table, about: TableMetadata, shard: Shard, total: int) -> Path:
    """Write the rows of one shard of a table of `total` rows, atomically."""
    held = json.dumps({"number": shard.number, "of": shard.of, "rows": total}).encode()
    return write_content(shard_path(run, about, shard), content, about, {SHARD_KEY: held})


def shards_of(run: Path) -> dict[str, list[Path]]:
    """The shards that lie in a run's folder, by the name of their table."""
    folders = sorted(one for one in (run / "scores" / FOLDER).glob("*") if one.is_dir())
    found = {f"{folder.name}.parquet": sorted(folder.glob("*.parquet")) for folder in folders}
    return {name: paths for name, paths in found.items() if paths}


def merge(run: Path, paths: Sequence[Path], weights: str | None) -> Path:
    """Put the shards of one table together into a run's folder; its path. The shards are left where they are.

    `weights` is the hash of the run's own, which the shards have to be of; None where it has none. Columns that were
    added to a table of the very same before are kept.

    Raises:
        TableError: a damaged shard, one of another model, setting or data set, one that is missing or twice there.
    """
    whole: TableMetadata | None = None
    parts: dict[int, tuple[Path, TableMetadata]] = {}
    first, total, of, columns = "", 0, 0, list[str]()
    for path in paths:
        about, schema = read_metadata(path), whole_schema(read_footer(path).schema.to_arrow_schema())
        shard, rows = _shard(path, schema)
        if whole is None:
            whole, first, total, of, columns = about, path.name, rows, shard.of, schema.names
        if (total, of) != (rows, shard.of):
            raise TableError(f"{path.name} is one of {shard.of} of {rows:,} rows, {first} of {of} of {total:,}")
        if shard.number in parts:
            raise TableError(f"{path.name} is there twice: name each shard once")
        _require_alike(path.name, about, first, whole)
        if schema.names != columns:
            raise TableError(
                f"{path.name} has other columns than {first}: score it again with the same version of hvae"
            )
        _, held = next(verified(path, about))
        if not np.array_equal(held.to_numpy(), shard.rows(total)):
            raise TableError(f"{path.name} has other rows than shard {shard}: score it again")
        parts[shard.number] = path, about
    if whole is None:
        raise TableError("there are no shards to merge")
    if weights is not None and whole.weights_sha256 != weights:
        raise TableError(f"{first} is of other weights than {run.name} has: merge into the run it was scored with")
    if absent := [str(Shard(one, of)) for one in range(1, of + 1) if one not in parts]:
        raise TableError(f"{whole.file_name} lacks {len(absent)} of {of} shards: score --shard {', '.join(absent[:5])}")
    content = spooled(_joined([parts[number] for number in sorted(parts)]))
    return write_content(run / "scores" / whole.file_name, _with_further(run, whole, content), whole)


def _joined(parts: Sequence[tuple[Path, TableMetadata]]) -> Iterator[tuple[str, pa.ChunkedArray]]:
    """The columns of all shards, one in memory at a time; every shard is verified by the end."""
    for found in zip(*(verified(path, about) for path, about in parts), strict=True):
        (name, first), *_ = found
        yield name, pa.chunked_array([chunk for _, one in found for chunk in one.chunks], first.type)


def _shard(path: Path, schema: pa.Schema) -> tuple[Shard, int]:
    """(which shard a file says it is, rows of the whole); `TableError` for what is no shard."""
    try:
        held = json.loads((schema.metadata or {})[SHARD_KEY])
        shard, rows = Shard(held["number"], held["of"]), held["rows"]
        if not all(type(one) is int for one in (shard.number, shard.of, rows)) or not 1 <= shard.number <= shard.of:
            raise ValueError
        if shard.of > rows:
            raise ValueError
    except (KeyError, TypeError, ValueError, RecursionError):
        raise TableError(f"{path.name} is no shard of a table: hvae score --shard i/n makes one") from None
    return shard, rows


def _require_alike(name: str, about: TableMetadata, first: str, whole: TableMetadata) -> None:
    mine, its = (one.model_dump(exclude=set(_OWN)) for one in (about, whole))
    if differing := [field for field in its if mine[field] != its[field]]:
        raise TableError(
            f"{name} is not of the table that {first} is of: another {differing[0]} ({str(mine[differing[0]])[:60]} "
            f"and {str(its[differing[0]])[:60]})"
        )


def _with_further(run: Path, whole: TableMetadata, content: pa.Table) -> pa.Table:
    """The content with what a table of the very same had besides; as it is where there is none."""
    path = run / "scores" / whole.file_name
    try:
        before, held = read_content(path)
    except TableError:
        return content
    mine, its = (one.model_dump(exclude=set(_OWN)) for one in (before, whole))
    if mine != its or len(held) != len(content):
        return content
    for name in held.column_names:
        if name not in content.column_names:
            content = content.append_column(held.field(name), held.column(name))
    return content
