"""Statistics of an image set's pixels, stored once under their fingerprint and joined to every model's table.

`pixels/<first 16 digits of the fingerprint>.parquet` beside the runs: they are the same for every model. Imports no
torch.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from hvae.errors import TableError
from hvae.files import write_atomically
from hvae.runs.columns import PIXEL_COLUMNS
from hvae.runs.folders import run_roots

FOLDER = "pixels"
MAXIMUM_BYTES = 500_000_000
_KEY = b"fingerprint"
_NAMES = [column.name for column in PIXEL_COLUMNS]
_SHARES = ["grey_share", "ink"]
"""Columns with as few values as an image has pixels."""


def find(fingerprint: str) -> Path | None:
    """The stored statistics of the images with this fingerprint, in the first root that has them."""
    if not re.fullmatch(r"[0-9a-f]{64}", fingerprint):
        return None
    paths = (root / FOLDER / f"{fingerprint[:16]}.parquet" for root in run_roots())
    return next((path for path in paths if path.is_file()), None)


def read(fingerprint: str) -> pd.DataFrame | None:
    """The statistics of each image, one column each of `PIXEL_COLUMNS`; None where nobody measured them.

    Raises:
        TableError: a damaged file.
    """
    path = find(fingerprint)
    if path is None:
        return None
    status = path.stat()
    return _read(path, fingerprint, status.st_mtime_ns, status.st_size)


def write(statistics: pd.DataFrame, fingerprint: str) -> Path:
    """Store the statistics of an image set, one row an image with the columns of `PIXEL_COLUMNS`, in the first root."""
    content = pa.table({name: pa.array(statistics[name].to_numpy("float32")) for name in _NAMES})
    content = content.replace_schema_metadata({_KEY: fingerprint.encode()})
    path = run_roots()[0] / FOLDER / f"{fingerprint[:16]}.parquet"
    write_atomically(path, lambda part: write_parquet(content, part, _SHARES))
    return path


def write_parquet(content: pa.Table, path: Path, dictionaries: Sequence[str] = ()) -> None:
    """A parquet file with page checksums; columns of few values have dictionaries, the other floats little room."""
    floats = [field.name for field in content.schema if pa.types.is_floating(field.type)]
    pq.write_table(
        content,
        path,
        compression="zstd",
        compression_level=12,
        use_dictionary=list(dictionaries),  # type: ignore[arg-type]  # names of columns are allowed
        use_byte_stream_split=[name for name in floats if name not in dictionaries],  # type: ignore[arg-type]
        write_page_checksum=True,
    )


@lru_cache(maxsize=32)
def _read(path: Path, fingerprint: str, modified: int, size: int) -> pd.DataFrame:
    """`modified` and `size` are part of the key: a file that changed is read again."""
    hint = f"delete {path} and measure the images again with hvae data measure"
    if size > MAXIMUM_BYTES:
        raise TableError(f"{path.name} is larger than any statistics of pixels ({MAXIMUM_BYTES:,} bytes at most)")
    try:
        content = pq.read_table(path, page_checksum_verification=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise TableError(f"{path.name} is damaged ({str(error).splitlines()[0]}): {hint}") from None
    if (content.schema.metadata or {}).get(_KEY) != fingerprint.encode() or content.column_names != _NAMES:
        raise TableError(f"{path.name} holds the statistics of other images: {hint}")
    return content.to_pandas()
