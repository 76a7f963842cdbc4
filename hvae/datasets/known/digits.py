"""scikit-learn's digits: 8x8 images that come with the library, brought to the format of MNIST."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from hvae.datasets.base import DataSet, DataSetInfo, ImageSet
from hvae.datasets.own.conforming import conform
from hvae.errors import DataError

TRAIN_IMAGES = 1_400
"""Size of ``train``: the first of a permutation with seed 0; the other 397 are ``test``. Not split by writer."""

_INNER = 20


class Digits(DataSet):
    """The bundled test part of UCI's Optical Recognition of Handwritten Digits."""

    info = DataSetInfo(
        name="digits",
        title="Digits (scikit-learn)",
        images="8x8 grey images of handwritten digits with 17 levels, 1,797 in all, 10 classes; needs no download",
        licence="CC BY 4.0",
        citation="Alpaydin and Kaynak (1998), Optical Recognition of Handwritten Digits, UCI Machine Learning "
        "Repository",
        preprocessing="0..16 scaled to 0..255, resized from 8x8 to 20x20 (bicubic), centred in 28x28 as in MNIST",
        splits=("train", "test", "all"),
        downloadable=False,
    )

    def load(self, split: str, root: Path) -> ImageSet:
        """Images ``(n, 1, 28, 28)``: 1,400 ``train``, 397 ``test`` or ``all`` 1,797, in scikit-learn's order."""
        table = _read()
        levels = np.rint(table[:, :-1] * (255 / 16)).astype(np.uint8).reshape(-1, 8, 8, 1)
        margin = (28 - _INNER) // 2
        images = np.zeros((len(levels), 1, 28, 28), dtype=np.uint8)
        for image, level in zip(images, levels, strict=True):
            image[:, margin:-margin, margin:-margin] = conform(level, (1, _INNER, _INNER))
        labels = table[:, -1].astype(np.int64)
        if split != "all":
            order = np.random.Generator(np.random.PCG64(0)).permutation(len(images))
            chosen = np.sort(order[:TRAIN_IMAGES] if split == "train" else order[TRAIN_IMAGES:])
            images, labels = images[chosen], labels[chosen]
        return ImageSet("digits", split, images, labels, self.info.preprocessing)


def _read() -> np.ndarray:
    """The 64 pixels (0..16) and the label of every image, `(1797, 65)`.

    The file is read where scikit-learn keeps it: importing the library takes a second, and a page shows the images.
    """
    library = find_spec("sklearn")
    if library is None or library.origin is None:
        raise DataError("digits come with scikit-learn, which is not installed: pip install scikit-learn")
    path = Path(library.origin).parent / "datasets" / "data" / "digits.csv.gz"
    try:
        return np.loadtxt(path, delimiter=",")
    except OSError:
        from sklearn.datasets import load_digits

        pixels, labels = load_digits(return_X_y=True)
        return np.column_stack([pixels, labels])


DATA_SET = Digits()
