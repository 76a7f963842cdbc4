"""ImageNet at 32x32, downsampled by Chrabaszcz, Loshchilov and Hutter (2017)."""

import zipfile
import zlib
from pathlib import Path

import numpy as np

from hvae.datasets.base import DataSetInfo, ImageSet, Progress
from hvae.datasets.npz import read_array
from hvae.datasets.pickles import as_array, read_pickle
from hvae.errors import DataError

SHAPE = (3, 32, 32)
CLASSES = 1_000
BATCHES = {"train": tuple(f"train_data_batch_{number}" for number in range(1, 11)), "test": ("val_data",)}
IMAGES = {"train": 1_281_167, "test": 50_000}

_FOLDER = "imagenet32"
_MAX_BATCH_BYTES = 512 * 2**20


class Imagenet32:
    """A data set in ``ROOT/imagenet32``, each batch as it is published: ``NAME.npz``, or the pickle ``NAME``."""

    info = DataSetInfo(
        name="imagenet32",
        title="ImageNet 32x32",
        images="32x32 colour photographs, 1,281,167 train and 50,000 test (ImageNet's validation set), 1,000 classes",
        licence="for non-commercial research only, after registration",
        citation="Chrabaszcz, Loshchilov and Hutter (2017), A downsampled variant of ImageNet as an alternative to the "
        "CIFAR datasets, arXiv:1707.08819",
        preprocessing="none",
        downloadable=False,
        shape=SHAPE,
    )

    def available(self, root: Path) -> bool:
        """Whether every batch is there in one of its forms."""
        return all(_find(root / _FOLDER, name) for names in BATCHES.values() for name in names)

    def load(self, split: str, root: Path) -> ImageSet:
        """Images ``(n, 3, 32, 32)`` and labels 0..999 in the order of the batches; ``train`` takes 4 GB of memory."""
        images = np.empty((IMAGES[split], *SHAPE), dtype=np.uint8)
        labels = np.empty(IMAGES[split], dtype=np.int64)
        done = 0
        for name in BATCHES[split]:
            path = _find(root / _FOLDER, name)
            if path is None:
                raise DataError(f"ImageNet 32x32 has no {name} in {root / _FOLDER}: {_placing(root)}")
            rows, classes = _read(path)
            if done + len(rows) > IMAGES[split]:
                raise DataError(f"{path}: more images than the {IMAGES[split]:,} of {split}")
            images[done : done + len(rows)] = rows.reshape(-1, *SHAPE)
            labels[done : done + len(rows)] = classes - 1
            done += len(rows)
        if done != IMAGES[split]:
            raise DataError(f"{root / _FOLDER} holds {done:,} images of {split}, not {IMAGES[split]:,}")
        return ImageSet("imagenet32", split, images, labels)

    def fetch(self, root: Path, progress: Progress | None = None) -> None:
        """Say how to place the files, unless they are there: ImageNet asks for a registration."""
        if not self.available(root):
            raise DataError(f"ImageNet 32x32 cannot be downloaded: {_placing(root)}")


def _placing(root: Path) -> str:
    return (
        "register at image-net.org, download the 32x32 images (train and val), put train_data_batch_1 to _10 and "
        f"val_data, .npz or not, into {root / _FOLDER}, or set HVAE_DATA to the folder that has it"
    )


def _find(folder: Path, name: str) -> Path | None:
    return next((path for path in (folder / f"{name}.npz", folder / name) if path.is_file()), None)


def _read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Rows `(n, 3072)` and labels 1..1000 `(n,)` of one batch, checked."""
    try:
        if path.stat().st_size > _MAX_BATCH_BYTES:
            raise DataError(f"more than the {_MAX_BATCH_BYTES:,} bytes of a batch")
        rows, labels = _arrays(path)
        if rows.dtype != np.uint8 or rows.ndim != 2 or rows.shape[1] != np.prod(SHAPE):
            raise DataError(f"`data` is {rows.shape} {rows.dtype}; needed is (n, 3072) uint8")
        if labels.shape != rows.shape[:1] or labels.dtype.kind not in "ui":
            raise DataError(f"`labels` is {labels.shape} {labels.dtype}; needed is ({len(rows)},) integers")
        if len(labels) and not (labels.min() >= 1 and labels.max() <= CLASSES):
            raise DataError(f"`labels` has numbers that are no classes from 1 to {CLASSES:,}")
    # What a damaged archive brings zipfile, zlib and numpy's header parser to.
    except (OSError, EOFError, RuntimeError, ValueError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path}: {error}") from error
    return rows, labels.astype(np.int64)


def _arrays(path: Path) -> tuple[np.ndarray, np.ndarray]:
    if path.suffix == ".npz":
        with zipfile.ZipFile(path) as archive:
            return read_array(archive, "data"), read_array(archive, "labels")
    batch = read_pickle(path.read_bytes())
    if not isinstance(batch, dict) or not {"data", "labels"} <= batch.keys():
        raise DataError("no batch: it has no `data` and `labels`")
    labels = batch["labels"]
    if not isinstance(labels, list):
        return as_array(batch["data"]), as_array(labels)
    if not all(isinstance(label, int) and 0 <= label <= CLASSES for label in labels):
        raise DataError(f"`labels` has numbers that are no classes from 1 to {CLASSES:,}")
    return as_array(batch["data"]), np.array(labels, dtype=np.int64)


DATA_SET = Imagenet32()
