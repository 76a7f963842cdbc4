"""FashionMNIST: 28x28 grey images of clothing (Xiao, Rasul and Vollgraf, 2017)."""

from hvae.datasets.base import DataSetInfo
from hvae.datasets.mnist_format import MnistFormat

DATA_SET = MnistFormat(
    info=DataSetInfo(
        name="fashionmnist",
        title="FashionMNIST",
        images="28x28 grey images of clothing, 60,000 train and 10,000 test, 10 classes",
        licence="MIT",
        citation="Xiao, Rasul and Vollgraf (2017), Fashion-MNIST: a novel image dataset for benchmarking machine "
        "learning algorithms, arXiv:1708.07747",
        preprocessing="none",
    ),
    folder="FashionMNIST",
    archive_bytes=(26_421_880, 29_515, 4_422_102, 5_148),
)
