"""A new score is one class and one line in the registry: then every table, command and call knows it."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import Result

import hvae
from hvae.datasets import load
from hvae.report import build, gather, left_out, render
from hvae.runs.folders import find_run
from hvae.runs.score_tables import ScoreTable
from hvae.scores import SCORES, Level, LeveledScore
from hvae.stats.arrays import Floats
from tests.hvae.commands import invoke
from tests.synthetic import make_run, make_tables


class Kl(LeveledScore):
    """The divergence of one layer, less its mean over the reference."""

    name: ClassVar[str] = "kl"
    title: ClassVar[str] = "Divergence"
    about: ClassVar[str] = "How much does the layer say about the image?"
    source: ClassVar[str] = "a toy"
    needs_reference: ClassVar[bool] = True
    letter: ClassVar[str] = "KL"

    @classmethod
    def levels(cls, depth: int) -> tuple[Level, ...]:
        """A layer each."""
        return tuple(range(1, depth + 1))

    def columns(self, depth: int) -> tuple[str, ...]:
        """The log-ratio of the layer."""
        return (f"log_ratio_{self.k}",)

    def _of(self, table: ScoreTable, reference: ScoreTable | None) -> Floats:
        assert reference is not None
        return reference.column(self.columns(table.metadata.depth)[0]).mean() - table.column(
            self.columns(table.metadata.depth)[0]
        )


@pytest.fixture(scope="module", autouse=True)
def registered() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SCORES, "kl", Kl)
        yield


@pytest.fixture(scope="module")
def runs(registered: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A run of random weights with its parts, and one without them."""
    root = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HVAE_RUNS", str(root))
        run = make_run(root, "whole", depth=2, trained=True)
        make_tables(run, ("fashionmnist", "mnist"), n=60, pixels=True)
        make_tables(make_run(root, "bare", depth=2), ("fashionmnist", "mnist"), n=60, parts=False)
        yield root


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pictures") / "letter.png"
    Image.fromarray(load("glyphs", "test", image_shape=(1, 28, 28)).images[0, 0]).save(path)
    return path


def notes(result: Result) -> list[str]:
    return [line for line in result.stderr.splitlines() if line.startswith("note: ")]


def test_it_is_in_the_tables_of_a_report(runs):
    tables = build(gather([find_run("whole")]).comparisons, n_boot=2)
    for name in ("detection", "control"):
        rows = tables[name][tables[name]["score"].str.startswith("KL")]
        assert list(rows["score"]) == ["KL>1", "KL>2"] and list(rows["k"]) == [1, 2]
        assert rows["auroc"].between(0, 1).all() and rows["published_auroc"].isna().all()
    assert not tables["detection"].query("score == 'KL>1'")["best_k"].any()
    assert "KL>1" in pd.read_csv(io.StringIO(render(tables, "csv")))["score"].to_numpy()
    assert f"| {Kl.title} (KL>2) | kl |" in render(tables, "markdown")
    assert r"$\mathrm{KL}^{>2}$" in render(tables, "latex")
    assert "KL>1" in render(tables, "text")


def test_a_report_of_named_scores_alone(runs, tmp_path):
    out = tmp_path / "report.csv"
    options = ("--table", "detection", "control", "--bootstrap", 2, "--out", out)
    result = invoke("report", "whole", "--score", "kl", "typicality", *options)
    assert result.exit_code == 0 and notes(result) == [], result.output
    assert set(pd.read_csv(out)["score"]) == {"KL>1", "KL>2", "typicality"}
    assert invoke("report", "whole", *options).exit_code == 0
    assert {"-L>0", "LLR>1", "KL>1", "-(L+H)"} < set(pd.read_csv(out)["score"])


