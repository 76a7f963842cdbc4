"""What is made of one image from outside, and how it is said."""

import numpy as np
import pytest
from PIL import Image

from hvae.datasets.own.outside import Treatment, read_picture
from tests.hvae.datasets.own.made_files import encode, rotated


def test_what_was_done_is_said_in_order():
    white = np.full((40, 20, 3), 255, np.uint8)
    picture = read_picture(encode(white, "JPEG", exif=rotated()), "x.jpg", Treatment((1, 28, 28), invert=True))
    assert picture.image.shape == (1, 28, 28) and picture.image.dtype == np.uint8
    assert picture.changes == (
        "rotated by EXIF",
        "inverted",
        "converted to grey, resized from 20x40 to 28x28 (padded with black)",
    )
    assert picture.image.max() == 0


def test_an_image_of_the_right_shape_is_left_alone():
    pixels = np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8)
    picture = read_picture(encode(pixels), "x.png", Treatment((1, 28, 28)))
    np.testing.assert_array_equal(picture.image, pixels[None])
    assert picture.changes == ()


@pytest.mark.parametrize(
    ("fit", "words", "corner"), [("pad", "padded", 0), ("crop", "cropped", 255), ("squash", "stretched", 255)]
)
def test_fits(fit, words, corner):
    picture = read_picture(encode(np.full((10, 40), 255, np.uint8)), "x.png", Treatment((1, 28, 28), fit))
    assert picture.image[0, 0, 0] == corner
    assert words in picture.changes[-1]


def test_16_bit_and_colour_models():
    picture = read_picture(encode(np.full((28, 28), 65_535, np.uint16)), "x.png", Treatment((3, 28, 28)))
    assert (picture.image == 255).all() and picture.image.shape == (3, 28, 28)
    assert picture.changes == ("rescaled to 8 bits", "grey repeated as colour")


def test_a_large_photo_is_said_in_its_own_size():
    photo = encode(Image.new("RGB", (3_000, 2_000), (200, 200, 200)), "JPEG", exif=rotated())
    picture = read_picture(photo, "x.jpg", Treatment((3, 28, 28)))
    assert picture.changes == ("rotated by EXIF", "resized from 3000x2000 to 28x28 (padded with black)")
