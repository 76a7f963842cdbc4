"""Slices part an image set: nothing is lost, nothing counted twice, and the whole is the mean of its parts."""

from __future__ import annotations

import numpy as np
import pytest

from hvae import stats
from hvae.errors import HvaeError, TableError
from hvae.report.slices import UNMEASURED, by_quantiles, slice_table, sliced, statistics, term_table
from tests.hvae.tables import drawn


@pytest.mark.parametrize("by", ["label", "log_px", "log_ratio_2"])
def test_slices_add_up_to_the_whole(by: str) -> None:
    table, random = drawn(400, 1), np.random.default_rng(2)
    table.frame["label"] = random.integers(0, 7, 400)
    scores, inside = random.normal(1, 1, 400), random.normal(0, 1, 300)
    # Ties as well: they count for half.
    scores[:50], inside[:30] = 0.5, 0.5
    slices = sliced(table, by)
    found = slice_table(slices, scores, inside, 1.2)
    whole = np.count_nonzero(scores >= 1.2)
    assert (found["n"].sum(), found["called"].sum(), found["passed"].sum()) == (400, whole, 400 - whole)
    assert np.average(found["auroc"], weights=found["n"]) == pytest.approx(stats.auroc(inside, scores).value)
    rows = np.sort(np.concatenate([slices.rows(name) for name in slices.names]))
    np.testing.assert_array_equal(rows, np.arange(400))
    if by != "label":
        values = table.column(by)
        assert list(found["n"]) == [80] * 5 and (found["high"].to_numpy()[:-1] < found["low"].to_numpy()[1:]).all()
        for name, low, high in zip(slices.names, slices.low, slices.high, strict=True):
            own = values[slices.rows(name)]
            assert (own.min(), own.max()) == (low, high)


def test_equal_values_stay_together_and_missing_ones_have_a_slice() -> None:
    slices = by_quantiles(np.array([0.0, 0, 0, 0, 1, 2, np.nan, 3]), "regret", 4)
    assert (slices.place[:4] == slices.place[0]).all() and slices.names[slices.place[6]] == UNMEASURED
    assert len(slices.rows(UNMEASURED)) == 1
    assert by_quantiles(np.full(5, 2.0), "ink").names == ("2 to 2",)
    alike = by_quantiles(np.array([1.0, 1.0 + 1e-9, 1.0 + 2e-9, 1.0 + 3e-9]), "ink", 2)
    assert len(set(alike.names)) == 2
    with pytest.raises(HvaeError, match="no slice"):
        slices.rows("label 3")
    with pytest.raises(HvaeError, match="3 scores do not fit"):
        slice_table(slices, np.zeros(3), np.zeros(3), 0)


def test_the_level_that_tells_caught_from_missed_comes_first() -> None:
    table = drawn(200, 3)
    called = np.arange(200) < 60
    table.frame.loc[called, "log_ratio_2"] -= 100
    found = term_table(table, called)
    assert found["term"][0] == "log_ratio_2" and found["in_sd"][0] < -1
    assert set(found["term"]) == {"log_px", "log_ratio_1", "log_ratio_2", "log_ratio_3"}
    assert found["difference"][0] == pytest.approx(found["called"][0] - found["passed"][0])
    assert term_table(table, np.ones(200, bool)).empty


def test_what_images_can_be_sliced_by() -> None:
    table = drawn(20, 0)
    offered = statistics(table)
    assert "label" not in offered and offered[:2] == ["input_entropy", "iw"] and "log_ratio_1" in offered
    table.frame["label"] = np.arange(20)
    assert statistics(table)[0] == "label"
    with pytest.raises(TableError, match="no column `zlib_bytes`"):
        sliced(table, "zlib_bytes")
