"""Units of two models that respond alike, against a direct computation, and their file."""

import dataclasses

import numpy as np
import pytest
from scipy.stats import skew

from hvae.datasets import ImageSet
from hvae.errors import TableError
from hvae.measuring.correlations import correlate, represent
from hvae.runs.correlations.tables import list_correlations, read_correlations, write_correlations
from hvae.runs.correlations.unit_pairs import MOST_IMAGES, UnitPairs, read_unit_pairs, unit_pairs_path, write_unit_pairs
from tests.hvae.measuring.test_correlations import checkpoint


@pytest.fixture(scope="module")
def images() -> ImageSet:
    pixels = np.random.default_rng(0).integers(0, 256, (90, 1, 8, 8), np.uint8)
    return ImageSet("digits", "all", pixels, np.zeros(90, np.int64))


@pytest.fixture(scope="module")
def compared(images: ImageSet):
    return correlate(checkpoint(0), checkpoint(1), images, ("first", "second"), n=80)


def test_the_best_pairs_are_among_those_the_table_averages(compared):
    table, pairs = compared
    for row in table.frame.itertuples():
        found = pairs.of(row.kind, row.layer_a, row.layer_b)
        strength = [abs(pair.r) for pair in found]
        assert [pair.rank for pair in found] == list(range(1, len(found) + 1))
        assert strength == sorted(strength, reverse=True) and strength[0] >= row.mean_abs_r
        for side in ("unit_a", "unit_b"):
            units = [getattr(pair, side) for pair in found]
            assert len(set(units)) == len(units)


def test_exciting_images_are_those_of_the_greatest_activation(compared, images):
    _, pairs = compared
    index = np.sort(np.random.default_rng([0, 3]).permutation(len(images))[:80])
    means = [represent(checkpoint(seed), images, index)["means"][1] for seed in (0, 1)]
    for pair in pairs.of("means", 2, 2):
        assert np.isnan(pair.down), "a dense latent has no place"
        assert pair.sign_b == (-pair.sign_a if pair.r < 0 else pair.sign_a)
        assert pair.sign_a * skew(means[0].places[0][:, pair.unit_a]) > 0, "the rare side excites"
        sides = (
            (means[0], pair.unit_a, pair.sign_a, pair.images_a),
            (means[1], pair.unit_b, pair.sign_b, pair.images_b),
        )
        for layer, unit, sign, exciting in sides:
            values = dict(zip(index.tolist(), sign * layer.places[0][:, unit], strict=True))
            assert len(exciting) == MOST_IMAGES
            strongest = sorted(values.values(), reverse=True)[:MOST_IMAGES]
            np.testing.assert_allclose([values[image] for image in exciting], strongest)
        (first, above), (second, below) = (
            (layer.places[0][:, unit] * sign, exciting) for layer, unit, sign, exciting in sides
        )
        more = [np.sum(second > second[list(index).index(image)]) / 80 for image in above]
        assert pair.median_a == pytest.approx(np.median(more))
        more = [np.sum(first > first[list(index).index(image)]) / 80 for image in below]
        assert pair.median_b == pytest.approx(np.median(more))
        assert pair.shared == set(pair.images_a) & set(pair.images_b)


def test_a_model_and_itself_are_excited_by_the_same_images(images):
    _, pairs = correlate(checkpoint(0), checkpoint(0), images, ("a", "b"), n=60)
    best = pairs.of("features", 1, 1)[0]
    assert best.r == pytest.approx(1)
    assert best.images_a == best.images_b and best.median_a == best.median_b == 5.5 / 60
    assert 0 <= best.down < 1 and 0 <= best.across < 1


def test_the_file_lies_beside_the_table_and_comes_back(compared, tmp_path):
    table, pairs = compared
    path = write_correlations(tmp_path, table)
    written = write_unit_pairs(tmp_path, pairs)
    assert written == unit_pairs_path(path) == tmp_path / "correlations" / "units" / path.name
    assert [key.path for key in list_correlations(tmp_path)] == [path], "no correlation table itself"
    back = read_unit_pairs(written)
    assert back.metadata == pairs.metadata == read_correlations(path).metadata
    assert back.of("features", 1, 2) == pairs.of("features", 1, 2) != ()
    turned = back.transposed().of("features", 2, 1)
    assert [(pair.unit_b, pair.images_b, pair.sign_b) for pair in turned] == [
        (pair.unit_a, pair.images_a, pair.sign_a) for pair in pairs.of("features", 1, 2)
    ]


def test_flipped_bits_are_noticed(compared, tmp_path):
    for path, read in ((write_correlations(tmp_path, compared[0]), read_correlations),
                       (write_unit_pairs(tmp_path, compared[1]), read_unit_pairs)):  # fmt: skip
        sound, before = read(path), path.read_bytes()
        for flip in range(4, len(before), 211):
            path.write_bytes(before[:flip] + bytes([before[flip] ^ 4]) + before[flip + 1 :])
            try:
                found = read(path)
            except TableError:
                continue
            assert found.metadata == sound.metadata and found.frame.astype(str).equals(sound.frame.astype(str)), flip


@pytest.mark.parametrize(
    ("column", "value"), [("r", 1.5), ("kind", "other"), ("layer_a", 3), ("rank", 2), ("images_b", [-1]), ("r", None)]
)
def test_values_that_cannot_be_are_refused(compared, tmp_path, column, value):
    _, pairs = compared
    frame = pairs.frame.copy()
    frame.at[0, column] = value
    with pytest.raises(TableError, match="second.digits.all"):
        write_unit_pairs(tmp_path, UnitPairs(frame, pairs.metadata))


def test_a_file_of_another_form_is_refused(compared, tmp_path):
    table, pairs = compared
    with pytest.raises(TableError, match="is no table of unit pairs"):
        read_unit_pairs(write_correlations(tmp_path, table))
    with pytest.raises(TableError, match="is no correlation table"):
        read_correlations(write_unit_pairs(tmp_path, pairs))
    with pytest.raises(TableError, match="there is no table of unit pairs"):
        read_unit_pairs(tmp_path / "nothing.parquet")
    renamed = dataclasses.replace(pairs, frame=pairs.frame.rename(columns={"r": "s"}))
    with pytest.raises(TableError, match="needs the columns"):
        write_unit_pairs(tmp_path, renamed)
