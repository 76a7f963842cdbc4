"""A zip archive of a run: every claim of its directory is checked before anything is unpacked."""

import os
import stat
import struct
import zipfile
from pathlib import PurePosixPath
from typing import IO

from hvae.errors import CheckpointError
from hvae.runs.importing.members import LIMITS, MAXIMUM_ENTRIES, quoted, too_large

MAXIMUM_RATIO = 200
"""Times that an archive may grow when unpacked; weights and zstd tables hardly do, text does up to 20 times."""
MAXIMUM_DIRECTORY_BYTES = 400 * MAXIMUM_ENTRIES


def check_directory(file: IO[bytes]) -> None:
    """Bound an archive's directory before zipfile reads all of it into memory."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 2**16 - 42))
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + 22:
        raise CheckpointError("this is no zip archive: pack the run folder as .zip")
    _, _, _, entries, length, _, _ = struct.unpack("<4H2LH", tail[at + 4 : at + 22])
    if b"PK\x06\x07" in tail[max(0, at - 20) : at]:
        raise CheckpointError("the archive is in the zip64 format, which no run needs: pack it again")
    if entries > MAXIMUM_ENTRIES or length > MAXIMUM_DIRECTORY_BYTES:
        raise CheckpointError(f"the archive has {entries:,} members, far more than a run")
    file.seek(0)


def archived(archive: zipfile.ZipFile, most: int) -> tuple[dict[str, zipfile.ZipInfo], str | None]:
    """Members by their path inside the run, every claim checked; and the name of the one folder they lie in.

    Nothing is unpacked; all members together may have `most` bytes once they are.
    """
    infos = archive.infolist()
    if len(infos) > MAXIMUM_ENTRIES:
        raise CheckpointError(f"the archive has {len(infos):,} members, far more than a run")
    # First of all: zipfile itself stumbles over a member of no name.
    for info in infos:
        _check_member(info)
    files = [info for info in infos if not info.is_dir()]
    total, packed = sum(info.file_size for info in files), sum(info.compress_size for info in files)
    if total > most:
        raise CheckpointError(f"the archive claims {total:,} bytes unpacked, {most:,} at most")
    if total > MAXIMUM_RATIO * packed + 2**20:
        raise CheckpointError(
            f"the archive claims to grow {total // max(packed, 1):,} times when unpacked: no run does"
        )
    own = [info for info in files if not info.filename.startswith("__MACOSX/")]
    tops = {PurePosixPath(info.filename).parts[0] for info in own}
    top = None
    if not any(info.filename == "config.json" for info in own):
        if len(tops) != 1:
            raise CheckpointError("there is no config.json at the top of the archive or in its one folder")
        top = tops.pop()
    found: dict[str, zipfile.ZipInfo] = {}
    for info in own:
        path = info.filename if top is None else info.filename.removeprefix(f"{top}/")
        if path in found:
            raise CheckpointError(f"the archive has {quoted(path)} twice")
        if path in LIMITS and info.file_size > LIMITS[path]:
            raise too_large(path, LIMITS[path])
        found[path] = info
    return found, top


def _check_member(info: zipfile.ZipInfo) -> None:
    name, kind = info.filename, stat.S_IFMT(info.external_attr >> 16)
    # `orig_filename` still has what zipfile cuts off after a null byte.
    if name.startswith("/") or "\\" in info.orig_filename or "\0" in info.orig_filename or ":" in name:
        raise CheckpointError(f"the archive has a member with an absolute or foreign path, {quoted(name)}")
    if ".." in name.split("/") or any(part in ("", ".") for part in name.rstrip("/").split("/")):
        raise CheckpointError(f"the archive has a member that leaves its folder, {quoted(name)}")
    if info.flag_bits & 1:
        raise CheckpointError(f"{quoted(name)} is encrypted: pack the archive without a password")
    if stat.S_ISLNK(kind):
        raise CheckpointError(f"{quoted(name)} is a symbolic link: pack the file it stands for")
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise CheckpointError(f"{quoted(name)} is no regular file")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise CheckpointError(f"{quoted(name)} is packed by another method than deflate: pack the archive again")
