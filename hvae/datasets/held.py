"""More rows than memory may hold: an array while they are few, beyond that a temporary file that looks like one.

The file has no name, so that it is gone however the process ends. What was read of it is given back to the system at
once: memory is what is at hand, whatever the number of rows.
"""

from __future__ import annotations

import errno
import mmap
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import IO, TYPE_CHECKING, BinaryIO, overload

import numpy as np

from hvae.errors import DataError
from hvae.files import scratch_file

if TYPE_CHECKING:
    import pyarrow as pa

IN_MEMORY = 32 * 2**20
"""Bytes that are kept in an array."""
_PORTION = 4 * 2**20
_ROOM = 2**20
_FEW_NAMES = 20_000


class Growing:
    """Rows of one shape and type, appended in any number."""

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype | type) -> None:
        self._shape, self._dtype = shape, np.dtype(dtype)
        # Blocks rather than a list of what came: an array of 64 bytes is an object of 200.
        size = max(1, self._dtype.itemsize * int(np.prod(shape, dtype=np.int64)))
        self._in_block = max(1, _PORTION // size)
        self._blocks: list[np.ndarray] = []
        self._free = 0
        """Rows of the last block that are not filled yet."""
        self._bytes, self._rows = 0, 0
        self._file: IO[bytes] | None = None

    def append(self, rows: np.ndarray) -> None:
        """Add rows (m, ...) of the shape and type; `DataError` where the temporary folder is full."""
        done = 0
        while done < len(rows):
            if not self._free:
                if self._bytes > (IN_MEMORY if self._file is None else 0):
                    self._spill()
                self._blocks.append(np.empty((self._in_block, *self._shape), self._dtype))
                self._free = self._in_block
            some = rows[done : done + self._free]
            begin = self._in_block - self._free
            self._blocks[-1][begin : begin + len(some)] = some
            self._free -= len(some)
            self._bytes += some.nbytes
            done += len(some)
        self._rows += len(rows)

    def array(self) -> np.ndarray:
        """All rows (n, ...); nothing can be appended after it."""
        if self._file is None and self._bytes <= IN_MEMORY:
            return np.concatenate(self._filled()) if self._rows else np.empty((0, *self._shape), self._dtype)
        self._spill()
        assert self._file is not None
        found = np.memmap(self._file, self._dtype, "c", shape=(self._rows, *self._shape))
        # The array has a hold of its own.
        self._file.close()
        return found

    def _filled(self) -> list[np.ndarray]:
        return [*self._blocks[:-1], *(one[: self._in_block - self._free] for one in self._blocks[-1:])]

    def _spill(self) -> None:
        try:
            if self._file is None:
                self._file = scratch_file()
                weakref.finalize(self, self._file.close)
            for rows in self._filled():
                self._file.write(rows.data)
            self._file.flush()
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES):
                raise
            raise DataError(
                f"the folder for temporary files, {tempfile.gettempdir()}, does not take so many images "
                f"({error.strerror}): name another one in TMPDIR"
            ) from None
        self._blocks, self._free, self._bytes = [], 0, 0


def room(rows: int, dtype: np.dtype | type) -> np.ndarray:
    """An array (rows,) to be filled, of zeros; of many rows a temporary file, whose memory `release` gives back."""
    if rows * np.dtype(dtype).itemsize <= _ROOM:
        return np.zeros(rows, dtype)
    with scratch_file() as file:
        return np.memmap(file, dtype, "w+", shape=(rows,))


