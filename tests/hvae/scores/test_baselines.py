"""Baselines: closed forms, both sides, marked as such, and what they refuse."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hvae.errors import TableError
from hvae.runs import pixel_tables
from hvae.runs.score_tables import ScoreTable
from hvae.scores import SCORES, offered, score
from hvae.stats.copula import GaussianCopula
from tests.hvae.tables import table_of

FIVE = ("mean", "sd", "zlib_bytes", "png_bytes", "total_variation")
BASELINES = [name for name, kind in SCORES.items() if kind.model_free]
COLUMNS = (*FIVE, "input_entropy", "grey_share", "ppca_log_density")
RANDOM = np.random.default_rng(0)
KNOWN = {name: RANDOM.normal(size=1000) for name in COLUMNS}
REFERENCE = table_of(KNOWN, split="reference")


def test_they_are_known_as_such_and_come_last():
    assert BASELINES == ["pixel-entropy", "grey-share", "zlib", "png", "ppca", "pixel-statistics"]
    assert list(SCORES)[-len(BASELINES) :] == BASELINES
    assert all(SCORES[name].levels(depth) == (None,) for name in BASELINES for depth in (0, 3))


@pytest.mark.parametrize("name", BASELINES[:-2])
def test_one_statistic_is_far_out_on_either_side(name):
    one = score(name, 2)
    (column,) = one.columns(2)
    values = np.r_[-50.0, np.median(KNOWN[column]), 50.0]
    low, middle, high = one.of(table_of({column: values}), REFERENCE)
    assert middle == pytest.approx(np.log(2), abs=0.01) and min(low, high) > 10 * middle


def test_five_statistics_are_half_a_squared_distance():
    fresh = {name: np.random.default_rng(1).normal(size=50) for name in FIVE}
    copula = GaussianCopula({name: KNOWN[name] for name in FIVE})
    found = score("pixel-statistics", 2).of(table_of(fresh), REFERENCE)
    np.testing.assert_array_equal(found, np.sum(copula.squares(fresh), axis=0) / 2)


@pytest.mark.parametrize("name", BASELINES)
def test_a_constant_statistic_is_named(name):
    one = score(name, 2)
    flat = table_of({column: np.ones(300) for column in one.columns(2)}, split="reference")
    with pytest.raises(TableError, match=r"cannot be fitted to digits \(reference\): \w+ is the same for all 300"):
        one.of(table_of(KNOWN), flat)
    bare = table_of({"iw": [-1.0]}, data_fingerprint="f" * 64)
    with pytest.raises(TableError, match="hvae data measure digits --split test"):
        one.of(bare, REFERENCE)


def of_two_sets(n: int, name: str, split: str = "test") -> ScoreTable:
    """A table without statistics of its own, whose images are known by a made-up fingerprint."""
    digest = name.encode().hex()[:2] * 32
    return table_of({"iw": np.zeros(n)}, data=name, slug=name, split=split, data_fingerprint=digest)


def store(table: ScoreTable, reference: ScoreTable, values: np.ndarray) -> Path:
    """The log densities of a table beside a reference part."""
    frame = pd.DataFrame({"ppca_log_density": values})
    return pixel_tables.write(frame, table.metadata.data_fingerprint, reference.metadata.data_fingerprint)


def test_the_density_is_that_beside_this_very_reference(tmp_path, monkeypatch):
    monkeypatch.setenv("HVAE_RUNS", str(tmp_path))
    ppca = score("ppca", 2)
    images, reference, other = of_two_sets(3, "mnist"), of_two_sets(1000, "a", "reference"), of_two_sets(1000, "b")
    known, own = (values.astype(np.float32) for values in (RANDOM.normal(size=1000), np.array([-50.0, 0.0, 50.0])))
    store(reference, reference, known)
    assert "hvae data measure mnist --split test --run RUN" in str(ppca.obstacle(images, reference))
    path = store(images, reference, own)
    low, middle, high = ppca.of(images, reference)
    expected = score("zlib", 2).of(table_of({"zlib_bytes": own}), table_of({"zlib_bytes": known}))
    np.testing.assert_array_equal([low, middle, high], expected)
    assert min(low, high) > 10 * middle, "as far out on either side"
    np.testing.assert_array_equal(ppca.of(images.take(np.array([2, 0])), reference), [high, low])

    assert "hvae data measure mnist" in str(ppca.obstacle(images, other)), "measured beside another part"
    assert "reference part" in str(ppca.obstacle(images, None))
    assert "hvae data measure" in str(ppca.obstacle(replace(images, frame=images.frame.head(2)), reference))
    for taken_for in ((of_two_sets(3, "notmnist"), reference), (images, other)):
        fingerprints = [one.metadata.data_fingerprint for one in taken_for]
        shutil.copy(path, path.parent / ".".join([*(one[:16] for one in fingerprints), "parquet"]))
        with pytest.raises(TableError, match="holds the statistics of other images"):
            ppca.of(*taken_for)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(TableError, match="is damaged"):
        ppca.of(images, reference)


def test_no_single_image_has_a_density_of_two_sets():
    assert [name for name, kind in offered().items() if not kind.of_single_images] == ["ppca"]
    assert not any(kind.of_single_images for name, kind in SCORES.items() if name not in offered(task=None))
    single = table_of({"iw": np.zeros(1)})
    assert "of whole image sets" in str(score("ppca", 2).obstacle(single, REFERENCE))
