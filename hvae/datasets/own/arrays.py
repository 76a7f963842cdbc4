"""Arrays from outside: ``.npz`` in three layouts, ``.npy`` and idx, plain or gzipped, known by their content.

Everything is sized before it is read, and pickled objects are refused.
"""

import gzip
import io
import math
import struct
import warnings
import zipfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from hvae.datasets import held as rows
from hvae.datasets.own.caveats import Caveat
from hvae.datasets.own.names import MAX_NAME, printable
from hvae.datasets.own.values import Scale, of_array
from hvae.errors import DataError
from hvae.inputs import opened

MAX_BYTES = 2 * 2**30
"""Largest array read, unpacked."""

_IMAGES, _LABELS, _NAMES = "buif", "bui", "U"
_SAVE = "save with np.savez(path, images=...)"
_NPY, _GZIP, _ZIP = b"\x93NUMPY", b"\x1f\x8b", b"PK"
_IDX_TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
Members = Mapping[str, Callable[[str], np.ndarray]]
"""What reads each array of a file, of numpy's kinds of dtype."""


@dataclass(frozen=True, eq=False)
class Arrays:
    """Images `(n, channel, height, width)` uint8 of a file, labels `(n,)` int64, and names, empty where it has none."""

    images: np.ndarray
    labels: np.ndarray
    names: Sequence[str]
    notes: tuple[str, ...]
    """In words, what was done to the numbers and what was left out."""
    caveats: tuple[Caveat, ...]


def is_arrays(head: bytes, members: Collection[str] = ()) -> bool:
    """Whether a file that begins with `head` holds arrays; of a zip, `members` are its names."""
    if head.startswith(_ZIP):
        return bool(members) and all(name.endswith(".npy") for name in members)
    return head.startswith(_NPY) or (head[:2] == b"\0\0" and head[2:3] != b"" and head[2] in _IDX_TYPES)


def splits_of(path: Path) -> tuple[str, ...]:
    """The splits that an ``.npz`` keeps apart; empty for other files, and for what cannot be read."""
    try:
        with opened(path) as file, zipfile.ZipFile(file) as archive:
            return tuple(split for split in layout({name.removesuffix(".npy") for name in archive.namelist()}) if split)
    # Damaged archives surface as almost any exception of the parser; whoever reads it is told.
    except Exception:
        return ()


def layout(names: Collection[str]) -> dict[str, tuple[str, str]]:
    """The arrays (images, labels) of each split, by the names in a file; the split is empty where there is only one."""
    if "images" in names:
        return {"": ("images", "labels")}
    forms = (("{}_images", "{}_labels"), ("x_{}", "y_{}"))
    for images, labels in forms:
        splits = [split for split in ("train", "val", "test") if images.format(split) in names]
        if splits:
            return {split: (images.format(split), labels.format(split)) for split in splits}
    return {"": ("arr_0", "arr_1")} if "arr_0" in names else {}


def count_images(source: Path | bytes, most: int = MAX_BYTES) -> int:
    """How many images the headers of a file announce, all splits together; nothing but headers is read.

    `DataError` as from `read_arrays`, as far as headers tell.
    """
    path = source if isinstance(source, Path) else "the file"
    with warnings.catch_warnings(action="ignore"), _described(path), _opened(source, most, headers=True) as members:
        parts = _parts(path, members).values()
        return sum(len(_channels_first(members[images](_IMAGES), images)) for images, _ in parts)


Spans = dict[str, list[Any]]
"""The least and the largest number of the arrays of each dtype."""


def spans_of(path: Path, spans: Spans) -> tuple[int, ...]:
    """(0, channel, height, width) of the images of a file, whose numbers widen the `spans`; raises as `read_arrays`."""
    with _described(path), _opened(path, MAX_BYTES) as members:
        parts = _parts(path, members)
        arrays = [_channels_first(members[images](_IMAGES), images) for images, _ in parts.values()]
        for array in arrays:
            _widen(spans, array)
        return (0, *arrays[0].shape[1:])


def read_arrays(source: Path | bytes, split: str = "all", most: int = MAX_BYTES, spans: Spans | None = None) -> Arrays:
    """The images of one split of a file, or of the content of one, or of all splits; of a file without splits, all.

    Images are `(n, h, w)`, `(n, h, w, c)` or `(n, c, h, w)` with c = 1 or 3, bool, whole numbers of up to 16 bits or
    floats in [0, 1] or [0, 255]; all splits of a file are scaled alike, by the `spans` of `spans_of` where
    given. Labels are `(n,)` or `(n, 1)` integers. The arrays take no more than `most` bytes together.
    `DataError`, which names the file, if it is missing, damaged, too large or another.
    """
    path = source if isinstance(source, Path) else "the file"
    if isinstance(source, Path) and not source.is_file():
        raise DataError(f"there is no file {path}")
    # numpy warns of headers that old versions wrote.
    with warnings.catch_warnings(action="ignore"), _described(path), _opened(source, most) as members:
        return _read(members, _parts(path, members), split, spans)


