"""Baselines: closed forms, both sides, marked as such, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

from hvae.errors import TableError
from hvae.scores import SCORES, score
from hvae.stats.copula import GaussianCopula
from tests.hvae.tables import table_of

FIVE = ("mean", "sd", "zlib_bytes", "png_bytes", "total_variation")
BASELINES = [name for name, kind in SCORES.items() if kind.model_free]
COLUMNS = (*FIVE, "input_entropy", "grey_share")
RANDOM = np.random.default_rng(0)
KNOWN = {name: RANDOM.normal(size=1000) for name in COLUMNS}
REFERENCE = table_of(KNOWN, split="reference")


def test_they_are_known_as_such_and_come_last():
    assert BASELINES == ["pixel-entropy", "grey-share", "zlib", "png", "pixel-statistics"]
    assert list(SCORES)[-len(BASELINES) :] == BASELINES
    assert all(SCORES[name].levels(depth) == (None,) for name in BASELINES for depth in (0, 3))


@pytest.mark.parametrize("name", BASELINES[:-1])
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
    bare = table_of({"iw": [-1.0]})
    with pytest.raises(TableError, match="hvae data measure digits --split test"):
        one.of(bare, REFERENCE)
