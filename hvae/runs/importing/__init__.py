"""Runs from outside: a folder or a zip archive is copied beside the runs, checked there, and then made visible at once.

Everything in it is taken for hostile. Only the files a run consists of are copied, as plain bytes within bounds; they
are checked in a hidden folder that no page lists, and a rename makes the whole run visible or nothing. What a stopped
training goes on from is neither copied nor read.
"""

import os
import re
import shutil
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from filelock import Timeout

from hvae.errors import CheckpointError, HvaeError
from hvae.files import run_lock
from hvae.inputs import absolute
from hvae.runs.folders import find_runs, run_roots
from hvae.runs.importing.archives import archived, check_directory
from hvae.runs.importing.members import MAXIMUM_TOTAL_BYTES, Say, copy, opened, run_members, walk
from hvae.runs.states import is_written

NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,79}")
STAGING = ".importing"

# As what damaged archives surface from zipfile.
_DAMAGED = (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, EOFError, struct.error, zlib.error)


def import_run(source: Path, into: Path, name: str | None = None, say: Say = lambda line: None) -> Path:
    """Copy a run folder, checked, into a folder of runs (made where it is not there), and return the new one.

    Its `name` is the folder's own if None; `say` is called with a line for each thing that was left out or should be
    known.

    Raises:
        HvaeError: one line on the first thing that was wrong; nothing is left behind then.
    """
    source = absolute(source)
    if not source.is_dir():
        raise CheckpointError(f"there is no folder {source}: name a run folder or a zip archive of one")
    if is_written(source):
        raise CheckpointError(f"{source} is being trained right now: import it when the training has ended")
    name = source.name if name is None else name
    return _copied(walk(source), lambda member: opened(source / member), into, name, say, MAXIMUM_TOTAL_BYTES)


def import_archive(
    source: Path, into: Path, name: str | None = None, say: Say = lambda line: None, most: int = MAXIMUM_TOTAL_BYTES
) -> Path:
    """Unpack a zip archive of one run folder, of at most `most` bytes, as `import_run` copies a folder.

    Its members lie at its top or in one folder, whose name or else the archive's the new run has if `name` is None.
    """
    try:
        with opened(source) as file:
            check_directory(file)
            with zipfile.ZipFile(file) as archive:
                found, top = archived(archive, most)
                name = (top or source.stem) if name is None else name
                # More than the archive says is in a member is never read: `file_size` bounds its reader.
                return _copied(found, lambda member: archive.open(found[member]), into, name, say, most)
    except _DAMAGED as error:
        raise CheckpointError(f"the archive is damaged ({str(error)[:100]}): pack it again") from None
    except (OSError, ValueError) as error:
        if isinstance(error, HvaeError):
            raise
        raise CheckpointError(f"the archive cannot be read ({str(error)[:100]})") from None


def _copied(
    members: Iterable[str], source: Callable[[str], IO[bytes]], into: Path, name: str, say: Say, most: int
) -> Path:
    """Copy the members that make a run, of at most so many bytes together, and check them."""
    name = _free_name(name, into)
    with _staged(into) as staged:
        for member in run_members(sorted(members), say):
            most -= copy(lambda member=member: source(member), staged / member, member, most)
        return _finish(staged, into / name, say)


def _free_name(name: str, into: Path) -> str:
    """The name, if a run may have it and none has."""
    if not NAME.fullmatch(name):
        raise CheckpointError(
            f"{name[:80]!r} is no name for a run: use up to 80 of A-Z a-z 0-9 . _ -, not beginning with a dot"
        )
    if os.path.lexists(into / name) or name in {run.name for run in find_runs([into, *run_roots()])}:
        raise CheckpointError(f"there is already a run '{name}': choose another name")
    return name


@contextmanager
def _staged(into: Path) -> Iterator[Path]:
    """A hidden folder beside the runs, and gone afterwards; one import at a time, which removes what a killed one left.

    Runs are found by `*/config.json`, so what lies one folder deeper is none yet.
    """
    staging = into / STAGING
    try:
        with run_lock(staging):
            try:
                staged = staging / "run"
                shutil.rmtree(staged, ignore_errors=True)
                staged.mkdir()
                yield staged
            finally:
                shutil.rmtree(staging, ignore_errors=True)
    except Timeout:
        raise CheckpointError(f"another import into {into} is going on: try again when it has ended") from None
    except OSError as error:
        raise CheckpointError(f"could not write into {into}: {error.strerror or error}") from None


def _finish(staged: Path, target: Path, say: Say) -> Path:
    """Check everything that was copied, then rename it into place."""
    # Imports torch, which takes seconds: names, paths and archives are refused without it.
    from hvae.runs.importing.contents import check

    try:
        check(staged, say)
    except HvaeError as error:
        raise type(error)(str(error).replace(f"{staged}{os.sep}", "").replace(str(staged), "the run")) from None
    if os.path.lexists(target):
        raise CheckpointError(f"there is already a run '{target.name}': choose another name")
    os.replace(staged, target)
    return target
