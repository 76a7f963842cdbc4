"""Omniglot at 28x28: handwritten characters of 50 alphabets (Lake, Salakhutdinov and Tenenbaum, 2015).

The resizing, and which of the two is called inverted, are those of the code that Havtorn et al. (2021) released.
"""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from hvae.datasets.base import DataSetInfo, ImageSet, about
from hvae.datasets.fetching.archives import zip_members
from hvae.datasets.fetching.download import write_whole
from hvae.datasets.fetching.published_files import PublishedDataSet, PublishedFile, Unpack
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


@dataclass(frozen=True)
class Omniglot(PublishedDataSet):
    """A data set in ``ROOT/omniglot-py/images_{background,evaluation}/ALPHABET/CHARACTER/*.png``, as torchvision's.

    The drawings are published dark on white; with ``invert`` each value v becomes 255 - v.
    """

    info: DataSetInfo
    invert: bool = False
    folder = "omniglot-py"

    def names(self, split: str) -> list[str]:
        """The folder of the drawings."""
        return [SPLITS[split]]

    def available(self, root: Path) -> bool:
        """Whether the folders of both splits are there."""
        return all((root / self.folder / name).is_dir() for name in SPLITS.values())

    def wanted(self, root: Path) -> list[tuple[PublishedFile, Unpack]]:
        """The archives of the splits that are not complete."""
        folder = root / self.folder
        return [
            (_ARCHIVES[split], partial(_unpack, folder, split))
            for split, count in DRAWINGS.items()
            if len(list((folder / SPLITS[split]).glob("*/*/*.png"))) != count
        ]

    def load(self, split: str, root: Path) -> ImageSet:
        """Images ``(n, 1, 28, 28)`` by alphabet, character and drawer; the labels number the characters."""
        [folder] = self.files(split, root)
        if not folder.is_dir():
            raise DataError(
                f"Omniglot is not in {folder.parent}: run `hvae data fetch {self.info.name}`, unpack "
                f"{folder.name}.zip there, or set HVAE_DATA to the folder that has it"
            )
        drawings = sorted(folder.glob("*/*/*.png"))
        if len(drawings) != DRAWINGS[split]:
            raise DataError(
                f"{folder} holds {len(drawings):,} drawings, not {DRAWINGS[split]:,}: "
                f"run `hvae data fetch {self.info.name}` to complete it"
            )
        images = np.stack([_read(path) for path in drawings])[:, None]
        images = 255 - images if self.invert else images
        _, labels = np.unique([str(path.parent) for path in drawings], return_inverse=True)
        return ImageSet(self.info.name, split, images, labels.astype(np.int64), self.info.preprocessing)


def _read(path: Path) -> np.ndarray:
    with about(path, "; delete its folder and fetch the data set again"):
        pixels = decode(path).pixels
    if pixels.shape != (_DRAWN_SIDE, _DRAWN_SIDE, 1):
        raise DataError(f"{path} is no grey drawing of 105x105 pixels (it is {'x'.join(map(str, pixels.shape))})")
    return np.asarray(Image.fromarray(pixels[..., 0]).resize((_SIDE, _SIDE), Image.Resampling.NEAREST))


def _unpack(folder: Path, split: str, archive: bytes) -> None:
    # Only paths of this form are written, so nothing leads out of the folder.
    form = rf"{SPLITS[split]}/[^/\\:.]+/[^/\\:.]+/[^/\\:.]+\.png"
    for name, content in zip_members(archive, form, DRAWINGS[split], _MAX_DRAWING_BYTES):
        write_whole(folder / name, content)


_INFO = DataSetInfo(
    name="omniglot28",
    title="Omniglot",
    images="105x105 black-and-white drawings of characters, 19,280 train and 13,180 test, 964 and 659 classes",
    licence="MIT",
    citation="Lake, Salakhutdinov and Tenenbaum (2015), Human-level concept learning through probabilistic "
    "program induction, Science 350(6266)",
    preprocessing="resized from 105x105 to 28x28 (Pillow's nearest neighbour)",
)
OMNIGLOT28 = Omniglot(replace(_INFO, preprocessing=f"{_INFO.preprocessing}, dark on white as published"))
OMNIGLOT28_INVERTED = Omniglot(
    _INFO.inverted("inverted (255 - v) to white on black as in Burda et al. (2015)"), invert=True
)