def _parts(path: Path | str, members: Members) -> dict[str, tuple[str, str]]:
    if not (parts := layout(members)):
        known = ", ".join(f"{name}.npy" for name in sorted(members)[:5]) or "nothing"
        raise DataError(f"{path} has no array `images` (it holds {known}); {_SAVE}")
    return parts


@contextmanager
def _described(path: Path | str) -> Iterator[None]:
    """Has whatever a damaged file raises say which file it is."""
    try:
        yield
    except zipfile.BadZipFile as error:
        raise DataError(f"{path} is no npz archive ({error}); {_SAVE}") from error
    except DataError as error:
        said = printable(str(error), MAX_NAME)
        raise DataError(said if isinstance(path, str) or str(path) in str(error) else f"{path}: {said}") from None
    # A damaged member surfaces as almost any exception of zipfile, zlib, numpy's header parser and Python's.
    except Exception as error:
        raise DataError(
            f"{path} is damaged or encrypted ({printable(' '.join(str(error).split()), MAX_NAME)})"
        ) from error


def _widen(spans: Spans, array: np.ndarray) -> None:
    low, high = rows.span(array)
    known = spans.setdefault(array.dtype.name, [low, high])
    spans[array.dtype.name] = [np.minimum(known[0], low), np.maximum(known[1], high)]


def _read(members: Members, parts: dict[str, tuple[str, str]], split: str, given: Spans | None) -> Arrays:
    spans = dict(given or {})
    chosen, labels, notes = [], [], []
    for name, (images, label) in parts.items():
        array = _channels_first(members[images](_IMAGES), images)
        if given is None:
            _widen(spans, array)
        if name in ("", split) or split == "all":
            chosen.append(array)
            labels.append(_labels(members[label](_LABELS) if label in members else None, len(array), label, notes))
    scales: dict[str, Scale] = {}
    for array in chosen:
        if array.dtype.name not in scales:
            scales[array.dtype.name] = of_array(array, *spans[array.dtype.name])
    pixels = [rows.mapped(array, scales[array.dtype.name]) for array in chosen]
    if len({one.shape[1:] for one in pixels}) > 1:
        raise DataError(f"its splits have images of {' and '.join(str(one.shape[1:]) for one in pixels)}")
    n = sum(map(len, pixels))
    names = _names(members["names"](_NAMES), n) if "" in parts and "names" in members else ()
    words = [scale.words for scale in scales.values() if scale.words]
    caveats = tuple(caveat for scale in scales.values() for caveat in scale.caveats)
    together = rows.joined(pixels)
    return Arrays(together, np.concatenate(labels), names, tuple(dict.fromkeys(words + notes)), caveats)


def _names(names: np.ndarray, n: int) -> Sequence[str]:
    if names.shape != (n,):
        raise DataError(f"`names` is not one text for each of the {n} images")
    return rows.packed(str(name) for part in rows.portions(names) for name in part)


def _labels(labels: np.ndarray | None, n: int, name: str, notes: list[str]) -> np.ndarray:
    if labels is not None and labels.ndim == 2 and labels.shape[0] == n and labels.shape[1] > 1:
        notes.append(f"{labels.shape[1]} labels an image left out")
        labels = None
    if labels is None:
        return np.zeros(n, np.int64)
    if labels.shape not in ((n,), (n, 1)):
        raise DataError(f"`{name}` is {labels.shape} {labels.dtype}; needed is ({n},) integers")
    if n and not (int(labels.min()) >= -(2**31) and int(labels.max()) < 2**31):
        raise DataError(f"`{name}` has labels beyond 32 bits (up to {int(labels.max()):,}): number the classes from 0")
    return labels.reshape(n).astype(np.int64)


def _channels_first(images: np.ndarray, name: str) -> np.ndarray:
    if images.ndim == 3:
        images = images[:, None]
    elif images.ndim == 4 and (images.shape[1] in (1, 3)) != (images.shape[3] in (1, 3)):
        images = images if images.shape[1] in (1, 3) else images.transpose(0, 3, 1, 2)
    else:
        needed = "(n, h, w), (n, h, w, c) or (n, c, h, w) with c = 1 or 3 on one side only"
        raise DataError(f"`{name}` has shape {images.shape}; needed is {needed}")
    if images.size == 0:
        raise DataError(f"`{name}` is empty (shape {images.shape})")
    return images


@contextmanager
def _opened(source: Path | bytes, most: int, headers: bool = False) -> Iterator[Members]:
    """What reads each array of a file, known by its first bytes, while they take no more than `most` together.

    By `headers` alone it is an array of zeros that takes no memory.
    """
    room = _Room(most, headers)
    with _stream(source) as file:
        head = file.read(len(_NPY))
        if head.startswith(_GZIP):
            file.seek(0)
            with gzip.open(file) as unpacked:
                head = unpacked.read(len(_NPY))
            if not is_arrays(head):
                raise DataError("it is packed and holds no array: unpack it, or name a zip archive")
        file.seek(0)
        if not is_arrays(head):
            with zipfile.ZipFile(file) as archive:
                names = [one.removesuffix(".npy") for one in archive.namelist() if one.endswith(".npy")]
                yield {name: lambda kinds, name=name: read_array(archive, name, kinds, room) for name in names}
            return
    read = _read_npy if head.startswith(_NPY) else _read_idx
    members = {"images": lambda kinds: _from_file(source, "images", kinds, read, room)}
    beside = _labels_beside(source) if isinstance(source, Path) and read is _read_idx else None
    if beside is not None:
        members["labels"] = lambda kinds: _from_file(beside, "labels", kinds, _read_idx, room)
    yield members


