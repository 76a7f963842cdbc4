"""The page of feature correlations, from the entry point, on stored tables."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from app.figures.correlations import layer_grid, over_layers
from hvae.correlation_tables import COLUMNS, CorrelationMetadata, CorrelationTable, write_correlations
from tests.synthetic import make_run

ROOT = Path(__file__).resolve().parents[2]


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


def test_stored_tables_become_figures_words_and_numbers(runs, open_page):
    correlations(runs / "clothes", "figures", "mnist", 0.9, depth_b=2)
    correlations(runs / "clothes", "figures", "digits", 0.7, depth_b=2)
    app = open_page(versus="figures")
    assert len(app.get("plotly_chart")) == 4
    said = html(app)
    assert "clothes was trained on FashionMNIST, figures on MNIST" in said
    assert "at z<sub>1</sub> mean |r| is 0.75 (chance 0.03) and CKA 0.80" in said
    assert "at z<sub>2</sub> mean |r| is 0.70" in said
    commands = [code.value for code in app.code]
    assert any("hvae correlate clothes figures --split test --data mnist" in command for command in commands)
    assert any("hvae correlate clothes figures --split all --data digits" in command for command in commands)
    pair = app.dataframe[-1].value
    assert dict(zip(pair["data"], pair["mean_abs_r"].round(2), strict=True)) == {"mnist": 0.85, "digits": 0.65}


def test_a_pair_can_be_chosen_without_a_mouse(runs, open_page):
    correlations(runs / "clothes", "figures", "mnist", 0.9, depth_b=2)
    app = open_page(versus="figures", pair="3-1")
    assert app.dataframe[-1].value["mean_abs_r"].tolist() == pytest.approx([0.9 - 0.2 - 0.15])
    app.selectbox(key="pair").select("1-2").run()
    assert app.dataframe[-1].value["mean_abs_r"].tolist() == pytest.approx([0.9 - 0.1 - 0.05])


def test_a_table_in_the_other_runs_folder_is_turned_round(runs, open_page):
    correlations(runs / "clothes", "figures", "mnist", 0.9, depth_b=2)
    app = open_page(run="figures", versus="clothes", pair="1-3")
    assert app.dataframe[-1].value["mean_abs_r"].tolist() == pytest.approx([0.9 - 0.2 - 0.15])
    assert app.dataframe[-1].value["constant_a"].tolist() == [2]


def test_without_run_b_the_stored_partner_is_shown(runs, open_page):
    correlations(runs / "clothes", "figures", "mnist", 0.9, depth_b=2)
    app = open_page()
    assert "showing figures" in app.info[0].value
    assert len(app.get("plotly_chart")) == 4


def test_what_is_missing_comes_with_its_command(runs, open_page):
    correlations(runs / "clothes", "figures", "mnist", 0.9, depth_b=2)
    app = open_page(versus="lonely", ood="digits")
    assert "No correlations between clothes and lonely" in app.info[0].value
    assert app.code[0].value == (
        "hvae correlate clothes lonely --split test --data fashionmnist\n"
        "hvae correlate clothes lonely --split all --data digits"
    )
    assert "RUN_B" in open_page(run="lonely").code[0].value


def test_damaged_and_outdated_tables_are_said(runs, open_page):
    correlations(runs / "clothes", "figures", "mnist", 0.9, depth_b=2, digest="1" * 64)
    (runs / "clothes" / "model.safetensors").write_bytes(b"other weights")
    broken = runs / "clothes" / "correlations" / "figures.digits.all.parquet"
    broken.write_bytes(b"nothing")
    app = open_page(versus="figures")
    said = " ".join(warning.value for warning in app.warning)
    assert "figures.digits.all.parquet is no readable parquet file" in said
    assert "made with other weights" in said
    assert len(app.get("plotly_chart")) == 4


def test_the_page_needs_no_torch():
    code = (
        "import sys; from app import feature_tables, source_images, state; from app.figures import correlations; "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


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
