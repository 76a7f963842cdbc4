"""Score tables of older versions become today's. Imports no torch.

Schema 1 has neither page checksums nor a hash, schema 2 has standard errors in float32. Only those errors are rounded,
to float16; every other value stays as it is, to the bit.
"""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from hvae.config import first_problem
from hvae.errors import TableError
from hvae.inputs import require_regular
from hvae.parquet_files import read_parquet
from hvae.runs.columns import LARGEST_ERROR, halved, is_standard_error
from hvae.runs.score_tables import (
    METADATA_KEY,
    TABLE_SCHEMA_VERSION,
    TableMetadata,
    content_hash,
    read_table,
    table_paths,
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
    """How many standard errors were cut; None for a table of today's schema."""
    try:
        require_regular(path)
        content = pq.read_table(path)
        about = json.loads((content.schema.metadata or {})[METADATA_KEY])
        version = about["schema_version"]
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        raise TableError(f"{path.name} is damaged or no score table ({error}): score it again") from None
    # Checksums and hash, where there are any, have to hold before a new hash is put over what was read.
    if version != UNCHECKED_VERSION and read_table(path).metadata.schema_version == TABLE_SCHEMA_VERSION:
        return None
    try:
        metadata = TableMetadata.model_validate(about | {"schema_version": TABLE_SCHEMA_VERSION})
    except ValidationError as error:
        raise TableError(f"{path.name} is of another schema ({first_problem(error)}): score it again") from None
    cut = 0
    for number, name in enumerate(content.column_names):
        if is_standard_error(name) and content.column(number).type == pa.float32():
            errors = content.column(number).to_numpy()
            cut += int(np.count_nonzero(np.isfinite(errors) & (errors > LARGEST_ERROR)))
            content = content.set_column(number, name, pa.array(halved(errors), pa.float16()))
    written = write_content(run / "scores" / metadata.file_name, content.replace_schema_metadata(None), metadata)
    if content_hash(read_parquet(written)) != content_hash(content):
        raise TableError(f"{path.name} could not be converted without a change")
    if written != path:
        path.unlink()
    return cut
