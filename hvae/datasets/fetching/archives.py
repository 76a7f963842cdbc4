"""What published archives and pickles hold: no path is taken that nobody has checked, and nothing is called.

CIFAR is published as pickles alone, and unpickling runs whatever a file names. Two locks hold: a file is compared with
its published checksum before it comes here, so that no other content is ever unpickled; and the unpickler may name
nothing but what Python 2 wrote for an array of numpy's. The second lock is no sandbox (numpy's own code still builds
the arrays): a file without a published checksum must not come here.
"""

import gzip
import io
import pickle
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hvae.datasets.fetching.download import mismatch
from hvae.errors import DataError
from hvae.files import replacing


def unpack_gzip(path: Path, archive: bytes, checksum: str = "") -> None:
    """Write the one file of a gzip archive to ``path``, whole or not at all; `DataError` if another ``checksum``'s.

    The archive is itself known by its checksum: nothing bounds what it unpacks to.
    """
    content = gzip.decompress(archive)
    if checksum and (reason := mismatch(content, checksum)):
        raise DataError(f"the archive does not hold the expected {path.name} ({reason})")
    write_whole(path, content)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    with replacing(path) as part:
        part.write_bytes(content)


def tar_members(archive: bytes, names: list[str], max_bytes: int) -> dict[str, bytes]:
    """Content by name of some members of a gzipped tar archive, in its order; the others are passed over.

    `DataError` if the archive is damaged, lacks a member, or a member is no plain file or too long.
    """
    found = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r|gz") as opened:
            for member in opened:
                if member.name not in names:
                    continue
                if not member.isreg() or member.size > max_bytes:
                    raise DataError(f"{member.name} in the archive is no file of at most {max_bytes:,} bytes")
                content = opened.extractfile(member)
                assert content is not None
                found[member.name] = content.read()
    except (tarfile.TarError, OSError, EOFError) as error:
        raise DataError(f"the archive is damaged ({error})") from error
    if missing := set(names) - set(found):
        raise DataError(f"the archive lacks {', '.join(sorted(missing))}")
    return found


def zip_members(archive: bytes | Path, form: str, count: int, max_bytes: int) -> Iterator[tuple[str, bytes]]:
    """Name and content of the files of a zip archive whose whole name has a form; the others are passed over.

    The form is a regular expression; where names become paths it admits no `..`, backslash or colon. An archive too
    long for the memory is given by its path. `DataError` if it is damaged, or its files are too long, no plain files,
    or not ``count``.
    """
    try:
        with zipfile.ZipFile(archive if isinstance(archive, Path) else io.BytesIO(archive)) as opened:
            members = [member for member in opened.infolist() if re.fullmatch(form, member.filename)]
            if len(members) != count:
                raise DataError(f"the archive holds {len(members):,} images, not {count:,}")
            for member in members:
                if member.file_size > max_bytes or stat.S_ISLNK(member.external_attr >> 16):
                    raise DataError(f"{member.filename} in the archive is no file of at most {max_bytes:,} bytes")
                with opened.open(member) as file:
                    yield member.filename, file.read(max_bytes)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, NotImplementedError) as error:
        raise DataError(f"the archive is damaged or encrypted ({error})") from error


_NAMES = {("numpy.core.multiarray", "_reconstruct"), ("numpy", "ndarray"), ("numpy", "dtype")}


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _NAMES:
            raise DataError(f"the pickle names {module:.60}.{name:.60}, which is never called: only arrays are read")
        return super().find_class(module, name)


def read_pickle(content: bytes) -> Any:
    """Unpickle plain values and arrays that Python 2 wrote, of a file already compared with its published checksum.

    Its strings are decoded as latin-1. `DataError` if it is damaged or names anything but an array.
    """
    try:
        return _ArrayUnpickler(io.BytesIO(content), encoding="latin1").load()
    except DataError:
        raise
    # A damaged program surfaces as almost any exception of what it asks for.
    except Exception as error:
        raise DataError(f"a damaged pickle ({type(error).__name__}: {error})") from error