def test_a_report_says_what_it_leaves_out(runs):
    named = invoke("report", "bare", "--score", "kl", "llr", "--table", "detection", "--bootstrap", 2)
    assert named.exit_code == 0 and "LLR>1" in named.stdout and "KL" not in named.stdout
    assert len(notes(named)) == 2 == len(left_out(gather([find_run("bare")]).comparisons, ["kl", "llr"]))
    assert all("hvae score bare --split reference" in note for note in notes(named))
    (summary,) = notes(invoke("report", "bare", "--table", "detection", "--bootstrap", 2))
    count = sum(kind.model_free for kind in SCORES.values())
    left = f"joint, joint-input, typicality, dose, kl, {count} model-free baselines"
    assert f"left out where they cannot be computed: {left}; name them with --score" in summary
    folded = notes(invoke("report", "bare", "--table", "detection", "--bootstrap", 2, "--no-baselines"))
    assert ["baseline" in note for note in folded] == [False]
    assert notes(invoke("report", "bare", "--table", "bits")) == []


def test_baselines_are_a_block_of_their_own_that_can_be_folded(runs):
    tables = build(gather([find_run("whole")]).comparisons, n_boot=2)
    labels = {kind().label for kind in SCORES.values() if kind.model_free}
    for name in ("detection", "control"):
        frame = pd.read_csv(io.StringIO(render({name: tables[name]}, "csv")))
        marked = set(frame["score"][frame["model_free"]])
        assert marked == (labels if name == "detection" else marked) and marked <= labels
        assert not labels & set(frame["score"][~frame["model_free"]])
    command = ("report", "whole", "--table", "detection", "--bootstrap", 2, "--format")
    ppca, zlib = SCORES["ppca"](), SCORES["zlib"]()
    marks = {"text": "{0.title}", "markdown": "| {0.title} | {0.name} |", "latex": "$\\mathrm{{{0.label}}}$"}
    for form, mark in marks.items():
        model, block = invoke(*command, form).stdout.split("Model-free baselines: OOD detection by the pixels alone")
        assert mark.format(ppca) in block and mark.format(zlib) in block and "LLR" not in block
        assert "zlib" not in model and "LLR" in model
        assert model.strip().startswith(invoke(*command, form, "--no-baselines").stdout.strip()[:2000])
    folded = pd.read_csv(io.StringIO(invoke(*command, "csv", "--no-baselines").stdout))
    assert not folded["model_free"].any() and len(folded)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--score", "kll"), "there is no score 'kll': did you mean kl or llr?"),
        (
            ("--score", "kl", "zlib", "--no-baselines"),
            "zlib is a model-free baseline: leave out --no-baselines, or do not name it",
        ),
        (
            ("--score", "kl", "--table", "bits"),
            "--score chooses rows of the tables control and detection: leave it out",
        ),
    ],
)
def test_a_score_that_a_report_cannot_have(runs, options, said):
    result = invoke("report", "whole", *options)
    assert result.exit_code == 2 and result.stderr.strip() == f"error: {said}"


def test_it_judges_images_on_the_command_line(runs, picture):
    judge = ("score", "whole", "--images", picture, "--device", "cpu", "--score")
    (record,) = json.loads(invoke(*judge, "kl", "--json").stdout)
    (image,) = record["images"]
    assert record["setting"]["score"] == "kl" and record["setting"]["levels"] == ["KL>1", "KL>2"]
    assert {"KL>1", "KL>2", "rank>1", "LLR>1", "typicality", "-(L+H)"} <= set(image) and 0 < image["p"] <= 1
    shown = invoke(*judge, "kl").stdout
    assert "KL>1" in shown and "differs at" in shown and f"{image['KL>1']:.1f}" in shown
    result = invoke(*judge, "ppca")
    assert result.exit_code == 2 and "PPCA density of the pixels is measured of whole image sets" in result.stderr
    result = invoke(*judge, "kll")
    assert result.exit_code == 2 and "did you mean kl" in result.stderr


def test_it_scores_and_judges_in_python(runs, picture):
    run = hvae.load("whole")
    with Image.open(picture) as opened:
        pixels = np.asarray(opened)[None]
    frame = run.score(pixels, ("kl", "bound"))
    assert list(frame) == ["KL>1", "KL>2", "-L>0", "-L>1", "-L>2"]
    judged = run.judge(pixels, score="kl", statistic="difference", two_sided=True)
    assert judged["differs_at"][0] in (1, 2)
    np.testing.assert_array_equal(judged[list(frame)], frame)
