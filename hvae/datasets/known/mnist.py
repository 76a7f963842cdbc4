"""MNIST and its drop-in replacements: four idx files each, in torchvision's folder layout.

The idx format (LeCun, Cortes and Burges, "The MNIST database") is a big-endian header, then raw bytes: two zero bytes,
one byte for the element type (8 = uint8), one for the number of axes, one big-endian uint32 per axis, then the
elements in C order.
"""

import math
import os
import struct
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from hvae.datasets.base import DataSetInfo, ImageSet, Progress
from hvae.datasets.fetching.archives import unpack_gzip
from hvae.datasets.fetching.published_files import PublishedFile, obtain
from hvae.errors import DataError

MAX_BYTES = 2**30
"""Largest file read: 20 times MNIST's training images."""

_UINT8 = 8


def read_idx(path: Path, axes: int) -> np.ndarray:
    """Read an uncompressed uint8 idx file.

    Args:
        path: The file.
        axes: Number of axes it must have (3 for images ``(n, height, width)``, 1 for labels ``(n,)``).

    Returns:
        uint8 array of the shape that the header names.

    Raises:
        DataError: As `idx_shape` does.
    """
    shape = idx_shape(path, axes)
    return np.fromfile(path, dtype=np.uint8, offset=_header_bytes(axes)).reshape(shape)


def idx_shape(path: Path, axes: int) -> tuple[int, ...]:
    """Shape of the array in an idx file, from its header; reads no elements.

    Raises:
        DataError: If the file is missing, no idx file, of another rank or type, truncated or too long.
    """
    try:
        with path.open("rb") as file:
            header, size = file.read(_header_bytes(axes)), os.fstat(file.fileno()).st_size
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    if len(header) < _header_bytes(axes) or header[:2] != b"\0\0":
        raise DataError(f"{path} is no idx file (its first bytes are {header[:4].hex(' ') or 'missing'})")
    if header[2] != _UINT8 or header[3] != axes:
        raise DataError(f"{path} holds idx type {header[2]} with {header[3]} axes, not uint8 (type 8) with {axes}")
    shape = struct.unpack(f">{axes}I", header[4:])
    expected = _header_bytes(axes) + math.prod(shape)
    if size != expected:
        wrong = "truncated" if size < expected else "longer than its header says"
        raise DataError(f"{path} is {wrong}: {size:,} bytes for {expected:,}; delete it and fetch the data set again")
    if size > MAX_BYTES:
        raise DataError(f"{path} has {size:,} bytes, more than the {MAX_BYTES:,} this program reads")
    return shape


def _header_bytes(axes: int) -> int:
    return 4 + 4 * axes


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


FASHIONMNIST = MnistFormat(
    info=DataSetInfo(
        name="fashionmnist",
        title="FashionMNIST",
        images="28x28 grey images of clothing, 60,000 train and 10,000 test, 10 classes",
        licence="MIT",
        citation="Xiao, Rasul and Vollgraf (2017), Fashion-MNIST: a novel image dataset for benchmarking machine "
        "learning algorithms, arXiv:1708.07747",
        preprocessing="none",
    ),
    folder="FashionMNIST",
    archive_bytes=(26_421_880, 29_515, 4_422_102, 5_148),
)


MNIST = MnistFormat(
    info=DataSetInfo(
        name="mnist",
        title="MNIST",
        images="28x28 grey images of handwritten digits, 60,000 train and 10,000 test, 10 classes",
        licence="CC BY-SA 3.0",
        citation="LeCun, Bottou, Bengio and Haffner (1998), Gradient-based learning applied to document recognition, "
        "Proceedings of the IEEE 86(11)",
        preprocessing="none",
    ),
    folder="MNIST",
    archive_bytes=(9_912_422, 28_881, 1_648_877, 4_542),
)


KMNIST = MnistFormat(
    info=DataSetInfo(
        name="kmnist",
        title="KMNIST",
        images="28x28 grey images of cursive hiragana, 60,000 train and 10,000 test, 10 classes",
        licence="CC BY-SA 4.0",
        citation="Clanuwat, Bober-Irizar, Kitamoto, Lamb, Yamamoto and Ha (2018), Deep learning for classical Japanese "
        "literature, arXiv:1812.01718",
        preprocessing="none",
    ),
    folder="KMNIST",
    archive_bytes=(18_165_135, 29_497, 3_041_136, 5_120),
)
