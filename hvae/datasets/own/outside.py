"""Images from outside, one at a time: files, folders, archives and arrays that nobody vouches for.

Nothing is unpacked to disk, one image is in memory at a time, and everything is counted and sized before it is read.
Whatever is wrong with one file is said about that file, and the others are still read.
"""

import io
import itertools
import os
import shutil
import stat
import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import numpy as np

from hvae.datasets.own.arrays import MAX_BYTES as MAX_ARRAY_BYTES
from hvae.datasets.own.arrays import count_images, is_arrays, read_arrays
from hvae.datasets.own.caveats import Caveat
from hvae.datasets.own.decoding import MAX_BYTES, DecodedImage, decode
from hvae.datasets.own.doubts import doubts, is_coloured
from hvae.datasets.own.folders import Entry, files_below, hidden_together, is_hidden
from hvae.datasets.own.names import MAX_NAME as MAX_NAME
from hvae.datasets.own.names import MAX_PATH as MAX_PATH
from hvae.datasets.own.names import cut as cut
from hvae.datasets.own.names import printable, readable_name
from hvae.datasets.own.names import shown_name as shown_name
from hvae.datasets.own.preparing import Treatment, prepare
from hvae.errors import DataError
from hvae.inputs import opened

FURTHER = "all further files"
"""Name under which those beyond the most that are read are refused."""
MAX_FILES = 10_000
MAX_ARCHIVE_BYTES = 512 * 2**20
MAX_UNPACKED_BYTES = 2 * 2**30
MAX_DIRECTORY_BYTES = 4 * 2**20
"""Of an archive's table of contents, each entry of which becomes an object before the first is read."""
MAX_REASON = 300

_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst")

# Python unpacks bzip2 and LZMA without a bound on what comes out.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True, eq=False)
class Picture:
    """One image from outside in the shape of a model, `(channel, height, width)` uint8, under its `shown_name`."""

    name: str
    image: np.ndarray
    changes: tuple[str, ...] = ()
    """In words, what was done to the file's pixels, in order; empty where nothing was."""
    caveats: tuple[Caveat, ...] = ()
    """What cannot be known from the file alone, and what a model cannot know of it."""
    size: tuple[int, int] = (0, 0)
    """`(height, width)` in the file, in pixels."""
    coloured: bool = False
    """Whether the file is one of colours, whatever the model takes."""


@dataclass(frozen=True)
class Refusal:
    """One file that could not be read, and why, in words for people."""

    name: str
    reason: str


@dataclass(frozen=True)
class Named:
    """The content of an uploaded file, a seekable file of it or where it lies, under the name that the browser sent."""

    name: str
    content: bytes | BinaryIO | Path


def read_picture(content: bytes | Path, name: str, how: Treatment) -> Picture:
    """One image file (PNG, JPEG, WebP, BMP, TIFF or PPM by content, whatever its name says) in the shape of a model.

    The reason that a `DataError` gives is fit for a person and does not repeat the file's name.
    """
    return prepared(decode(content), name, how)


def prepared(decoded: DecodedImage, name: str, how: Treatment) -> Picture:
    """A decoded image in the shape of a model, under its `shown_name`."""
    image, changes = prepare(decoded.pixels, decoded.size, how)
    caveats = (*decoded.caveats, *doubts(decoded.pixels, decoded.size, image, how))
    return Picture(
        shown_name(name), image, (*decoded.changes, *changes), caveats, decoded.size, is_coloured(decoded.pixels)
    )


def collect(
    sources: Iterable[Path | Named],
    how: Treatment,
    *,
    max_files: int = MAX_FILES,
    chosen: Mapping[int, Treatment] | None = None,
    only: Collection[int] | None = None,
    passed: list[Refusal] | None = None,
) -> Iterator[Picture | Refusal]:
    """Every image of some files, folders, archives and arrays, in order, and why the others could not be read.

    What a file is, its content says. Images below a folder are named with the folder, as it was typed. Archives within
    archives or folders are not opened. After `max_files` files the rest is refused together. What is left out by design
    (hidden files, a folder that another link leads to) is added to `passed`.

    Files are numbered from 0, whether they can be read or not: a number in `chosen` has a treatment of its own, one
    that is not in `only` is passed over, neither unpacked nor decoded.
    """
    last = max_files if only is None else max(only, default=-1)
    for number, (name, content) in enumerate(_files(sources, max_files, [] if passed is None else passed, _arrays)):
        if number >= max_files:
            yield Refusal(FURTHER, f"more than {max_files:,} files: give them in several portions")
            return
        if only is None or number in only:
            yield _read_one(name, content, (chosen or {}).get(number, how))
        elif number > last:
            return


