"""KMNIST: 28x28 grey images of cursive Japanese characters (Clanuwat et al., 2018)."""

from hvae.datasets.base import DataSetInfo
from hvae.datasets.mnist_format import MnistFormat

DATA_SET = MnistFormat(
    info=DataSetInfo(
        name="kmnist",
        title="KMNIST",
        images="28x28 grey images of cursive hiragana, 60,000 train and 10,000 test, 10 classes",
        licence="CC BY-SA 4.0",
        citation="Clanuwat, Bober-Irizar, Kitamoto, Lamb, Yamamoto and Ha (2018), Deep learning for classical Japanese "
        "literature, arXiv:1812.01718",
        preprocessing="none",
    ),
    folder="KMNIST",
    archive_bytes=(18_165_135, 29_497, 3_041_136, 5_120),
)
