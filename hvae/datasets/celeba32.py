"""CelebA at 32x32: photographs of faces, aligned by their eyes (Liu, Luo, Wang and Tang, 2015)."""

import re
from functools import lru_cache
from pathlib import Path

import numpy as np

from hvae.datasets.base import DataSetInfo, ImageSet, Progress
from hvae.datasets.celeba_files import IMAGES, LIST, obtain_celeba, placing
from hvae.datasets.conforming import conform
from hvae.datasets.decoding import decode
from hvae.errors import DataError

SPLITS = {"train": 0, "valid": 1, "test": 2}
"""Numbers of the splits in the list of partitions."""
CROP = 148

_FOLDER = "celeba"
_MAX_LIST_BYTES = 16 * 2**20
_LINE = re.compile(r"([0-9]{1,8}\.jpg) +([012])")
_HEIGHT, _WIDTH = 218, 178


class Celeba32:
    """A data set in ``ROOT/celeba/{img_align_celeba/*.jpg,list_eval_partition.txt}``, as torchvision unpacks it."""

    info = DataSetInfo(
        name="celeba32",
        title="CelebA",
        images="178x218 colour photographs of faces, 162,770 train, 19,867 valid and 19,962 test, without classes",
        licence="for non-commercial research only",
        citation="Liu, Luo, Wang and Tang (2015), Deep learning face attributes in the wild, ICCV",
        preprocessing="the central 148x148 pixels of the aligned images, resized to 32x32 (averaged areas)",
        splits=("train", "valid", "test"),
        shape=(3, 32, 32),
    )

    def available(self, root: Path) -> bool:
        """Whether the images' folder and the list of partitions are there."""
        return (root / _FOLDER / IMAGES).is_dir() and (root / _FOLDER / LIST).is_file()

    def load(self, split: str, root: Path) -> ImageSet:
        """Images ``(n, 3, 32, 32)`` in the order of the list; every label is 0.

        Decoding takes a millisecond an image: the split read last is kept, since training asks for two parts of it.
        """
        if not self.available(root):
            folder = root / _FOLDER
            raise DataError(f"CelebA is not in {folder}: run `hvae data fetch celeba32`, or {placing(folder)}")
        images = _read(root / _FOLDER, SPLITS[split])
        return ImageSet("celeba32", split, images, np.zeros(len(images), dtype=np.int64), self.info.preprocessing)

    def fetch(self, root: Path, progress: Progress | None = None) -> None:
        """Download and unpack what is missing; a folder of photographs and a list that are both there stay."""
        if not self.available(root):
            obtain_celeba(root / _FOLDER, progress)


@lru_cache(maxsize=1)
def _read(folder: Path, split: int) -> np.ndarray:
    names = [name for name, number in _partitions(folder / LIST) if number == split]
    if not names:
        raise DataError(f"{folder / LIST} lists no image of split {split}")
    images = np.empty((len(names), 3, 32, 32), dtype=np.uint8)
    for place, name in enumerate(names):
        images[place] = _read_face(folder / IMAGES / name)
    images.flags.writeable = False
    return images


def _partitions(path: Path) -> list[tuple[str, int]]:
    try:
        if path.stat().st_size > _MAX_LIST_BYTES:
            raise DataError(f"{path} has more than the {_MAX_LIST_BYTES:,} bytes of a list of images")
        lines = path.read_text("ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {path}: {error}") from error
    listed = []
    for number, line in enumerate(lines, start=1):
        # Names of digits alone: no line leads out of the folder.
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise DataError(f"{path}, line {number}: needed is `000001.jpg 0`, found {line[:40]!r}")
        listed.append((match[1], int(match[2])))
    return listed


def _read_face(path: Path) -> np.ndarray:
    try:
        pixels = decode(path).pixels
    except DataError as error:
        raise DataError(
            f"{path}: {error}; delete its folder and fetch the data set again, or unpack img_align_celeba.zip again"
        ) from error
    if pixels.shape != (_HEIGHT, _WIDTH, 3):
        raise DataError(f"{path} is no aligned colour photograph of 178x218 pixels")
    top, left = (_HEIGHT - CROP) // 2, (_WIDTH - CROP) // 2
    return conform(pixels[top : top + CROP, left : left + CROP], (3, 32, 32))


DATA_SET = Celeba32()