def count(sources: Iterable[Path | Named], most: int) -> int:
    """How many files `collect` numbers, by tables of contents and headers alone; counted no further than `most`."""
    return sum(1 for _ in itertools.islice(_files(sources, most, [], _announced), most))


def read_entries(entries: Iterable[Entry], how: Treatment) -> Iterator[Picture | Refusal]:
    """The images of some entries of a folder, and why the others could not be read."""
    for one in entries:
        yield _read_one(one.name, one.path or _refusal(one.name, one.refused), how)


def _read_one(name: str, content: "_Content", how: Treatment) -> Picture | Refusal:
    if isinstance(content, Refusal):
        return content
    try:
        held = content() if callable(content) else content
        return prepared(held if isinstance(held, DecodedImage) else decode(held), name, how)
    except DataError as error:
        return _refusal(name, error)


def _refusal(name: str, reason: object) -> Refusal:
    # A parser's message may quote the file it failed on.
    return Refusal(shown_name(name), printable(str(reason), MAX_REASON))


_Content = bytes | Path | DecodedImage | Refusal | Callable[[], bytes]
_File = tuple[str, _Content]
_Rows = Callable[[Path | bytes, str, int], Iterator[_File]]
"""What gives every image of a file of arrays, of that name, which may take so many bytes."""


def _files(sources: Iterable[Path | Named], most: int, passed: list[Refusal], rows: _Rows) -> Iterator[_File]:
    hidden: list[str] = []
    for source in sources:
        # Of a folder that a browser sends; a file that was chosen by itself is meant.
        if isinstance(source, Named) and is_hidden(source.name.partition("/")[2]):
            hidden.append(source.name)
            continue
        content, typed = (source.content, source.name) if isinstance(source, Named) else (source, readable_name(source))
        if not isinstance(content, Path):
            yield from _uploaded(content, typed, most, passed, rows)
        elif os.path.isdir(content):
            for entry in files_below(content):
                name = f"{typed}/{entry.name}"
                if entry.passed:
                    passed.append(_refusal(name, entry.passed))
                else:
                    yield name, entry.path or _refusal(name, entry.refused)
        # Only a regular file is opened: a pipe would wait for its writer.
        elif os.path.isfile(content) and (kind := _kind_of_file(content)):
            if kind == "arrays":
                yield from rows(content, typed, MAX_ARRAY_BYTES)
            else:
                yield from _archive_file(content, typed, most, passed)
        else:
            yield typed, content
    _pass_over(hidden, "", passed)


def _pass_over(hidden: Sequence[str], place: str, passed: list[Refusal]) -> None:
    if hidden:
        entry = hidden_together(hidden)
        passed.append(_refusal(f"{place}{entry.name}", entry.passed))


def _uploaded(content: bytes | BinaryIO, name: str, most: int, passed: list[Refusal], rows: _Rows) -> Iterator[_File]:
    stream = io.BytesIO(content) if isinstance(content, bytes) else content
    kind = _kind_of(stream, name)
    if kind == "archive":
        yield from _archive(stream, name, most, passed)
    elif (size := stream.seek(0, os.SEEK_END)) > MAX_BYTES:
        yield name, _refusal(name, f"{size:,} bytes, more than the {MAX_BYTES:,} allowed")
    else:
        stream.seek(0)
        content = stream.read()
        # Unpacked it waits in the memory of a server: 32 MiB are 10,000 images of CIFAR10.
        yield from rows(content, name, MAX_BYTES) if kind == "arrays" else [(name, content)]


def _kind_of_file(path: Path) -> str:
    try:
        with opened(path) as file:
            return _kind_of(file, path.name)
    except OSError:
        return ""


def _kind_of(file: BinaryIO, name: str) -> str:
    """`arrays`, `archive`, or empty for a file that may be an image, by its content."""
    file.seek(0)
    head = file.read(8)
    if is_arrays(head) or head.startswith(b"\x1f\x8b"):
        return "arrays"
    if not _is_archive(file, name):
        return ""
    try:
        with zipfile.ZipFile(Guarded(file, MAX_DIRECTORY_BYTES)) as archive:  # type: ignore[arg-type]
            return "arrays" if is_arrays(b"PK", archive.namelist()) else "archive"
    # Damaged archives surface as almost any exception of the parser; who opens it is told so again.
    except Exception:
        return "archive"


