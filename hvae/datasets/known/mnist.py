"""MNIST, its drop-in replacements and notMNIST: idx files in torchvision's folder layout.

The idx format (LeCun, Cortes and Burges, "The MNIST database") is a big-endian header, then raw bytes: two zero bytes,
one byte for the element type (8 = uint8), one for the number of axes, one big-endian uint32 per axis, then the
elements in C order.

notMNIST (Bulatov, 2011) is one fixed sample, 1,000 images of each letter of notMNIST_small, published by David Flanagan
with the permission of notMNIST's author, at github.com/davidflanagan/notMNIST-to-MNIST.
"""

import gzip
import hashlib
import io
import math
import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hvae.datasets.base import DataSetInfo
from hvae.datasets.fetching.published_files import PublishedDataSet, PublishedFile
from hvae.errors import DataError
from hvae.inputs import opened

MAX_BYTES = 2**30
"""Largest file read: 20 times MNIST's training images."""

_UINT8 = 8
_PREFIX = {"train": "train", "test": "t10k"}
_ADDRESS = "https://github.com/davidflanagan/notMNIST-to-MNIST/raw/master"
_SHA256 = {
    "t10k-images-idx3-ubyte": "8e7f38ae95cc8f48e0986175ffc9137e5007ebcf3d8fdf6656c904eb9dab198b",
    "t10k-labels-idx1-ubyte": "5f8e6012f2ce730700d8d05fca098bc47f71d25b890e4bec7ac5ebfd614a4001",
}
# The sizes are those of our own gzip of the files, for the progress of a download alone.
NOTMNIST_ARCHIVES = {
    name: PublishedFile(f"{name}.gz", (f"{_ADDRESS}/{name}.gz",), md5, size, _SHA256[name])
    for name, md5, size in (
        ("t10k-images-idx3-ubyte", "2c87c839a4ef9b238846600eec8c35b7", 3_233_035),
        ("t10k-labels-idx1-ubyte", "7ea9118cbafd0f6e3ee2ad771d782a01", 5_118),
    )
}
"""The archive of each idx file, by the file's name."""


def read_idx(path: Path, axes: int) -> np.ndarray:
    """The uint8 array of an idx file: 3 ``axes`` for images ``(n, height, width)``, 1 for labels ``(n,)``.

    A plain one is read from disk as it is used, a ``.gz`` unpacked at once. `DataError` if it is missing, no idx file,
    of another rank or type, damaged, truncated or too long.
    """
    header_bytes, content = 4 + 4 * axes, b""
    try:
        with _opened(path) as file:
            if path.suffix == ".gz":
                content = file.read(MAX_BYTES + 1)
                header, size = content[:header_bytes], len(content)
            else:
                header, size = file.read(header_bytes), os.fstat(file.fileno()).st_size
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
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
    if content:
        return np.frombuffer(content, np.uint8, offset=header_bytes).reshape(shape)
    return np.memmap(path, np.uint8, mode="r", offset=header_bytes, shape=shape)


@contextmanager
def _opened(path: Path) -> Iterator[io.BufferedReader | gzip.GzipFile]:
    with opened(path) as file:
        if path.suffix != ".gz":
            yield file
            return
        with gzip.open(file) as unpacked:
            yield unpacked


def _usual(name: str) -> str:
    """A file's usual name, whichever spelling of it people have."""
    return name.removesuffix(".gz").replace(".idx", "-idx")


def _as_spelled(path: Path) -> Path:
    """The file under the spelling that is there: with a hyphen or a dot, plain before packed; the usual one if none."""
    names = (path.name, path.name.replace("-idx", ".idx"))
    ways = (path.with_name(name + ending) for ending in ("", ".gz") for name in names)
    return next((way for way in ways if way.exists()), path)


