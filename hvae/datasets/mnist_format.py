"""Data sets that come as the four idx files of MNIST, in torchvision's folder layout."""

import gzip
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from hvae.datasets.base import DataSetInfo, ImageSet, Progress
from hvae.datasets.download import DownloadError, download, write_whole
from hvae.datasets.idx import idx_shape, read_idx
from hvae.errors import DataError

_PREFIX = {"train": "train", "test": "t10k"}
_MAX_ARCHIVE_BYTES = 256 * 2**20


@dataclass(frozen=True)
class MnistFormat:
    """A data set in ``ROOT/<folder>/raw/{train,t10k}-{images-idx3,labels-idx1}-ubyte``.

    Attributes:
        info: The facts about it; its ``splits`` say which of the files exist.
        folder: torchvision's class name, which is also the folder's name.
        archive_bytes: Size of each ``.gz`` in the order of `files` over all splits, for the progress of a download.
    """

    info: DataSetInfo
    folder: str
    archive_bytes: tuple[int, ...] = ()

    def raw(self, root: Path) -> Path:
        """Folder that holds the idx files."""
        return root / self.folder / "raw"

    def files(self, split: str, root: Path) -> tuple[Path, Path]:
        """Image and label file of ``split``."""
        prefix = _PREFIX[split]
        return self.raw(root) / f"{prefix}-images-idx3-ubyte", self.raw(root) / f"{prefix}-labels-idx1-ubyte"

    def available(self, root: Path) -> bool:
        """Whether all files are there."""
        return all(path.is_file() for path in self._all_files(root))

    def load(self, split: str, root: Path) -> ImageSet:
        """Images ``(n, 1, 28, 28)`` and labels ``(n,)`` of ``split``."""
        images_file, labels_file = self.files(split, root)
        if not (images_file.is_file() and labels_file.is_file()):
            raise DataError(
                f"{self.info.title} is not in {self.raw(root)}: run `hvae data fetch {self.info.name}`, "
                "put its idx files there, or set HVAE_DATA to the folder that has them"
            )
        images, labels = read_idx(images_file, axes=3), read_idx(labels_file, axes=1)
        if len(images) != len(labels):
            raise DataError(f"{images_file} has {len(images):,} images but {labels_file.name} {len(labels):,} labels")
        return ImageSet(self.info.name, split, images[:, None], labels.astype(np.int64))

    def fetch(self, root: Path, progress: Progress | None = None) -> None:
        """Download what is missing or damaged, from torchvision's mirrors; intact files are left alone.

        A ``.gz`` with the right checksum that somebody put into the folder is unpacked instead.

        Raises:
            DataError: If a file can be had from no mirror, with the reasons and the way to place it by hand.
        """
        sizes = dict(zip(self._all_files(root), self.archive_bytes, strict=True))
        wanted = {path: size for path, size in sizes.items() if not _intact(path)}
        if not wanted:
            return
        # Imported here: torchvision brings torch along, and only a download needs its list of addresses.
        from torchvision import datasets

        source = getattr(datasets, self.folder)
        checksums = dict(source.resources)
        done, total = 0, sum(wanted.values())
        for path, size in wanted.items():
            archive = path.with_name(f"{path.name}.gz")
            data = _placed_by_hand(archive, checksums[archive.name])
            if data is None:
                report = partial(_report, progress, done, total)
                data = self._download(archive, checksums[archive.name], source.mirrors, report)
            _unpack(data, path)
            done += size
            _report(progress, done, total, 0)

    def _download(self, archive: Path, md5: str, mirrors: Sequence[str], report: Callable[[int], None]) -> bytes:
        reasons = []
        for mirror in mirrors:
            try:
                return download(f"{mirror}{archive.name}", md5, _MAX_ARCHIVE_BYTES, report)
            except DownloadError as error:
                reasons.append(f"could not download {self.info.title} from {mirror}{archive.name}: {error}")
        raise DataError(f"{'; '.join(reasons)}; put the files under {archive.parent} or set HVAE_DATA")

    def _all_files(self, root: Path) -> list[Path]:
        return [path for split in self.info.splits for path in self.files(split, root)]


def _report(progress: Progress | None, done: int, total: int, received: int) -> None:
    if progress:
        progress(min(done + received, total), total)


def _axes(path: Path) -> int:
    return 3 if "idx3" in path.name else 1


def _intact(path: Path) -> bool:
    try:
        idx_shape(path, _axes(path))
    except DataError:
        return False
    return True


def _placed_by_hand(archive: Path, md5: str) -> bytes | None:
    if not archive.is_file() or archive.stat().st_size > _MAX_ARCHIVE_BYTES:
        return None
    data = archive.read_bytes()
    return data if hashlib.md5(data, usedforsecurity=False).hexdigest() == md5 else None


def _unpack(archive: bytes, path: Path) -> None:
    try:
        write_whole(path, gzip.decompress(archive))
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror or error}; set HVAE_DATA to another folder") from error
