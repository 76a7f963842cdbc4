"""Data sets without any download: digits that come with scikit-learn, letters rendered from the fonts of matplotlib."""

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from hvae.datasets.base import DataSet, DataSetInfo, ImageSet
from hvae.datasets.conversions import conform
from hvae.errors import DataError

TRAIN_IMAGES = 1_400
"""Size of ``train``: the first of a permutation with seed 0; the other 397 are ``test``. Not split by writer."""

_INNER, _SIDE = 20, 28


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
        images, labels = _digits()
        order = np.random.Generator(np.random.PCG64(0)).permutation(len(images))
        chosen = np.sort({"train": order[:TRAIN_IMAGES], "test": order[TRAIN_IMAGES:], "all": order}[split])
        return ImageSet("digits", split, images[chosen], labels[chosen], self.info.preprocessing)


@lru_cache(maxsize=1)
def _digits() -> tuple[np.ndarray, np.ndarray]:
    """(images, labels), made once: to resize them takes longer than to score them."""
    table = _read()
    levels = np.rint(table[:, :-1] * (255 / 16)).astype(np.uint8).reshape(-1, 8, 8, 1)
    margin, small = (_SIDE - _INNER) // 2, [conform(level, (1, _INNER, _INNER)) for level in levels]
    images = np.pad(np.stack(small), ((0, 0), (0, 0), (margin, margin), (margin, margin)))
    return images, table[:, -1].astype(np.int64)


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


CHARACTERS = "ABCDEFGHIJ"
_STYLES = {
    "DejaVuSans": ("", "-Bold", "-Oblique", "-BoldOblique"),
    "DejaVuSansMono": ("", "-Bold", "-Oblique", "-BoldOblique"),
    "DejaVuSerif": ("", "-Bold"),
}
FACES = tuple(family + style for family, styles in _STYLES.items() for style in styles)
PER_FACE = 20
"""Renderings of one character in one face, each with a size and an offset of its own."""

_SIZES, _OFFSET = (18, 26), 2


class Glyphs(DataSet):
    """Rendered capital letters, in classes and format those of notMNIST."""

    info = DataSetInfo(
        name="glyphs",
        title="Glyphs (DejaVu fonts)",
        images="28x28 grey images of the letters A to J, white on black, 2,000 in all, 10 classes; needs no download",
        licence="DejaVu Fonts licence (Bitstream Vera derivative)",
        citation="rendered by this package from the DejaVu fonts, version 2.37",
        preprocessing="rendered with anti-aliasing at 18 to 26 pixels, shifted by up to 2 pixels",
        splits=("test", "all"),
        downloadable=False,
    )

    def load(self, split: str, root: Path) -> ImageSet:
        """Images ``(2000, 1, 28, 28)``, ordered by face, then character; the same on every call."""
        images, labels = _glyphs()
        return ImageSet("glyphs", split, images.copy(), labels.copy())


@lru_cache(maxsize=1)
def _glyphs() -> tuple[np.ndarray, np.ndarray]:
    """(images, labels), rendered once."""
    # Imported here: only the folder of its fonts is needed, and only for this data set.
    import matplotlib

    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    generator = np.random.Generator(np.random.PCG64(0))
    images, labels = [], []
    for face in FACES:
        by_size = {
            # The basic layout engine does not depend on libraqm, which not every Pillow has.
            size: ImageFont.truetype(fonts / f"{face}.ttf", size, layout_engine=ImageFont.Layout.BASIC)
            for size in range(_SIZES[0], _SIZES[1] + 1)
        }
        for label, character in enumerate(CHARACTERS):
            sizes = generator.integers(*_SIZES, size=PER_FACE, endpoint=True)
            offsets = generator.integers(-_OFFSET, _OFFSET, size=(PER_FACE, 2), endpoint=True)
            for size, offset in zip(sizes, offsets, strict=True):
                images.append(_render(character, by_size[int(size)], offset))
                labels.append(label)
    return np.stack(images)[:, None], np.array(labels, dtype=np.int64)


def _render(character: str, font: ImageFont.FreeTypeFont, offset: np.ndarray) -> np.ndarray:
    left, top, right, bottom = font.getbbox(character)
    corner = round((_SIDE - left - right) / 2) + int(offset[0]), round((_SIDE - top - bottom) / 2) + int(offset[1])
    image = Image.new("L", (_SIDE, _SIDE))
    ImageDraw.Draw(image).text(corner, character, fill=255, font=font)
    return np.asarray(image)


DATA_SETS = (Digits(), Glyphs())
