"""Files that a data set's authors publish: where they are, how they are known again, and getting them."""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hvae.datasets.base import DataSet, Progress, about
from hvae.datasets.fetching.archives import unpack_gzip
from hvae.datasets.fetching.download import DownloadError, download, mismatch, write_whole
from hvae.errors import DataError

MAX_BYTES = 512 * 2**20
"""Longest file downloaded or taken from the folder: it is held in memory until its checksum is known."""

Unpack = Callable[[bytes], None]


@dataclass(frozen=True)
class PublishedFile:
    """One file at public addresses, tried in order.

    Its MD5 or SHA-256 (hex) makes it known again; its size in bytes is for the progress of a download alone.
    """

    name: str
    urls: tuple[str, ...]
    checksum: str
    size: int


class PublishedDataSet(DataSet):
    """What data sets of published files have in common; each adds `load`, `names` and `published` (or `wanted`)."""

    folder: str
    """Name of its folder below the root."""
    by_hand = ""
    """The files of a split in words, where they are not named one by one."""

    @abstractmethod
    def names(self, split: str) -> list[str]:
        """Names of the files that `load` reads."""

    def published(self) -> dict[str, PublishedFile]:
        """What is published of each file, by its name: the file itself, or a ``.gz`` of it."""
        raise NotImplementedError

    def intact(self, path: Path) -> bool:
        """Whether a file is there and whole."""
        return intact(path, self.published()[path.name].checksum)

    def checksum(self, name: str) -> str:
        """MD5 or SHA-256 of an unpacked file; empty where only its archive's is published."""
        return ""

    def wanted(self, root: Path) -> list[tuple[PublishedFile, Unpack]]:
        """What is to be downloaded as something is missing or damaged, each with what takes its bytes."""
        files = (path for split in self.info.splits for path in self.files(split, root))
        missing = [path for path in files if not self.intact(path)]
        # Not before something is missing: where files are published may take seconds to import.
        published = self.published() if missing else {}
        return [(published[path.name], self._unpack(published[path.name], path)) for path in missing]

    def _unpack(self, published: PublishedFile, path: Path) -> Unpack:
        if published.name == path.name:
            return partial(write_whole, path)
        return partial(unpack_gzip, path, checksum=self.checksum(path.name))

    @property
    def title(self) -> str:
        """For messages: a data set and its inversion have the same files."""
        return self.info.title.removesuffix(", inverted")

    def place(self, root: Path) -> Path:
        """Folder of the files, where a published one placed by hand is found as well."""
        return root / self.folder

    def files(self, split: str, root: Path) -> list[Path]:
        """The files that `load` reads."""
        return [self.place(root) / name for name in self.names(split)]

    def available(self, root: Path) -> bool:
        """Whether all files are there."""
        return all(path.is_file() for split in self.info.splits for path in self.files(split, root))

    def found(self, split: str, root: Path) -> list[Path]:
        """The files of ``split``; `DataError` says how to get them where one is missing."""
        files = self.files(split, root)
        if not all(path.is_file() for path in files):
            raise DataError(
                f"{self.title} is not in {self.place(root)}: run `hvae data fetch {self.info.name}`, "
                f"put {self.by_hand or ' and '.join(path.name for path in files)} there, "
                f"or set HVAE_DATA to the folder that has {'it' if len(files) == 1 else 'them'}"
            )
        return files

    def fetch(self, root: Path, progress: Progress | None = None) -> None:
        """Download what is missing or damaged; published files that somebody put into the folder are taken instead."""
        obtain(self.title, self.wanted(root), self.place(root), progress)


def obtain(
    title: str, wanted: Sequence[tuple[PublishedFile, Unpack]], folder: Path, progress: Progress | None = None
) -> None:
    """Hand each published file to its ``unpack``; one that somebody put into ``folder`` is not downloaded.

    `DataError`, with the reasons and the way to place it by hand, if a file can be had from no address.
    """
    done, total = 0, sum(file.size for file, _ in wanted)

    def report(received: int) -> None:
        if progress:
            progress(min(done + received, total), total)

    for file, unpack in wanted:
        try:
            data = checked(folder / file.name, file.checksum)
        except DataError:
            data = _download(title, file, folder, report)
        with writing_below(folder), about(file.name):
            unpack(data)
        done += file.size
        report(0)


@contextmanager
def writing_below(folder: Path) -> Iterator[None]:
    """Every `OSError` within becomes a `DataError` on what to do where the disk is full or not to be written to."""
    try:
        yield
    except OSError as error:
        raise DataError(
            f"cannot write below {folder}: {error.strerror or error}; set HVAE_DATA to another folder"
        ) from error


def checked(path: Path, checksum: str) -> bytes:
    """Content of a file that has this MD5 or SHA-256; `DataError` if it cannot be read or is another file."""
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
