import numpy as np
import pytest

from hvae.datasets import PARTS, load, load_part, parts
from hvae.errors import DataError


@pytest.mark.parametrize(
    ("n", "sizes"),
    [
        (60_000, (50_000, 2_000, 4_000, 4_000)),
        (20_000, (10_000, 2_000, 4_000, 4_000)),
        (19_999, (10_002, 1_999, 3_999, 3_999)),
        (1_400, (700, 140, 280, 280)),
        (10, (5, 1, 2, 2)),
    ],
)
def test_parts_are_disjoint_and_exhaustive(n, sizes):
    divided = parts(n, seed=3)
    assert tuple(divided) == PARTS
    assert tuple(len(indices) for indices in divided.values()) == sizes
    np.testing.assert_array_equal(np.sort(np.concatenate(list(divided.values()))), np.arange(n))
    assert all((np.diff(indices) > 0).all() for indices in divided.values())


def test_parts_follow_the_seed():
    first, again, other = parts(1_000, 0), parts(1_000, 0), parts(1_000, 1)
    for part in PARTS:
        np.testing.assert_array_equal(first[part], again[part])
        assert not np.array_equal(first[part], other[part])


def test_parts_are_the_same_on_every_machine():
    # Written down once: a change here means that stored runs no longer know their own validation images.
    assert parts(60_000, 0)["validation"][:5].tolist() == [24, 49, 60, 72, 95]


@pytest.mark.parametrize(("n", "seed", "message"), [(9, 0, "too few"), (100, -1, "negative")])
def test_impossible_parts(n, seed, message):
    with pytest.raises(DataError, match=message):
        parts(n, seed)


def test_load_part_takes_the_images_of_the_training_set():
    train = load("digits", "train")
    indices = parts(len(train), 5)["calibration"]
    calibration = load_part("digits", "calibration", seed=5)
    np.testing.assert_array_equal(calibration.images, train.images[indices])
    np.testing.assert_array_equal(calibration.labels, train.labels[indices])
    assert (calibration.split, calibration.slug) == ("calibration", "digits")


def test_load_part_of_a_whole_split():
    assert load_part("digits", "test", seed=5).fingerprint == load("digits", "test").fingerprint


def test_a_set_without_training_images_has_no_parts():
    with pytest.raises(DataError, match="no split 'train'"):
        load_part("glyphs", "fitted", seed=0)


def test_a_converted_set_is_divided_as_its_source():
    plain = load_part("digits", "validation", seed=5)
    colour = load_part("digits-as-32x32-colour", "validation", seed=5, image_shape=(3, 32, 32))
    assert colour.shape == (3, 32, 32)
    np.testing.assert_array_equal(colour.labels, plain.labels)
    np.testing.assert_array_equal(
        colour.images, load("digits-as-32x32-colour", "train").take(parts(1_400, 5)["validation"]).images
    )
