"""Everything below a folder in the order of its names, in a hundred bytes an entry."""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from hvae.datasets.own.folders import Entry, files_below
from hvae.errors import DataError

_AT_ONCE = 10_000
_SCHEMA = pa.schema(
    {"name": pa.large_string(), "path": pa.large_binary(), "refused": pa.large_string(), "passed": pa.large_string()}
)


def entries_below(folder: Path, most: int) -> Iterator[Entry]:
    """The entries of `files_below` by name; `DataError` for more than `most`."""
    found, batches = files_below(folder), []
    total = 0
    while some := list(islice(found, _AT_ONCE)):
        total += len(some)
        if total > most:
            raise DataError(f"{folder} holds more than the {most:,} images this program reads")
        batches.append(pa.RecordBatch.from_pylist([_row(one) for one in some], _SCHEMA))
    table = pa.Table.from_batches(batches, _SCHEMA)
    order = pc.sort_indices(table.column("name"))  # type: ignore[attr-defined]  # made at run time
    for start in range(0, total, _AT_ONCE):
        for row in table.take(order.slice(start, _AT_ONCE)).to_pylist():
            path = None if row["path"] is None else Path(os.fsdecode(row["path"]))
            yield Entry(row["name"], path, row["refused"], row["passed"])


def _row(entry: Entry) -> dict[str, str | bytes | None]:
    path = None if entry.path is None else os.fsencode(entry.path)
    return {"name": entry.name, "path": path, "refused": entry.refused, "passed": entry.passed}
