"""Which images of another set a run is shown, and which it is tested on."""

from __future__ import annotations

import numpy as np
import pytest

from hvae.config import RunConfig
from hvae.datasets import ImageSet, load, load_part
from hvae.errors import DataError
from hvae.presets import preset
from hvae.runs.images.outliers import MUTATION, exposed, unseen

DIGITS = preset("fashionmnist-binary").override({"data.name": "digits", "data.outliers": "glyphs"})


def parts(config: RunConfig) -> tuple[ImageSet, ImageSet]:
    return exposed(config, *(load_part("digits", part, 0) for part in ("fitted", "validation")))


def test_a_set_of_one_split_is_halved():
    fitted, validation = parts(DIGITS)
    own = len(fitted) // 2
    assert (fitted.labels[:own] >= 0).all() and (fitted.labels[own:] == -1).all() and len(fitted) == 2 * own
    assert fitted.whole_fingerprint == load("digits", "train").fingerprint
    glyphs = load("glyphs").images
    np.testing.assert_array_equal(unseen(DIGITS, load("glyphs")).images, glyphs[1::2])
    seen = {image.tobytes() for image in glyphs[::2]}
    assert all(image.tobytes() in seen for image in fitted.images[own:])
    assert all(image.tobytes() in seen for image in validation.images[len(validation) // 2 :])


def test_the_training_split_is_the_half_of_a_set_that_has_one():
    config = preset("fashionmnist-binary").override({"data.outliers": "digits"})
    assert unseen(config, load("digits")).fingerprint == load("digits").fingerprint
    for split in ("train", "all"):
        with pytest.raises(DataError, match="was shown the training images of digits as outliers"):
            unseen(config, load("digits", split))
    assert len(unseen(config, load("glyphs"))) == 2000


def test_mutated_images_keep_most_of_their_pixels():
    fitted, _ = parts(DIGITS.override({"data.outliers": "mutated"}))
    own = len(fitted) // 2
    changed = np.mean(fitted.images[:own] != fitted.images[own:])
    assert 0.9 * MUTATION < changed <= MUTATION


def test_without_outliers_nothing_changes():
    fitted, validation = parts(preset("fashionmnist-classifier"))
    assert len(fitted) == len(load_part("digits", "fitted", 0)) and (validation.labels >= 0).all()
