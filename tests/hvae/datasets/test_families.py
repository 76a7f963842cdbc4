"""Families of changed images: nothing at strength 0, uint8 in the same shape, the same from the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from hvae.datasets.families import FAMILIES, Family

each_family = pytest.mark.parametrize("family", FAMILIES.values(), ids=list(FAMILIES))


@pytest.fixture(params=[(1, 28, 28), (3, 32, 32), (1, 8, 8)], ids=["grey", "colour", "small"])
def images(request: pytest.FixtureRequest) -> np.ndarray:
    """Smooth pictures that have black and white, and are no mirror of themselves."""
    channels, height, width = request.param
    down, right = np.mgrid[:height, :width]
    waves = np.random.default_rng(0).uniform(0.3, 1.2, (20, channels, 1, 1))
    return np.clip(127.5 + 200 * np.sin(waves * (down + 2 * right) / 2 + 9 * waves), 0, 255).astype(np.uint8)


@each_family
def test_what_every_family_promises(family: Family, images):
    before = images.copy()
    np.testing.assert_array_equal(family.of(images, 0, seed=1), images)
    for strength in family.strengths:
        changed = family.of(images, strength, seed=1)
        assert changed.dtype == np.uint8 and changed.shape == images.shape
        assert (changed != images).any(axis=(1, 2, 3)).mean() > 0.8
        np.testing.assert_array_equal(changed, family.of(images, strength, seed=1))
    np.testing.assert_array_equal(images, before)


@each_family
def test_strengths_grow_and_have_words(family: Family, images):
    assert family.strengths == tuple(sorted(set(family.strengths))) and family.strengths[0] > 0
    words = [family.words(strength) for strength in family.strengths]
    assert len(set(words)) == len(words) and all(words) and bool(family.unit) != bool(family.names)
    if family.name in ("noise", "constant", "inversion", "blur", "contrast", "mixture"):
        far = [np.abs(family.of(images, strength, 0) - images.astype(float)).mean() for strength in family.strengths]
        assert far == sorted(far)


@pytest.mark.parametrize("name", ["noise", "constant", "shift", "patches", "mixture"])
def test_another_seed_is_another_draw(name, images):
    family = FAMILIES[name]
    assert (family.of(images, family.strengths[-1], 0) != family.of(images, family.strengths[-1], 1)).any()


def test_what_some_strengths_are_exactly(images):
    np.testing.assert_array_equal(FAMILIES["inversion"].of(images, 1, 0), 255 - images)
    np.testing.assert_array_equal(FAMILIES["flip"].of(images, 1, 0), images[..., ::-1])
    np.testing.assert_array_equal(FAMILIES["flip"].of(images, 2, 0), images[..., ::-1, :])
    np.testing.assert_array_equal(FAMILIES["rotation"].of(images, 90, 0), np.rot90(images, axes=(2, 3)))
    shuffled = FAMILIES["patches"].of(images, 2, 0)
    np.testing.assert_array_equal(np.sort(shuffled.reshape(20, -1)), np.sort(images.reshape(20, -1)))
    moved = FAMILIES["shift"].of(images, 1, 0)
    middle = (slice(None), slice(1, -1), slice(1, -1))
    for one, image in zip(moved, images, strict=True):
        ways = [np.roll(image, step, axis) for axis in (1, 2) for step in (1, -1)]
        assert any((one[middle] == way[middle]).all() for way in ways)


def test_a_mixture_of_equal_weights_has_two_different_parents():
    images = (np.eye(6, dtype=np.uint8) * 200).reshape(6, 1, 2, 3)
    mixed = FAMILIES["mixture"].of(images, 0.5, 0)
    assert sorted(np.unique(mixed)) == [0, 100]
    assert ((mixed == 100).sum(axis=(1, 2, 3)) == 2).all(), "never an image with itself"
    assert ((mixed == 100).sum(axis=0) == 2).all(), "every image is a partner once"
