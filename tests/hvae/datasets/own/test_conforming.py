import numpy as np
import pytest

from hvae.datasets.conversions import FITS, conform, describe_change
from hvae.errors import DataError


def test_right_shape_is_unchanged():
    pixels = np.random.default_rng(0).integers(0, 256, (28, 28, 1), dtype=np.uint8)
    np.testing.assert_array_equal(conform(pixels, (1, 28, 28)), pixels.transpose(2, 0, 1))


def test_result_is_writable_and_apart():
    pixels = np.zeros((4, 4, 1), np.uint8)
    conform(pixels, (1, 4, 4))[:] = 9
    assert pixels.max() == 0


def test_pad_keeps_the_whole_image_on_black():
    image = conform(np.full((10, 20, 1), 255, np.uint8), (1, 20, 20))[0]
    assert (image[5:15] == 255).all()
    assert image[:5].max() == image[15:].max() == 0


def test_crop_takes_the_centre():
    pixels = np.zeros((10, 30, 1), np.uint8)
    pixels[:, 10:20] = 255
    assert (conform(pixels, (1, 5, 5), fit="crop") == 255).all()


def test_squash_fills_the_frame():
    pixels = np.zeros((10, 20, 1), np.uint8)
    pixels[:, :10] = 255
    image = conform(pixels, (1, 10, 10), fit="squash")[0]
    assert (image[:, :5] == 255).all()
    assert image[:, 5:].max() == 0


def test_shrinking_averages_areas():
    pixels = np.random.default_rng(0).integers(0, 256, (56, 56, 1), dtype=np.uint8)
    expected = pixels.reshape(28, 2, 28, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(conform(pixels, (1, 28, 28))[0], expected, atol=1)


def test_inversion_leaves_the_padding_black():
    image = conform(np.zeros((10, 20, 1), np.uint8), (1, 20, 20), invert=True)[0]
    assert (image[5:15] == 255).all()
    assert image[:5].max() == 0


def test_channels():
    colour = np.zeros((2, 2, 3), np.uint8)
    colour[..., 1] = 255
    assert conform(colour, (1, 2, 2)).tolist() == [[[150, 150], [150, 150]]]
    grey = np.arange(4, dtype=np.uint8).reshape(2, 2, 1)
    assert conform(grey, (3, 2, 2)).tolist() == [[[0, 1], [2, 3]]] * 3


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("size", [(1, 100_000), (100_000, 1), (1, 1)])
def test_extreme_aspects_stay_small(fit, size):
    assert conform(np.full((*size, 1), 255, np.uint8), (1, 28, 28), fit=fit).max() == 255


def test_impossible_requests():
    with pytest.raises(DataError, match="unknown fit 'tile'"):
        conform(np.zeros((2, 2, 1), np.uint8), (1, 2, 2), fit="tile")
    with pytest.raises(DataError, match="image shape"):
        conform(np.zeros((2, 2, 1), np.uint8), (4, 2, 2))


def test_changes_in_words():
    assert describe_change((1, 28, 28), (1, 28, 28)) == ""
    assert describe_change((3, 32, 32), (1, 28, 28)) == "converted to grey, resized from 32x32 to 28x28"
