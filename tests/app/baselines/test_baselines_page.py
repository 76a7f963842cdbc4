"""The Baselines page on made-up runs: what it says, and that it follows what is chosen."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from app.frame import components
from hvae.report import line_up, rivals
from hvae.runs.catalogue import catalogue
from hvae.runs.folders import find_run
from hvae.runs.score_tables import ScoreTable, read_table, write_table
from tests.app.conftest import look_in, sound
from tests.hvae.tables import the_row
from tests.synthetic import make_run, make_tables

LLR = "Likelihood ratio (LLR>1) of deep"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs of FashionMNIST, a density of whole pixels among them, and one of MNIST."""
    root, patch = tmp_path_factory.mktemp("rivals"), pytest.MonkeyPatch()
    look_in(patch, root, root)
    make_tables(make_run(root, "deep", depth=2), ("fashionmnist", "mnist", "digits"), n=80, pixels=True)
    make_tables(make_run(root, "plain", depth=1, whole=True, seed=1), ("fashionmnist", "mnist"), n=80)
    make_tables(make_run(root, "alien", data="mnist"), ("fashionmnist", "mnist"), n=80)
    patch.undo()
    return root


@pytest.fixture
def page(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, visit):
    look_in(monkeypatch, made, tmp_path)
    monkeypatch.setenv("HVAE_RUNS", str(made))
    return lambda **values: visit("baselines", **{"run": "deep", "ood": ["mnist"]} | values)


def test_every_score_is_in_the_table_and_drawn(made: Path, page, monkeypatch: pytest.MonkeyPatch) -> None:
    saved = {}
    monkeypatch.setattr(components, "save", lambda table, name, **_: saved.update({name: components.made(table)}))
    app = page(image="mnist:3")
    text = sound(app)
    assert not app.warning and not app.error
    assert app.multiselect(key="beside").value == ["plain"], "the alien was trained on something else"
    lacked = next(one.label for one in app.expander if one.label.startswith("Scores that some runs lack"))
    assert "Maximum softmax probability, Predictive entropy, ODIN, Feature Mahalanobis" in lacked
    assert "Best here:" in text and "80 of FashionMNIST against 80 of MNIST" in text
    assert "hvae compare deep plain --data mnist" in text
    table = saved["rivals-mnist"]
    found = line_up([catalogue(find_run(str(made / name))) for name in ("deep", "plain")], ["mnist"])
    columns = {one.title: one for one in rivals.columns(found)[0]}
    assert (
        the_row(table, run="deep", score="LLR>1")["auroc"] == rivals.measured(columns[LLR], "mnist", 2)["auroc"].value
    )
    assert set(table["run"]) == {"deep", "plain", ""} and table["model_free"].any()
    there = table.dropna(subset="auroc")
    assert there[["auprc_low", "fpr80_high", "fpr95_low"]].notna().all(axis=None), "saved with every interval"
    ranks = saved["image-mnist-3"]
    own = columns[LLR]
    expected = 100 * np.mean(own.inside <= own.outside["mnist"][3])
    assert the_row(ranks, run="deep", score="Likelihood ratio (LLR>1)")["rank"] == pytest.approx(expected)
    assert (saved["caught-alone"]["alone"] <= saved["caught-alone"]["caught"]).all()


def test_it_follows_what_is_chosen(page) -> None:
    app = page(
        every="every level",
        takes="prior knowledge",
        against="Likelihood bound (-L>0) of plain",
        across=LLR,
        up="Joint score of deep",
    )
    text = sound(app)
    assert "The difference is from Likelihood bound (-L&gt;0) of plain" in text
    assert "Likelihood ratio (LLR>2) of deep" in app.selectbox(key="across").options
    assert "Do LLR<sup>&gt;1</sup> and joint put images in the same order?" in text
    app.multiselect(key="picked").set_value([]).run()
    assert "Choose scores above to draw their ROC curves" in sound(app)
    app.multiselect(key="beside").set_value([]).run()
    assert "hvae compare deep --data mnist" in sound(app)


def test_a_run_that_cannot_stand_beside_it_is_named(made: Path, page) -> None:
    text = sound(page(ood=["digits"]))
    assert "plain has no scores of digits under reading mean, S = 1, R = 1: hvae score plain" in text
    assert "hvae compare deep --data digits" in text


def test_no_other_set_is_scored(root: Path, visit) -> None:
    make_tables(make_run(root, "alone"), ("fashionmnist",), n=20)
    assert "alone has scored no other set yet" in sound(visit("baselines", ood=["mnist"]))


def test_an_image_that_not_all_runs_have_scored(made: Path, root: Path, visit) -> None:
    """Run A has scored 80 images, the other 20 of them: the image stays, and the next is one that both have."""
    for name in ("deep", "plain"):
        shutil.copytree(made / name, root / name)
    rows = np.linspace(0, 79, 20).round().astype(int)
    for path in (root / "plain" / "scores").glob("*.test.*"):
        old = read_table(path)
        about = {"origin": old.metadata.data_fingerprint, "data_fingerprint": f"{old.metadata.slug:f<64}"}
        frame = old.frame.iloc[rows].assign(example=np.arange(20))
        write_table(root / "plain", ScoreTable(frame, old.metadata.model_copy(update=about)))
    app = visit("baselines", run="deep", ood=["mnist"], image="mnist:5")
    text = sound(app)
    assert "20 of FashionMNIST against 20 of MNIST" in text
    assert '<h2 class="inspected" title="MNIST 5">' in text
    assert "MNIST 5 is not among the 20 images of MNIST that all of these runs have scored" in text
    assert "label" in text and "call MNIST 5 OOD" not in text, "what run A makes of it is there"
    for label, shown in (("Next", 8), ("Previous", 4), ("Previous", 0), ("Previous", 79)):
        next(one for one in app.button if one.label == label).click().run()
        assert app.text_input(key="image").value == f"mnist:{shown}"
    assert "scores call MNIST 79 OOD" in sound(app)
