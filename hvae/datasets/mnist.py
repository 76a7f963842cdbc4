"""MNIST: 28x28 grey images of handwritten digits (LeCun, Bottou, Bengio and Haffner, 1998)."""

from hvae.datasets.base import DataSetInfo
from hvae.datasets.mnist_format import MnistFormat

DATA_SET = MnistFormat(
    info=DataSetInfo(
        name="mnist",
        title="MNIST",
        images="28x28 grey images of handwritten digits, 60,000 train and 10,000 test, 10 classes",
        licence="CC BY-SA 3.0",
        citation="LeCun, Bottou, Bengio and Haffner (1998), Gradient-based learning applied to document recognition, "
        "Proceedings of the IEEE 86(11)",
        preprocessing="none",
    ),
    folder="MNIST",
    archive_bytes=(9_912_422, 28_881, 1_648_877, 4_542),
)
