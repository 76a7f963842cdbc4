"""SVHN: 32x32 colour images of house numbers, centred on one digit (Netzer et al., 2011)."""

import io
from functools import partial
from pathlib import Path

import numpy as np

from hvae.datasets.base import DataSetInfo, ImageSet, Progress
from hvae.datasets.fetching.download import write_whole
from hvae.datasets.fetching.published_files import PublishedFile, checked, intact, obtain
from hvae.errors import DataError

FILES = {
    "train": PublishedFile(
        "train_32x32.mat",
        ("http://ufldl.stanford.edu/housenumbers/train_32x32.mat",),
        checksum="e26dedcc434d2e4c54c9b2d4a06d8373",
        size=182_040_794,
    ),
    "test": PublishedFile(
        "test_32x32.mat",
        ("http://ufldl.stanford.edu/housenumbers/test_32x32.mat",),
        checksum="eb5a983be6a315427106f1b164d9cef3",
        size=64_275_384,
    ),
}
"""The ``extra`` split (531,131 easier images) is not read: a model of it would be another data set's."""


class Svhn:
    """A data set in ``ROOT/{train,test}_32x32.mat``, as torchvision puts it there."""

    info = DataSetInfo(
        name="svhn",
        title="SVHN",
        images="32x32 colour images of house numbers, 73,257 train and 26,032 test, 10 classes",
        licence="for non-commercial use only",
        citation="Netzer, Wang, Coates, Bissacco, Wu and Ng (2011), Reading digits in natural images with unsupervised "
        "feature learning, NIPS workshop on deep learning and unsupervised feature learning",
        preprocessing="none",
        shape=(3, 32, 32),
    )

    def available(self, root: Path) -> bool:
        """Whether both files are there."""
        return all((root / file.name).is_file() for file in FILES.values())

    def load(self, split: str, root: Path) -> ImageSet:
        """Images ``(n, 3, 32, 32)`` and labels ``(n,)``, the digit 0 under the label 0."""
        file = FILES[split]
        path = root / file.name
        if not path.is_file():
            raise DataError(
                f"SVHN is not in {root}: run `hvae data fetch svhn`, put {file.name} there, "
                "or set HVAE_DATA to the folder that has it"
            )
        content = checked(path, file.checksum)
        try:
            images, labels = _parse(content)
        except DataError as error:
            raise DataError(f"{path}: {error}") from error
        return ImageSet("svhn", split, images, labels)

    def fetch(self, root: Path, progress: Progress | None = None) -> None:
        """Download what is missing or damaged."""
        wanted = [file for file in FILES.values() if not intact(root / file.name, file.checksum)]
        obtain(self.info.title, [(file, partial(write_whole, root / file.name)) for file in wanted], root, progress)


def _parse(content: bytes) -> tuple[np.ndarray, np.ndarray]:
    # Imported here: scipy's reader is only needed for this data set.
    from scipy.io import loadmat

    try:
        held = loadmat(io.BytesIO(content), variable_names=("X", "y"))
    # Damaged files surface from the parser as almost any exception.
    except Exception as error:
        raise DataError(f"no MATLAB file that can be read ({error})") from error
    pixels, labels = held.get("X"), held.get("y")
    if pixels is None or labels is None:
        raise DataError("it has no `X` and `y`")
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[:3] != (32, 32, 3):
        raise DataError(f"`X` is {pixels.shape} {pixels.dtype}; needed is (32, 32, 3, n) uint8")
    if labels.shape != (pixels.shape[3], 1) or labels.dtype.kind not in "ui":
        raise DataError(f"`y` is {labels.shape} {labels.dtype}; needed is ({pixels.shape[3]}, 1) integers")
    if labels.min() < 1 or labels.max() > 10:
        raise DataError("`y` has labels that are no classes from 1 to 10")
    images = np.ascontiguousarray(pixels.transpose(3, 2, 0, 1))
    return images, labels[:, 0].astype(np.int64) % 10


DATA_SET = Svhn()
