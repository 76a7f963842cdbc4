"""Letters A to J rendered from fonts that come with matplotlib: an out-of-distribution set without any download."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from hvae.datasets.base import DataSet, DataSetInfo, ImageSet

CHARACTERS = "ABCDEFGHIJ"
_STYLES = {
    "DejaVuSans": ("", "-Bold", "-Oblique", "-BoldOblique"),
    "DejaVuSansMono": ("", "-Bold", "-Oblique", "-BoldOblique"),
    "DejaVuSerif": ("", "-Bold"),
}
FACES = tuple(family + style for family, styles in _STYLES.items() for style in styles)
PER_FACE = 20
"""Renderings of one character in one face, each with a size and an offset of its own."""

_SIDE = 28
_SIZES = (18, 26)
_OFFSET = 2


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
        return ImageSet("glyphs", split, np.stack(images)[:, None], np.array(labels, dtype=np.int64))


def _render(character: str, font: ImageFont.FreeTypeFont, offset: np.ndarray) -> np.ndarray:
    left, top, right, bottom = font.getbbox(character)
    corner = round((_SIDE - left - right) / 2) + int(offset[0]), round((_SIDE - top - bottom) / 2) + int(offset[1])
    image = Image.new("L", (_SIDE, _SIDE))
    ImageDraw.Draw(image).text(corner, character, fill=255, font=font)
    return np.asarray(image)


DATA_SET = Glyphs()
