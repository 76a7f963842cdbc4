"""MNIST and its drop-in replacements: four idx files each, in torchvision's folder layout.

The idx format (LeCun, Cortes and Burges, "The MNIST database") is a big-endian header, then raw bytes: two zero bytes,
one byte for the element type (8 = uint8), one for the number of axes, one big-endian uint32 per axis, then the
elements in C order.
"""

import math
import os
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hvae.datasets.base import DataSetInfo, ImageSet
from hvae.datasets.fetching.published_files import PublishedDataSet, PublishedFile
from hvae.errors import DataError

MAX_BYTES = 2**30
"""Largest file read: 20 times MNIST's training images."""

_UINT8 = 8
_PREFIX = {"train": "train", "test": "t10k"}


def read_idx(path: Path, axes: int) -> np.ndarray:
    """The uint8 array of an uncompressed idx file; checked as by `idx_shape`."""
    shape = idx_shape(path, axes)
    return np.fromfile(path, dtype=np.uint8, offset=4 + 4 * axes).reshape(shape)


def idx_shape(path: Path, axes: int) -> tuple[int, ...]:
    """Shape of the array in an idx file: 3 ``axes`` for images ``(n, height, width)``, 1 for labels ``(n,)``.

    Reads no elements. `DataError` if it is missing, no idx file, of another rank or type, truncated or too long.
    """
    header_bytes = 4 + 4 * axes
    try:
        with path.open("rb") as file:
            header, size = file.read(header_bytes), os.fstat(file.fileno()).st_size
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    if len(header) < header_bytes or header[:2] != b"\0\0":
        raise DataError(f"{path} is no idx file (its first bytes are {header[:4].hex(' ') or 'missing'})")
    if header[2] != _UINT8 or header[3] != axes:
        raise DataError(f"{path} holds idx type {header[2]} with {header[3]} axes, not uint8 (type 8) with {axes}")
    shape = struct.unpack(f">{axes}I", header[4:])
    expected = header_bytes + math.prod(shape)
    if size != expected:
        wrong = "truncated" if size < expected else "longer than its header says"
        raise DataError(f"{path} is {wrong}: {size:,} bytes for {expected:,}; delete it and fetch the data set again")
    if size > MAX_BYTES:
        raise DataError(f"{path} has {size:,} bytes, more than the {MAX_BYTES:,} this program reads")
    return shape


@dataclass(frozen=True)
class MnistFormat(PublishedDataSet):
    """A data set in ``ROOT/<folder>/raw/{train,t10k}-{images-idx3,labels-idx1}-ubyte``.

    The folder is named as torchvision's class. ``archive_bytes`` has the size of each ``.gz`` in torchvision's order,
    for the progress of a download.
    """

    info: DataSetInfo
    folder: str
    archive_bytes: tuple[int, ...] = ()
    by_hand = "its idx files"

    def place(self, root: Path) -> Path:
        """Folder that holds the idx files."""
        return root / self.folder / "raw"

    def names(self, split: str) -> list[str]:
        """Image and label file of ``split``."""
        return [f"{_PREFIX[split]}-images-idx3-ubyte", f"{_PREFIX[split]}-labels-idx1-ubyte"]

    def load(self, split: str, root: Path) -> ImageSet:
        """Images ``(n, 1, 28, 28)`` and labels ``(n,)`` of ``split``."""
        images_file, labels_file = self.found(split, root)
        images, labels = read_idx(images_file, axes=3), read_idx(labels_file, axes=1)
        if len(images) != len(labels):
            raise DataError(f"{images_file} has {len(images):,} images but {labels_file.name} {len(labels):,} labels")
        return ImageSet(self.info.name, split, images[:, None], labels.astype(np.int64))

    def published(self) -> dict[str, PublishedFile]:
        """The archive of each idx file, by the file's name: at torchvision's mirrors."""
        # Imported here: torchvision brings torch along, and only a download needs its list of addresses.
        from torchvision import datasets

        source = getattr(datasets, self.folder)
        return {
            name.removesuffix(".gz"): PublishedFile(name, tuple(f"{one}{name}" for one in source.mirrors), md5, size)
            for (name, md5), size in zip(source.resources, self.archive_bytes, strict=True)
        }

    def intact(self, path: Path) -> bool:
        """Whether an idx file is there and as long as its header says."""
        try:
            idx_shape(path, 3 if "idx3" in path.name else 1)
        except DataError:
            return False
        return True


FASHIONMNIST = MnistFormat(
    DataSetInfo(
        name="fashionmnist",
        title="FashionMNIST",
        images="28x28 grey images of clothing, 60,000 train and 10,000 test, 10 classes",
        licence="MIT",
        citation="Xiao, Rasul and Vollgraf (2017), Fashion-MNIST: a novel image dataset for benchmarking machine "
        "learning algorithms, arXiv:1708.07747",
    ),
    folder="FashionMNIST",
    archive_bytes=(26_421_880, 29_515, 4_422_102, 5_148),
)

MNIST = MnistFormat(
    DataSetInfo(
        name="mnist",
        title="MNIST",
        images="28x28 grey images of handwritten digits, 60,000 train and 10,000 test, 10 classes",
        licence="CC BY-SA 3.0",
        citation="LeCun, Bottou, Bengio and Haffner (1998), Gradient-based learning applied to document recognition, "
        "Proceedings of the IEEE 86(11)",
    ),
    folder="MNIST",
    archive_bytes=(9_912_422, 28_881, 1_648_877, 4_542),
)

KMNIST = MnistFormat(
    DataSetInfo(
        name="kmnist",
        title="KMNIST",
        images="28x28 grey images of cursive hiragana, 60,000 train and 10,000 test, 10 classes",
        licence="CC BY-SA 4.0",
        citation="Clanuwat, Bober-Irizar, Kitamoto, Lamb, Yamamoto and Ha (2018), Deep learning for classical Japanese "
        "literature, arXiv:1812.01718",
    ),
    folder="KMNIST",
    archive_bytes=(18_165_135, 29_497, 3_041_136, 5_120),
)
