"""Omniglot and SmallNORB at 28x28, as published and inverted, as in the code that Havtorn et al. (2021) released.

Resizing, cameras and which of two is called inverted are those of the released code. SmallNORB's matrix files begin
with a little-endian int32 that names the element type, the number of axes, and one int32 per axis (never fewer than
three, the missing ones being 1); the elements follow in C order.
"""

import math
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from hvae.datasets.base import DataSetInfo, about
from hvae.datasets.fetching.archives import write_whole, zip_members
from hvae.datasets.fetching.published_files import PublishedDataSet, PublishedFile
from hvae.datasets.own.decoding import decode
from hvae.errors import DataError
from hvae.inputs import opened

_SIDE = 28

SPLITS = {"train": "images_background", "test": "images_evaluation"}
DRAWINGS = {"images_background": 19_280, "images_evaluation": 13_180}
"""20 drawings of each of 964 and 659 characters; the two splits share no alphabet."""

_DRAWN_SIDE = 105
_MAX_DRAWING_BYTES = 64 * 1024
_OMNIGLOT = "https://raw.githubusercontent.com/brendenlake/omniglot/master/python/"
_ARCHIVES = {
    name: PublishedFile(f"{name}.zip", (f"{_OMNIGLOT}{name}.zip",), md5, size)
    for name, md5, size in (
        ("images_background", "68d2efa1b9178cc56df9314c21c6e718", 9_464_212),
        ("images_evaluation", "6b91aef0f799c5bb55b94e3f2daec811", 6_462_886),
    )
}

PAIRS = 24_300
"""Objects under one light and angle in each split, photographed by two cameras."""

_PHOTOGRAPH, _CLASSES = (96, 96), 5
_NORB = "https://cs.nyu.edu/~ylclab/data/norb-v1.0-small/"
_TYPES = {0x1E3D4C55: np.dtype("u1"), 0x1E3D4C54: np.dtype("<i4")}
_STEMS = {"train": "smallnorb-5x46789x9x18x6x2x96x96-training", "test": "smallnorb-5x01235x9x18x6x2x96x96-testing"}
# The authors publish no checksums; these are the SHA-256 that TensorFlow Datasets knows the archives by.
_CHECKSUMS = (
    ("train", "dat", "5ffd6272a07d32695ee1082a26a41a93a37aab8c28da047f8c34ed348d214873", 131_896_188),
    ("train", "cat", "2784e542c1922060691090952b6cd6278879a216c90f81476f0f00256d42cdaa", 348),
    ("test", "dat", "cf7104eed3e51174d2f65b66d1e5878b9da233b886f161b0d88f4510ba2c7474", 130_799_817),
    ("test", "cat", "ecaf6d5bb8c3bc5eab9cf0258f6d2198dd474e016e374836fc097f2e5ff509ff", 347),
)
NORB_ARCHIVES = {
    name: PublishedFile(f"{name}.gz", (f"{_NORB}{name}.gz",), checksum, size)
    for split, kind, checksum, size in _CHECKSUMS
    for name in [f"{_STEMS[split]}-{kind}.mat"]
}
"""The archive of each matrix file, by the file's name."""


class Omniglot(PublishedDataSet):
    """A data set in ``ROOT/omniglot-py/images_{background,evaluation}/ALPHABET/CHARACTER/*.png``, as torchvision's.

    The images are sorted by alphabet, character and drawer; the labels number the characters.
    """

    by_hand = "unpack {files}.zip"

    def _names(self, split: str) -> list[str]:
        return [SPLITS[split]]

    def _published(self) -> Mapping[str, PublishedFile]:
        return _ARCHIVES

    def _intact(self, path: Path) -> bool:
        return len(list(path.glob("*/*/*.png"))) == DRAWINGS[path.name]

    def _unpack(self, file: PublishedFile, data: bytes, folder: Path) -> None:
        name = file.name.removesuffix(".zip")
        # Only paths of this form are written, so nothing leads out of the folder.
        form = rf"{name}/[^/\\:.]+/[^/\\:.]+/[^/\\:.]+\.png"
        for path, content in zip_members(data, form, DRAWINGS[name], _MAX_DRAWING_BYTES):
            write_whole(folder / path, content)

    def _read(self, paths: list[Path]) -> tuple[np.ndarray, np.ndarray]:
        [folder] = paths
        drawings = sorted(folder.glob("*/*/*.png"))
        if len(drawings) != DRAWINGS[folder.name]:
            held = f"{len(drawings):,} drawings, not {DRAWINGS[folder.name]:,}"
            raise DataError(f"{folder} holds {held}: run `hvae data fetch {self.info.name}` to complete it")
        _, labels = np.unique([str(path.parent) for path in drawings], return_inverse=True)
        return np.stack([_read(path) for path in drawings])[:, None], labels


