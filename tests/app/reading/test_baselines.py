"""Model-free baselines stand beside the model's scores on every page with a detection table, folded and marked."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from app.frame import components
from app.reading.baselines import summary
from app.reading.measures import Measure
from app.reading.view import view
from hvae.runs import pixel_tables
from hvae.runs.catalogue import catalogue
from hvae.runs.folders import find_run
from hvae.runs.settings import Setting
from hvae.scores import SCORES, LeveledScore, score
from hvae.stats import auroc
from tests.app.conftest import sound
from tests.synthetic import fingerprint, make_run, make_tables

PAGES = ("overview", "scores", "compare")
LABELS = {kind().label for kind in SCORES.values() if kind.model_free}


@pytest.fixture
def frames(monkeypatch: pytest.MonkeyPatch) -> dict[str, pd.DataFrame]:
    """The numbers that a page offers as CSV, by name of the file."""
    found: dict[str, pd.DataFrame] = {}

    def save(table: components.Numbers, name: str, **_: object) -> None:
        found[name] = components.made(table)

    monkeypatch.setattr(components, "save", save)
    return found


def best(run: Path, slug: str, n: int) -> tuple[str, float]:
    """Label and AUROC of the best baseline, from the stored tables."""
    found = catalogue(find_run(str(run)))
    entries = [found.find(*where) for where in ((slug, Setting()), ("fashionmnist", Setting()))]
    reference = found.find("fashionmnist", Setting(), ("reference",))
    assert all(entries) and reference is not None
    outside, inside = (found.read(one) for one in entries if one)
    assert len(outside) == n
    values = {
        one.label: auroc(*(one.of(table, found.read(reference)) for table in (inside, outside))).value
        for one in (kind() for kind in SCORES.values() if kind.model_free)
    }
    label = max(values, key=values.__getitem__)
    return label, values[label]


@pytest.mark.parametrize("page", PAGES)
def test_the_line_above_the_fold_names_the_best_and_whether_it_is_beaten(
    page: str, root: Path, visit: Callable[..., AppTest], frames: dict[str, pd.DataFrame]
) -> None:
    run = make_run(root, "first", depth=2)
    make_tables(run, ("fashionmnist", "mnist", "digits"), n=60, pixels=True)
    app = visit(page, ood=["mnist", "digits"])
    text = sound(app)
    assert "without any model:</strong>" in text and "baselines" not in frames, "the fold is closed"
    line = next(line for line in text.splitlines() if "without any model:</strong>" in line)
    for slug, title in (("mnist", "MNIST"), ("digits", "Digits")):
        label, value = best(run, slug, 60)
        stated = re.search(rf"{title}[^;]*? (\d?\.\d+) \(", line)
        assert stated and float(stated[1]) == pytest.approx(value, abs=6e-4)
        assert SCORES_BY_LABEL[label].symbol in line
    assert line.count("beaten") == 2 and " by " in line

    app.session_state["baselines"] = True
    app.run()
    sound(app)
    assert set(frames["baselines"]["score"]) == LABELS and frames["baselines"]["model_free"].all()
    for name in {"every-set", "table-2"} & set(frames):
        assert not LABELS & set(frames[name]["score"]), "the model's scores stand apart"


SCORES_BY_LABEL = {kind().label: kind() for kind in SCORES.values() if kind.model_free}


@pytest.mark.parametrize("page", PAGES)
def test_what_is_not_measured_is_said_with_its_command_and_the_rest_stays(
    page: str, root: Path, visit: Callable[..., AppTest], frames: dict[str, pd.DataFrame]
) -> None:
    make_tables(make_run(root, "first", depth=2), ("fashionmnist", "mnist"), n=60, pixels=True)
    images, reference = (
        fingerprint(slug, split, 60) for slug, split in (("mnist", "test"), ("fashionmnist", "reference"))
    )
    path = pixel_tables.find(images, reference)
    assert path is not None
    path.unlink()
    app = visit(page, ood=["mnist"])
    assert "without any model:</strong>" in sound(app) and "not measured" not in sound(app)
    app.session_state["baselines"] = True
    app.run()
    (line,) = {one.value for one in app.caption if "PPCA needs" in one.value}
    assert "hvae data measure mnist --split test --run first" in line and not app.error
    assert set(frames["baselines"]["score"]) == LABELS
    assert frames["baselines"].set_index("score")["mnist"].isna()["PPCA"]
    for one in (root / "pixels").iterdir():
        one.unlink()
    app.run()
    assert "not measured yet; the fold below says how" in sound(app)
    lines = {one.value for one in app.caption if "hvae data measure" in one.value and "H needs" in one.value}
    assert {line.rpartition(": ")[2] for line in lines} == {
        f"hvae data measure {slug} --split {split} --run first"
        for slug, split in (("fashionmnist", "test"), ("mnist", "test"), ("fashionmnist", "reference"))
    }, "all commands at once, one line each"
    assert all("grey, zlib, PNG, PPCA, pixels" in line for line in lines)


def test_a_baseline_is_no_rival_of_baselines(root: Path, visit: Callable[..., AppTest]) -> None:
    make_tables(make_run(root, "first", depth=2), ("fashionmnist", "mnist"), n=60, pixels=True)
    for page in ("scores", "compare"):
        text = sound(visit(page, ood=["mnist"], score="zlib"))
        assert "without any model:</strong>" in text and "beaten" not in text


def test_the_best_rival_counts(root: Path) -> None:
    make_tables(make_run(root, "first", depth=2), ("fashionmnist", "mnist"), n=60, pixels=True)
    found = catalogue(find_run("first"))
    low, high = (
        view(found, "fashionmnist", ["mnist"], Setting(), Measure(score("bound", 2, 0)), 0.05, "nats"),
        view(found, "fashionmnist", ["mnist"], Setting(), Measure(score("llr", 2, 1)), 0.05, "nats"),
    )
    assert "beaten" in summary([low], {"b": high}) and "not beaten" not in summary([low], {"a": low, "b": high})
    assert "not beaten" in summary([high], {"a": low}) and "by a, " in summary([high], {"a": low})
    assert "not beaten" in summary([low], {"a": low}), "as good is not better"
    assert summary([], {"a": low}) == ""


class Later(LeveledScore):
    """Registered after the baselines."""

    name = "later"
    title = "Later"
    about = "Is it later?"
    source = "a toy"
    letter = "T"

    @classmethod
    def levels(cls, depth):
        return (1,)

    def columns(self, depth):
        return ("iw",)

    def _of(self, table, reference):
        return np.asarray(table.column("iw"))


@pytest.mark.parametrize("page", ["scores", "compare"])
def test_baselines_stand_last_in_menus(
    page: str, root: Path, visit: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SCORES, "later", Later)
    make_tables(make_run(root, "first", depth=2), ("fashionmnist", "mnist"), n=40, pixels=True)
    menu = visit(page, ood=["mnist"]).selectbox(key="score-menu")
    names = [kind.title for kind in SCORES.values() if kind.model_free]
    assert menu.options[-len(names) :] == names and Later.title in menu.options
    assert "**PPCA density of the pixels** (no model): How unusual" in str(menu.help)
