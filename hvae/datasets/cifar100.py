"""CIFAR-100: 32x32 colour images of a hundred classes of things (Krizhevsky, 2009)."""

from hvae.datasets.base import DataSetInfo
from hvae.datasets.cifar import SHAPE, Cifar
from hvae.datasets.published_files import PublishedFile

DATA_SET = Cifar(
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
