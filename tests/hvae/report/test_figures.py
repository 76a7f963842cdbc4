"""Printed figures hold the numbers of the table beside them, to the point, in PDF and in SVG."""

from __future__ import annotations

import re
import zlib
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from hvae import stats
from hvae.report.figures import Asked, Drawn, draw
from hvae.runs.folders import RunEntry, find_run
from hvae.runs.score_tables import read_table
from tests.hvae.commands import fail, succeed
from tests.synthetic import make_run, make_tables

COORDINATES = {"5": ("x", "density"), "6": ("x", "density"), "7": ("fpr", "tpr")}


@pytest.fixture(scope="module")
def figures(run: RunEntry) -> dict[str, Drawn]:
    return {name: draw(name, Asked([run])) for name in COORDINATES}


def lines_of_svg(path: Path) -> dict[str, np.ndarray]:
    """Points `(n, 2)` of every line with a name, on paper."""
    named = {one.get("id", ""): one for one in ElementTree.parse(path).iter() if "|" in one.get("id", "")}
    paths = {name: next(part.get("d", "") for part in one.iter() if part.get("d")) for name, one in named.items()}
    return {name: np.array(re.findall(r"[ML] (\S+) (\S+)", d), float) for name, d in paths.items()}


def lines_of_pdf(path: Path) -> list[np.ndarray]:
    """Points `(n, 2)` of every path of straight lines, on paper."""
    found = []
    for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", path.read_bytes(), re.S):
        try:
            text = zlib.decompress(stream).decode("latin-1")
        except zlib.error:
            continue
        for one in re.findall(r"(?:\S+ \S+ [ml]\n)+", text):
            found.append(np.array(re.findall(r"(\S+) (\S+) [ml]", one), float))
    return found


def same_up_to_axes(points: np.ndarray, numbers: np.ndarray) -> bool:
    """Whether points on paper are these numbers on linear axes."""
    if len(points) != len(numbers):
        return False
    fits = [np.polyfit(numbers[:, axis], points[:, axis], 1) for axis in (0, 1)]
    placed = [np.polyval(fit, numbers[:, axis]) for axis, fit in enumerate(fits)]
    return bool(np.allclose(np.stack(placed, 1), points, atol=2e-3))


@pytest.mark.parametrize("name", ["6", "7"])
def test_every_point_of_a_line_is_a_row_of_the_table(figures, name, tmp_path):
    drawn, x_y = figures[name], list(COORDINATES[name])
    drawn.write(tmp_path / "figure.svg")
    drawn.write(tmp_path / "figure.pdf")
    drawn.write_numbers(tmp_path / "figure.csv")
    table = pd.read_csv(tmp_path / "figure.csv")
    in_svg, in_pdf = lines_of_svg(tmp_path / "figure.svg"), lines_of_pdf(tmp_path / "figure.pdf")
    slug = "ood_data" if name == "7" else "data"
    groups = list(table.groupby(["score", slug]))
    assert {f"{score}|{data}" for (score, data), _ in groups} == set(in_svg) and len(groups) > 1
    for (score, data), rows in groups:
        numbers = rows[x_y].to_numpy()
        assert same_up_to_axes(in_svg[f"{score}|{data}"], numbers)
        assert any(same_up_to_axes(points, numbers) for points in in_pdf)


def test_the_numbers_are_those_of_the_stored_tables(figures, run):
    own, other = (
        read_table(run.path / "scores" / f"{slug}.test.mean.S1.R1.seed0.parquet") for slug in ("fashionmnist", "mnist")
    )
    rows = figures["7"].numbers.query("score == 'LLR>1' and ood_data == 'mnist'")
    pair = [table.bound(0) - table.bound(1) for table in (own, other)]
    assert rows["auroc"].iloc[0] == stats.auroc(*pair).value
    assert np.trapezoid(rows["tpr"], rows["fpr"]) == pytest.approx(rows["auroc"].iloc[0], abs=1e-6)
    density = figures["6"].numbers.query("data == 'mnist'")
    width = density["x"].iloc[1] - density["x"].iloc[0]
    assert 0.99 <= density["density"].sum() * width <= 1 + 1e-9
    assert set(figures["5"].numbers["score"]) == {"-L>0", "-L>2"}
    assert set(figures["5"].numbers["unit"]) == {"ln(bits/dim)"}
    assert figures["5"].figure.get_size_inches()[0] == 3.25


def test_two_runs_and_rebuilt_images(tmp_path, monkeypatch):
    monkeypatch.setattr("hvae.runs.folders.BUNDLED_RUNS", tmp_path / "none")
    monkeypatch.setenv("HVAE_RUNS", str(tmp_path))
    make_tables(
        make_run(tmp_path, "seen", depth=2, trained=True, data="digits"), ("digits", "mnist"), n=40, parts=False
    )
    succeed("figure", "levels", "seen", "--data", "digits", "--images", 2, "--out", tmp_path / "3.svg", "--csv")
    table = pd.read_csv(tmp_path / "3.csv")
    assert len(table) == 2 * 3 and set(table["k"]) == {0, 1, 2}
    assert (tmp_path / "3.svg").read_text().count("<image") == 2 * (1 + 3)
    assert "hvae correlate seen RUN --data NAME" in fail("figure", 2, "seen", "--out", tmp_path / "2.pdf")
    assert "did you mean roc" in fail("figure", "rocc", "seen", "--out", tmp_path / "7.pdf")
    assert "must end in .pdf or .svg" in fail("figure", 7, "seen", "--out", tmp_path / "7.png")
    assert "hvae score seen --data digits glyphs --reading mean" in fail(
        "figure", 7, "seen", "--data", "glyphs", "--out", tmp_path / "7.pdf"
    )
    assert "--k 9 is outside 0..2" in fail("figure", 6, "seen", "--k", 9, "--out", tmp_path / "6.pdf")
    make_tables(make_run(tmp_path, "bare"), ("fashionmnist", "mnist"), n=20)
    assert "without its weights" in fail("figure", 1, "bare", "--out", tmp_path / "1.pdf")
    assert {one.name for one in tmp_path.glob("*.*")} == {"3.svg", "3.csv"}


@pytest.mark.parametrize("name", ["7", "roc", "5", "6", "1", "levels"])
def test_no_run_is_left_out_without_a_word(name, tmp_path):
    runs = "fashionmnist-lite-seed0", "cifar10-lite-seed0", "mnist-lite-seed0"
    said = fail("figure", name, *runs, "--out", tmp_path / "x.pdf")
    assert f"figure {name} is drawn of one run, not of {', '.join(runs)}" in said
    assert "figure 2 is drawn of two runs" in fail("figure", 2, *runs, "--out", tmp_path / "x.pdf")
    assert not list(tmp_path.iterdir())


def test_a_figure_of_two_runs_names_both(tmp_path):
    one = succeed("figure", 2, "fashionmnist-lite-seed0", "--out", tmp_path / "2.svg")
    text = (tmp_path / "2.svg").read_text()
    assert one and "fashionmnist-lite-seed0 beside mnist-lite-seed0" in text


def test_correlations_are_drawn_from_either_side(tmp_path):
    bundled = find_run("fashionmnist-lite-seed0"), find_run("mnist-lite-seed0")
    one, other = (draw("2", Asked(pair, ["mnist"])).numbers for pair in (bundled, bundled[::-1]))
    pd.testing.assert_series_equal(one["mean_abs_r"], other["mean_abs_r"])
    assert set(other["run_a"]) == {"mnist-lite-seed0"} and list(one["layer"]) == [1, 2, 3]
