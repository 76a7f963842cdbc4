"""Parquet files of numbers: checksums on every page, and a column that repeats another one is stored once.

At S = 1 the bound L_S is the ELBO, and an exact log p(x) is both: a third of such a table would be the same numbers.
Large files are read a column at a time. Imports no torch.
"""

from __future__ import annotations

import hashlib
import json
import mmap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from hvae.files import scratch_file
from hvae.inputs import require_regular

LARGE = 8_000_000
"""Bytes of a file from which one of its columns is in memory at a time."""
_ALIGNED = 64
_ROWS = 100_000
"""Of a group: what is encoded in memory at a time."""
_TEXTS = 20_000
_SEAL_KEY = b"metadata_sha256"
"""Among the metadata: the hash of all others."""
_STORED_KEY = b"stored"
"""In the metadata of a file with repeated columns: every column in its order with the one that holds its values."""


def write_parquet(content: pa.Table, path: Path, dictionaries: Sequence[str] = ()) -> None:
    """A parquet file with page checksums; columns of few values have `dictionaries`, the others little room."""
    stored: dict[str, str] = {}
    for name in content.column_names:
        twins = (one for one in dict.fromkeys(stored.values()) if _repeats(content, name, one))
        stored[name] = next(twins, name)
    kept = [name for name in stored if stored[name] == name]
    if len(kept) < len(stored):
        held = (content.schema.metadata or {}) | {_STORED_KEY: json.dumps(list(stored.items())).encode()}
        content = content.select(kept).replace_schema_metadata(held)
    pq.write_table(
        sealed(content),
        path,
        compression="zstd",
        compression_level=12,
        use_dictionary=[name for name in dictionaries if name in kept],  # type: ignore[arg-type]  # names are allowed
        column_encoding={name: _encoding(content.field(name).type) for name in kept if name not in dictionaries},
        write_page_checksum=True,
        row_group_size=_ROWS,
    )


def sealed(content: pa.Table) -> pa.Table:
    """The content with a hash of its metadata among them, which is compared on reading: pages alone have checksums."""
    held = {key: value for key, value in (content.schema.metadata or {}).items() if key != _SEAL_KEY}
    return content.replace_schema_metadata(held | {_SEAL_KEY: _seal(held)}) if held else content


def _seal(held: Mapping[bytes, bytes]) -> bytes:
    digest = hashlib.sha256()
    for key, value in sorted(held.items()):
        digest.update(b"%d %d\n%b%b" % (len(key), len(value), key, value))
    return digest.hexdigest().encode()


def _unsealed(metadata: Mapping[bytes, bytes] | None) -> dict[bytes, bytes]:
    """The metadata without their hash; `ValueError` where it is another. A file has them twice: in its own schema, too.

    Files of versions before have no hash.
    """
    held = {key: value for key, value in (metadata or {}).items() if key != b"ARROW:schema"}
    if (seal := held.pop(_SEAL_KEY, None)) is not None and seal != _seal(held):
        raise ValueError("its metadata have another hash")
    return held


def read_footer(path: Path, most: int | None = None) -> pq.FileMetaData:
    """What a parquet file of at most `most` bytes says of itself, as `read_parquet` raises."""
    require_regular(path, most)
    about = pq.read_metadata(path)
    _unsealed(about.metadata)
    return about


def read_parquet(path: Path) -> pa.Table:
    """The columns as they were written, every page checked.

    Raises:
        ArrowException, OSError or ValueError: a damaged file, or no regular one.
    """
    require_regular(path)
    # In the thread that asks, and as one file: handing a small one to others, or taking it for a data set of several,
    # takes longer than to read it.
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        content = file.read(use_threads=False)
    content.validate(full=True)
    schema = whole_schema(content.schema)
    if (stored := _stored(content.schema)) is None:
        return content.replace_schema_metadata(schema.metadata)
    return pa.Table.from_arrays([content.column(one) for one in stored.values()], schema=schema)


def read_columns(path: Path) -> Iterator[tuple[str, pa.ChunkedArray]]:
    """Each column by its name, one in memory at a time; as `read_parquet` otherwise."""
    require_regular(path)
    schema = pq.read_schema(path)
    for name, one in (_stored(schema) or {name: name for name in schema.names}).items():
        # Opened for each, so that no number of files read side by side is too large.
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            column = file.read([one]).column(0)
        column.validate(full=True)
        yield name, column
        del column
        # Else it would keep what a column took for the next, and names take much.
        pa.default_memory_pool().release_unused()


def content_hash(content: pa.Table) -> str:
    """SHA-256 (hex) over name, type and values of every column, in order; chunks and metadata play no part."""
    return columns_hash(zip(content.column_names, content.columns, strict=True))


