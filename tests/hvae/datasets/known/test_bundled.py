"""Data sets that need no download."""

import numpy as np
import pytest

from hvae.datasets import available, load
from hvae.datasets.registry import fetch


@pytest.mark.parametrize(
    ("name", "split", "n"),
    [("digits", "train", 1_400), ("digits", "test", 397), ("digits", "all", 1_797), ("glyphs", "test", 2_000)],
)
def test_shape_and_repeatability(tmp_path, name, split, n):
    assert available(name, tmp_path)
    fetch(name, tmp_path)
    images = load(name, split, tmp_path)
    assert images.images.shape == (n, 1, 28, 28)
    assert set(np.unique(images.labels)) == set(range(10))
    assert images.fingerprint == load(name, split, tmp_path).fingerprint
    assert not list(tmp_path.iterdir())


def test_digits_are_divided_once():
    rows = {split: [image.tobytes() for image in load("digits", split).images] for split in ("train", "test", "all")}
    assert sorted(rows["train"] + rows["test"]) == sorted(rows["all"])


def test_digits_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    digits = load("digits", "all")
    np.testing.assert_array_equal(digits.labels, load_digits().target)
    assert digits.images[:, :, :4].max() == digits.images[:, :, :, -4:].max() == 0
    assert digits.images.max() == 255
    small = digits.images[:, 0, 4:24, 4:24].reshape(-1, 10, 2, 10, 2).mean(axis=(2, 4))
    halves = small[:, :, :5].sum(axis=(1, 2)) - small[:, :, 5:].sum(axis=(1, 2))
    original = load_digits().images
    expected = original[:, :, :4].sum(axis=(1, 2)) - original[:, :, 4:].sum(axis=(1, 2))
    assert np.corrcoef(halves, expected)[0, 1] > 0.99
    assert "20x20" in digits.note


def test_glyphs_are_whole_and_varied():
    glyphs = load("glyphs")
    assert (np.bincount(glyphs.labels) == 200).all()
    assert (glyphs.images.reshape(2_000, -1).max(axis=1) > 200).all()
    border = np.concatenate([glyphs.images[:, 0, [0, -1]].ravel(), glyphs.images[:, 0, :, [0, -1]].ravel()])
    assert border.mean() < 1
    assert len({image.tobytes() for image in glyphs.images}) > 1_500
