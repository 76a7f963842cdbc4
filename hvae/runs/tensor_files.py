"""The header of a safetensors file, checked against the file's size before any tensor is read. Imports no torch."""

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hvae.errors import CheckpointError
from hvae.inputs import opened

MAXIMUM_HEADER_BYTES = 8_000_000
BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}
"""Types that weights may have, and how many bytes one value takes."""


@dataclass(frozen=True)
class StoredTensor:
    """One tensor as the header describes it; its `dtype` is a key of `BYTES`."""

    dtype: str
    shape: tuple[int, ...]


def read_header(path: Path, types: Mapping[str, int] = BYTES) -> dict[str, StoredTensor]:
    """The tensors of a safetensors file by name, of these `types`; their bytes are checked to fill the file exactly.

    Raises:
        CheckpointError: a damaged or hostile header: too long, no JSON, types no weights have, offsets that leave the
            file, overlap, leave gaps, or do not fit the shape.
    """
    try:
        with opened(path) as file:
            size = os.fstat(file.fileno()).st_size
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or length > size - 8:
                raise CheckpointError(f"{path} is cut short: {size:,} bytes cannot hold its header")
            if length > MAXIMUM_HEADER_BYTES:
                raise CheckpointError(f"{path} claims a header of {length:,} bytes, {MAXIMUM_HEADER_BYTES:,} at most")
            header = file.read(length)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror})") from None
    try:
        content = json.loads(header)
    # A deeply nested header exhausts the parser's recursion; wrong UTF-8 and wrong JSON are both ValueErrors.
    except (RecursionError, ValueError):
        raise CheckpointError(f"{path} is no safetensors file: its header is no JSON") from None
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} is no safetensors file: its header is no JSON object")
    content.pop("__metadata__", None)
    found = {name: _tensor(entry, f"{path}: tensor {name[:100]!r}", types) for name, entry in content.items()}
    end = 0
    for begin, upto in sorted(span for _, span in found.values()):
        if begin != end:
            raise CheckpointError(f"{path}: the tensors overlap or leave a gap at byte {min(begin, end):,}")
        end = upto
    if end != (held := size - 8 - length):
        raise CheckpointError(
            f"{path} is cut short or has a surplus: its tensors take {end:,} bytes, the file holds {held:,}"
        )
    return {name: tensor for name, (tensor, _) in found.items()}


def _tensor(entry: object, where: str, types: Mapping[str, int]) -> tuple[StoredTensor, tuple[int, int]]:
    """A tensor and the bytes it takes, counted from the end of the header."""
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise CheckpointError(f"{where} has no dtype, shape and data_offsets")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in types:
        raise CheckpointError(f"{where} is of a type that no weights have (known: {', '.join(types)})")
    if not _counts(shape) or len(shape) > 8 or not _counts(offsets) or len(offsets) != 2:
        raise CheckpointError(f"{where} has a shape or offsets that are no small whole numbers")
    if offsets[1] - offsets[0] != math.prod(shape) * types[dtype]:
        raise CheckpointError(f"{where} has offsets that do not fit its shape")
    return StoredTensor(dtype, tuple(shape)), (offsets[0], offsets[1])


def _counts(values: object) -> bool:
    return isinstance(values, list) and all(type(value) is int and 0 <= value < 2**40 for value in values)
