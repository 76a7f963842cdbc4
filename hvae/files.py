"""Writing files whole or not at all, one writer a folder, and where this program's own files are."""

import errno
import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from hvae.errors import HvaeError

LOCK_FILE = ".lock"

_BESIDE = Path(__file__).resolve().parents[1]
DASHBOARD = _BESIDE / "hvae_dashboard" if (_BESIDE / "hvae_dashboard").is_dir() else _BESIDE
"""The folder of the dashboard and of `assets/`: a package beside `hvae` in an installed wheel, else the checkout."""

_FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside `path` to be filled, which takes its name at the end; `OSError` as the system refuses.

    A reader sees the old file or the new one, never half of either, whenever the process is killed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    os.close(handle)
    part = Path(name)
    try:
        yield part
        os.chmod(part, 0o644)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill the temporary file of `replacing`; `HvaeError` if the system refuses, the old file is kept."""
    try:
        with replacing(path) as part:
            write(part)
    except Exception as error:
        number = _system_error(error)
        if number is None:
            raise
        hint = "free some space and run the same command again" if number in _FULL else "check the folder"
        what = f"could not write {path}: {os.strerror(number)}"
        raise HvaeError(f"{what}; {hint}; what was there before is kept") from error


def write_text(path: Path, text: str) -> None:
    """Write text atomically, UTF-8."""
    write_atomically(path, lambda part: part.write_text(text, encoding="utf-8"))


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files a killed process left in a folder that nobody else is writing."""
    for part in folder.glob(".*.part"):
        part.unlink(missing_ok=True)


def _system_error(error: BaseException | None) -> int | None:
    """The errno behind a failed write: safetensors only names it, torch.save raises another error while handling it."""
    if error is None:
        return None
    if isinstance(error, OSError) and error.errno:
        return error.errno
    named = re.search(r"\(os error (\d+)\)", str(error))
    return int(named.group(1)) if named else _system_error(error.__context__)


def run_lock(folder: Path) -> FileLock:
    """The lock that keeps two processes from writing one folder; released by the system if its holder dies.

    Entering it raises `filelock.Timeout` where another process holds it, but only after a moment: `hvae.runs.states`
    asks whether a run is being written by holding a shared lock for microseconds, which must not turn a writer away.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / LOCK_FILE, timeout=0.3)
