"""CIFAR-10: 32x32 colour images of ten classes of things (Krizhevsky, 2009)."""

from hvae.datasets.base import DataSetInfo
from hvae.datasets.cifar import SHAPE, Cifar
from hvae.datasets.published_files import PublishedFile

DATA_SET = Cifar(
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
