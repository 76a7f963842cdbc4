"""Whatever is in the registry of scores works in every part of the Scores page, a new one by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from app.figures.layout import Figure
from app.frame import components
from app.frame.parts import PARTS
from app.reading import loading
from app.reading import view as views
from app.reading.measures import Measure
from app.scores import galleries
from hvae.runs.catalogue import catalogue
from hvae.runs.folders import find_run
from hvae.runs.score_tables import ScoreTable, read_table, write_table
from hvae.runs.settings import Setting
from hvae.scores import SCORES, Level, LeveledScore, Score, SingleScore, everything, offered
from hvae.stats import auroc
from hvae.stats.arrays import Floats
from tests.app.conftest import forget, look_in, open_page, sound
from tests.synthetic import make_run, make_tables

SETS = ("fashionmnist", "mnist", "digits")


class Divergence(LeveledScore):
    """How many nats one layer pays, beside the mean of the reference part."""

    name: ClassVar[str] = "divergence"
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


class Unmeasured(SingleScore):
    """Needs what no table here has."""

    name: ClassVar[str] = "unmeasured"
    title: ClassVar[str] = "Unmeasured"
    about: ClassVar[str] = "What has nobody measured?"
    source: ClassVar[str] = "a toy"
    mark: ClassVar[tuple[str, str, str]] = ("ink", "ink", "ink")

    def columns(self, depth: int) -> tuple[str, ...]:
        """The share of dark pixels."""
        return ("ink",)

    def _of(self, table: ScoreTable, reference: ScoreTable | None) -> Floats:
        return table.column("ink")


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SCORES, "divergence", Divergence)
    monkeypatch.setitem(SCORES, "unmeasured", Unmeasured)


@pytest.fixture
def frames(monkeypatch: pytest.MonkeyPatch) -> dict[str, pd.DataFrame]:
    """The numbers that the page offers as CSV, by name of the file."""
    found: dict[str, pd.DataFrame] = {}

    def chart(figure: Figure, table: components.Numbers, name: str, **_: object) -> None:
        found[name] = components.made(table)
        found[name].attrs["title"] = figure.heading

    def save(table: components.Numbers, name: str, **_: object) -> None:
        found[name] = components.made(table)

    monkeypatch.setattr(components, "chart", chart)
    monkeypatch.setattr(components, "save", save)
    return found


def values_of(run: Path, score: Score, slug: str, split: str = "") -> Floats:
    found = catalogue(find_run(str(run)))
    entry, reference = (
        found.find(*where)
        for where in ((slug, Setting(), (split,) if split else None), ("fashionmnist", Setting(), ("reference",)))
    )
    assert entry is not None and reference is not None
    return score.of(found.read(entry), found.read(reference))


def test_a_score_that_is_registered_is_in_every_part_of_the_page(
    toys: None, frames: dict[str, pd.DataFrame], scored_runs: Path, visit: Callable[..., AppTest]
) -> None:
    run = scored_runs / "first"
    inside, outside = (values_of(run, Divergence(2), slug) for slug in ("fashionmnist", "mnist"))
    app = visit("scores", score="divergence", k="2", ood=["mnist", "digits"], image="mnist:5")
    text = sound(app)
    assert app.selectbox(key="score-menu").value == "divergence" and "score=divergence&k=2" in text
    assert "**Divergence**: How much does the layer say" in str(app.selectbox(key="score-menu").help)
    assert "KL<sup>&gt;2</sup> against FashionMNIST" in text and "120 against 120" in text
    metrics = frames["metrics"].set_index("ood")
    assert set(metrics["score"]) == {"KL>2"}
    assert metrics.loc["mnist", "full_auroc"] == pytest.approx(auroc(inside, outside).value)
    centres = frames["densities"][["from", "to"]].mean(axis=1)
    assert np.average(centres, weights=frames["densities"]["density_mnist"]) == pytest.approx(outside.mean(), abs=0.2)
    assert frames["roc"]["threshold"].replace([np.inf, -np.inf], np.nan).dropna().between(-50, 50).all()
    for aspect in ("All scores", "Levels"):
        app.segmented_control(key="aspect").set_value(aspect).run()
    every = frames["image-scores"].set_index("score")["value"]
    assert every["KL>2"] == outside[5] and len(every) == 11 + 3 - 1, "all but those that lack columns"
    assert list(frames["one-image"]["quantity"]) == ["KL>1", "KL>2", "KL>3"]
    assert frames["one-image"].attrs["title"].startswith("Divergence of MNIST 5 is above 95 % of FashionMNIST at ")
    assert frames["densities"].attrs["title"].startswith("KL<sup>&gt;2</sup> ")
    assert set(frames["confusing-ood"].columns) >= {"set", "image", "label", "-L>0", "LLR>1", "KL>1", "KL>2", "KL>3"}
    app.segmented_control(key="part").set_value("Beside the likelihood").run()
    assert set(frames["contrast"]["score"]) == {"-L>0", "KL>2"}
    app.segmented_control(key="part").set_value("Every level").run()
    assert {"KL>1", "KL>2", "KL>3", "-L>0", "LLR>1"} <= set(frames["auroc-by-k"]["score"])
    assert set(frames["best-k"]["score"]) <= {"LLR>1", "LLR>2", "LLR>3"}, "no other paper chooses its level by OOD data"
    app.segmented_control(key="part").set_value("Checks").run()
    assert "The divergence of each image" in sound(app) and len(frames["label-free-rule"]) == 4
    fitted = values_of(run, Divergence(2), "fashionmnist", "fitted")
    assert frames["negative-control"]["auroc"][0] == pytest.approx(auroc(fitted, inside).value)


def test_a_score_that_lacks_a_column_says_so_and_leaves_the_page_alive(
    toys: None, scored_runs: Path, visit: Callable[..., AppTest]
) -> None:
    app = visit("scores", score="unmeasured")
    sound(app)
    assert any("ink needs" in one.value and "hvae data measure" in one.value for one in app.error)
    app.selectbox(key="score-menu").set_value("llr").run()
    app.session_state["image"] = "mnist:0"
    app.run().segmented_control(key="aspect").set_value("All scores")
    text = sound(app.run())
    assert not app.error and "LLR<sup>&gt;1</sup> against FashionMNIST" in text
    assert any("Left out" in one.value and "ink" in one.value for one in app.caption), "of the scores of one image"


def test_a_score_that_one_set_lacks_is_shown_of_the_others(root: Path, visit: Callable[..., AppTest]) -> None:
    run = make_run(root, "first", depth=2)
    make_tables(run, ("fashionmnist", "mnist"), n=40, pixels=True)
    make_tables(run, ("digits",), n=40, parts=False)
    app = visit("scores", score="entropy-corrected", ood=["mnist", "digits"])
    text = sound(app)
    assert any("input_entropy" in one.value and "digits (all)" in one.value for one in app.error)
    assert text.count("40 against 40") == 1 and '<th scope="row">MNIST</th>' in text


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Runs of binarised and of whole pixels with statistics of the pixels; what the page reads of them is kept."""
    root = tmp_path_factory.mktemp("measured")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HVAE_RUNS", str(root))
        for whole in (False, True):
            # Statistics of the pixels lie beside the runs, one file for the images of a set.
            run = make_run(root, "whole" if whole else "binarised", depth=2, whole=whole)
            make_tables(run, ("fashionmnist", "mnist"), n=30, pixels=True)
    yield root
    forget()


