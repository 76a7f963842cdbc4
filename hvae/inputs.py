"""What comes from outside: regular files alone, never more of them than a bound, and paths that variables name.

A pipe would keep its reader waiting, a device would never end, and a link may lead to either.
"""

import errno
import hashlib
import os
import stat
from io import BufferedReader
from pathlib import Path

from hvae.errors import ConfigError

_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


class NotRegular(OSError):
    """A folder, a pipe, a socket or a device where a file belongs."""


def opened(path: Path, most: int | None = None, follow: bool = True) -> BufferedReader:
    """A regular file of at most `most` bytes, open for reading; unless links are to `follow`, none is.

    Raises:
        OSError: as the system refuses; or what is no regular file or larger, which its `strerror` says.
    """
    descriptor = os.open(path, _FLAGS | (0 if follow else getattr(os, "O_NOFOLLOW", 0)))
    try:
        _require(os.fstat(descriptor), path, most)
    except OSError:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "rb")


def require_regular(path: Path, most: int | None = None) -> int:
    """The size in bytes of what a library opens by its path; raises as `opened` does."""
    about = os.stat(path)
    _require(about, path, most)
    return about.st_size


def read_bytes(path: Path, most: int) -> bytes:
    """The content of a regular file of at most `most` bytes; raises as `opened` does."""
    with opened(path, most) as file:
        content = file.read(most + 1)
    if len(content) > most:
        # It grew, or tells no size, as those of /proc.
        raise _too_large(path, most)
    return content


def sha256(path: Path) -> str:
    """Hex digest of a regular file; raises as `opened` does."""
    with opened(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def named_path(variable: str) -> Path | None:
    """The path that an environment variable names, `~` expanded; None where it is not set or empty.

    Raises:
        ConfigError: the home folder of a user that nobody knows.
    """
    if not (named := os.environ.get(variable)):
        return None
    try:
        return Path(named).expanduser()
    except RuntimeError:
        raise ConfigError(f"{variable}={named}: there is no such home folder; write the path out") from None


def absolute(path: Path) -> Path:
    """A path from the root, links followed as far as they lead; of a loop of links the path itself."""
    return Path(os.path.realpath(path))


def _require(about: os.stat_result, path: Path, most: int | None) -> None:
    if not stat.S_ISREG(about.st_mode):
        raise NotRegular(errno.EINVAL, "not a regular file", str(path))
    if most is not None and about.st_size > most:
        raise _too_large(path, most)


def _too_large(path: Path, most: int) -> OSError:
    return OSError(errno.EFBIG, f"more than the {most:,} bytes it may have", str(path))
