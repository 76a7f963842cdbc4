"""Each file is read as its maker meant it where that is certain, and said to be doubtful where it is not."""

import io

import numpy as np
import pytest
from PIL import Image

from hvae.datasets.own.decoding import decode
from hvae.errors import DataError

STROKES = np.zeros((12, 12), np.uint8)
STROKES[2:10, 5:7], STROKES[4:6, 2:10] = 1, 1
SHADES = np.add.outer(np.arange(12), np.arange(12)) / 22
"""A ramp from 0 to 1."""


def encoded(values: np.ndarray, kind: str = "PNG", tags: dict[int, int] | None = None) -> bytes:
    buffer = io.BytesIO()
    options = {"tiffinfo": tags} if tags else {}
    Image.fromarray(values).save(buffer, kind, **options)
    return buffer.getvalue()


def ramp(white: int) -> np.ndarray:
    return np.rint(SHADES * white).astype(np.uint16)


def kinds(data: bytes) -> list[str]:
    return [one.kind for one in decode(data).caveats]


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "PPM", "WEBP"])
@pytest.mark.parametrize("colour", [False, True], ids=["grey", "colour"])
def test_0_and_1_are_black_and_white_and_it_is_said(kind, colour):
    values = np.repeat(STROKES[..., None], 3, 2) if colour else STROKES
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, kind, **({"lossless": True} if kind == "WEBP" else {}))
    decoded = decode(buffer.getvalue())
    np.testing.assert_array_equal(decoded.pixels[..., 0], 255 * STROKES)
    assert "0 and 1 taken as black and white" in decoded.changes
    assert [one.kind for one in decoded.caveats] == ["zero-one"]


def test_0_and_1_in_16_bits_and_with_alpha():
    np.testing.assert_array_equal(decode(encoded(STROKES.astype(np.uint16))).pixels[..., 0], 255 * STROKES)
    clear = np.dstack([STROKES, np.full_like(STROKES, 255)])
    decoded = decode(encoded(clear))
    np.testing.assert_array_equal(decoded.pixels[..., 0], 255 * STROKES)
    assert decoded.changes == ("0 and 1 taken as black and white",)


@pytest.mark.parametrize("value", [0, 1, 200])
def test_an_image_of_one_value_stays_what_it_is(value):
    decoded = decode(encoded(np.full((4, 4), value, np.uint8)))
    assert (decoded.pixels == value).all() and decoded.caveats == () and decoded.changes == ()


def test_a_picture_with_nothing_bright_is_doubtful():
    assert kinds(encoded(np.arange(17, dtype=np.uint8).reshape(1, 17))) == ["low-range"]
    assert kinds(encoded(np.arange(64, dtype=np.uint8).reshape(8, 8))) == []


@pytest.mark.parametrize(
    ("top", "bottom", "kinds_said"),
    [(1.0, 0.0, []), (1.0000002, 0.0, []), (1.0, -1e-7, []), (1.0009, 0, []), (1.2, 0.0, ["unit-range"])],
)
def test_a_hair_past_the_unit_range_is_its_end(top, bottom, kinds_said):
    values = SHADES.astype(np.float32)
    values[-1, -1], values[0, 0] = top, bottom
    decoded = decode(encoded(values, "TIFF"))
    np.testing.assert_array_equal(decoded.pixels[..., 0], np.rint(np.clip(values, 0, 1) * 255))
    assert [one.kind for one in decoded.caveats] == kinds_said


def test_floats_of_another_range():
    dark = decode(encoded((SHADES * 16).astype(np.float32), "TIFF"))
    assert dark.pixels.max() == 16 and [one.kind for one in dark.caveats] == ["low-range"]
    with pytest.raises(DataError, match=r"save \(x \+ 1\) / 2"):
        decode(encoded((2 * SHADES - 1).astype(np.float32), "TIFF"))


WHITE_IS_0 = 262


@pytest.mark.parametrize(
    "values",
    [
        np.rint(SHADES * 255).astype(np.uint8),
        ramp(65_535),
        SHADES.astype(np.float32),
        (SHADES * 255).astype(np.float32),
        STROKES,
        STROKES.astype(np.uint16),
    ],
    ids=["8 bits", "16 bits", "unit floats", "floats", "0 and 1", "0 and 1 in 16 bits"],
)
def test_0_is_white_where_the_header_says_so(values):
    black_is_0, white_is_0 = (decode(patched(encoded(values, "TIFF"), WHITE_IS_0, meaning)) for meaning in (1, 0))
    np.testing.assert_array_equal(white_is_0.pixels, 255 - black_is_0.pixels)
    assert white_is_0.changes == black_is_0.changes and white_is_0.caveats == black_is_0.caveats


def patched(tiff: bytes, tag: int, value: int) -> bytes:
    """A little-endian TIFF with another value of a short tag."""
    at = tiff.index(tag.to_bytes(2, "little") + b"\3\0\1\0\0\0")
    return tiff[: at + 8] + value.to_bytes(2, "little") + tiff[at + 10 :]


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize(("white", "bits"), [(255, 8), (1_023, 10), (4_095, 12)])
def test_fewer_bits_stored_in_16_are_read_as_such_and_doubtful(kind, white, bits):
    decoded = decode(encoded(ramp(white), kind))
    np.testing.assert_allclose(decoded.pixels[..., 0], SHADES * 255, atol=1)
    assert decoded.changes == (f"taken as {bits} bits stored in 16",)
    assert [one.kind for one in decoded.caveats] == ["bits"] and f"{white:,}" in decoded.caveats[0].sentence


def test_16_bits_that_may_be_14_are_doubtful():
    assert kinds(encoded(ramp(16_383))) == ["bits"]
    assert kinds(encoded(ramp(40_000))) == [] == kinds(encoded(np.zeros((4, 4), np.uint16)))


def test_what_a_header_says_of_its_white_is_certain():
    decoded = decode(encoded(ramp(4_000), "TIFF", {281: 4_095}))
    np.testing.assert_allclose(decoded.pixels[..., 0], SHADES * 4_000 / 4_095 * 255, atol=1)
    assert decoded.changes == ("rescaled to 8 bits",) and decoded.caveats == ()
    twelve = b"P5 2 1 4095 " + np.array([0, 2_048], ">u2").tobytes()
    assert decode(twelve).pixels.ravel().tolist() == [0, 128] and kinds(twelve) == []


def test_8_bits_in_32_are_certain():
    values = np.rint(SHADES * 255).astype(np.int32)
    decoded = decode(encoded(values, "TIFF"))
    np.testing.assert_array_equal(decoded.pixels[..., 0], values)
    assert decoded.caveats == ()
