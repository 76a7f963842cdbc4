"""ImageNet at 32x32, downsampled by Chrabaszcz, Loshchilov and Hutter (2017)."""

import zipfile
import zlib
from pathlib import Path

import numpy as np

from hvae.datasets.base import DataSet, DataSetInfo, ImageSet, Progress
from hvae.datasets.own.arrays import read_array
from hvae.errors import DataError
from hvae.inputs import require_regular

SHAPE = (3, 32, 32)
CLASSES = 1_000
BATCHES = {"train": [f"train_data_batch_{number}" for number in range(1, 11)], "test": ["val_data"]}
IMAGES = {"train": 1_281_167, "test": 50_000}

_FOLDER = "imagenet32"
_MAX_BATCH_BYTES = 512 * 2**20


class Imagenet32(DataSet):
    """A data set in ``ROOT/imagenet32/NAME.npz``, one file a batch.

    The same batches are published as pickles too, which could run code: without checksums nothing tells them from
    hostile ones, so that they are not read.
    """

    info = DataSetInfo(
        name="imagenet32",
        title="ImageNet 32x32",
        images="32x32 colour photographs, 1,281,167 train and 50,000 test (ImageNet's validation set), 1,000 classes",
        licence="for non-commercial research only, after registration",
        citation="Chrabaszcz, Loshchilov and Hutter (2017), A downsampled variant of ImageNet as an alternative to the "
        "CIFAR datasets, arXiv:1707.08819",
        downloadable=False,
        shape=SHAPE,
    )

    def available(self, root: Path) -> bool:
        """Whether every batch is there."""
        return all((root / _FOLDER / f"{name}.npz").is_file() for names in BATCHES.values() for name in names)

    def load(self, split: str, root: Path) -> ImageSet:
        """Images ``(n, 3, 32, 32)`` and labels 0..999 in the order of the batches; ``train`` takes 4 GB of memory."""
        images, labels = np.empty((IMAGES[split], *SHAPE), np.uint8), np.empty(IMAGES[split], np.int64)
        done = 0
        for name in BATCHES[split]:
            path = root / _FOLDER / f"{name}.npz"
            if not path.is_file():
                raise DataError(f"ImageNet 32x32 has no {path.name} in {path.parent}: {_placing(root)}")
            rows, classes = _read(path)
            if done + len(rows) > IMAGES[split]:
                raise DataError(f"{path}: more images than the {IMAGES[split]:,} of {split}")
            batch = slice(done, done + len(rows))
            images[batch], labels[batch] = rows.reshape(-1, *SHAPE), classes - 1
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
        "register at image-net.org, download Imagenet32_train_npz.zip and Imagenet32_val_npz.zip (the other "
        "form is pickled, which could run code, and is not read), put train_data_batch_1.npz to _10.npz and "
        f"val_data.npz into {root / _FOLDER}, or set HVAE_DATA to the folder that has it"
    )


def _read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Rows `(n, 3072)` and labels 1..1000 `(n,)` of one batch, checked."""
    try:
        require_regular(path, _MAX_BATCH_BYTES)
        with zipfile.ZipFile(path) as archive:
            rows, labels = read_array(archive, "data"), read_array(archive, "labels")
        if rows.dtype != np.uint8 or rows.ndim != 2 or rows.shape[1] != np.prod(SHAPE):
            raise DataError(f"`data` is {rows.shape} {rows.dtype}; needed is (n, 3072) uint8")
        if labels.shape != rows.shape[:1] or labels.dtype.kind not in "ui":
            raise DataError(f"`labels` is {labels.shape} {labels.dtype}; needed is ({len(rows)},) integers")
        if len(labels) and not (labels.min() >= 1 and labels.max() <= CLASSES):
            raise DataError(f"`labels` has numbers that are no classes from 1 to {CLASSES:,}")
    # What a damaged archive brings zipfile, zlib and numpy's header parser to.
    except (OSError, EOFError, RuntimeError, ValueError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    return rows, labels.astype(np.int64)


DATA_SETS = (Imagenet32(),)
