"""Files that a data set's authors publish: where they are, how they are known again, and getting them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hvae.datasets.base import Progress
from hvae.datasets.fetching.download import DownloadError, download, mismatch
from hvae.errors import DataError

MAX_BYTES = 512 * 2**20
"""Longest file downloaded or taken from the folder: it is held in memory until its checksum is known."""


@dataclass(frozen=True)
class PublishedFile:
    """One file at a public address.

    Attributes:
        name: File name.
        urls: Addresses, in the order tried.
        checksum: MD5 or SHA-256 in hex.
        size: Bytes, for the progress of a download.
    """

    name: str
    urls: tuple[str, ...]
    checksum: str
    size: int


Unpack = Callable[[bytes], None]


def obtain(
    title: str, wanted: Sequence[tuple[PublishedFile, Unpack]], folder: Path, progress: Progress | None = None
) -> None:
    """Hand each published file to its ``unpack``; one that somebody put into ``folder`` is not downloaded.

    Args:
        title: Name of the data set for people.
        wanted: Each file with what takes its bytes.
        folder: Where a file may have been placed by hand.
        progress: Told the bytes of all files.

    Raises:
        DataError: If a file can be had from no address, with the reasons and the way to place it by hand.
    """
    done, total = 0, sum(file.size for file, _ in wanted)
    for file, unpack in wanted:
        try:
            data = checked(folder / file.name, file.checksum)
        except DataError:
            data = _download(title, file, folder, partial(_report, progress, done, total))
        with writing_below(folder):
            try:
                unpack(data)
            except DataError as error:
                raise DataError(f"{file.name}: {error}") from error
        done += file.size
        _report(progress, done, total, 0)


@contextmanager
def writing_below(folder: Path) -> Iterator[None]:
    """Says what to do where the disk is full or the folder may not be written to.

    Raises:
        DataError: For every `OSError` within.
    """
    try:
        yield
    except OSError as error:
        raise DataError(
            f"cannot write below {folder}: {error.strerror or error}; set HVAE_DATA to another folder"
        ) from error


def checked(path: Path, checksum: str) -> bytes:
    """Content of a file that has this MD5 or SHA-256.

    Raises:
        DataError: If it cannot be read or is another file.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DataError(f"{path} has more than the {MAX_BYTES:,} bytes this program reads")
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    if reason := mismatch(data, checksum):
        raise DataError(f"{path} is damaged or another file ({reason}); delete it and fetch the data set again")
    return data


def intact(path: Path, checksum: str) -> bool:
    """Whether a file is there and has this MD5 or SHA-256."""
    try:
        return not mismatch(path, checksum)
    except OSError:
        return False


def _download(title: str, file: PublishedFile, folder: Path, report: Callable[[int], None]) -> bytes:
    reasons = []
    for url in file.urls:
        try:
            return download(url, file.checksum, MAX_BYTES, report)
        except DownloadError as error:
            reasons.append(f"could not download {title} from {url}: {error}")
    raise DataError(f"{'; '.join(reasons)}; put the files under {folder} or set HVAE_DATA")


def _report(progress: Progress | None, done: int, total: int, received: int) -> None:
    if progress:
        progress(min(done + received, total), total)