@pytest.mark.parametrize("score", offered())
def test_every_part_draws_every_score(
    measured: Path, score: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_in(monkeypatch, measured, tmp_path)
    run = "binarised" if "binarise" in SCORES[score].preprocessings else "whole"
    first, *others = PARTS["scores"][1]
    app = open_page("scores", run=run, score=score, part=first)
    for part in (first, *others):
        app = app.segmented_control(key="part").set_value(part).run() if part != first else app
        text = sound(app)
        assert not app.error and app.segmented_control(key="part").value == part
        assert app.selectbox(key="score-menu").value == score and f"score={score}" in text


def test_each_score_is_computed_once_a_table(
    monkeypatch: pytest.MonkeyPatch, root: Path, visit: Callable[..., AppTest]
) -> None:
    make_tables(make_run(root, "first", depth=2), SETS, n=40, pixels=True)
    calls: Counter[tuple[str, str, str]] = Counter()
    real = Score.of

    def counted(score: Score, table: ScoreTable, reference: ScoreTable | None = None) -> Floats:
        calls[score.label, table.metadata.slug, table.metadata.split] += 1
        return real(score, table, reference)

    monkeypatch.setattr(Score, "of", counted)
    app = visit("scores", score="typicality", ood=["mnist", "digits"])
    sound(app)
    main = Counter({key: count for key, count in calls.items() if key[0] == "typicality"})
    assert set(main) == {
        ("typicality", "fashionmnist", "test"),
        ("typicality", "mnist", "test"),
        ("typicality", "digits", "all"),
    }
    for change in (("unit", "bits/dim"), ("panel", "PR"), ("part", "Beside the likelihood"), ("part", "Every level")):
        app.segmented_control(key=change[0]).set_value(change[1]).run()
        sound(app)
    app.number_input(key="alarm").set_value(20.0).run()
    assert {label for label, *_ in calls} == {score.label for score in everything(2, "binarise")}
    assert set(calls.values()) == {1}, calls


def test_a_run_beside_another_is_compared_on_the_same_images_only(root: Path, visit: Callable[..., AppTest]) -> None:
    first, second = (make_run(root, name, depth=2, seed=seed) for seed, name in enumerate(("first", "second")))
    make_tables(first, ("fashionmnist", "mnist", "digits"), n=60)
    make_tables(second, ("fashionmnist", "mnist"), n=60)
    text = sound(visit("scores", versus="second", ood=["mnist", "digits"]))
    assert text.count("A − B = ") == 1 and "not scored" in text
    make_tables(second, ("mnist",), n=50)
    text = sound(visit("scores", versus="second", ood=["mnist", "digits"]))
    assert "A − B" not in text and "AUROC of second" in text, "other images than those of run A"


def test_more_samples_and_draws_stand_beside_fewer_whatever_their_precision(
    frames: dict[str, pd.DataFrame], root: Path, visit: Callable[..., AppTest]
) -> None:
    run = make_run(root, "first", depth=2)
    make_tables(run, ("fashionmnist", "mnist"), n=40)
    make_tables(run, ("digits",), n=40, parts=False)
    for path in make_tables(run, ("fashionmnist", "mnist"), n=40, samples=(8,), draws=(1, 4), parts=False):
        table = read_table(path)
        about = table.metadata.model_copy(update={"precision": "bf16-mixed"})
        write_table(run, replace(table, metadata=about))
    text = sound(visit("scores", part="Every level", ood=["mnist", "digits"]))
    assert "More importance samples S tighten L" in text and "More draws R" not in text
    found = frames["auroc-by-S"]
    assert list(found["S"]) == [1, 8] * 2 and list(found["score"]) == ["-L>0"] * 2 + ["LLR>1"] * 2
    assert set(found["ood"]) == {"mnist"}, "one number is no line"
    assert [str(one).endswith("bf16-mixed") for one in found["setting"]] == [False, True] * 2
    text = sound(visit("scores", part="Every level", ood=["mnist"], S="8"))
    assert (
        "More importance samples S" in text and "More draws R" in text and list(frames["auroc-by-R"]["R"]) == [1, 4] * 2
    )
    text = sound(visit("scores", part="Every level", ood=["mnist"], score="typicality"))
    assert set(frames["auroc-by-S"]["score"]) == {"-L>0"} and "typicality is fitted to the reference part" in text


def test_the_csv_of_a_gallery_is_of_the_images_shown(root: Path) -> None:
    run = make_run(root, "first", depth=2)
    make_tables(run, ("fashionmnist", "mnist"), n=30)
    found = loading.catalogue(find_run("first"))
    view = views.view(found, "fashionmnist", ["mnist"], Setting(), Measure(SCORES["llr"](1)), 0.05, "nats")
    picks = [galleries.Pick(view.outside[0], np.array([4, 2])), galleries.Pick(view.inside, np.array([7]))]
    frame = galleries.numbers(view, picks)
    assert list(frame["set"]) == ["mnist", "mnist", "fashionmnist"] and list(frame["image"]) == [4, 2, 7]
    assert list(frame["LLR>1"][:2]) == [view.outside[0].scores[index] for index in (4, 2)]
    assert "-(L+H)" not in frame, "no statistics of the pixels here"
