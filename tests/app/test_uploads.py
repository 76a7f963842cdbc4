import io

import numpy as np
import pytest
from PIL import Image

from app.uploads import read_upload
from hvae.datasets import decoding
from hvae.errors import DataError

SHAPE = (1, 28, 28)


def png(pixels: np.ndarray, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def test_an_image_of_the_right_shape_is_left_alone():
    pixels = np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8)
    upload = read_upload(png(pixels), SHAPE)
    np.testing.assert_array_equal(upload.image, pixels[None, None])
    assert upload.changes == ()


def test_what_was_done_is_said_in_order():
    white = np.full((40, 20, 3), 255, np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    upload = read_upload(png(white, "JPEG", exif=exif), SHAPE, invert=True)
    assert upload.image.shape == (1, *SHAPE) and upload.image.dtype == np.uint8
    assert upload.changes == (
        "rotated by EXIF",
        "inverted",
        "converted to grey, resized from 20x40 to 28x28 (padded with black)",
    )
    assert upload.image.max() == 0


@pytest.mark.parametrize(
    ("fit", "words", "corner"), [("pad", "padded", 0), ("crop", "cropped", 255), ("squash", "stretched", 255)]
)
def test_fits(fit, words, corner):
    upload = read_upload(png(np.full((10, 40), 255, np.uint8)), SHAPE, fit)
    assert upload.image[0, 0, 0, 0] == corner
    assert words in upload.changes[-1]


def test_16_bit_and_colour_models():
    upload = read_upload(png(np.full((28, 28), 65_535, np.uint16)), (3, 28, 28))
    assert (upload.image == 255).all() and upload.image.shape == (1, 3, 28, 28)
    assert upload.changes == ("rescaled to 8 bits", "grey repeated as colour")


def test_every_refusal_has_one_type_and_a_reason(monkeypatch):
    for data in (b"", b"<svg/>", png(np.zeros((5, 5), np.uint8))[:40], bytes(100)):
        with pytest.raises(DataError) as caught:
            read_upload(data, SHAPE)
        assert str(caught.value) and "\n" not in str(caught.value)
    # A flat 900 x 900 picture is a few kB of PNG: it is refused by its claim, before a pixel is decoded.
    monkeypatch.setattr(decoding, "MAX_PIXELS", 100_000)
    monkeypatch.setattr(decoding, "_to_pixels", lambda image: pytest.fail("decoded"))
    with pytest.raises(DataError, match="900 x 900"):
        read_upload(png(np.zeros((900, 900), np.uint8)), SHAPE)
