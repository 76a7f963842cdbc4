"""Data sets that come as the four idx files of MNIST, in torchvision's folder layout."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from hvae.datasets.archives import unpack_gzip
from hvae.datasets.base import DataSetInfo, ImageSet, Progress
from hvae.datasets.idx import idx_shape, read_idx
from hvae.datasets.published_files import PublishedFile, obtain
from hvae.errors import DataError

_PREFIX = {"train": "train", "test": "t10k"}


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
        """Download what is missing or damaged; intact files are left alone.

        A ``.gz`` with the right checksum that somebody put into the folder is unpacked instead.

        Raises:
            DataError: If a file can be had from no address, with the reasons and the way to place it by hand.
        """
        wanted = {path.name: path for path in self._all_files(root) if not self.intact(path)}
        if not wanted:
            return
        archives = [
            (archive, partial(unpack_gzip, wanted[name], checksum=self.checksum(name)))
            for name, archive in self.published().items()
            if name in wanted
        ]
        obtain(self.info.title, archives, self.raw(root), progress)

    def published(self) -> dict[str, PublishedFile]:
        """The archive of each idx file, by the file's name: at torchvision's mirrors."""
        # Imported here: torchvision brings torch along, and only a download needs its list of addresses.
        from torchvision import datasets

        source = getattr(datasets, self.folder)
        archives = [
            PublishedFile(name, tuple(f"{mirror}{name}" for mirror in source.mirrors), md5, size)
            for (name, md5), size in zip(source.resources, self.archive_bytes, strict=True)
        ]
        return {archive.name.removesuffix(".gz"): archive for archive in archives}

    def checksum(self, name: str) -> str:
        """SHA-256 of an unpacked idx file; empty where only its archive's checksum is published."""
        return ""

    def intact(self, path: Path) -> bool:
        """Whether an idx file is there and as long as its header says."""
        try:
            idx_shape(path, 3 if "idx3" in path.name else 1)
        except DataError:
            return False
        return True

    def _all_files(self, root: Path) -> list[Path]:
        return [path for split in self.info.splits for path in self.files(split, root)]
