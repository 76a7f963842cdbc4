import dataclasses
import itertools
import re
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from app.compare import metrics
from app.compare.choosing import Compared
from app.compare.configs import differing
from app.figures.densities import IDS_PER_SET
from app.figures.scattered import agreement as figures
from app.frame import parts
from app.looks import palette
from app.reading import loading, view
from app.reading.agreement import MARKS, Agreement, agreement
from app.reading.measures import Measure
from hvae.config import RunConfig, RunFile
from hvae.datasets.base import spread_rows
from hvae.runs.folders import find_run
from hvae.runs.score_tables import ScoreTable, read_table, write_table
from hvae.runs.settings import Setting
from hvae.scores.levels.llr import LikelihoodRatio
from tests.app.conftest import sound
from tests.synthetic import make_run, make_tables

LLR = Measure(LikelihoodRatio(1))


def config(run: Path) -> RunConfig:
    return RunFile.from_json((run / "config.json").read_bytes()).config


def compared(run: Path, own: str, *slugs: str) -> Compared:
    found = loading.catalogue(find_run(str(run)))
    one = view.view(found, own, slugs, Setting(), LLR, 0.05, "nats")
    return Compared(**vars(one), letter="A", look=palette.run_look(0, "A"))


def with_metadata(table: ScoreTable, **changes: object) -> ScoreTable:
    return ScoreTable(table.frame, table.metadata.model_copy(update=changes))


@pytest.fixture(scope="module")
def pair(scored_root: Path) -> tuple[Compared, Compared]:
    return tuple(compared(scored_root / name, "fashionmnist", "mnist") for name in ("first", "second"))


def test_only_fields_that_differ_are_listed(tmp_path: Path) -> None:
    one = config(make_run(tmp_path, "one", depth=2))
    two = one.override({"training.epochs": 9, "data.name": "mnist", "data.fingerprint": 64 * "f"})
    assert differing([one, one]) == {}
    assert differing([one, two, one]) == {
        "data.name": ["fashionmnist", "mnist", "fashionmnist"],
        "training.epochs": ["4", "9", "4"],
    }
    deeper = differing([one, config(make_run(tmp_path, "deep", depth=3))])
    assert deeper["model.stages.2.latent.size"] == [None, "4"]


