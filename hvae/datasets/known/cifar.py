"""The format of CIFAR-10 and CIFAR-100: pickled batches of 32x32 colour images, in torchvision's folder layout."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hvae.datasets.base import DataSetInfo, ImageSet, Progress
from hvae.datasets.fetching.archives import tar_members
from hvae.datasets.fetching.download import write_whole
from hvae.datasets.fetching.pickles import read_pickle
from hvae.datasets.fetching.published_files import PublishedFile, checked, intact, obtain
from hvae.errors import DataError

SHAPE = (3, 32, 32)

_MAX_BATCH_BYTES = 256 * 2**20


@dataclass(frozen=True)
class Cifar:
    """A data set in ``ROOT/<folder>/<batch>``, each batch known by its published MD5.

    Attributes:
        info: The facts about it.
        folder: Folder of the batches, also inside the archive.
        archive: The published archive.
        batches: (file name, MD5) of each batch in the official order, by split.
        labels: Name of the labels in a batch.
        classes: Number of classes.
    """

    info: DataSetInfo
    folder: str
    archive: PublishedFile
    batches: dict[str, tuple[tuple[str, str], ...]]
    labels: str
    classes: int

    def available(self, root: Path) -> bool:
        """Whether all batches are there."""
        return all((root / self.folder / name).is_file() for name, _ in self._all_batches())

    def load(self, split: str, root: Path) -> ImageSet:
        """Images ``(n, 3, 32, 32)`` and labels ``(n,)`` of ``split``, in the order of the batches."""
        folder = root / self.folder
        if not all((folder / name).is_file() for name, _ in self.batches[split]):
            raise DataError(
                f"{self.info.title} is not in {folder}: run `hvae data fetch {self.info.name}`, "
                f"put {' and '.join(name for name, _ in self.batches[split])} there, "
                "or set HVAE_DATA to the folder that has them"
            )
        read = [self._read(folder / name, md5) for name, md5 in self.batches[split]]
        images, labels = (np.concatenate(parts) for parts in zip(*read, strict=True))
        return ImageSet(self.info.name, split, images, labels)

    def fetch(self, root: Path, progress: Progress | None = None) -> None:
        """Download the archive unless all batches are there and intact; an archive placed beside them will do."""
        folder = root / self.folder
        if all(intact(folder / name, md5) for name, md5 in self._all_batches()):
            return

        def unpack(archive: bytes) -> None:
            names = [f"{self.folder}/{name}" for name, _ in self._all_batches()]
            for name, content in tar_members(archive, names, _MAX_BATCH_BYTES).items():
                write_whole(root / name, content)

        obtain(self.info.title, [(self.archive, unpack)], folder, progress)

    def _all_batches(self) -> list[tuple[str, str]]:
        return [batch for batches in self.batches.values() for batch in batches]

    def _read(self, path: Path, md5: str) -> tuple[np.ndarray, np.ndarray]:
        content = checked(path, md5)
        try:
            return self._parse(content)
        except DataError as error:
            raise DataError(f"{path}: {error}") from error

    def _parse(self, content: bytes) -> tuple[np.ndarray, np.ndarray]:
        batch = read_pickle(content)
        if not isinstance(batch, dict) or not {"data", self.labels} <= batch.keys():
            raise DataError(f"no batch of {self.info.title}: it has no `data` and `{self.labels}`")
        rows, labels = batch["data"], batch[self.labels]
        if not isinstance(rows, np.ndarray):
            raise DataError("`data` is no array of numbers")
        if rows.dtype != np.uint8 or rows.ndim != 2 or rows.shape[1] != np.prod(SHAPE):
            raise DataError(f"`data` is {rows.shape} {rows.dtype}; needed is (n, 3072) uint8")
        if not isinstance(labels, list) or len(labels) != len(rows):
            raise DataError(f"{len(rows):,} images, but not as many labels in `{self.labels}`")
        if not all(isinstance(label, int) and 0 <= label < self.classes for label in labels):
            raise DataError(f"`{self.labels}` has labels that are no classes from 0 to {self.classes - 1}")
        return rows.reshape(-1, *SHAPE), np.array(labels, dtype=np.int64)


CIFAR10 = Cifar(
    info=DataSetInfo(
        name="cifar10",
        title="CIFAR-10",
        images="32x32 colour images of animals and vehicles, 50,000 train and 10,000 test, 10 classes",
        licence="none stated",
        citation="Krizhevsky (2009), Learning multiple layers of features from tiny images, University of Toronto",
        preprocessing="none",
        shape=SHAPE,
    ),
    folder="cifar-10-batches-py",
    archive=PublishedFile(
        "cifar-10-python.tar.gz",
        ("https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",),
        checksum="c58f30108f718f92721af3b95e74349a",
        size=170_498_071,
    ),
    batches={
        "train": (
            ("data_batch_1", "c99cafc152244af753f735de768cd75f"),
            ("data_batch_2", "d4bba439e000b95fd0a9bffe97cbabec"),
            ("data_batch_3", "54ebc095f3ab1f0389bbae665268c751"),
            ("data_batch_4", "634d18415352ddfa80567beed471001a"),
            ("data_batch_5", "482c414d41f54cd18b22e5b47cb7c3cb"),
        ),
        "test": (("test_batch", "40351d587109b95175f43aff81a1287e"),),
    },
    labels="labels",
    classes=10,
)


CIFAR100 = Cifar(
    info=DataSetInfo(
        name="cifar100",
        title="CIFAR-100",
        images="32x32 colour images of things and animals, 50,000 train and 10,000 test, 100 classes",
        licence="none stated",
        citation="Krizhevsky (2009), Learning multiple layers of features from tiny images, University of Toronto",
        preprocessing="none",
        shape=SHAPE,
    ),
    folder="cifar-100-python",
    archive=PublishedFile(
        "cifar-100-python.tar.gz",
        ("https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",),
        checksum="eb9058c3a382ffc7106e4002c42a8d85",
        size=169_001_437,
    ),
    batches={
        "train": (("train", "16019d7e3df5f24257cddd939b257f8d"),),
        "test": (("test", "f0ef6b0ae62326f3e7ffdfab6717acfc"),),
    },
    labels="fine_labels",
    classes=100,
)
