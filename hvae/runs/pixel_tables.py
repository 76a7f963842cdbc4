"""Statistics of an image set's pixels, stored once under their fingerprint and joined to every model's table.

`pixels/<first 16 digits of the fingerprint>.parquet` beside the runs: they are the same for every model. What depends
on a reference part as well has the digits of both: `pixels/<images>.<reference>.parquet`. Imports no torch.
"""

import re
from functools import lru_cache
from pathlib import Path

import pandas as pd
import pyarrow as pa

from hvae.errors import TableError, first_line
from hvae.files import write_atomically
from hvae.parquet_files import (
    LARGE,
    read_columns,
    read_footer,
    read_parquet,
    spilled,
    whole_schema,
    write_parquet,
)
from hvae.runs.columns import PAIR_COLUMNS, PIXEL_COLUMNS
from hvae.runs.folders import run_roots

FOLDER = "pixels"
MAXIMUM_BYTES = 500_000_000
_KEY, _REFERENCE_KEY = b"fingerprint", b"reference"
_SHARES = ["grey_share", "ink"]
"""Columns with as few values as an image has pixels."""


def find(fingerprint: str, reference: str | None = None) -> Path | None:
    """The stored statistics of the images with this fingerprint, in the first root that has them.

    Given the fingerprint of a `reference` part, those beside it.
    """
    if not all(re.fullmatch(r"[0-9a-f]{64}", one) for one in _both(fingerprint, reference)):
        return None
    paths = (root / FOLDER / _file_name(fingerprint, reference) for root in run_roots())
    return next((path for path in paths if path.is_file()), None)


def read(fingerprint: str, reference: str | None = None) -> pd.DataFrame | None:
    """The statistics of each image, one column each of `PIXEL_COLUMNS`; None where nobody measured them.

    Those beside a `reference` part have the `PAIR_COLUMNS`.

    Raises:
        TableError: a damaged file.
    """
    path = find(fingerprint, reference)
    if path is None:
        return None
    status = path.stat()
    return _read(path, fingerprint, reference, status.st_mtime_ns, status.st_size)


def write(statistics: pd.DataFrame, fingerprint: str, reference: str | None = None) -> Path:
    """Store the statistics of an image set in the first root, one row an image.

    The columns are `PIXEL_COLUMNS`, or beside a `reference` part `PAIR_COLUMNS`.
    """
    content = pa.table({name: pa.array(statistics[name].to_numpy("float32")) for name in _names(reference)})
    content = content.replace_schema_metadata(_metadata(fingerprint, reference))
    path = run_roots()[0] / FOLDER / _file_name(fingerprint, reference)
    shares = [name for name in _SHARES if name in content.column_names]
    write_atomically(path, lambda part: write_parquet(content, part, shares))
    return path


def _both(fingerprint: str, reference: str | None) -> list[str]:
    return [fingerprint] if reference is None else [fingerprint, reference]


def _file_name(fingerprint: str, reference: str | None) -> str:
    return ".".join([*(one[:16] for one in _both(fingerprint, reference)), "parquet"])


def _names(reference: str | None) -> list[str]:
    return [column.name for column in (PIXEL_COLUMNS if reference is None else PAIR_COLUMNS)]


def _metadata(fingerprint: str, reference: str | None) -> dict[bytes, bytes]:
    return {key: one.encode() for key, one in zip((_KEY, _REFERENCE_KEY), _both(fingerprint, reference), strict=False)}


@lru_cache(maxsize=64)
def _read(path: Path, fingerprint: str, reference: str | None, modified: int, size: int) -> pd.DataFrame:
    """`modified` and `size` are part of the key: a file that changed is read again."""
    hint = f"delete {path} and measure the images again with hvae data measure"
    if size > MAXIMUM_BYTES:
        raise TableError(f"{path.name} is larger than any statistics of pixels ({MAXIMUM_BYTES:,} bytes at most)")
    try:
        footer = read_footer(path)
        held, names = footer.metadata or {}, whole_schema(footer.schema.to_arrow_schema()).names
        frame = spilled(read_columns(path)) if size > LARGE else read_parquet(path).to_pandas(use_threads=False)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise TableError(f"{path.name} is damaged ({first_line(error)}): {hint}") from None
    if not _metadata(fingerprint, reference).items() <= held.items() or names != _names(reference):
        raise TableError(f"{path.name} holds the statistics of other images: {hint}")
    return frame
