"""Files that a data set's authors publish: where they are, how they are known again, and getting them."""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hvae.datasets.base import DataSet, DataSetInfo, ImageSet, Progress, about
from hvae.datasets.fetching.archives import unpack_gzip, write_whole
from hvae.datasets.fetching.download import DownloadError, download, mismatch
from hvae.errors import DataError
from hvae.files import try_writing
from hvae.inputs import read_bytes

MAX_BYTES = 512 * 2**20
"""Longest file downloaded or taken from the folder: it is held in memory until its checksum is known."""


@dataclass(frozen=True)
class PublishedFile:
    """One file at public addresses, tried in order.

    Its MD5 or SHA-256 (hex) makes it known again, and ``content`` that of what a ``.gz`` holds, where it is published;
    its size in bytes is for the progress of a download alone.
    """

    name: str
    urls: tuple[str, ...]
    checksum: str
    size: int
    content: str = ""


@dataclass(frozen=True, kw_only=True)
class PublishedDataSet(DataSet):
    """What data sets of published files have in common: ``folder`` is below the root; ``invert`` is 255 - v."""

    info: DataSetInfo
    folder: str = ""
    invert: bool = False
    by_hand = "put {files}"
    """What to do by hand with the files of a split, in words."""

    @abstractmethod
    def _names(self, split: str) -> list[str]:
        """Names of the files that `load` reads."""

    @abstractmethod
    def _read(self, paths: list[Path]) -> tuple[np.ndarray, np.ndarray]:
        """Images ``(n, *shape)`` uint8, not inverted, and integer labels ``(n,)`` of the files of a split."""

    @abstractmethod
    def _published(self) -> Mapping[str, PublishedFile]:
        """What is published of each file, by its name: the file itself, a ``.gz`` of it or an archive with it."""

    def _intact(self, path: Path) -> bool:
        """Whether a file is there and whole."""
        return intact(path, self._published()[path.name].checksum)

    def _unpack(self, file: PublishedFile, data: bytes, folder: Path) -> None:
        """Put what a published file holds into the folder."""
        if file.name.endswith(".gz"):
            unpack_gzip(folder / file.name.removesuffix(".gz"), data, file.content)
        else:
            write_whole(folder / file.name, data)

    def files(self, split: str, root: Path) -> list[Path]:
        """The files that `load` reads."""
        return [root / self.folder / name for name in self._names(split)]

    def available(self, root: Path) -> bool:
        """Whether all files are there."""
        return all(path.exists() for split in self.info.splits for path in self.files(split, root))

    def load(self, split: str, root: Path) -> ImageSet:
        """The images of ``split``; `DataError` says how to get its files where one is missing."""
        files = self.files(split, root)
        if not all(path.exists() for path in files):
            raise DataError(
                f"{self.title} is not in {root / self.folder}: run `hvae data fetch {self.info.name}`, "
                f"{self.by_hand.format(files=' and '.join(path.name for path in files))} there, "
                f"or set HVAE_DATA to the folder that has {'it' if len(files) == 1 else 'them'}"
            )
        images, labels = self._read(files)
        note = "" if self.info.preprocessing == "none" else self.info.preprocessing
        return ImageSet(self.info.name, split, 255 - images if self.invert else images, labels.astype(np.int64), note)

    @property
    def title(self) -> str:
        """For messages: a data set and its inversion have the same files."""
        return self.info.title.removesuffix(", inverted")

    def fetch(self, root: Path, progress: Progress | None = None) -> None:
        """Download what is missing or damaged; published files that somebody put into the folder are taken instead.

        `DataError`, with the reasons and the way to place it by hand, if a file can be had from no address.
        """
        folder = root / self.folder
        files = (
            one for split in self.info.splits for one in zip(self._names(split), self.files(split, root), strict=True)
        )
        missing = [name for name, path in files if not self._intact(path)]
        # Not before something is missing: where files are published may take seconds to import.
        published = self._published() if missing else {}
        wanted = list(dict.fromkeys(published[name] for name in missing))
        if wanted:
            with writing_below(folder):
                try_writing(folder)
        done, total = 0, sum(file.size for file in wanted)

        def report(received: int) -> None:
            if progress:
                progress(min(done + received, total), total)

        for file in wanted:
            try:
                data = checked(folder / file.name, file.checksum)
            except DataError:
                data = self._download(file, folder, report)
            with writing_below(folder), about(file.name):
                self._unpack(file, data, folder)
            done += file.size
            report(0)

    def _download(self, file: PublishedFile, folder: Path, report: Callable[[int], None]) -> bytes:
        reasons = []
        for url in file.urls:
            try:
                return download(url, file.checksum, MAX_BYTES, report)
            except DownloadError as error:
                reasons.append(f"could not download {self.title} from {url}: {error}")
        raise DataError(f"{'; '.join(reasons)}; put the files under {folder} or set HVAE_DATA")


@contextmanager
def writing_below(folder: Path) -> Iterator[None]:
    """Every `OSError` within becomes a `DataError` on what to do where the disk is full or not to be written to."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise DataError(f"cannot write below {folder}: {reason}; set HVAE_DATA to another folder") from error


def checked(path: Path, checksum: str) -> bytes:
    """Content of a file that has this MD5 or SHA-256; `DataError` if it cannot be read or is another file."""
    try:
        data = read_bytes(path, MAX_BYTES)
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
