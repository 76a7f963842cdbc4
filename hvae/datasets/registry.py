"""Data sets by name. A new one is one module that defines ``DATA_SET``, and one line here."""

import difflib
from pathlib import Path

from hvae.datasets import cifar10, digits, fashionmnist, glyphs, mnist, notmnist
from hvae.datasets.base import DataSet, DataSetInfo, ImageSet, Progress
from hvae.datasets.conforming import conform_set
from hvae.datasets.folder import FolderDataSet
from hvae.datasets.home import data_root
from hvae.datasets.npz import NpzDataSet
from hvae.errors import DataError

_DATA_SETS: dict[str, DataSet] = {
    "fashionmnist": fashionmnist.DATA_SET,
    "mnist": mnist.DATA_SET,
    "notmnist": notmnist.DATA_SET,
    "digits": digits.DATA_SET,
    "glyphs": glyphs.DATA_SET,
    "cifar10": cifar10.DATA_SET,
}
_PATHS = {"folder": FolderDataSet, "npz": NpzDataSet}
_GREY_28 = (1, 28, 28)


def names() -> list[str]:
    """Names of all data sets, in the order of the registry; `load` takes ``folder:PATH`` and ``npz:PATH`` besides."""
    return list(_DATA_SETS)


def info(name: str) -> DataSetInfo:
    """The facts about the data set ``name``.

    Raises:
        DataError: If there is no such data set, with the closest names.
    """
    return _find(name).info


def available(name: str, root: Path | None = None) -> bool:
    """Whether the files of ``name`` are below ``root`` (default `data_root`); reads no image."""
    return _find(name).available(root or data_root())


def load(
    name: str, split: str = "test", root: Path | None = None, image_shape: tuple[int, int, int] = _GREY_28
) -> ImageSet:
    """Load the images of one split.

    Args:
        name: A name from `names`, ``folder:PATH`` or ``npz:PATH``.
        split: ``train``, ``test``, or what `info` names.
        root: Folder of the data sets; default `data_root`.
        image_shape: ``(channels, height, width)`` that the model expects; images of another shape are padded and
            resized, and the note says so.

    Returns:
        Images ``(n, *image_shape)`` uint8.

    Raises:
        DataError: If the name or split is unknown, or the files are missing or damaged.
    """
    data_set = _find(name, image_shape)
    if split not in data_set.info.splits:
        raise DataError(f"{name} has no split {split!r}; it has {', '.join(data_set.info.splits)}")
    return conform_set(data_set.load(split, root or data_root()), image_shape)


def fetch(name: str, root: Path | None = None, progress: Progress | None = None) -> None:
    """Download ``name`` to ``root``; what is there and intact stays.

    Raises:
        DataError: If it cannot be downloaded, with the reason and the way to place the files by hand.
    """
    _find(name).fetch(root or data_root(), progress)


def _find(name: str, image_shape: tuple[int, int, int] = _GREY_28) -> DataSet:
    if name in _DATA_SETS:
        return _DATA_SETS[name]
    kind, _, path = name.partition(":")
    if kind in _PATHS:
        if not path:
            raise DataError(f"{name!r} names no path; write {kind}:PATH")
        return _PATHS[kind](path, image_shape)
    close = difflib.get_close_matches(name.lower(), _DATA_SETS, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(close)}?" if close else f"known are {', '.join(_DATA_SETS)}"
    raise DataError(f"there is no data set {name!r}: {hint} (one's own images: folder:PATH or npz:PATH)")
