"""The page of feature correlations, from the entry point, on stored tables."""

import dataclasses
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from app.features import tables
from app.features.layers import about_the_models
from app.features.units import unit_name
from app.figures.scattered.agreement import layer_grid, over_layers
from app.frame import jobs, parts
from hvae.errors import HvaeError
from hvae.runs.correlations.tables import COLUMNS, CorrelationMetadata, CorrelationTable, write_correlations
from hvae.runs.folders import RunEntry, find_run, find_runs
from tests.synthetic import make_run, make_tables

ROOT = Path(__file__).resolve().parents[3]


def correlations(
    run: Path, other: str, slug: str, level: float, depth_b: int = 3, digest: str = ""
) -> CorrelationTable:
    """A table whose r at (a, b) is `level - 0.1 * |a - b| - 0.05 * a`."""
    rows = [
        (slug, kind, a, b, level - 0.1 * abs(a - b) - 0.05 * a, 0.03, level, 8, 1, 2, 500)
        for kind in ("features", "means")
        for a in range(1, 4)
        for b in range(1, depth_b + 1)
    ]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    narrow = ("layer_a", "layer_b", "units", "constant_a", "constant_b", "n")
    metadata = CorrelationMetadata(
        run_a=run.name,
        run_b=other,
        slug=slug,
        split="all" if slug == "digits" else "test",
        n=500,
        seed=0,
        places=16,
        depth_a=3,
        depth_b=depth_b,
        preprocessing_a="binarise",
        preprocessing_b="binarise",
        weights_sha256_a=digest,
        weights_sha256_b=digest,
        data_fingerprint="",
        version="0.1.0",
    )
    table = CorrelationTable(frame.astype({name: "int32" for name in narrow}), metadata)
    write_correlations(run, table)
    return table


@pytest.fixture
def runs(root: Path) -> Path:
    make_run(root, "clothes")
    make_run(root, "figures", depth=2, data="mnist")
    make_run(root, "lonely", seed=2)
    return root


@pytest.fixture
def open_page(runs: Path, visit: Callable[..., AppTest]) -> Callable[..., AppTest]:
    def opened(**address: str) -> AppTest:
        app = visit("features", **{"run": "clothes"} | address)
        assert not app.exception and not app.error
        return app

    return opened


def html(app: AppTest) -> str:
    return "\n".join(element.proto.body for element in app.get("html"))


def finish_jobs() -> None:
    for thread in threading.enumerate():
        if thread.name == "jobs":
            thread.join(280)


def test_stored_tables_become_figures_words_and_numbers(runs, open_page):
    correlations(runs / "clothes", "figures", "mnist", 0.9, depth_b=2)
    correlations(runs / "clothes", "figures", "digits", 0.7, depth_b=2)
    app = open_page(versus="figures")
    assert len(app.get("plotly_chart")) == 2
    said = html(app)
    assert "clothes was trained on FashionMNIST, figures on MNIST" in said
    assert "at z<sub>1</sub> mean |r| is 0.75 (chance 0.03) and CKA 0.80" in said
    assert "at z<sub>2</sub> mean |r| is 0.70" in said
    commands = [code.value for code in app.code]
    assert any("hvae correlate clothes figures --split test --data mnist" in command for command in commands)
    assert any("hvae correlate clothes figures --split all --data digits" in command for command in commands)
    app.segmented_control(key="between").set_value(parts.EVERY_PAIR).run()
    assert len(app.get("plotly_chart")) == 2
    pair = app.dataframe[-1].value
    assert dict(zip(pair["data"], pair["mean_abs_r"].round(2), strict=True)) == {"mnist": 0.85, "digits": 0.65}


def test_a_pair_can_be_chosen_without_a_mouse(runs, open_page):
    correlations(runs / "clothes", "figures", "mnist", 0.9, depth_b=2)
    app = open_page(versus="figures", between=parts.EVERY_PAIR, pair="3-1")
    assert app.dataframe[-1].value["mean_abs_r"].tolist() == pytest.approx([0.9 - 0.2 - 0.15])
    app.selectbox(key="pair").select("1-2").run()
    assert app.dataframe[-1].value["mean_abs_r"].tolist() == pytest.approx([0.9 - 0.1 - 0.05])