def columns_hash(columns: Iterable[tuple[str, pa.ChunkedArray]]) -> str:
    """The `content_hash` of columns as they come."""
    digest = hashlib.sha256()
    for name, column in columns:
        add_to_hash(digest, name, column)
    return digest.hexdigest()


def add_to_hash(digest: hashlib._Hash, name: str, column: pa.ChunkedArray) -> None:
    """Take one more column into a `content_hash`."""
    digest.update(f"{name}\0{column.type}\0{len(column)}\0".encode())
    if not pa.types.is_string(column.type):
        digest.update(np.ascontiguousarray(column.to_numpy()).data)
        return
    # The list of all texts in JSON, some of them at a time.
    digest.update(b"[")
    for start in range(0, len(column), _TEXTS):
        some = json.dumps(column.slice(start, _TEXTS).to_pylist())[1:-1]
        digest.update(f"{', ' * bool(start)}{some}".encode())
    digest.update(b"]")


def spilled(columns: Iterable[tuple[str, pa.ChunkedArray]]) -> pd.DataFrame:
    """Columns as they come, as a frame whose numbers lie in a temporary file and are read where they are looked at.

    The file has no name, so that it is gone however the process ends; what was read of it is the system's to take back.
    Half precision becomes single, as nobody computes in it; texts stay in memory.
    """
    found: dict[str, Any] = {}
    places: dict[str, tuple[int, int, np.dtype]] = {}
    with scratch_file() as file:
        for name, column in columns:
            found[name] = column.to_pandas()
            if pa.types.is_string(column.type) or not len(column):
                continue
            single = pa.types.is_float16(column.type)
            values = found[name].to_numpy(np.float32 if single else None)
            places[name] = file.tell(), values.nbytes, values.dtype
            file.write(np.ascontiguousarray(values).data)
            file.write(bytes(-file.tell() % _ALIGNED))
            # Its place among the columns stays.
            found[name] = None
        file.flush()
        held = np.asarray(np.memmap(file, np.uint8, "r")) if places else np.empty(0, np.uint8)
    for name, (offset, size, dtype) in places.items():
        found[name] = held[offset : offset + size].view(dtype)
    return pd.DataFrame(found, copy=False)


def spooled(columns: Iterable[tuple[str, pa.ChunkedArray]]) -> pa.Table:
    """Columns as they come, as a table that lies in a temporary file: one of them is in memory at a time."""
    places: list[tuple[str, int, int]] = []
    with scratch_file() as file:
        for name, column in columns:
            begin = file.tell()
            with pa.ipc.new_stream(file, pa.schema([(name, column.type)])) as stream:
                for part in pa.table({name: column}).to_batches(_ROWS):
                    stream.write_batch(part)
            places.append((name, begin, file.tell()))
            file.write(bytes(-file.tell() % _ALIGNED))
        file.flush()
        if not places:
            return pa.table({})
        held = pa.py_buffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    read = {name: pa.ipc.open_stream(held[begin:end]).read_all().column(0) for name, begin, end in places}
    return pa.table(read)


def whole_schema(schema: pa.Schema) -> pa.Schema:
    """The schema of the columns as they were written, by that of their file; `ValueError` if the file is damaged."""
    held = _unsealed(schema.metadata)
    if (stored := _stored(schema)) is None:
        return schema.with_metadata(held or None)
    fields = [schema.field(one).with_name(name) for name, one in stored.items()]
    del held[_STORED_KEY]
    return pa.schema(fields, metadata=held or None)


def _stored(schema: pa.Schema) -> dict[str, str] | None:
    """For every column that was written the one of the file that holds its values; None where all are there."""
    text = (schema.metadata or {}).get(_STORED_KEY)
    if text is None:
        return None
    try:
        pairs = json.loads(text)
        stored = {str(name): str(one) for name, one in pairs}
    except (TypeError, RecursionError) as error:
        raise ValueError(f"its list of columns is damaged ({error})") from None
    # Each column of the file is one of those written, and there are no others: no file can claim to be much larger.
    if [name for name, one in stored.items() if name == one] != schema.names or len(stored) != len(pairs):
        raise ValueError("its list of columns is damaged")
    if not set(stored.values()) <= set(schema.names):
        raise ValueError("its list of columns is damaged")
    return stored


def _repeats(content: pa.Table, name: str, other: str) -> bool:
    both = content.field(name).type, content.field(other).type
    if both[0] != both[1] or not pa.types.is_floating(both[0]):
        return False
    one, two = (content.column(each).to_numpy() for each in (name, other))
    # To the bit: zeros of either sign are not the same, a NaN is.
    return np.array_equal(one.view(np.uint8), two.view(np.uint8))


def _encoding(kind: pa.DataType) -> str:
    if pa.types.is_floating(kind):
        return "BYTE_STREAM_SPLIT"
    return "DELTA_BINARY_PACKED" if pa.types.is_integer(kind) else "PLAIN"
