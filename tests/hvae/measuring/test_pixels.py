"""Statistics of pixels: closed forms, and the sizes that PIL and zlib themselves give."""

from __future__ import annotations

import io
import zlib

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from hvae.datasets import load
from hvae.measuring.pixels import input_entropy, pixel_statistics
from hvae.runs.columns import PIXEL_COLUMNS

SIDE = 8
N = SIDE * SIDE
KEPT = 2.0**-16
"""Relative error of counts and nats, which are rounded to 16 significant bits."""
SHARE = 2.0**-12
"""That of what has no unit, which is rounded to 12."""


def constant(value: int, channels: int = 1) -> np.ndarray:
    return np.full((1, channels, SIDE, SIDE), value, np.uint8)


def checkerboard() -> np.ndarray:
    return (np.indices((SIDE, SIDE)).sum(0) % 2 * 255).astype(np.uint8)[None, None]


def of(images: np.ndarray) -> dict[str, float]:
    (row,) = pixel_statistics(images).to_dict("records")
    return {str(name): float(value) for name, value in row.items()}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("value", [0, 51, 127, 128, 255])
def test_a_constant_image(value, channels):
    found = of(constant(value, channels))
    assert_allclose(found["mean"], value / 255, rtol=SHARE)
    assert found["sd"] == found["total_variation"] == found["sharpness"] == 0
    assert found["grey_share"] == (value not in (0, 255)) and found["ink"] == (value >= 128)
    g = value / 255
    per_pixel = 0 if g in (0, 1) else -g * np.log(g) - (1 - g) * np.log(1 - g)
    assert_allclose(found["input_entropy"], N * channels * per_pixel, rtol=KEPT)


def test_a_checkerboard():
    found = of(checkerboard())
    assert (found["mean"], found["sd"], found["ink"], found["total_variation"]) == (0.5, 0.5, 0.5, 1.0)
    assert found["input_entropy"] == found["grey_share"] == 0
    # Within, the Laplacian is +-4; at an edge one neighbour is the pixel itself: +-3, in a corner +-2.
    inner, edge, corner = (SIDE - 2) ** 2, 4 * (SIDE - 2), 4
    assert_allclose(found["sharpness"], (16 * inner + 9 * edge + 4 * corner) / N, rtol=SHARE)


def test_half_grey_is_a_coin_a_pixel():
    """255 is odd: half grey lies between 127 and 128, where the entropy is flat and ln 2 to 2e-5."""
    for value in (127, 128):
        assert_allclose(input_entropy(constant(value)), N * np.log(2), rtol=2e-5)
    assert input_entropy(constant(127))[0] == pytest.approx(input_entropy(constant(128))[0], rel=1e-12)


def test_a_single_pixel_has_no_neighbours():
    found = of(np.full((1, 1, 1, 1), 200, np.uint8))
    assert found["total_variation"] == found["sharpness"] == 0 and all(np.isfinite(list(found.values())))


@pytest.mark.parametrize(
    ("name", "shape", "mode"), [("digits", (1, 28, 28), "L"), ("digits-as-32x32-colour", (3, 32, 32), "RGB")]
)
def test_sizes_are_those_of_pil_and_zlib(name, shape, mode):
    images = load(name).images[:6]
    assert images.shape[1:] == shape
    found = pixel_statistics(images)
    for image, row in zip(images, found.itertuples(), strict=True):
        file = io.BytesIO()
        picture = Image.fromarray(image[0] if mode == "L" else image.transpose(1, 2, 0))
        assert picture.mode == mode
        picture.save(file, "PNG", optimize=True)
        assert row.png_bytes == len(file.getvalue())
        assert row.zlib_bytes == len(zlib.compress(image.tobytes(), 9))
        assert row.mean == pytest.approx(image.mean() / 255, rel=SHARE)
        assert row.sd == pytest.approx(image.std() / 255, rel=SHARE)
        assert row.ink == pytest.approx(np.mean(image >= 128), rel=SHARE)


def test_an_image_has_the_same_statistics_in_any_company():
    images = load("digits").images[:12]
    whole = pixel_statistics(images)
    assert list(whole) == [column.name for column in PIXEL_COLUMNS] and (whole.dtypes == np.float32).all()
    for part in (slice(0, 1), slice(1, 7), slice(7, 12)):
        assert_array_equal(pixel_statistics(images[part]), whole[part])
    assert_array_equal(pixel_statistics(images[::-1]), whole[::-1])
    transposed = np.ascontiguousarray(images.transpose(0, 1, 3, 2)).transpose(0, 1, 3, 2)
    assert_array_equal(pixel_statistics(transposed), whole)


def test_values_keep_their_bits():
    found = pixel_statistics(load("digits").images[:50])
    for column in PIXEL_COLUMNS:
        bits = found[column.name].to_numpy().view(np.uint32)
        assert not (bits & (0xFFF if column.unit == "1" else 0xFF)).any(), column.name
