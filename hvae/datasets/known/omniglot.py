"""Omniglot at 28x28: handwritten characters of 50 alphabets (Lake, Salakhutdinov and Tenenbaum, 2015).

The resizing, and which of the two is called inverted, are those of the code that Havtorn et al. (2021) released.
"""

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

SPLITS = {"train": "images_background", "test": "images_evaluation"}
DRAWINGS = {"train": 19_280, "test": 13_180}
"""20 drawings of each of 964 and 659 characters; the two splits share no alphabet."""

_SIDE, _DRAWN_SIDE = 28, 105
_MAX_DRAWING_BYTES = 64 * 1024
_ADDRESS = "https://raw.githubusercontent.com/brendenlake/omniglot/master/python/"
_ARCHIVES = {
    split: PublishedFile(f"{SPLITS[split]}.zip", (f"{_ADDRESS}{SPLITS[split]}.zip",), md5, size)
    for split, md5, size in (
        ("train", "68d2efa1b9178cc56df9314c21c6e718", 9_464_212),
        ("test", "6b91aef0f799c5bb55b94e3f2daec811", 6_462_886),
    )
}


class Omniglot(PublishedDataSet):
    """A data set in ``ROOT/omniglot-py/images_{background,evaluation}/ALPHABET/CHARACTER/*.png``, as torchvision's.

    The images are sorted by alphabet, character and drawer; the labels number the characters.
    """

    by_hand = "unpack {files}.zip"

    def _names(self, split: str) -> list[str]:
        return [SPLITS[split]]

    def _published(self) -> Mapping[str, PublishedFile]:
        return {SPLITS[split]: archive for split, archive in _ARCHIVES.items()}

    def _intact(self, path: Path) -> bool:
        return len(list(path.glob("*/*/*.png"))) == _drawings(path.name)

    def _unpack(self, file: PublishedFile, data: bytes, folder: Path) -> None:
        name = file.name.removesuffix(".zip")
        # Only paths of this form are written, so nothing leads out of the folder.
        form = rf"{name}/[^/\\:.]+/[^/\\:.]+/[^/\\:.]+\.png"
        for path, content in zip_members(data, form, _drawings(name), _MAX_DRAWING_BYTES):
            write_whole(folder / path, content)

    def _read(self, paths: list[Path]) -> tuple[np.ndarray, np.ndarray]:
        [folder] = paths
        drawings = sorted(folder.glob("*/*/*.png"))
        if len(drawings) != _drawings(folder.name):
            raise DataError(
                f"{folder} holds {len(drawings):,} drawings, not {_drawings(folder.name):,}: "
                f"run `hvae data fetch {self.info.name}` to complete it"
            )
        _, labels = np.unique([str(path.parent) for path in drawings], return_inverse=True)
        return np.stack([_read(path) for path in drawings])[:, None], labels


def _drawings(name: str) -> int:
    return next(DRAWINGS[split] for split in SPLITS if SPLITS[split] == name)


def _read(path: Path) -> np.ndarray:
    with about(path, "; delete its folder and fetch the data set again"):
        pixels = decode(path).pixels
    if pixels.shape != (_DRAWN_SIDE, _DRAWN_SIDE, 1):
        raise DataError(f"{path} is no grey drawing of 105x105 pixels (it is {'x'.join(map(str, pixels.shape))})")
    return np.asarray(Image.fromarray(pixels[..., 0]).resize((_SIDE, _SIDE), Image.Resampling.NEAREST))


_INFO = DataSetInfo(
    name="omniglot28",
    title="Omniglot",
    images="105x105 black-and-white drawings of characters, 19,280 train and 13,180 test, 964 and 659 classes",
    licence="MIT",
    citation="Lake, Salakhutdinov and Tenenbaum (2015), Human-level concept learning through probabilistic "
    "program induction, Science 350(6266)",
    preprocessing="resized from 105x105 to 28x28 (Pillow's nearest neighbour)",
)
_INVERTED = _INFO.inverted("inverted (255 - v) to white on black as in Burda et al. (2015)")
_PUBLISHED = replace(_INFO, preprocessing=f"{_INFO.preprocessing}, dark on white as published")

DATA_SETS = (
    Omniglot(info=_PUBLISHED, folder="omniglot-py"),
    Omniglot(info=_INVERTED, folder="omniglot-py", invert=True),
)
