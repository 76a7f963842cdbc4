"""The gallery: which image a tile is, and what stands where there is none."""

import base64
import io

import numpy as np
from PIL import Image

from app.figures import gallery
from hvae.datasets.looks import VERMILION


def tile(index: int, value: int | None, slug: str = "mnist") -> gallery.Tile:
    pixels = None if value is None else np.full((28, 28, 3), value, np.uint8)
    return gallery.Tile(slug, index, f"{index}.5", pixels)


def pixels_of(figure) -> np.ndarray:
    source = figure.layout.images[0].source
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))).convert("RGBA"))


def test_every_mark_lies_on_its_image() -> None:
    for count in (1, 6, 7, 12, 13, 24):
        values = np.linspace(40, 250, count).astype(int)
        figure = gallery.gallery([tile(number, int(value)) for number, value in enumerate(values)], "title")
        sheet, marks = pixels_of(figure), figure.data[0]
        width, height = (figure.layout.images[0][side] for side in ("sizex", "sizey"))
        assert list(marks.customdata) == list(range(count))
        assert width <= 8 and figure.layout.yaxis.range[0] == height
        for x, y, value in zip(marks.x, marks.y, values, strict=True):
            at = sheet[int(y / height * sheet.shape[0]), int(x / width * sheet.shape[1])]
            assert tuple(at) == (value, value, value, 255)


def test_images_are_enlarged_without_smoothing() -> None:
    checks = np.kron(np.indices((28, 28)).sum(0)[..., None] % 2, np.ones((1, 1, 3))).astype(np.uint8) * 255
    figure = gallery.gallery([gallery.Tile("mnist", 0, "", checks)], "title")
    sheet = pixels_of(figure)
    assert set(np.unique(sheet[:100, :100, 0])) == {0, 255}


def test_a_missing_image_is_a_grey_tile_with_its_name() -> None:
    one, other = (
        pixels_of(gallery.gallery([tile(index, None, "omniglot28_inverted")], "title")) for index in (123, 124)
    )
    assert (one[..., :3] == 160).all(-1).mean() > 0.1 and (one != other).any(), "the number is written on it"


def test_captions_stand_with_the_mark_of_their_set_and_cannot_hold_markup() -> None:
    tiles = [tile(0, 10), gallery.Tile("digits", 1, "<a href='x'>", None), tile(2, 30)]
    figure = gallery.gallery(tiles, "title", pinned=2)
    captions = {trace.name: list(trace.text) for trace in figure.data[1:]}
    assert captions["MNIST"] == ["0.5", "2.5"]
    assert "<" not in captions["Digits (scikit-learn)"][0]
    frame = figure.layout.shapes[0]
    assert frame.line.color == VERMILION and frame.x0 <= figure.data[0].x[2] <= frame.x1