def _arrays(source: Path | bytes, name: str, most: int) -> Iterator[_File]:
    """Every image of a file of arrays, which may take `most` bytes, by its name there or its number."""
    try:
        found = read_arrays(source, most=most)
    except DataError as error:
        # The name is said already, and where an upload lies is nobody's business.
        yield name, _refusal(name, str(error).removeprefix(f"{source}: ").replace(str(source), "the file"))
        return
    for row, image in enumerate(found.images):
        size = image.shape[1], image.shape[2]
        title = found.names[row] if found.names else f"{row:06d}"
        yield f"{name}/{title}", DecodedImage(image.transpose(1, 2, 0), found.notes, size, found.caveats)


def _announced(source: Path | bytes, name: str, most: int) -> Iterator[_File]:
    """As many files as the headers of a file of arrays announce, without what is in them."""
    try:
        announced = count_images(source, most)
    except DataError as error:
        yield name, _refusal(name, error)
        return
    yield from itertools.repeat((name, b""), announced)


def _archive_file(path: Path, name: str, most: int, passed: list[Refusal]) -> Iterator[_File]:
    with opened(path) as stream:
        yield from _archive(stream, name, most, passed)


def _is_archive(file: BinaryIO, name: str) -> bool:
    """Whether a file is a zip: by its first bytes, or by its end where it is called one."""
    file.seek(0)
    if file.read(4) not in (b"PK\3\4", b"PK\5\6") and not name.lower().endswith(".zip"):
        return False
    try:
        return zipfile.is_zipfile(file)
    # One that says it is a part of several; whoever opens it is told so again.
    except zipfile.BadZipFile:
        return True


class Guarded:
    """A file of which no more than `most` bytes are read at once: how much a table of contents takes is a claim."""

    def __init__(self, file: BinaryIO, most: int) -> None:
        self._file, self.most = file, most
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        """So many bytes; `DataError` for more than `most`."""
        if size > self.most:
            raise DataError(
                f"holds too many files: its table of contents takes {size:,} bytes, more than the {self.most:,} allowed"
            )
        return self._file.read(size)


def _archive(source: BinaryIO, title: str, most: int, passed: list[Refusal]) -> Iterator[_File]:
    if (size := source.seek(0, os.SEEK_END)) > MAX_ARCHIVE_BYTES:
        yield title, _refusal(title, f"{size:,} bytes, more than the {MAX_ARCHIVE_BYTES:,} of an archive")
        return
    try:
        archive = zipfile.ZipFile(Guarded(source, MAX_DIRECTORY_BYTES))  # type: ignore[arg-type]
    # Damaged archives surface as almost any exception of the parser.
    except Exception as error:
        large = isinstance(error, DataError)
        yield title, _refusal(title, f"{error}: divide it into several" if large else f"damaged archive ({error})")
        return
    left = MAX_UNPACKED_BYTES
    with archive:
        members, hidden = [], []
        for one in archive.infolist():
            if is_hidden(one.filename.replace("\\", "/")):
                hidden.append(shown_name(one.filename))
            elif not one.filename.endswith("/"):
                members.append(one)
        _pass_over(hidden, f"{title}/", passed)
        # One more than may be read, so that the reader knows there are more.
        for member in members[: most + 1]:
            name = f"{title}/{member.filename}"
            try:
                _check(member, left)
            except DataError as error:
                yield name, _refusal(name, error)
            else:
                # Counted before it is read, and where it is passed over: its neighbours are refused or read all the
                # same, whichever of them are asked for.
                left -= member.file_size
                yield name, partial(_member, archive, member)


def _check(member: zipfile.ZipInfo, left: int) -> None:
    """Refuse a member that must not even be opened; `left` bytes may still be unpacked."""
    path = PurePosixPath(member.filename.replace("\\", "/"))
    refusals = {
        "its name leads out of the archive": path.is_absolute() or ".." in path.parts or ":" in "".join(path.parts[:1]),
        "a link, not a file": stat.S_ISLNK(member.external_attr >> 16),
        "encrypted": member.flag_bits & 0x1,
        "an archive within an archive": path.suffix.lower() in _ARCHIVES,
        "compressed by another method than deflate": member.compress_type not in _METHODS,
        f"claims {member.file_size:,} bytes, more than the {MAX_BYTES:,} allowed": member.file_size > MAX_BYTES,
        f"the archive unpacks to more than {MAX_UNPACKED_BYTES:,} bytes": member.file_size > left,
    }
    if reason := next((reason for reason, applies in refusals.items() if applies), ""):
        raise DataError(reason)


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """Content of a member, never more than it claims: the rest is cut off and fails the checksum."""
    content = io.BytesIO()
    try:
        with archive.open(member) as file:
            # In pieces: one read of it all would hold it several times.
            shutil.copyfileobj(file, content, 2**20)
    except Exception as error:
        raise DataError(f"damaged in the archive ({error})") from None
    return content.getvalue()
