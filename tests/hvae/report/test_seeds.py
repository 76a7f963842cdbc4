"""Runs that differ in their seed alone are one row, and what all of them miss is counted image by image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hvae.report import build, detection_table, gather, render, siblings
from hvae.report.line_ups import shared_rows
from hvae.report.seeds import group_name, missed, missed_table, usual_score
from hvae.runs.folders import find_runs
from hvae.runs.score_tables import ScoreTable, read_table, write_table
from tests.hvae.tables import table_of, the_row
from tests.synthetic import make_run, make_tables


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seeds with noise of their own, and a run of another depth."""
    root = tmp_path_factory.mktemp("seeds")
    for seed in range(3):
        run = make_run(root, f"lite-seed{seed}", seed=seed)
        make_tables(run, ("fashionmnist", "mnist"), n=80, seed=seed)
        for path in (run / "scores").glob("*.parquet"):
            table = read_table(path)
            path.unlink()
            # Tables are compared under one setting; what differs is the training.
            write_table(run, ScoreTable(table.frame, table.metadata.model_copy(update={"seed": 0})))
    make_tables(make_run(root, "other", depth=2, seed=1), ("fashionmnist", "mnist"), n=80)
    return root


def test_a_group_is_one_row_with_mean_and_spread(root):
    runs = find_runs([root])
    assert [one.name for one in siblings(runs[1], runs)] == ["lite-seed0", "lite-seed1", "lite-seed2"]
    assert [one.name for one in siblings(runs[-1], runs)] == ["other"]
    assert group_name(["a", "b"]) == "a x 2 seeds"
    found = gather(runs).comparisons
    table = build(found, ["seeds"], scores=["llr"])["seeds"]
    assert set(table["run"]) == {"lite x 3 seeds"} and set(table["seeds"]) == {3}
    areas = detection_table(found[:3], ["llr"], n_boot=2).query("score == 'LLR>1'")["auroc"]
    row = the_row(table, score="LLR>1", ood_data="mnist")
    assert (row["auroc"], row["auroc_sd"]) == (pytest.approx(areas.mean()), pytest.approx(areas.std(ddof=1)))
    assert f"{areas.mean():.3f} +- {areas.std(ddof=1):.3f}" in render({"seeds": table}, "text")
    assert r"$\pm$" in render({"seeds": table}, "latex") and build(found[:1], ["seeds", "missed"]) == {}


def test_what_every_seed_misses_is_the_images_that_pass_in_each(root):
    found = gather(find_runs([root])).comparisons[:3]
    row = missed_table(found, 0.1).iloc[0]
    score, masks = usual_score(found[0]), []
    for one in found:
        own, other = score.of(one.in_table, one.reference), score.of(one.others[0], one.reference)
        called = other >= np.sort(own)[-8]
        masks.append(~called)
    every = np.logical_and.reduce(masks)
    assert row["images"] == " ".join(map(str, np.flatnonzero(every))) and row["missed_by_all"] == every.mean()
    assert row["missed"] == pytest.approx(np.mean(masks)) and row["by_chance"] <= row["missed_by_all"] <= row["missed"]


def test_missed_takes_ties_together():
    assert missed(np.arange(20.0), np.array([18, 18.5, 19, 3]), 0.05).tolist() == [True, True, False, True]
    assert missed(np.ones(20), np.array([1.0, 2.0]), 0.05).tolist() == [True, False]


def test_rows_are_shared_only_where_the_images_are_known_to_be_the_same():
    whole = table_of({"iw": np.zeros(8)}, data_fingerprint="a")
    some = table_of({"iw": np.zeros(4)}, data_fingerprint="b", origin="a")
    rows = shared_rows([whole, some])
    assert rows is not None and len(rows[0]) == 4 and rows[1].tolist() == [0, 1, 2, 3]
    alien = table_of({"iw": np.zeros(8)}, data_fingerprint="c")
    more = table_of({"iw": np.zeros(5)}, data_fingerprint="d", origin="a")
    assert shared_rows([whole, alien]) is None and shared_rows([some, more]) is None