def test_a_table_in_the_other_runs_folder_is_turned_round(runs, open_page):
    correlations(runs / "clothes", "figures", "mnist", 0.9, depth_b=2)
    app = open_page(run="figures", versus="clothes", between=parts.EVERY_PAIR, pair="1-3")
    assert app.dataframe[-1].value["mean_abs_r"].tolist() == pytest.approx([0.9 - 0.2 - 0.15])
    assert app.dataframe[-1].value["constant_a"].tolist() == [2]


def test_without_run_b_the_stored_partner_is_shown(runs, open_page):
    correlations(runs / "clothes", "figures", "mnist", 0.9, depth_b=2)
    app = open_page()
    said = "clothes beside figures, as is stored: no run B is chosen in the sidebar."
    order = [one.value if one.type == "caption" else one.type for one in app.main]
    assert order.index(said) < order.index("plotly_chart"), "where the figures are"
    assert len(app.get("plotly_chart")) == 2
    assert said not in [one.value for one in open_page(versus="figures").caption]


def test_what_is_missing_comes_with_its_command(runs, open_page, visit):
    def fails(report, cancelled):
        raise HvaeError("could not write *there*")

    correlations(runs / "clothes", "figures", "mnist", 0.9, depth_b=2)
    job = jobs._queue().submit("clothes and lonely", fails, "key")
    finish_jobs()
    app = visit("features", run="clothes", versus="lonely", ood="digits", job=job)
    assert not app.exception
    assert app.error[0].value == "clothes and lonely: could not write \\*there\\*"
    assert "Correlations between clothes and lonely not stored: FashionMNIST, Digits" in html(app)
    assert "They cannot be computed here: clothes: no weights yet: train it" in html(app)
    for name in ("clothes", "lonely"):
        (runs / name / "model.safetensors").write_bytes(b"weights")
    app = open_page(versus="lonely", ood="digits", job="nobody-knows")
    assert "not known any more" in app.info[0].value
    assert any("hvae data fetch fashionmnist" in caption.value for caption in app.caption)
    assert app.code[0].value == (
        "hvae correlate clothes lonely --split test --data fashionmnist\n"
        "hvae correlate clothes lonely --split all --data digits"
    )
    assert app.button(key="offer-tables-compute").label == "Compute it here"
    app.button(key="job-dismiss").click().run()
    assert not app.info
    assert "RUN_B" in open_page(run="lonely").code[0].value


def test_a_comparison_is_computed_in_a_job_and_its_units_are_shown(root, visit, monkeypatch):
    monkeypatch.setattr(tables, "IMAGES", 60)
    for name, data, depth in (("clothes", "digits", 2), ("figures", "mnist", 1)):
        make_run(root, name, depth=depth, trained=True, data=data, seed=depth)
    make_tables(root / "clothes", ("digits",), n=60, parts=False)
    app = visit("features", run="clothes", versus="figures", data="digits", ood="", between=parts.EVERY_PAIR)
    app.button(key="offer-tables-compute").click().run()
    job = app.session_state["job"]
    finish_jobs()
    assert jobs.find(job).state == "done"
    app.run()
    assert not app.exception and not app.error
    assert (root / "clothes" / "correlations" / "units" / "figures.digits.all.parquet").is_file()
    assert len(app.get("plotly_chart")) == 2 + 1 + 2
    assert "images excite both units most" in html(app)
    pair = tables.unit_pairs(find_run("clothes"), find_run("figures"), "digits", "all").of("features", 1, 1)[1]
    app.selectbox(key="match").select("2").run()
    assert f"Unit {pair.unit_a} of clothes and unit {pair.unit_b} of figures" in html(app)
    app.selectbox(key="unit-b-look").select(0).run()
    assert app.session_state["image"] == f"digits:{pair.images_b[0]}"
    # Weights trained on since then: the results are offered again.
    make_run(root, "figures", depth=1, trained=True, data="mnist", seed=5)
    app.run()
    assert "made with other weights" in app.warning[0].value
    assert app.button(key="offer-tables-compute") and app.button(key="offer-units-compute")


