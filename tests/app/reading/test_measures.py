import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.reading import measures
from app.reading.measures import Measure, Setting
from hvae.errors import TableError
from hvae.runs.score_tables import ScoreTable, list_tables, read_table
from hvae.stats import auroc
from tests.synthetic import make_run, make_tables


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_run(tmp_path_factory.mktemp("runs"), "one")
    make_tables(folder, ("fashionmnist", "mnist", "digits"), n=120, readings=("sample", "mean"), draws=(1, 4))
    make_tables(folder, ("fashionmnist", "mnist"), n=120, samples=(8,), parts=False)
    return folder


@pytest.mark.parametrize("budget", [0.0, 0.001, 0.05, 0.2, 0.5])
@pytest.mark.parametrize("values", [np.arange(1000.0), np.repeat(np.arange(10.0), 100), np.zeros(50)])
def test_the_threshold_is_the_least_that_keeps_the_budget(budget: float, values: np.ndarray) -> None:
    found = measures.threshold(values, budget)
    assert found.false_alarms == np.mean(values >= found.value) <= budget
    below = values[values < found.value]
    assert np.mean(values >= below.max()) > budget


def test_the_rug_keeps_both_extremes_and_is_bounded() -> None:
    values = np.random.default_rng(0).normal(size=5000)
    marks = measures.rug(values)
    assert len(marks) == len(set(marks)) <= measures.RUG_MARKS
    assert {values.argmin(), values.argmax()} <= set(marks)
    assert len(measures.rug(values[:30])) == 30


def test_settings_are_those_of_whole_sets_in_reading_order(run: Path) -> None:
    keys = list_tables(run)
    assert measures.settings(keys, "fashionmnist") == [
        Setting("mean", 1, 1),
        Setting("mean", 1, 4),
        Setting("mean", 8, 1),
        Setting("sample", 1, 1),
        Setting("sample", 1, 4),
    ]
    assert measures.settings(keys, "svhn") == []


def test_a_table_is_found_by_set_setting_and_split(run: Path) -> None:
    keys = list_tables(run)
    digits = measures.find(keys, "digits", Setting("mean", 1, 1))
    part = measures.find(keys, "fashionmnist", Setting("sample", 1, 4), ("calibration",))
    assert digits is not None and digits.split == "all"
    assert part is not None and part.path.name == "fashionmnist.calibration.sample.S1.R4.seed0.parquet"
    assert measures.find(keys, "mnist", Setting("auxiliary", 1, 1)) is None


def test_units_change_the_score_by_a_constant_only(run: Path) -> None:
    key = measures.find(list_tables(run), "mnist", Setting("mean", 8, 1))
    assert key is not None
    table = read_table(key.path)
    for score, k in (("L", 0), ("L", 2), ("LLR", 1)):
        nats, bits = Measure(score, k).of(table), Measure(score, k, "bits/dim").of(table)
        np.testing.assert_allclose(nats, bits * 784 * np.log(2))
    np.testing.assert_array_equal(Measure("LLR", 1).of(table), table.bound(0) - table.bound(1))


def table_of(run: Path, slug: str, setting: Setting) -> ScoreTable:
    key = measures.find(list_tables(run), slug, setting)
    assert key is not None
    return read_table(key.path)


def test_no_unit_changes_an_auroc(run: Path) -> None:
    inside, outside = (table_of(run, slug, Setting("mean", 1, 1)) for slug in ("fashionmnist", "mnist"))
    for k in (0, 3):
        found = {
            unit: auroc(Measure("L", k, unit).of(inside), Measure("L", k, unit).of(outside)) for unit in measures.UNITS
        }
        assert len(set(found.values())) == 1
    np.testing.assert_allclose(
        np.exp(Measure("L", 0, "ln(bits/dim)").of(inside)), Measure("L", 0, "bits/dim").of(inside)
    )


def test_what_may_be_negative_has_no_logarithm(run: Path) -> None:
    table = table_of(run, "mnist", Setting("mean", 1, 1))
    assert [measures.usable_unit("LLR", unit) for unit in measures.UNITS] == ["nats", "bits/dim", "bits/dim"]
    assert [measures.usable_unit("L", unit) for unit in measures.UNITS] == list(measures.UNITS)
    frame = table.frame.assign(iw=np.where(table.frame["example"] < 2, 0.5, table.frame["iw"]))
    with pytest.raises(TableError, match="2 images of mnist have -L>0 at or below 0.*choose nats or bits/dim"):
        Measure("L", 0, "ln(bits/dim)").of(ScoreTable(frame, table.metadata))


def test_the_stamp_follows_the_files(run: Path, tmp_path: Path) -> None:
    key = next(key for key in list_tables(run) if key.slug == "mnist")
    own = replace(key, path=tmp_path / key.path.name)
    gone = measures.stamp([own])
    own.path.write_bytes(b"1")
    there = measures.stamp([own])
    os.utime(own.path, ns=(1, 1))
    assert len({gone, there, measures.stamp([own]), measures.stamp([key])}) == 4
