"""The format of CIFAR-10 and CIFAR-100: pickled batches of 32x32 colour images, in torchvision's folder layout."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hvae.datasets.base import DataSetInfo, about
from hvae.datasets.fetching.archives import read_pickle, tar_members, write_whole
from hvae.datasets.fetching.published_files import PublishedDataSet, PublishedFile, checked, intact
from hvae.errors import DataError

SHAPE = (3, 32, 32)

_MAX_BATCH_BYTES = 256 * 2**20


@dataclass(frozen=True, kw_only=True)
class Cifar(PublishedDataSet):
    """A data set in ``ROOT/<folder>/<batch>``, as inside the published archive, each batch known by its published MD5.

    ``batches`` has (file name, MD5) of each batch in the official order, by split; ``labels`` is their name in a batch.
    """

    archive: PublishedFile
    batches: dict[str, tuple[tuple[str, str], ...]]
    labels: str
    classes: int

    def _names(self, split: str) -> list[str]:
        return [name for name, _ in self.batches[split]]

    def _published(self) -> Mapping[str, PublishedFile]:
        return dict.fromkeys(self._checksums, self.archive)

    @property
    def _checksums(self) -> dict[str, str]:
        return dict(batch for batches in self.batches.values() for batch in batches)

    def _intact(self, path: Path) -> bool:
        return intact(path, self._checksums[path.name])

    def _unpack(self, file: PublishedFile, data: bytes, folder: Path) -> None:
        names = [f"{self.folder}/{name}" for name in self._checksums]
        for name, content in tar_members(data, names, _MAX_BATCH_BYTES).items():
            write_whole(folder.parent / name, content)

    def _read(self, paths: list[Path]) -> tuple[np.ndarray, np.ndarray]:
        read = []
        for path in paths:
            content = checked(path, self._checksums[path.name])
            with about(path):
                read.append(self._parse(content))
        images, labels = (np.concatenate(parts) for parts in zip(*read, strict=True))
        return images, labels

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


def _archive(name: str, md5: str, size: int) -> PublishedFile:
    return PublishedFile(name, (f"https://www.cs.toronto.edu/~kriz/{name}",), md5, size)


CIFAR10 = Cifar(
    info=DataSetInfo(
        name="cifar10",
        download_bytes=170_498_071,
        title="CIFAR-10",
        images="32x32 colour images of animals and vehicles, 50,000 train and 10,000 test, 10 classes",
        licence="none stated",
        citation="Krizhevsky (2009), Learning multiple layers of features from tiny images, University of Toronto",
        shape=SHAPE,
    ),
    folder="cifar-10-batches-py",
    archive=_archive("cifar-10-python.tar.gz", "c58f30108f718f92721af3b95e74349a", 170_498_071),
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
    info=replace(
        CIFAR10.info,
        name="cifar100",
        download_bytes=169_001_437,
        title="CIFAR-100",
        images="32x32 colour images of things and animals, 50,000 train and 10,000 test, 100 classes",
    ),
    folder="cifar-100-python",
    archive=_archive("cifar-100-python.tar.gz", "eb9058c3a382ffc7106e4002c42a8d85", 169_001_437),
    batches={
        "train": (("train", "16019d7e3df5f24257cddd939b257f8d"),),
        "test": (("test", "f0ef6b0ae62326f3e7ffdfab6717acfc"),),
    },
    labels="fine_labels",
    classes=100,
)

DATA_SETS = (CIFAR10, CIFAR100)