def _read(path: Path) -> np.ndarray:
    with about(path, "; delete its folder and fetch the data set again"):
        pixels = decode(path).pixels
    if pixels.shape != (_DRAWN_SIDE, _DRAWN_SIDE, 1):
        raise DataError(f"{path} is no grey drawing of 105x105 pixels (it is {'x'.join(map(str, pixels.shape))})")
    return np.asarray(Image.fromarray(pixels[..., 0]).resize((_SIDE, _SIDE), Image.Resampling.NEAREST))


class SmallNorb(PublishedDataSet):
    """A data set in ``ROOT/smallNORB/*.mat``: of each pair the left camera's, then the right one's, under one label."""

    def _names(self, split: str) -> list[str]:
        return [f"{_STEMS[split]}-{kind}.mat" for kind in ("dat", "cat")]

    def _published(self) -> Mapping[str, PublishedFile]:
        return NORB_ARCHIVES

    # Nobody publishes checksums of the unpacked files: they are known by their shape.
    def _intact(self, path: Path) -> bool:
        kind = (np.uint8, (PAIRS, 2, *_PHOTOGRAPH)) if path.stem.endswith("dat") else (np.int32, (PAIRS,))
        try:
            read_matrix(path, *kind)
        except DataError:
            return False
        return True

    def _read(self, paths: list[Path]) -> tuple[np.ndarray, np.ndarray]:
        photographs, categories = paths
        pixels = read_matrix(photographs, np.uint8, (PAIRS, 2, *_PHOTOGRAPH))
        labels = read_matrix(categories, np.int32, (PAIRS,))
        if labels.min() < 0 or labels.max() >= _CLASSES:
            raise DataError(f"{categories} has labels that are no classes from 0 to {_CLASSES - 1}")
        small = (
            Image.fromarray(one).resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)
            for one in pixels.reshape(-1, *_PHOTOGRAPH)
        )
        return np.stack([np.asarray(one) for one in small])[:, None], np.repeat(labels, 2)


def read_matrix(path: Path, dtype: type, shape: tuple[int, ...]) -> np.ndarray:
    """The array of a matrix file, read from disk as it is used.

    `DataError` if it is missing, no matrix file, of another type (uint8 or int32) or shape, truncated or too long.
    """
    axes = max(len(shape), 3)
    header_bytes = 4 * (2 + axes)
    try:
        with opened(path) as file:
            header, size = file.read(header_bytes), os.fstat(file.fileno()).st_size
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    if len(header) < header_bytes:
        raise DataError(f"{path} is no NORB matrix file: {size:,} bytes are too few")
    magic, count, *sides = np.frombuffer(header, "<i4").tolist()
    if magic not in _TYPES:
        raise DataError(f"{path} is no NORB matrix file (its first bytes are {header[:4].hex(' ')})")
    if _TYPES[magic] != dtype or (count, tuple(sides)) != (len(shape), (*shape, *(1,) * (axes - len(shape)))):
        held = f"{_TYPES[magic].name} of shape {tuple(sides[:count])}"
        raise DataError(f"{path} holds {held}, not {np.dtype(dtype).name} of {shape}")
    expected = header_bytes + math.prod(shape) * _TYPES[magic].itemsize
    if size != expected:
        wrong = "truncated" if size < expected else "longer than its header says"
        raise DataError(f"{path} is {wrong}: {size:,} bytes for {expected:,}; delete it and fetch the data set again")
    return np.memmap(path, _TYPES[magic], mode="r", offset=header_bytes, shape=shape)


_OMNIGLOT28 = DataSetInfo(
    name="omniglot28",
    download_bytes=15_927_098,
    title="Omniglot",
    images="105x105 black-and-white drawings of characters, 19,280 train and 13,180 test, 964 and 659 classes",
    licence="MIT",
    citation="Lake, Salakhutdinov and Tenenbaum (2015), Human-level concept learning through probabilistic "
    "program induction, Science 350(6266)",
    preprocessing="resized from 105x105 to 28x28 (Pillow's nearest neighbour)",
)
_DRAWN = replace(_OMNIGLOT28, preprocessing=f"{_OMNIGLOT28.preprocessing}, dark on white as published")
_INVERTED = _OMNIGLOT28.inverted("inverted (255 - v) to white on black as in Burda et al. (2015)")
_NORB28 = DataSetInfo(
    name="smallnorb28",
    download_bytes=262_696_700,
    title="SmallNORB",
    images="96x96 grey photographs of toys, 48,600 train and 48,600 test (24,300 by each of two cameras), 5 classes",
    licence="for research only",
    citation="LeCun, Huang and Bottou (2004), Learning methods for generic object recognition with invariance "
    "to pose and lighting, CVPR",
    preprocessing="both cameras, resized from 96x96 to 28x28 (Pillow's bilinear, which averages)",
)

DATA_SETS = (
    Omniglot(info=_DRAWN, folder="omniglot-py"),
    Omniglot(info=_INVERTED, folder="omniglot-py", invert=True),
    SmallNorb(info=_NORB28, folder="smallNORB"),
    SmallNorb(info=_NORB28.inverted("inverted (255 - v)"), folder="smallNORB", invert=True),
)
