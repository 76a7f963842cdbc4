"""Encoded images of a parquet file, a few rows at a time."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from hvae.datasets.own.names import printable
from hvae.errors import DataError
from hvae.inputs import opened

MAX_ROWS = 10_000_000
MAX_GROUP_BYTES = 2**30
"""Of one row group, unpacked."""
_AT_ONCE = 64
_IMAGES, _LABELS = ("image", "img", "png", "jpg", "bytes"), ("label", "labels", "class", "cls")


def read_table(path: Path) -> Iterator[tuple[str, int | None, bytes | DataError]]:
    """(name, label where there is one, content or why it is not read) of every row.

    The images are a column `image` (or `img`, `png`, `jpg`, `bytes`) of binary, or of structures of `bytes` and `path`;
    labels a column `label` (or `labels`, `class`, `cls`) of whole numbers. `DataError` for another or a damaged file;
    `OSError` as the system refuses.
    """
    with opened(path) as source:
        try:
            file = pq.ParquetFile(source, buffer_size=2**20, pre_buffer=False, page_checksum_verification=True)
            images, label = _columns(file)
            row = 0
            for batch in file.iter_batches(_AT_ONCE, columns=[images, *([label] if label else [])], use_threads=False):
                encoded = batch.column(0)
                labels = batch.column(1).to_pylist() if label else [None] * len(batch)
                for one, number in zip(encoded, labels, strict=True):
                    held = one.as_py()
                    content = held.get("bytes") if isinstance(held, dict) else held
                    named = held.get("path") if isinstance(held, dict) else None
                    missing = DataError("no image in this row")
                    if number is not None and not -(2**31) <= number < 2**31:
                        raise DataError(f"row {row:,} has a label beyond 32 bits ({number:,}): number classes from 0")
                    yield named or f"{path.name}/{row:06d}", number, missing if content is None else content
                    row += 1
        except DataError as error:
            raise DataError(f"{path}: {error}") from None
        except (pa.ArrowException, ValueError, OSError) as error:
            if isinstance(error, OSError) and error.errno:
                raise
            said = printable(str(error).splitlines()[0] if str(error) else "", 200)
            raise DataError(f"{path} is no sound parquet file ({said}): put a whole one in its place") from None


def _columns(file: pq.ParquetFile) -> tuple[str, str | None]:
    """Names of the columns of images and labels, sized before anything is read."""
    schema = file.schema_arrow
    images = next((name for name in _IMAGES if name in schema.names and _holds_bytes(schema.field(name).type)), None)
    if images is None:
        held = printable(", ".join(schema.names[:5]), 200)
        raise DataError(f"it has no column `image` of encoded images (it holds {held})")
    about = file.metadata
    if about.num_rows > MAX_ROWS:
        raise DataError(f"it claims {about.num_rows:,} rows, {MAX_ROWS:,} at most")
    for number in range(about.num_row_groups):
        # Not what a single column says: looking at one that contradicts the schema ends the process (pyarrow 26).
        size = about.row_group(number).total_byte_size
        if size > MAX_GROUP_BYTES:
            raise DataError(
                f"a row group of {size:,} bytes, more than the {MAX_GROUP_BYTES:,} allowed: write smaller ones"
            )
    whole = (name for name in _LABELS if name in schema.names and pa.types.is_integer(schema.field(name).type))
    return images, next(whole, None)


def _holds_bytes(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        return kind.get_field_index("bytes") >= 0 and _holds_bytes(kind.field("bytes").type)
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