def test_results_of_a_bundled_run_are_kept_below_ones_own_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("HVAE_RUNS", str(tmp_path / "mine"))
    run = make_run(tmp_path / "bundled", "clothes")
    (run / "correlations").write_bytes(b"")
    entry, partner = (RunEntry(name, run.parent / name, None, None, False) for name in ("clothes", "figures"))
    table = correlations(tmp_path / "clothes", "figures", "mnist", 0.9)
    written = tables.keep(entry, write_correlations, table)
    assert written == tmp_path / "mine" / "clothes" / "correlations" / "figures.mnist.test.parquet"
    found = tables.stored(entry, partner)
    assert found.tables["mnist"].metadata.run_b == "figures" and not found.problems
    make_run(tmp_path / "mine", "clothes")
    assert not tables.stored(entry, partner).tables, "another run of that name keeps results of its own"
    with pytest.raises(HvaeError, match="could not write"):
        tables.keep(entry, write_correlations, table)


def test_runs_that_cannot_see_the_same_images_are_not_compared(tmp_path):
    grey, colour = make_run(tmp_path, "grey"), make_run(tmp_path, "colour", image_shape=(3, 32, 32))
    entries = [dataclasses.replace(entry, has_weights=True) for entry in find_runs([tmp_path])]
    assert {entry.path for entry in entries} == {grey, colour}
    assert "different shapes (3 x 32 x 32 and 1 x 28 x 28)" in tables.obstacle(*entries)


def test_halves_of_a_latent_and_unlike_depths_are_said(tmp_path):
    make_run(tmp_path, "biva", 10, (3, 32, 32), data="cifar10", family="bidirectional")
    make_run(tmp_path, "plain", 3, (3, 32, 32), data="cifar10")
    biva, plain = find_runs([tmp_path])[:2]
    names = [unit_name(biva, "means", layer, unit) for layer, unit in ((1, 1), (1, 2), (2, 4), (10, 3))]
    assert names == ["unit 1 (BU)", "unit 2 (TD)", "unit 4 (TD)", "unit 3"]
    assert unit_name(plain, "means", 1, 1) == unit_name(biva, "features", 1, 1) == "unit 1"
    about = about_the_models("means", plain, biva)
    assert about.startswith("biva has 10 layers and plain 3") and "BU (inferred on the way up)" in about
    assert "BU" not in about_the_models("features", plain, biva) and not about_the_models("means", plain, plain)


def test_damaged_and_outdated_tables_are_said(runs, open_page):
    correlations(runs / "clothes", "figures", "mnist", 0.9, depth_b=2, digest="1" * 64)
    (runs / "clothes" / "model.safetensors").write_bytes(b"other weights")
    broken = runs / "clothes" / "correlations" / "figures.digits.all.parquet"
    broken.write_bytes(b"nothing")
    app = open_page(versus="figures")
    said = " ".join(warning.value for warning in app.warning)
    assert "figures.digits.all.parquet is no readable parquet file" in said
    assert "made with other weights" in said
    assert len(app.get("plotly_chart")) == 2


def test_figures_say_what_the_numbers_are(tmp_path):
    table = correlations(tmp_path, "b", "mnist", 0.9)
    rows = table.frame[(table.frame["kind"] == "means") & (table.frame["layer_a"] == table.frame["layer_b"])]
    lines = over_layers(rows, "mean_abs_r", "title", "mean |r|", null=True)
    assert [trace.name for trace in lines.data] == ["MNIST", "images shuffled: chance"]
    np.testing.assert_allclose(lines.data[0].y, [0.85, 0.8, 0.75])
    values = table.square("means")
    values[2, 0] = np.nan
    grid = layer_grid(values, "a", "b", "title", "r")
    heat, marks = grid.data
    assert heat.text[2][0] == "none" and heat.text[0][1] == "0.75"
    # A click on a cell is a click on the mark over it: its id leads back to the pair.
    position = list(marks.customdata).index(3001)
    assert (marks.y[position], marks.x[position]) == (3, 1)
    assert "z3 of a and z1 of b: none" in marks.hovertext[position]
