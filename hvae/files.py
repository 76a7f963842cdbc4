"""Writing files whole or not at all, one writer a folder, and where this program's own files are."""

import errno
import hashlib
import os
import re
import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TypeVar

from filelock import FileLock
from pydantic import BaseModel, ValidationError

from hvae.config import first_problem
from hvae.errors import DataError, HvaeError
from hvae.inputs import read_bytes, require_regular

LOCK_FILE = ".lock"
Model = TypeVar("Model", bound=BaseModel)

_BESIDE = Path(__file__).resolve().parents[1]
DASHBOARD = _BESIDE / "hvae_dashboard" if (_BESIDE / "hvae_dashboard").is_dir() else _BESIDE
"""The folder of the dashboard and of `assets/`: a package beside `hvae` in an installed wheel, else the checkout."""

_FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)


class WriteError(HvaeError):
    """A file that the system did not let be written, and why; what was there before is as it was."""


def require_writable(folder: Path) -> None:
    """Refuse a folder that no file could be put into, whether it is there yet or not; nothing is left in it.

    Raises:
        WriteError: a read-only or full place, a file where a folder belongs, a loop of links.
    """
    try:
        try_writing(folder)
    except OSError as error:
        there = Path(error.filename).parent if error.filename else folder
        raise WriteError(f"nothing can be written to {there}: {error.strerror}; name another folder") from None


def try_writing(folder: Path) -> None:
    """Write a file to a folder, or where it would have to be made, and remove it; `OSError` as the system refuses."""
    while not os.path.lexists(folder) and folder.parent != folder:
        folder = folder.parent
    probe = folder / f".{secrets.token_hex(6)}.part"
    os.close(os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    probe.unlink()


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside `path` to be filled, which takes its name at the end; `OSError` as the system refuses.

    A reader sees the old file or the new one, never half of either, whenever the process is killed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.parent / f".{path.name[:200]}.{secrets.token_hex(6)}.part"
    handle = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    try:
        # What the umask leaves; some libraries put a file of their own in the place of this one.
        mode = os.fstat(handle).st_mode & 0o777
        os.close(handle)
        yield part
        os.chmod(part, mode)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill the temporary file of `replacing`; `WriteError` if the system refuses, the old file is kept."""
    try:
        with replacing(path) as part:
            write(part)
    except Exception as error:
        number = _system_error(error)
        if number is None:
            raise
        hint = "free some space" if number in _FULL else "check the folder"
        kept = "; what was there before is kept" if path.exists() else ""
        raise WriteError(f"could not write {path}: {os.strerror(number)}; {hint}{kept}") from error


def scratch_file() -> IO[bytes]:
    """A temporary file without a name, which is gone however the process ends."""
    return tempfile.TemporaryFile(prefix="hvae-")


def write_text(path: Path, text: str) -> None:
    """Write text atomically, UTF-8."""
    write_atomically(path, lambda part: part.write_text(text, encoding="utf-8"))


def read_json(path: Path, kind: type[Model], most: int, mend: str) -> Model | None:
    """A file of at most `most` bytes as the model that checks it; None where there is none.

    Raises:
        DataError: it cannot be read, or the model refuses it; `mend` says what to do.
    """
    try:
        return kind.model_validate_json(read_bytes(path, most))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}): {mend}") from None
    except ValidationError as error:
        raise DataError(f"{path} is damaged ({first_problem(error)}): {mend}") from None


def write_sealed(path: Path, content: bytes) -> None:
    """Write bytes atomically with their SHA-256 behind them, for `read_sealed`."""
    write_atomically(path, lambda part: part.write_bytes(content + hashlib.sha256(content).digest()))


def read_sealed(path: Path, most: int) -> bytes | None:
    """What `write_sealed` wrote, of at most `most` bytes; None where it is missing, damaged or no regular file."""
    size = hashlib.sha256().digest_size
    try:
        content = read_bytes(path, most + size)
    except OSError:
        return None
    content, seal = content[:-size], content[-size:]
    return content if hashlib.sha256(content).digest() == seal else None


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

    Raises:
        WriteError: a folder that cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # As the umask has it: the lock itself makes its file with a fixed mode. A pipe would keep its opener waiting.
        flags = os.O_CREAT | os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)
        os.close(os.open(folder / LOCK_FILE, flags, 0o666))
        require_regular(folder / LOCK_FILE)
    except OSError as error:
        at = error.filename or folder
        raise WriteError(f"nothing can be written to {at}: {error.strerror}; name another folder") from None
    return FileLock(folder / LOCK_FILE, timeout=0.3)