def test_scores_are_paired_only_on_the_same_images(pair: tuple[Compared, Compared]) -> None:
    one, other = pair
    every = np.arange(len(other.scored["mnist"].scores))
    found = one.rows_with(other, "mnist")
    assert found is not None and all(np.array_equal(rows, every) for rows in found)

    def beside(changed: ScoreTable, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        return view.in_common(
            one.scored["mnist"], dataclasses.replace(other.scored["mnist"], table=changed, scores=scores)
        )

    whole, scores = other.scored["mnist"].table, other.scored["mnist"].scores
    assert beside(with_metadata(whole, data_fingerprint="f" * 64), scores) is None
    assert beside(with_metadata(whole, split="all"), scores) is None
    found = beside(ScoreTable(whole.frame.iloc[1:], whole.metadata), scores[1:])
    assert found is not None and np.array_equal(found[0], every[1:]) and np.array_equal(found[1], every[:-1])


def test_every_row_leads_to_its_run_and_to_the_scores_of_its_set(root: Path, visit) -> None:
    for seed, name in enumerate(("first", "second")):
        make_tables(make_run(root, name, seed=seed), ("fashionmnist", "mnist", "digits"), n=60)
    app, _ = run_page(visit, run="first", versus="second", ood=["mnist", "digits"], image="mnist:3")
    bodies = [one.proto.body for one in app.get("html")]
    rows = next(body for body in bodies if "minus A's</th>" in body).split("<tr>")[2:]
    assert len(rows) == 4
    for row, (slug, name) in zip(rows, itertools.product(("mnist", "digits"), ("first", "second")), strict=True):
        scores, overview = (
            parse_qs(link) for link in re.findall(r'class="leads" href="/(?:scores)?[?]([^"]*)"', unescape(row))
        )
        assert (scores["run"], scores["ood"], scores["data"]) == ([name], [slug], ["fashionmnist"])
        assert overview["run"] == [name] and "score" in scores and "image" not in overview
    (every,) = (body for body in bodies if "of MNIST 3 in every run" in body)
    assert every.count('class="leads"') == 2


def test_a_run_of_a_part_of_the_images_is_compared_on_these(root: Path, visit) -> None:
    first, second = (make_run(root, name, seed=seed) for seed, name in enumerate(("first", "second")))
    make_tables(first, ("fashionmnist", "mnist"), n=60)
    for path in make_tables(second, ("fashionmnist", "mnist"), n=60, parts=False):
        table = read_table(path)
        rows = spread_rows(60, 20)
        about = table.metadata.model_copy(
            update={"data_fingerprint": "a" * 64, "origin": table.metadata.data_fingerprint}
        )
        frame = table.frame.iloc[rows].assign(example=np.arange(20))
        write_table(second, ScoreTable(frame, about, table.run))
    app, text = run_page(visit, run="first", versus="second", by=parts.AGREEMENT, on="mnist", image=f"mnist:{rows[3]}")
    assert "not paired" not in text and "not scored" not in text
    _, text = run_page(visit, run="first", versus="second", image=f"mnist:{rows[3] + 1}")
    assert "not scored" in text, "the second run has not scored this image"


def test_percentiles_are_among_the_own_in_distribution_scores(pair: tuple[Compared, Compared]) -> None:
    found = agreement("mnist", *((one.scored["mnist"].scores, one.inside.scores) for one in pair))
    for run, scores, ranks in zip(
        pair, (found.first, found.second), (found.first_rank, found.second_rank), strict=True
    ):
        inside = LLR.of(run.scored["fashionmnist"].table)
        assert ranks[7] == pytest.approx(100 * np.mean(inside <= scores[7]))


def made_up(n: int) -> Agreement:
    random = np.random.default_rng(0)
    first, second = random.normal(size=(2, n))
    return Agreement("mnist", first, second, random.uniform(0, 100, n), random.uniform(0, 100, n))


def test_the_furthest_images_both_ways() -> None:
    one = made_up(1000)
    up, down = one.furthest(12)
    assert len(up) == len(down) == 12
    assert set(up) == set(np.argsort(one.difference)[-12:]) and up[0] == np.argmax(one.difference)
    assert set(down) == set(np.argsort(one.difference)[:12]) and down[0] == np.argmin(one.difference)
    alike = dataclasses.replace(one, second_rank=one.first_rank)
    assert [len(images) for images in alike.furthest(12)] == [0, 0]


def test_the_marks_hold_every_extreme_and_are_the_same_each_time() -> None:
    one = made_up(5000)
    marks = one.marks()
    assert len(set(marks)) == len(marks) == MARKS
    for scores in (one.first, one.second, one.difference):
        assert {int(np.argmin(scores)), int(np.argmax(scores))} <= set(marks)
    assert np.array_equal(marks, one.marks())
    assert np.array_equal(made_up(30).marks(), np.arange(30))


def test_quadrants_and_correlation() -> None:
    first, second = np.array([1.0, 2, 3, 4]), np.array([10.0, 40, 20, 30])
    one = Agreement("mnist", first, second, first, second)
    assert one.quadrants(2, 30) == (0.5, 0.25, 0.0, 0.25)
    assert one.quadrants(4, 20) == (0.25, 0.0, 0.5, 0.25)
    assert one.correlation == pytest.approx(0.4)
    assert dataclasses.replace(one, second=first**3).correlation == pytest.approx(1)
    assert np.isnan(dataclasses.replace(one, second=np.zeros(4)).correlation)


def test_a_mark_names_its_image() -> None:
    marks = np.array([3, 8])
    clouds = [
        pd.DataFrame({"data": slug, "image": marks, "A score": marks * 1.0, "B score": marks * 2.0})
        for slug in ("fashionmnist", "mnist")
    ]
    drawn = figures.agreement(pd.concat(clouds), (4.0, 30.0), ("A", "B"), ("x", "y"), "title").data
    assert list(drawn[1].customdata) == [IDS_PER_SET + 3, IDS_PER_SET + 8]
    assert list(drawn[1].y) == [6, 16]


def test_runs_are_told_apart_without_colour() -> None:
    looks = [palette.run_look(position, "") for position in range(36)]
    assert len({(one.colour, one.dash) for one in looks}) == 36
    assert len({one.dash for one in looks[:6]}) == len({one.marker for one in looks[:6]}) == 6


def run_page(visit, **values: str | list[str]) -> tuple[AppTest, str]:
    app = visit("compare", **values)
    return app, sound(app)


def test_two_runs_side_by_side(scored_runs: Path, visit) -> None:
    app, text = run_page(visit, versus="second", by=parts.AGREEMENT, set="digits", k="2", image="digits:5")
    assert not app.error and not app.warning
    assert "2 fields differ" in text and "training.<wbr>seed" in text and "best validation ELBO" in text
    assert "A on FashionMNIST, B on MNIST" in text
    assert "LLR<sup>&gt;2</sup> of Digits (scikit-learn) 5 in every run" in text
    assert "hvae report first second --table detection --in fashionmnist --reading mean --bootstrap 100" in text
    for value in ("versus=second", "set=digits", "k=2", "image=digits:5", "on=digits"):
        assert value in text, value
    assert app.segmented_control(key="S").options == ["1", "8"]
    app.selectbox(key="on-menu").set_value("fashionmnist").run()
    assert "FashionMNIST that A finds stranger than B does" in sound(app)


def test_runs_of_other_depths_other_images_and_without_tables(root: Path, visit) -> None:
    sets = ("fashionmnist", "mnist")
    for name, depth, n in (("one_<b>", 3, 60), ("flat", 2, 60), ("short", 3, 50)):
        make_tables(make_run(root, name, depth=depth), sets, n=n, parts=False)
    make_run(root, "unscored")
    make_run(root, "colour", image_shape=(3, 32, 32))
    (root / "broken").mkdir()
    (root / "broken" / "config.json").write_text('{"surprise": 1}')
    also = ["short", "flat", "unscored", "broken", "colour", "lost"]
    app, text = run_page(visit, run="one_<b>", by=parts.AGREEMENT, also=also)
    assert "`lost`" in text and "config.json" in text
    assert "k goes to 2 only" in text and app.segmented_control(key="k").options == ["1", "2"]
    assert 'not paired <span class="interval">different images</span>' in text
    assert "not paired: they hold different images" in text
    assert "hvae score unscored --data fashionmnist --data mnist --reading mean" in text
    assert "colour takes 3 × 32 × 32" in text and "hvae score colour" not in text, "no command can score these images"
    assert "<b>" not in text.replace("one_<b>", "") and "A · one_&lt;b&gt;" in text
    assert "also=short&also=flat&also=unscored&also=broken" in text, "the link to copy spells every run out"
    app.selectbox(key="versus").set_value("flat").run()
    assert app.session_state["also"] == ["short", "unscored", "broken", "colour"], "run B is no further run"
    assert "A and B put images in the same order" in sound(app)


def test_runs_of_the_same_data_are_offered(root: Path, visit) -> None:
    for name, data, seed in (("one", "fashionmnist", 0), ("two", "fashionmnist", 1), ("other", "mnist", 0)):
        make_tables(make_run(root, name, data=data, seed=seed), ("fashionmnist", "mnist"), n=60, parts=False)
    app, text = run_page(visit)
    assert app.session_state["also"] == ["two"]
    assert "B · two" in text and "1 field differs" in text
    app.multiselect(key="also").set_value([]).run()
    assert "Choose run B in the sidebar" in sound(app)


def test_latex_has_every_run_and_escapes_their_names(scored_runs: Path, monkeypatch, visit) -> None:
    frames = []
    monkeypatch.setattr(metrics.components, "save", lambda frame, name, **_: frames.append((name, frame)))
    run_page(visit, versus="second", ood=["mnist"])
    frame = dict(frames)["compared-metrics"]
    assert list(frame["run"]) == ["first", "second"] and frame["paired"].isna().tolist() == [True, False]
    gain = frame["full_difference"][1]
    assert gain == pytest.approx(frame["full_auroc"][1] - frame["full_auroc"][0])
    text = metrics.latex(frame.replace("second", "a_b & c"), "FashionMNIST, R = 1")
    assert r"a\_b \& c" in text and r"$\mathrm{LLR}^{>1}$" in text
    assert f"{gain:+.3f}" in text.replace("{", "").replace("}", "")
