"""Score tables of older versions become today's. Imports no torch.

Schema 1 has neither page checksums nor a hash, schema 2 has standard errors in float32. Only those errors are rounded,
to float16; every other value stays as it is, to the bit.
"""

import json
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
from pydantic import ValidationError

from hvae.config import first_problem
from hvae.errors import TableError
from hvae.parquet_files import columns_hash, content_hash, read_columns, read_footer, spooled
from hvae.runs.columns import LARGEST_ERROR, halved, is_standard_error
from hvae.runs.score_tables import (
    METADATA_KEY,
    TABLE_SCHEMA_VERSION,
    TableMetadata,
    read_metadata,
    table_paths,
    verified,
    write_content,
)

UNCHECKED_VERSION = 1
"""Schema of tables without checksums: whatever is in them is all there is to go by."""


def upgrade_tables(run: Path) -> dict[Path, int]:
    """Convert every score table of an older schema in a run folder; those of today's stay as they are.

    Returns:
        For each table converted, by its path before, how many standard errors were above `LARGEST_ERROR` and were
        stored as that.

    Raises:
        TableError: a table that cannot be converted, by name; those before it are converted; or one of a newer schema.
    """
    done = ((path, _upgrade(run, path)) for path in table_paths(run))
    return {path: cut for path, cut in done if cut is not None}


def _upgrade(run: Path, path: Path) -> int | None:
    """How many standard errors were cut; None for a table of today's schema. One column is in memory at a time."""
    with _told(path):
        about = json.loads((read_footer(path).schema.to_arrow_schema().metadata or {})[METADATA_KEY])
        version = about["schema_version"]
    columns = read_columns(path)
    # Checksums and hash, where there are any, have to hold before a new hash is put over what was read.
    if version != UNCHECKED_VERSION:
        columns = verified(path, held := read_metadata(path))
        if held.schema_version == TABLE_SCHEMA_VERSION:
            deque(columns, maxlen=0)
            return None
    try:
        metadata = TableMetadata.model_validate(about | {"schema_version": TABLE_SCHEMA_VERSION})
    except ValidationError as error:
        raise TableError(f"{path.name} is of another schema ({first_problem(error)}): score it again") from None
    cuts: list[int] = []
    with _told(path):
        content = spooled(_rounded(columns, cuts))
    written = write_content(run / "scores" / metadata.file_name, content, metadata)
    if columns_hash(read_columns(written)) != content_hash(content):
        raise TableError(f"{path.name} could not be converted without a change")
    if written != path:
        path.unlink()
    return sum(cuts)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise TableError(f"{path.name} is damaged or no score table ({error}): score it again") from None


def _rounded(columns: Iterable[tuple[str, pa.ChunkedArray]], cuts: list[int]) -> Iterator[tuple[str, pa.ChunkedArray]]:
    """The columns, standard errors in half precision; how many of each were cut is added to `cuts`."""
    for name, column in columns:
        if is_standard_error(name) and column.type == pa.float32():
            errors = column.to_numpy()
            cuts.append(int(np.count_nonzero(np.isfinite(errors) & (errors > LARGEST_ERROR))))
            column = pa.chunked_array([pa.array(halved(errors), pa.float16())])
        yield name, column
