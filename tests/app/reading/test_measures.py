import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from app.reading import loading, measures
from app.reading.measures import Measure
from hvae.errors import TableError
from hvae.runs import pixel_tables
from hvae.runs.catalogue import Catalogue, catalogue
from hvae.runs.columns import PIXEL_COLUMNS
from hvae.runs.folders import find_run
from hvae.runs.score_tables import ScoreTable
from hvae.runs.settings import Setting
from hvae.scores.base import POSITIVE
from hvae.scores.levels.bound import Bound
from hvae.scores.levels.llr import LikelihoodRatio
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


def catalogue_of(run: Path) -> Catalogue:
    return catalogue(find_run(str(run)))


def table_of(run: Path, slug: str, setting: Setting) -> ScoreTable:
    found = catalogue_of(run)
    entry = found.find(slug, setting)
    assert entry is not None
    return found.read(entry)


def test_units_change_the_score_by_a_constant_only(run: Path) -> None:
    table = table_of(run, "mnist", Setting("mean", 8, 1))
    for score in (Bound(0), Bound(2), LikelihoodRatio(1)):
        nats, bits = Measure(score).of(table), Measure(score, "bits/dim").of(table)
        np.testing.assert_allclose(nats, bits * 784 * np.log(2))
    np.testing.assert_array_equal(Measure(LikelihoodRatio(1)).of(table), table.bound(0) - table.bound(1))


def test_no_unit_changes_an_auroc(run: Path) -> None:
    inside, outside = (table_of(run, slug, Setting("mean", 1, 1)) for slug in ("fashionmnist", "mnist"))
    for k in (0, 3):
        measured = [Measure(Bound(k), unit) for unit in POSITIVE]
        assert len({auroc(one.of(inside), one.of(outside)) for one in measured}) == 1
    np.testing.assert_allclose(
        np.exp(Measure(Bound(0), "ln(bits/dim)").of(inside)), Measure(Bound(0), "bits/dim").of(inside)
    )


def test_what_may_be_negative_has_no_logarithm(run: Path) -> None:
    table = table_of(run, "mnist", Setting("mean", 1, 1))
    assert [measures.usable_unit(LikelihoodRatio, unit) for unit in POSITIVE] == ["nats", "bits/dim", "bits/dim"]
    assert [measures.usable_unit(Bound, unit) for unit in POSITIVE] == list(POSITIVE)
    frame = table.frame.assign(iw=np.where(table.frame["example"] < 2, 0.5, table.frame["iw"]))
    with pytest.raises(TableError, match="2 images have -L>0 at or below 0.*choose nats or bits/dim"):
        Measure(Bound(0), "ln(bits/dim)").of(ScoreTable(frame, table.metadata))


def test_the_stamp_follows_the_files(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HVAE_RUNS", str(tmp_path))
    entry = next(entry for entry in catalogue_of(run).entries if entry.slug == "mnist")
    before = loading.stamp(entry)
    os.utime(entry.path, ns=(1, 1))
    touched = next(one for one in catalogue_of(run).entries if one.path == entry.path)
    assert loading.stamp(touched) != before
    pixels = pd.DataFrame({column.name: np.zeros(120) for column in PIXEL_COLUMNS})
    pixel_tables.write(pixels, entry.metadata.data_fingerprint)
    assert loading.stamp(touched) not in (before, loading.stamp(entry))
    assert loading.stamp(entry) != before, "a score may need the statistics of the pixels"
