"""The files that a run consists of, how large each may be, and reading them from a folder or an archive in bounds."""

import os
import re
import stat
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from hvae.errors import CheckpointError

MAXIMUM_FILES = 500
MAXIMUM_ENTRIES = 4 * MAXIMUM_FILES
"""Files and folders looked at, those passed over among them."""
MAXIMUM_TOTAL_BYTES = 3 * 2**30
MAXIMUM_TABLE_BYTES = 64 * 2**20
MAXIMUM_RATIO = 200
"""Times that an archive may grow when unpacked; weights and zstd tables hardly do, text does up to 20 times."""
MAXIMUM_DIRECTORY_BYTES = 400 * MAXIMUM_ENTRIES
LIMITS = {"config.json": 2**20, "model.safetensors": 2 * 2**30, "history.csv": 32 * 2**20}
"""Bytes that each file beside the tables may have."""

_TABLE = re.compile(r"(scores|correlations|correlations/units)/[\w-][\w.-]{0,250}\.parquet")
# What hvae and file managers leave in a folder beside a run. It is passed over, anything else is refused.
_PASSED_OVER = re.compile(
    r"resume\.pt|sources\.json|(.*/)?\.lock|scores/\.partial(/.*)?|(.*/)?\.[^/]*\.part|(.*/)?\.DS_Store|__MACOSX/.*"
)

Say = Callable[[str], None]


def walk(source: Path) -> Iterator[str]:
    """Relative paths of the files of a folder and its folders, with forward slashes; links are refused."""
    seen, folders = 0, [""]
    while folders:
        folder = folders.pop()
        with os.scandir(source / folder) as entries:
            for entry in entries:
                seen += 1
                if seen > MAXIMUM_ENTRIES:
                    raise CheckpointError(f"{source} holds too many files for a run")
                path = f"{folder}{entry.name}"
                if entry.is_symlink():
                    raise CheckpointError(f"{quoted(path)} is a symbolic link: import the folder it stands for")
                if entry.is_dir() and not _PASSED_OVER.fullmatch(path):
                    folders.append(f"{path}/")
                else:
                    yield path


def run_members(paths: list[str], say: Say) -> list[str]:
    """The files that a run consists of; others are refused, or passed over where hvae itself leaves them."""
    kept = []
    for path in paths:
        if path in LIMITS or _TABLE.fullmatch(path):
            kept.append(path)
        elif not _PASSED_OVER.fullmatch(path):
            raise CheckpointError(
                f"{quoted(path)} is no file of a run: those are {', '.join(LIMITS)}, scores/*.parquet and "
                "correlations/*.parquet"
            )
        elif path == "resume.pt":
            say("resume.pt was left out: it is a pickle, which could run code. The copy cannot be trained further.")
    if "config.json" not in kept:
        raise CheckpointError("there is no config.json: this is no run")
    if len(kept) > MAXIMUM_FILES:
        raise CheckpointError(f"{len(kept)} files are too many for a run ({MAXIMUM_FILES} at most)")
    return kept


def opened(path: Path) -> IO[bytes]:
    """A regular file; a link or a pipe put in its place is not followed."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        raise CheckpointError(f"{quoted(path.name)} cannot be read ({error.strerror})") from None
    file = os.fdopen(descriptor, "rb")
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        file.close()
        raise CheckpointError(f"{quoted(path.name)} is no regular file")
    return file


def copy(source: Callable[[], IO[bytes]], target: Path, member: str, left: int) -> int:
    """Copy at most the bytes a member may have; returns how many there were."""
    limit = min(LIMITS.get(member, MAXIMUM_TABLE_BYTES), left)
    target.parent.mkdir(parents=True, exist_ok=True)
    copied = 0
    with source() as file, target.open("xb") as copy:
        while chunk := file.read(2**20):
            copied += len(chunk)
            if copied > limit:
                raise too_large(member, limit)
            copy.write(chunk)
    return copied


def too_large(member: str, limit: int) -> CheckpointError:
    """The error of a member that has more bytes than it may."""
    return CheckpointError(f"{quoted(member)} is larger than the {limit:,} bytes it may have")


def quoted(text: str) -> str:
    """A name from outside, short and on one line, with nothing but what can be printed."""
    return ascii(text)[:120]


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
