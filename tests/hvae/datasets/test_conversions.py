"""A known data set is converted by its name, and never without."""

import numpy as np
import pytest

from hvae.datasets import (
    DataSetInfo,
    ImageSet,
    available,
    fetch,
    info,
    is_known,
    load,
    load_part,
    names,
    names_for,
    registry,
)
from hvae.datasets.conversions import converted_name, parse_name
from hvae.errors import DataError

COLOUR, GREY = (3, 32, 32), (1, 28, 28)


class Squares:
    """Ten colour images of one bright square each."""

    info = DataSetInfo("squares", "Squares", "squares", "none", "none", "none", ("train", "test"), shape=COLOUR)

    def available(self, root):
        return True

    def load(self, split, root):
        images = np.zeros((10, *COLOUR), np.uint8)
        images[:, 1, 8:24, 8:24] = 255
        return ImageSet("squares", split, images, np.arange(10, dtype=np.int64))

    def fetch(self, root, progress=None):
        pass


@pytest.fixture
def squares(monkeypatch):
    monkeypatch.setitem(registry._DATA_SETS, "squares", Squares())


def test_grey_set_as_colour():
    digits = load("digits-as-32x32-colour", "test", image_shape=COLOUR)
    assert digits.images.shape == (397, *COLOUR)
    assert digits.name == digits.slug == "digits-as-32x32-colour"
    assert digits.note.endswith("; grey repeated as colour, resized from 28x28 to 32x32")
    np.testing.assert_array_equal(digits.images[:, 0], digits.images[:, 2])
    np.testing.assert_array_equal(digits.labels, load("digits", "test").labels)


def test_colour_set_as_grey(squares):
    grey = load("squares-as-28x28-grey", image_shape=GREY)
    assert grey.images.shape == (10, *GREY)
    # The luma of pure green.
    assert grey.images[0, 0, 14, 14] == 150
    assert grey.note == "converted to grey, resized from 32x32 to 28x28"


def test_the_set_keeps_its_own_shape_without_a_model(squares):
    assert load("squares").shape == COLOUR
    assert load("digits").shape == GREY


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("digits", COLOUR, "digits has images of 1 x 28 x 28, the model takes 3 x 32 x 32: write digits-as-32x32-colo"),
        ("digits", (1, 32, 32), "write digits-as-32x32-grey to convert them"),
        ("squares", GREY, "squares has images of 3 x 32 x 32, .* write squares-as-28x28-grey to convert them"),
        ("digits-as-32x32-colour", GREY, "digits-as-32x32-colour has images of 3 x 32 x 32, .* write digits$"),
        ("digits-as-32x32-colour", (3, 64, 64), "write digits-as-64x64-colour to convert them"),
    ],
)
def test_no_conversion_without_its_name(squares, name, shape, message):
    with pytest.raises(DataError, match=message):
        load(name, "test", image_shape=shape)
    with pytest.raises(DataError, match=message):
        load_part(name, "test", 0, image_shape=shape)


@pytest.mark.parametrize(
    "name", ["digits-as-32x32-color", "digits-as-32x32-blue", "digits-as-0x32-grey", "digits-as-32x32", "digits-as-"]
)
def test_no_such_conversion(name):
    assert not is_known(name)
    with pytest.raises(DataError, match="there is no data set .* written NAME-as-32x32-colour or -grey"):
        load(name)


def test_conversion_of_an_unknown_set_gets_the_closest():
    with pytest.raises(DataError, match="did you mean digits"):
        load("digitz-as-32x32-colour")


def test_impossible_size():
    with pytest.raises(DataError, match="at most 1024 pixels"):
        load("digits-as-9999x9999-grey")


def test_facts_of_a_conversion(tmp_path):
    facts = info("digits-as-32x32-colour")
    assert (facts.name, facts.title) == ("digits-as-32x32-colour", "Digits (scikit-learn) as 32x32 colour")
    assert facts.preprocessing.endswith("; grey repeated as colour, resized from 28x28 to 32x32")
    assert info("mnist-as-32x32-colour").preprocessing == "grey repeated as colour, resized from 28x28 to 32x32"
    assert available("digits-as-32x32-colour", tmp_path)
    fetch("digits-as-32x32-colour", tmp_path)
    assert not available("mnist-as-32x32-colour", tmp_path)


def test_names_and_shapes_round_trip():
    for shape in (COLOUR, GREY, (1, 64, 48)):
        assert parse_name(converted_name("omniglot28_inverted", shape)) == ("omniglot28_inverted", shape)
    assert parse_name("npz:digits-as-32x32-colour.npz") == ("npz:digits-as-32x32-colour.npz", None)


def test_every_set_has_a_name_for_every_model():
    assert names_for(GREY)[:2] == ["fashionmnist", "mnist"]
    assert "cifar10-as-28x28-grey" in names_for(GREY)
    assert {"cifar10", "mnist-as-32x32-colour"} <= set(names_for(COLOUR))
    for shape in (GREY, COLOUR):
        assert [parse_name(name)[0] for name in names_for(shape)] == names()
        assert all(info(name).shape == shape and is_known(name) for name in names_for(shape))