def read_rows(file: BinaryIO, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """An array of that shape from the bytes of a file in its order; `DataError` if they end early."""
    found, left = Growing((), np.uint8), int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    while left:
        if not (content := file.read(min(left, _PORTION))):
            raise DataError(f"it ends {left:,} bytes early")
        found.append(np.frombuffer(content, np.uint8))
        left -= len(content)
    return found.array().view(dtype).reshape(shape)


def portions(array: np.ndarray) -> Iterator[np.ndarray]:
    """The rows of an array in views of a few megabytes, each given back to the system once the next is asked for."""
    if not array.size:
        return
    step = max(1, _PORTION * len(array) // array.nbytes)
    for start in range(0, len(array), step):
        yield array[start : start + step]
        release(array)


def mapped(array: np.ndarray, function: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """What a function makes of an array, row by row."""
    if array.nbytes <= _PORTION:
        return function(array)
    found: Growing | None = None
    for portion in portions(array):
        made = function(portion)
        found = found or Growing(made.shape[1:], made.dtype)
        found.append(made)
    assert found is not None
    return found.array()


def joined(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """The rows of several arrays of one shape and type, one after the other; a single one is itself."""
    if len(arrays) == 1:
        return arrays[0]
    found = Growing(arrays[0].shape[1:], arrays[0].dtype)
    for array in arrays:
        for portion in portions(array):
            found.append(portion)
    return found.array()


def span(array: np.ndarray) -> tuple[np.generic, np.generic]:
    """The least and the largest value; not a number where any is."""
    ends = [(part.min(), part.max()) for part in portions(array)]
    low, high = zip(*ends, strict=True)
    return np.min(low), np.max(high)


def taken(array: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Some rows (m,) of an array: a view where they follow one another, as that needs no memory."""
    if array.nbytes <= IN_MEMORY:
        return array[rows]
    if len(rows) and np.array_equal(rows, np.arange(rows[0], rows[0] + len(rows))):
        return array[rows[0] : rows[0] + len(rows)]
    found, step = Growing(array.shape[1:], array.dtype), max(1, _PORTION * len(array) // array.nbytes)
    for start in range(0, len(rows), step):
        found.append(array[rows[start : start + step]])
        release(array)
    return found.array()


def release(array: np.ndarray) -> None:
    """Give the memory of what was read of a file back to the system; nothing happens to another array."""
    held: object = array
    while isinstance(held, np.ndarray):
        held = held.base
    if isinstance(held, mmap.mmap) and hasattr(held, "madvise"):
        held.madvise(mmap.MADV_DONTNEED)


class Names(Sequence[str]):
    """Many texts in little room."""

    def __init__(self, held: pa.ChunkedArray) -> None:
        self.held = held

    def __len__(self) -> int:
        return len(self.held)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        found = self.held[index]
        return Names(found) if isinstance(index, slice) else found.as_py()

    def take(self, rows: np.ndarray) -> Names:
        """Those of some rows (m,); all of them in their order take no more room."""
        every = len(rows) == len(self) and np.array_equal(rows, np.arange(len(self)))
        return self if every else Names(self.held.take(rows))


class NameList:
    """Names as they come."""

    def __init__(self) -> None:
        self._waiting: list[str] = []
        self._chunks: list[pa.Array] = []

    def append(self, name: str) -> None:
        """Add one."""
        self._waiting.append(name)
        if len(self._waiting) == _FEW_NAMES:
            self._chunks.append(_chunk(self._waiting))
            self._waiting = []

    def names(self) -> Sequence[str]:
        """All of them: a tuple while they are few, else `Names`."""
        if not self._chunks:
            return tuple(self._waiting)
        import pyarrow as pa

        return Names(pa.chunked_array([*self._chunks, _chunk(self._waiting)]))


def packed(texts: Iterable[str]) -> Sequence[str]:
    """Texts in little room: what `NameList` makes of them."""
    found = NameList()
    for text in texts:
        found.append(text)
    return found.names()


def some_names(names: Sequence[str], rows: np.ndarray) -> Sequence[str]:
    """The names of some rows (m,); of none where there are none."""
    if isinstance(names, Names):
        return names.take(rows)
    return tuple([str(names[row]) for row in rows]) if names else ()


def _chunk(texts: list[str]) -> pa.Array:
    import pyarrow as pa

    return pa.array(texts, pa.string())