class _Room:
    """How many bytes the arrays of one file may still take."""

    def __init__(self, most: int, headers: bool = False) -> None:
        self.most = self.left = most
        self.headers = headers
        """Whether the arrays are not read, only what their headers say."""

    def take(self, name: str, size: int) -> None:
        """Count an array before it is read; `DataError` where there is no room for it."""
        if size > self.left:
            together = " with those before it" if self.left < self.most else ""
            raise DataError(f"`{name}` has {size:,} bytes{together}, more than the {self.most:,} allowed")
        self.left -= size


def _stream(source: Path | bytes) -> AbstractContextManager[BinaryIO]:
    return io.BytesIO(source) if isinstance(source, bytes) else opened(source)


def _from_file(
    source: Path | bytes,
    name: str,
    kinds: str,
    read: Callable[[BinaryIO, str, str, int | None, _Room], np.ndarray],
    room: _Room,
) -> np.ndarray:
    """The one array of a file, gzipped or not."""
    with _stream(source) as file:
        if file.read(2) == _GZIP:
            file.seek(0)
            with gzip.open(file) as unpacked:
                return read(unpacked, name, kinds, None, room)  # type: ignore[arg-type]
        held = file.seek(0, io.SEEK_END)
        file.seek(0)
        return read(file, name, kinds, held, room)


def _labels_beside(images: Path) -> Path | None:
    """The labels of an idx file of images, under either spelling, gzipped or not."""
    plain = images.name.removesuffix(".gz").replace("images", "labels")
    for name in (plain.replace("-idx3", mark + "idx1").replace(".idx3", mark + "idx1") for mark in "-."):
        for path in (images.with_name(name), images.with_name(f"{name}.gz")):
            if name != images.name.removesuffix(".gz") and path.is_file():
                return path
    return None


def read_array(archive: zipfile.ZipFile, name: str, kinds: str = "uif", room: _Room | None = None) -> np.ndarray:
    """One array from an opened ``.npz``, of numpy's ``kinds`` of dtype; its header is checked before it is read.

    `DataError` if it holds pickled objects or another kind, has no `room` (of `MAX_BYTES` where none is given), or is
    cut short.
    """
    held = archive.getinfo(f"{name}.npy").file_size
    with archive.open(f"{name}.npy") as member:
        return _read_npy(member, name, kinds, held, room or _Room(MAX_BYTES))  # type: ignore[arg-type]


def _read_npy(file: BinaryIO, name: str, kinds: str, held: int | None, room: _Room) -> np.ndarray:
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    version = np.lib.format.read_magic(file)
    if version not in readers:
        raise DataError(f"npy format {version[0]}.{version[1]} is not read; save plain numbers with np.savez")
    shape, fortran, dtype = readers[version](file)
    size = _check(name, shape, dtype, kinds, held, room)
    if room.headers:
        return np.broadcast_to(np.zeros((), dtype), shape)
    if size > rows.IN_MEMORY and not fortran:
        return rows.read_rows(file, shape, dtype)
    file.seek(0)
    return np.lib.format.read_array(file, allow_pickle=False)


def _read_idx(file: BinaryIO, name: str, kinds: str, held: int | None, room: _Room) -> np.ndarray:
    _, _, kind, axes = file.read(4)
    shape, dtype = struct.unpack(f">{axes}I", file.read(4 * axes)), np.dtype(_IDX_TYPES[kind])
    size = _check(name, shape, dtype, kinds, held, room)
    if room.headers:
        return np.broadcast_to(np.zeros((), dtype), shape)
    content = file.read(size + 1)
    if len(content) != size:
        wrong = "truncated" if len(content) < size else "longer than its header says"
        raise DataError(f"`{name}` is {wrong}: its header announces {size:,} bytes")
    return np.frombuffer(content, dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def _check(name: str, shape: tuple[int, ...], dtype: np.dtype, kinds: str, held: int | None, room: _Room) -> int:
    """The size of an array in bytes; `DataError` for one that must not be read, of a file that holds `held` bytes."""
    if dtype.hasobject:
        raise DataError(f"`{name}` holds pickled Python objects, which are never loaded; save a plain array")
    if dtype.kind not in kinds:
        needed = {_NAMES: "text", _LABELS: "integers"}.get(kinds, "numbers")
        raise DataError(f"`{name}` holds {dtype}, not {needed}")
    size = math.prod(shape) * dtype.itemsize
    room.take(name, size)
    if held is not None and held < size:
        raise DataError(f"`{name}` is truncated: its header announces {size:,} bytes")
    return size
