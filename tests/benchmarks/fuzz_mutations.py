"""Changes of a fuzzer's input that get past checksums: inside the members of an archive and the chunks of a PNG."""

from __future__ import annotations

import io
import random
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable

MOST_UNPACKED = 2**20
_SIGNATURE = b"\x89PNG\r\n\x1a\n"

Mutate = Callable[[bytes, int], bytes]
"""(bytes, most bytes) to changed bytes."""


def mutated(data: bytes, most: int, seed: int, mutate: Mutate) -> bytes:
    """Changed bytes of an image or archive, most often with the checksums made right again.

    Args:
        data: to be changed.
        most: bytes of the result.
        seed: of what is changed.
        mutate: the changes of the fuzzer itself.
    """
    chosen = random.Random(seed)
    if data[:2] == b"PK" and chosen.random() < 0.7:
        changed = _within_archive(data, most, chosen, mutate)
    elif data.startswith(_SIGNATURE) and chosen.random() < 0.4:
        changed = _within_chunk(data, most, chosen, mutate)
    else:
        changed = mutate(data, most)
        if changed.startswith(_SIGNATURE) and chosen.random() < 0.9:
            changed = _png(_chunks(changed))
    return changed[:most]


def _within_archive(data: bytes, most: int, chosen: random.Random, mutate: Mutate) -> bytes:
    """Another content in one member; the plain change where that cannot be read."""
    try:
        with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
            if sum(info.file_size for info in infos) > MOST_UNPACKED:
                return mutate(data, most)
            members = [(info.filename, archive.read(info)) for info in infos]
        at = chosen.randrange(len(members))
        name, content = members[at]
        members[at] = name, mutated(content, max(1, most - len(data) + len(content)), chosen.getrandbits(32), mutate)
        if chosen.random() < 0.1:
            members.pop(chosen.randrange(len(members)))
        buffer = io.BytesIO()
        with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members:
                archive.writestr(name, content)
        return buffer.getvalue()
    # Of a damaged archive almost any.
    except Exception:
        return mutate(data, most)


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """(name, content) of what the lengths say are chunks, the rest as the last one."""
    chunks, at = [], len(_SIGNATURE)
    while at + 8 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        chunks.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    return chunks


def _png(chunks: list[tuple[bytes, bytes]]) -> bytes:
    return _SIGNATURE + b"".join(
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks
    )


def _within_chunk(data: bytes, most: int, chosen: random.Random, mutate: Mutate) -> bytes:
    """Another content in one chunk, of a compressed one in what it unpacks to."""
    chunks = _chunks(data)
    if not chunks:
        return mutate(data, most)
    at = chosen.randrange(len(chunks))
    name, content = chunks[at]
    room = max(1, most - len(data) + len(content))
    try:
        if name not in (b"IDAT", b"fdAT") or chosen.random() < 0.3:
            raise zlib.error
        content = zlib.compress(mutate(zlib.decompressobj().decompress(content, MOST_UNPACKED), room))
    except zlib.error:
        content = mutate(content, room)
    chunks[at] = name, content
    if chosen.random() < 0.1:
        chunks.insert(chosen.randrange(len(chunks) + 1), chosen.choice(chunks))
    return _png(chunks)
