"""The chunks of a PNG that are about its pixels, without those about anything else: metadata is not pixels."""

import io
import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_OF_PIXELS = {b"tRNS", b"acTL", b"fcTL", b"fdAT"}
"""Of the chunks that a reader may ignore (lower-case names), those that it must not: transparency and animation."""
_TURNS = {b"eXIf", b"iTXt"}
"""Chunks that may say how a picture is turned, read where they are short and sound."""
_SHORT = 2**16


def pixels_alone(data: bytes) -> io.BytesIO | io.BufferedReader:
    """An image file without the metadata that would keep a sound PNG from being read; others as they are.

    Text, colour profiles and unknown chunks are left out unread, however long or damaged they are. No pixel is copied.
    """
    if not data.startswith(SIGNATURE):
        return io.BytesIO(data)
    kept, start, position = [], 0, len(SIGNATURE)
    while position + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, position)
        end = position + 12 + length
        if end > len(data):
            break
        if not _is_kept(data, position, length):
            kept.append((start, position))
            start = end
        if data[position + 4 : position + 8] == b"IEND":
            break
        position = end
    if not start:
        return io.BytesIO(data)
    return io.BufferedReader(_Slices(data, [*kept, (start, len(data))]))


def _is_kept(data: bytes, position: int, length: int) -> bool:
    name = data[position + 4 : position + 8]
    if name[:1].isupper() or name in _OF_PIXELS:
        return True
    if name not in _TURNS or length > _SHORT:
        return False
    body = data[position + 4 : position + 8 + length]
    if name == b"iTXt" and not body.startswith(b"iTXtXML:com.adobe.xmp\0\0"):
        return False
    return zlib.crc32(body) == struct.unpack_from(">I", data, position + 8 + length)[0]


class _Slices(io.RawIOBase):
    """Slices `(start, end)` of bytes, read as one file."""

    def __init__(self, data: bytes, slices: list[tuple[int, int]]) -> None:
        self._data, self._at = memoryview(data), 0
        self._slices = [(start, end) for start, end in slices if end > start]
        self._length = sum(end - start for start, end in self._slices)
        self._slice, self._passed = 0, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = max(0, offset + (0, self._at, self._length)[whence])
        self._slice = self._passed = 0
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while self._slice < len(self._slices):
            start, end = self._slices[self._slice]
            if self._at < self._passed + end - start:
                part = self._data[start + self._at - self._passed : end][: len(buffer)]
                buffer[: len(part)] = part
                self._at += len(part)
                return len(part)
            self._passed += end - start
            self._slice += 1
        return 0
