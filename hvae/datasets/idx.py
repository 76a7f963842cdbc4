"""The idx format of MNIST and its drop-in replacements: big-endian header, then raw bytes.

Layout (LeCun, Cortes and Burges, "The MNIST database"): two zero bytes, one byte for the element type (8 = uint8),
one for the number of axes, one big-endian uint32 per axis, then the elements in C order.
"""

import math
import os
import struct
from pathlib import Path

import numpy as np

from hvae.errors import DataError

MAX_BYTES = 2**30
"""Largest file read: 20 times MNIST's training images."""

_UINT8 = 8


def read_idx(path: Path, axes: int) -> np.ndarray:
    """Read an uncompressed uint8 idx file.

    Args:
        path: The file.
        axes: Number of axes it must have (3 for images ``(n, height, width)``, 1 for labels ``(n,)``).

    Returns:
        uint8 array of the shape that the header names.

    Raises:
        DataError: As `idx_shape` does.
    """
    shape = idx_shape(path, axes)
    return np.fromfile(path, dtype=np.uint8, offset=_header_bytes(axes)).reshape(shape)


def idx_shape(path: Path, axes: int) -> tuple[int, ...]:
    """Shape of the array in an idx file, from its header; reads no elements.

    Raises:
        DataError: If the file is missing, no idx file, of another rank or type, truncated or too long.
    """
    try:
        with path.open("rb") as file:
            header, size = file.read(_header_bytes(axes)), os.fstat(file.fileno()).st_size
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    if len(header) < _header_bytes(axes) or header[:2] != b"\0\0":
        raise DataError(f"{path} is no idx file (its first bytes are {header[:4].hex(' ') or 'missing'})")
    if header[2] != _UINT8 or header[3] != axes:
        raise DataError(f"{path} holds idx type {header[2]} with {header[3]} axes, not uint8 (type 8) with {axes}")
    shape = struct.unpack(f">{axes}I", header[4:])
    expected = _header_bytes(axes) + math.prod(shape)
    if size != expected:
        wrong = "truncated" if size < expected else "longer than its header says"
        raise DataError(f"{path} is {wrong}: {size:,} bytes for {expected:,}; delete it and fetch the data set again")
    if size > MAX_BYTES:
        raise DataError(f"{path} has {size:,} bytes, more than the {MAX_BYTES:,} this program reads")
    return shape


def _header_bytes(axes: int) -> int:
    return 4 + 4 * axes
