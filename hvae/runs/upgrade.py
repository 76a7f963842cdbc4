"""Score tables of older versions in today's format: checksums and a hash are added, no value changes."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from hvae.config import first_problem
from hvae.errors import TableError
from hvae.runs.score_tables import (
    METADATA_KEY,
    TABLE_SCHEMA_VERSION,
    TableMetadata,
    content_hash,
    read_metadata,
    table_paths,
    write_content,
)

OLDER_VERSION = 1
"""Schema of tables that are converted."""


def upgrade_tables(run: Path) -> list[Path]:
    """Convert every score table of schema 1 in a run folder.

    Returns:
        Paths of the tables converted; those of today's schema stay as they are.

    Raises:
        TableError: a table that cannot be converted, by name; those before it are converted; or one of a newer schema.
    """
    return [path for path in table_paths(run) if _upgrade(run, path)]


def _upgrade(run: Path, path: Path) -> bool:
    try:
        content = pq.read_table(path)
        about = json.loads((content.schema.metadata or {})[METADATA_KEY])
        version = about["schema_version"]
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        raise TableError(f"{path.name} is damaged or no score table ({error}): score it again") from None
    if version != OLDER_VERSION:
        read_metadata(path)
        return False
    try:
        metadata = TableMetadata.model_validate(about | {"schema_version": TABLE_SCHEMA_VERSION})
    except ValidationError as error:
        raise TableError(f"{path.name} is of another schema ({first_problem(error)}): score it again") from None
    written = write_content(run, content.replace_schema_metadata(None), metadata)
    if content_hash(pq.read_table(written, page_checksum_verification=True)) != content_hash(content):
        raise TableError(f"{path.name} could not be converted without a change")
    if written != path:
        path.unlink()
    return True
