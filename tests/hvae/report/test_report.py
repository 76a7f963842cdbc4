"""The report says what the metrics say about the same tables, beside the right published figures."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hvae import stats
from hvae.report import (
    alarm_table,
    bits_table,
    build,
    control_table,
    detection_table,
    gather,
    layer_table,
    negative_share,
    ratio_table,
    render,
)
from hvae.runs.folders import RunEntry, find_run
from hvae.runs.score_tables import ScoreTable, read_table, write_table
from hvae.scores import everything, score
from hvae.stats import conformal
from tests.hvae.tables import the_row
from tests.synthetic import make_run, make_tables


def stored(run: RunEntry, slug: str, split: str = "test", samples: int = 1) -> ScoreTable:
    return read_table(run.path / "scores" / f"{slug}.{split}.mean.S{samples}.R1.seed0.parquet")


def test_gathers_by_settings(run):
    first, second = gather([run]).comparisons
    assert (first.setting.samples, second.setting.samples) == (1, 250)
    assert [table.metadata.slug for table in first.others] == ["mnist", "notmnist"]
    assert [table.metadata.slug for table in second.others] == ["mnist"]
    assert set(first.parts) == {"fitted", "reference", "calibration"}
    assert first.in_data == "fashionmnist"


@pytest.mark.parametrize("ood", ["mnist", "notmnist"])
@pytest.mark.parametrize("images", ["full", "equal"])
def test_detection_is_what_the_metrics_say(run, tables, n_boot, ood, images):
    inside, outside = stored(run, "fashionmnist"), stored(run, ood)
    rows = tables["detection"][lambda frame: (frame["ood_data"] == ood) & (frame["images"] == images)]
    if ood == "mnist":
        assert len(rows) == (10 if images == "full" else 0)
    by_label = {one.label: one for one in everything(3)}
    for _, row in rows.iterrows():
        scores = [
            by_label[row["score"]].of(table, stored(run, "fashionmnist", "reference")) for table in (inside, outside)
        ]
        expected = stats.summary(*scores, n_boot=n_boot)[images]
        for name, estimate in expected.items():
            assert (row[name], row[f"{name}_low"], row[f"{name}_high"]) == (estimate.value, estimate.low, estimate.high)
        assert (row["n_in"], row["n_ood"]) == ((120, len(outside)) if images == "full" else (70, 70))


def test_best_k_is_the_best_auroc_of_the_ratios_alone(tables):
    for _, rows in tables["detection"].groupby(["ood_data", "images"]):
        ratios = rows[rows["score"].str.startswith("LLR")]
        assert ratios.loc[ratios["best_k"], "auroc"].eq(ratios["auroc"].max()).all()
        assert rows["best_k"].sum() == 1


@pytest.mark.parametrize(
    ("samples", "score", "published", "source"),
    [
        (1, "-L>0", (0.268, 0.363, 0.882), "Tables 1 and 2"),
        (1, "LLR>1", (0.964, 0.961, 0.036), "Table 2"),
        (250, "LLR>1", (0.984, 0.984, 0.030), "Table 2"),
        (250, "-L>0", (None, None, None), ""),
        (1, "LLR>3", (None, None, None), ""),
    ],
)
def test_published_figures_are_those_of_the_same_score_and_samples(run, samples, score, published, source):
    comparison = next(c for c in gather([run]).comparisons if c.setting.samples == samples)
    row = the_row(detection_table([comparison], n_boot=2), ood_data="mnist", score=score, images="full")
    figures = [row[f"published_{name}"] for name in ("auroc", "auprc", "fpr80")]
    assert [None if np.isnan(figure) else figure for figure in figures] == list(published)
    assert source in row["published_source"]


def test_false_alarms_at_95_percent_caught_stand_beside_those_at_80(run, tables):
    rows = tables["detection"]
    assert (rows["fpr95"] >= rows["fpr80"]).all() and "published_fpr95" not in rows
    own, other = stored(run, "fashionmnist"), stored(run, "mnist")
    row = the_row(rows, ood_data="mnist", score="LLR>1", images="full")
    estimate = stats.fpr_at_tpr(own.bound(0) - own.bound(1), other.bound(0) - other.bound(1), 0.95, n_boot=20)
    assert row["fpr95"] == estimate.value
    assert "FPR95" in render(tables, "markdown") and "FPR95 published" not in render(tables, "markdown")


def test_figures_without_a_stated_s_stand_beside_any_s(run):
    row = the_row(
        detection_table(gather([run]).comparisons[:1], n_boot=2), ood_data="notmnist", score="LLR>1", images="full"
    )
    assert row["published_auroc"] == 0.998
    assert "talk" in row["published_source"]


def test_bits_are_the_mean_bounds(run, tables):
    own, other = stored(run, "fashionmnist"), stored(run, "mnist")
    for table in (own, other):
        for k in range(4):
            row = the_row(tables["bits"], data=table.metadata.slug, k=k)
            assert row["bits"] == pytest.approx(-table.bound(k).mean() / (784 * np.log(2)))
            assert row["bits_se"] == pytest.approx(table.bound(k).std(ddof=1) / np.sqrt(120) / (784 * np.log(2)))
            assert row["more_likely"] == (table is other and table.bound(k).mean() > own.bound(k).mean())
    assert the_row(tables["bits"], data="mnist", k=0)["more_likely"]
    assert the_row(tables["bits"], data="fashionmnist", k=1)["published_bits"] == 0.476
    assert the_row(tables["bits"], data="mnist", k=2)["published_bits"] == 0.881
    assert np.isnan(the_row(tables["bits"], data="mnist", k=3)["published_bits"])
    assert np.isnan(the_row(tables["bits"], data="notmnist", k=0)["published_bits"])


def test_a_family_that_nobody_published_has_no_published_figures(tmp_path):
    folder = make_run(tmp_path, "state", family="top-down")
    make_tables(folder, ("fashionmnist", "mnist"), n=40)
    rows = build(gather([find_run(str(folder))]).comparisons, ("detection",), n_boot=2)["detection"]
    assert len(rows) and rows["published_auroc"].isna().all()


def test_only_the_elbo_is_published_for_one_s(run):
    bits = bits_table(gather([run]).comparisons[1:])
    assert np.isnan(the_row(bits, data="mnist", k=0)["published_bits"])
    assert the_row(bits, data="mnist", k=1)["published_bits"] == 0.601


def test_monte_carlo_error_comes_from_the_stored_one(tmp_path):
    folder = make_run(tmp_path, "repeats", depth=2)
    (path,) = make_tables(folder, sets=("fashionmnist",), n=20, draws=(4,), parts=False)
    table = read_table(path)
    bits = bits_table(gather([find_run(str(folder))]).comparisons)
    for k, column in enumerate(("iw_se", "L>1_se", "L>2_se")):
        expected = np.sqrt(np.mean(table.frame[column].to_numpy(float) ** 2))
        assert the_row(bits, k=k)["draws_se"] == pytest.approx(expected)


def test_control_sets_test_images_against_fitted_ones(run, tables):
    fitted, test = stored(run, "fashionmnist", "fitted"), stored(run, "fashionmnist")
    row = the_row(tables["control"], score="LLR>1")
    ratio = score("llr", 3, 1)
    assert row["auroc"] == stats.auroc(ratio.of(fitted), ratio.of(test)).value
    assert row["published_auroc"] == 0.488
    assert set(tables["control"]["images"]) == {"full"}


def test_alarms_follow_the_label_free_rule(run, tables):
    def ratios(split: str, slug: str = "fashionmnist") -> np.ndarray:
        table = stored(run, slug, split)
        return np.column_stack([table.bound(0) - table.bound(k) for k in (1, 2, 3)])

    reference = ratios("reference")

    def t(values: np.ndarray) -> np.ndarray:
        return conformal.statistic(conformal.tail_ranks(reference, values, break_ties=True))

    calibration = t(ratios("calibration"))
    for role, data, values in (("test", "fashionmnist", ratios("test")), ("ood", "mnist", ratios("test", "mnist"))):
        row = the_row(tables["alarms"], role=role, data=data, alpha=0.05)
        assert row["rate"] == np.mean(conformal.p_values(calibration, t(values)) <= 0.05)
        assert (row["n_reference"], row["n_calibration"], row["n"]) == (120, 120, 120)
        assert np.isnan(row["low"]) == (role == "ood")
    for alpha in (0.01, 0.05, 0.1):
        half = the_row(tables["alarms"], role="held-out half", alpha=alpha)
        assert (half["n_calibration"], half["n"]) == (60, 60)
        assert (half["low"], half["high"]) == conformal.false_alarm_interval(alpha, 60, 60, 0.999)


def test_the_check_on_the_held_out_half_keeps_its_level(tmp_path):
    """Over many halvings the rate leaves its 95 % interval about as often as it may."""
    folder = make_run(tmp_path, "many", depth=1)
    make_tables(folder, sets=("fashionmnist",), n=400)
    comparisons = gather([find_run(str(folder))]).comparisons
    found = [alarm_table(comparisons, alphas=(0.2,), level=0.95, seed=seed) for seed in range(60)]
    halves = [the_row(one, role="held-out half") for one in found]
    assert set(found[0]["score"]) == {"joint"} and set(found[0]["note"]) == {""}
    assert len({half["rate"] for half in halves}) > 5
    assert np.mean([half["low"] <= half["rate"] <= half["high"] for half in halves]) > 0.85


def test_layers_give_the_kl_and_the_units_of_the_kept_epoch(run, tables):
    table = stored(run, "mnist")
    history = pd.read_csv(run.path / "history.csv")
    best = history.loc[history["elbo"].idxmax()]
    for layer, units in enumerate((392, 4, 4), start=1):
        row = the_row(tables["layers"], data="mnist", layer=layer)
        assert row["kl"] == pytest.approx(-table.log_ratio(layer).mean())
        assert row["validation_kl"] == pytest.approx(-best[f"log_ratio_{layer}"])
        assert (row["active_units"], row["units"]) == (best[f"active_units_{layer}"], units)


def test_layers_without_a_learning_curve(tmp_path):
    folder = make_run(tmp_path, "bare")
    (folder / "history.csv").unlink()
    make_tables(folder, sets=("fashionmnist",), n=10, parts=False)
    layers = layer_table(gather([find_run(str(folder))]).comparisons)
    assert layers["validation_kl"].isna().all()
    assert "? of 392" in render({"layers": layers}, "text")


def test_negative_ratios_are_counted(run, tmp_path):
    assert negative_share(np.array([-1.0, 0.0, 2.0, -3.0])) == 0.5
    table = stored(run, "fashionmnist")
    frame = table.frame.copy()
    frame.loc[:29, "L>2"] = frame["iw"] + 1
    frame.loc[30:, "L>2"] = frame["iw"] - 1
    folder = make_run(tmp_path, "negative")
    write_table(folder, ScoreTable(frame, table.metadata))
    row = the_row(ratio_table(gather([find_run(str(folder))]).comparisons), k=2)
    assert row["negative_share"] == 0.25
    assert row["mean"] == pytest.approx(0.5, abs=1e-4)


def test_another_in_distribution_set(run):
    (comparison, _) = gather([run], in_data="mnist").comparisons
    assert comparison.in_table is not None
    assert comparison.in_table.metadata.slug == "mnist"
    assert [table.metadata.slug for table in comparison.others] == ["fashionmnist", "notmnist"]
    row = the_row(detection_table([comparison], n_boot=2), ood_data="fashionmnist", score="LLR>1")
    assert row["published_auroc"] == 0.999


def test_the_whole_of_an_ood_set_goes_before_its_test_part(tmp_path):
    folder = make_run(tmp_path, "whole")
    (whole,) = make_tables(folder, sets=("digits",), n=30)
    table = read_table(whole)
    part = table.metadata.model_copy(update={"split": "test"})
    write_table(folder, ScoreTable(table.frame.head(10), part))
    (comparison,) = gather([find_run(str(folder))]).comparisons
    assert [(len(other), other.metadata.split) for other in comparison.others] == [(30, "all")]


def test_no_fitted_image_stands_for_the_own_set(tmp_path):
    """`all` of the set a run was trained on holds fitted images, so it is never its in-distribution table."""
    folder = make_run(tmp_path, "digits-run", data="digits")
    make_tables(folder, sets=("digits", "mnist"), n=30, parts=False)
    gathered = gather([find_run(str(folder))])
    assert gathered.comparisons[0].in_table is None
    assert "score digits with the same setting" in gathered.problems[0]
    assert build(gathered.comparisons, ["detection", "control", "alarms"]) == {}


def test_ones_own_folder_is_represented_by_its_reference_part(tmp_path):
    folder = make_run(tmp_path, "own", data="folder:some/My cats")
    for path in make_tables(folder, sets=("my-cats-0123abcd", "mnist"), n=30):
        table = read_table(path)
        if table.metadata.slug != "mnist":
            metadata = table.metadata.model_copy(update={"split": "reference"})
            write_table(folder, ScoreTable(table.frame, metadata))
    (comparison,) = gather([find_run(str(folder))]).comparisons
    assert comparison.in_table is not None
    assert (comparison.in_data, comparison.in_table.metadata.split) == ("my-cats-0123abcd", "reference")
    assert [table.metadata.slug for table in comparison.others] == ["mnist"]


def test_damaged_and_stale_tables_are_left_out_and_named(tmp_path):
    folder = make_run(tmp_path, "partly")
    make_tables(folder, sets=("fashionmnist", "mnist", "notmnist"), n=10, parts=False)
    (folder / "scores" / "mnist.test.mean.S1.R1.seed0.parquet").write_bytes(b"PAR1 no table PAR1")
    (folder / "history.csv").write_bytes(b"")
    gathered = gather([find_run(str(folder))])
    assert [table.metadata.slug for table in gathered.comparisons[0].others] == ["notmnist"]
    assert any("mnist.test.mean" in problem for problem in gathered.problems)
    assert any("history.csv" in problem for problem in gathered.problems)
    (folder / "model.safetensors").write_bytes(b"weights that made none of these tables")
    stale = gather([find_run(str(folder))])
    assert stale.comparisons == ()
    assert sum("other weights" in problem for problem in stale.problems) == 2


def test_runs_without_config_or_tables_are_named(tmp_path):
    make_run(tmp_path, "empty")
    (make_run(tmp_path, "broken") / "config.json").write_text("{}")
    gathered = gather([find_run(str(tmp_path / name)) for name in ("empty", "broken")])
    assert gathered.comparisons == ()
    assert "hvae score empty" in gathered.problems[0]
    assert gathered.problems[1].startswith("broken:")


def test_readings_are_filtered(tmp_path):
    folder = make_run(tmp_path, "readings")
    make_tables(folder, sets=("fashionmnist",), n=10, readings=("mean", "sample"), parts=False)
    entry = find_run(str(folder))
    assert {c.setting.reading for c in gather([entry]).comparisons} == {"mean", "sample"}
    assert {c.setting.reading for c in gather([entry], ["sample"]).comparisons} == {"sample"}


def test_control_without_a_fitted_table(run):
    assert control_table(gather([run], in_data="mnist").comparisons).empty
