"""The files that a run consists of, how large each may be, and copying them within bounds."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from hvae import inputs
from hvae.errors import CheckpointError
from hvae.runs.folders import FORMER_RESUME_FILE, RESUME_FILE
from hvae.runs.notes import MAXIMUM_BYTES, NOTES_FILE

MAXIMUM_FILES = 500
MAXIMUM_ENTRIES = 4 * MAXIMUM_FILES
"""Files and folders looked at, those passed over among them."""
MAXIMUM_TOTAL_BYTES = 3 * 2**30
MAXIMUM_TABLE_BYTES = 64 * 2**20
LIMITS = {"config.json": 2**20, "model.safetensors": 2 * 2**30, "history.csv": 32 * 2**20, NOTES_FILE: MAXIMUM_BYTES}
"""Bytes that each file beside the tables may have."""

_TABLE = re.compile(
    r"(scores|card|correlations|correlations/units)/[\w-][\w.-]{0,250}\.parquet|landscape/[\w-]{1,120}\.json"
    r"|map/levels\.parquet"
)
# What hvae and file managers leave in a folder beside a run. It is passed over, anything else is refused.
_PASSED_OVER = re.compile(
    r"resume\.(pt|safetensors)|sources\.json|(.*/)?\.lock|(scores|card)/\.partial(/.*)?|(.*/)?\.[^/]*\.(part|lock)|(.*/)?\.DS_Store|__MACOSX/.*"
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
                f"{quoted(path)} is no file of a run: those are {', '.join(LIMITS)}, scores/*.parquet, "
                "card/*.parquet, map/levels.parquet, landscape/*.json and correlations/*.parquet"
            )
        elif path in (RESUME_FILE, FORMER_RESUME_FILE):
            say(f"{path} was left out: it goes on with the training where it is. The copy cannot be trained further.")
    if "config.json" not in kept:
        raise CheckpointError("there is no config.json: this is no run")
    if len(kept) > MAXIMUM_FILES:
        raise CheckpointError(f"{len(kept)} files are too many for a run ({MAXIMUM_FILES} at most)")
    return kept


def opened(path: Path) -> IO[bytes]:
    """A regular file; a link or a pipe put in its place is not followed."""
    try:
        return inputs.opened(path, follow=False)
    except OSError as error:
        raise CheckpointError(f"{quoted(path.name)} cannot be read ({error.strerror})") from None


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
