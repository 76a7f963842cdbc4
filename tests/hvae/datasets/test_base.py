import numpy as np
import pytest

from hvae.datasets import ImageSet


def image_set(name="mnist", n=6, seed=0, **kwargs) -> ImageSet:
    images = np.random.default_rng(seed).integers(0, 256, (n, 1, 4, 5), dtype=np.uint8)
    return ImageSet(name, "test", images, np.arange(n, dtype=np.int64), **kwargs)


def test_shape_and_length():
    images = image_set()
    assert len(images) == 6
    assert images.shape == (1, 4, 5)


def test_take_keeps_images_and_labels_together():
    images = image_set()
    taken = images.take(np.array([4, 1]))
    np.testing.assert_array_equal(taken.images, images.images[[4, 1]])
    np.testing.assert_array_equal(taken.labels, [4, 1])
    assert (taken.name, taken.split, taken.slug) == ("mnist", "test", "mnist")


def test_fingerprint_follows_content_and_shape_only():
    images = image_set()
    assert images.fingerprint == image_set(name="other", note="x").fingerprint
    assert images.fingerprint != image_set(seed=1).fingerprint
    assert images.fingerprint != images.take(np.arange(5)).fingerprint
    reshaped = ImageSet("mnist", "test", images.images.reshape(6, 1, 5, 4), images.labels)
    assert images.fingerprint != reshaped.fingerprint


def test_fingerprint_of_a_view_equals_that_of_its_copy():
    images = image_set()
    view = ImageSet("mnist", "test", images.images[::2], images.labels[::2])
    assert view.fingerprint == images.take(np.array([0, 2, 4])).fingerprint


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("folder:/photos/My Häuser (2)", "my-h-user-2"),
        ("npz:a/B_c.npz", "b-c"),
        ("folder:..", "folder"),
        ("folder:" + "x" * 300, "x" * 40),
        ("folder:/photos/训练", "训练"),
        ("npz:/photos/Тест_2.npz", "2"),
        ("folder:/photos/тест данные/", "тест-данные"),
        ("folder:/photos/e\u0301te\u0301", "t"),
        ("folder:/photos/" + "验" * 50, "验" * 40),
        ("folder:/photos/data.clothes", "data-clothes"),
        ("npz:/photos/data.clothes.npz", "data-clothes"),
    ],
)
def test_slug_of_a_path_is_fit_for_a_file_name(name, stem):
    images = image_set(name)
    assert images.slug == f"{stem}-{images.fingerprint[:8]}"


def test_subset_keeps_the_slug_of_the_whole_set():
    images = image_set("folder:/photos")
    assert images.take(np.arange(3)).take(np.arange(2)).slug == images.slug


def test_every_part_knows_the_whole_it_was_taken_from():
    for name in ("mnist", "folder:/photos"):
        images = image_set(name)
        assert images.whole_fingerprint == images.fingerprint
        part = images.take(np.arange(4)).take(np.arange(2))
        assert part.whole_fingerprint == images.fingerprint != part.fingerprint


def test_names_stay_with_their_images():
    images = image_set("folder:/photos", names=tuple("abcdef"))
    assert images.take(np.array([4, 1])).names == ("e", "b")
    assert image_set().take(np.array([4, 1])).names == ()
    with pytest.raises(ValueError, match="one an image, not 2 for 6"):
        image_set(names=("a", "b"))


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        (np.zeros((2, 4, 4), np.uint8), np.zeros(2, np.int64)),
        (np.zeros((2, 1, 4, 4), np.float32), np.zeros(2, np.int64)),
        (np.zeros((2, 1, 4, 4), np.uint8), np.zeros(3, np.int64)),
        (np.zeros((2, 1, 4, 4), np.uint8), np.zeros(2, np.int32)),
    ],
)
def test_wrong_arrays_are_refused(images, labels):
    with pytest.raises(ValueError, match="must be"):
        ImageSet("mnist", "test", images, labels)