@dataclass(frozen=True, kw_only=True)
class MnistFormat(PublishedDataSet):
    """A data set in ``ROOT/<folder>/{train,t10k}-{images-idx3,labels-idx1}-ubyte``, named as torchvision's class.

    The same files are taken as ``.idx3-ubyte`` and packed as ``.gz``, as other tools leave them.

    ``archive_bytes`` has the size of each ``.gz`` in torchvision's order, for the progress of a download.
    """

    archive_bytes: tuple[int, ...] = ()
    by_hand = "put its idx files"

    def _names(self, split: str) -> list[str]:
        return [f"{_PREFIX[split]}-images-idx3-ubyte", f"{_PREFIX[split]}-labels-idx1-ubyte"]

    def files(self, split: str, root: Path) -> list[Path]:
        """The files that `load` reads, as they are spelled there."""
        return [_as_spelled(path) for path in super().files(split, root)]

    def _read(self, paths: list[Path]) -> tuple[np.ndarray, np.ndarray]:
        images, labels = (np.array(read_idx(path, axes)) for path, axes in zip(paths, (3, 1), strict=True))
        if len(images) != len(labels):
            raise DataError(f"{paths[0]} has {len(images):,} images but {paths[1].name} {len(labels):,} labels")
        return images[:, None], labels

    def _published(self) -> Mapping[str, PublishedFile]:
        # Imported here: torchvision brings torch along, and only a download needs its list of addresses.
        from torchvision import datasets

        source = getattr(datasets, self.info.title)
        return {
            name.removesuffix(".gz"): PublishedFile(name, tuple(f"{one}{name}" for one in source.mirrors), md5, size)
            for (name, md5), size in zip(source.resources, self.archive_bytes, strict=True)
        }

    def _intact(self, path: Path) -> bool:
        try:
            read_idx(path, 3 if "idx3" in path.name else 1)
        except DataError:
            return False
        return True


class NotMnist(MnistFormat):
    """The sample is recognised by its checksums: scores of another sample would pass for this one's.

    Another one in its place is a `DataError` on loading and on fetching: no download replaces it.
    """

    def _read(self, paths: list[Path]) -> tuple[np.ndarray, np.ndarray]:
        found = super()._read(paths)
        for path in paths:
            _check_sample(path)
        return found

    def _published(self) -> Mapping[str, PublishedFile]:
        return NOTMNIST_ARCHIVES

    def _intact(self, path: Path) -> bool:
        whole = super()._intact(path)
        if whole:
            _check_sample(path)
        return whole


def _check_sample(path: Path) -> None:
    with _opened(path) as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    expected = NOTMNIST_ARCHIVES[_usual(path.name)].content
    if found != expected:
        raise DataError(
            f"{path} is not the 10,000-letter sample (SHA-256 {found[:12]}..., expected {expected[:12]}...): "
            "move it away and run `hvae data fetch notmnist`, or score another notMNIST variant through npz:PATH"
        )


FASHIONMNIST = MnistFormat(
    info=DataSetInfo(
        name="fashionmnist",
        download_bytes=30_878_645,
        title="FashionMNIST",
        images="28x28 grey images of clothing, 60,000 train and 10,000 test, 10 classes",
        licence="MIT",
        citation="Xiao, Rasul and Vollgraf (2017), Fashion-MNIST: a novel image dataset for benchmarking machine "
        "learning algorithms, arXiv:1708.07747",
    ),
    folder="FashionMNIST/raw",
    archive_bytes=(26_421_880, 29_515, 4_422_102, 5_148),
)

MNIST = MnistFormat(
    info=DataSetInfo(
        name="mnist",
        download_bytes=11_594_722,
        title="MNIST",
        images="28x28 grey images of handwritten digits, 60,000 train and 10,000 test, 10 classes",
        licence="CC BY-SA 3.0",
        citation="LeCun, Bottou, Bengio and Haffner (1998), Gradient-based learning applied to document recognition, "
        "Proceedings of the IEEE 86(11)",
    ),
    folder="MNIST/raw",
    archive_bytes=(9_912_422, 28_881, 1_648_877, 4_542),
)

KMNIST = MnistFormat(
    info=DataSetInfo(
        name="kmnist",
        download_bytes=21_240_888,
        title="KMNIST",
        images="28x28 grey images of cursive hiragana, 60,000 train and 10,000 test, 10 classes",
        licence="CC BY-SA 4.0",
        citation="Clanuwat, Bober-Irizar, Kitamoto, Lamb, Yamamoto and Ha (2018), Deep learning for classical Japanese "
        "literature, arXiv:1812.01718",
    ),
    folder="KMNIST/raw",
    archive_bytes=(18_165_135, 29_497, 3_041_136, 5_120),
)

NOTMNIST = NotMnist(
    info=DataSetInfo(
        name="notmnist",
        download_bytes=3_238_153,
        title="notMNIST",
        images="28x28 grey images of the letters A to J in many fonts, 10,000 test, 10 classes",
        licence="MIT (the sample), none stated for the fonts",
        citation="Bulatov (2011), notMNIST dataset",
        splits=("test",),
    ),
    folder="notMNIST/raw",
)

DATA_SETS = (FASHIONMNIST, MNIST, NOTMNIST, KMNIST)
