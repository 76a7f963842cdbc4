"""SVHN: 32x32 colour images of house numbers, centred on one digit (Netzer et al., 2011)."""

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from hvae.datasets.base import DataSetInfo, about
from hvae.datasets.fetching.published_files import PublishedDataSet, PublishedFile, checked
from hvae.errors import DataError

_ADDRESS = "http://ufldl.stanford.edu/housenumbers/"
FILES = {
    split: PublishedFile(name, (_ADDRESS + name,), md5, size)
    for split, name, md5, size in (
        ("train", "train_32x32.mat", "e26dedcc434d2e4c54c9b2d4a06d8373", 182_040_794),
        ("test", "test_32x32.mat", "eb5a983be6a315427106f1b164d9cef3", 64_275_384),
    )
}
"""The ``extra`` split (531,131 easier images) is not read: a model of it would be another data set's."""


class Svhn(PublishedDataSet):
    """A data set in ``ROOT/{train,test}_32x32.mat``, as torchvision puts it there; the digit 0 has the label 0."""

    def _names(self, split: str) -> list[str]:
        return [FILES[split].name]

    def _published(self) -> Mapping[str, PublishedFile]:
        return {file.name: file for file in FILES.values()}

    def _read(self, paths: list[Path]) -> tuple[np.ndarray, np.ndarray]:
        [path] = paths
        content = checked(path, self._published()[path.name].checksum)
        with about(path):
            return _parse(content)


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
    return np.ascontiguousarray(pixels.transpose(3, 2, 0, 1)), labels[:, 0] % 10


DATA_SETS = (
    Svhn(
        info=DataSetInfo(
            name="svhn",
            download_bytes=246_316_178,
            title="SVHN",
            images="32x32 colour images of house numbers, 73,257 train and 26,032 test, 10 classes",
            licence="for non-commercial use only",
            citation="Netzer, Wang, Coates, Bissacco, Wu and Ng (2011), Reading digits in natural images with "
            "unsupervised feature learning, NIPS workshop on deep learning and unsupervised feature learning",
            shape=(3, 32, 32),
        )
    ),
)
