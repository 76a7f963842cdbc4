"""The Scores page: threshold, brush and galleries, and the pure functions behind them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app.figures import curves
from app.reading import measures as score_measures
from app.reading.measures import Measure
from app.scores import controls, galleries
from hvae import stats
from hvae.runs.score_tables import read_table
from hvae.scores import find
from tests.app.conftest import sound


def table_of(root: Path, slug: str, run: str = "first"):
    split = "all" if slug == "digits" else "test"
    return read_table(root / run / "scores" / f"{slug}.{split}.mean.S1.R1.seed0.parquet")


def test_a_brush_of_the_address_shows_what_lies_in_it(scored_runs: Path, visit: Callable[..., AppTest]) -> None:
    measure = Measure(find("llr")(1))
    values = {slug: measure.of(table_of(scored_runs, slug)) for slug in ("fashionmnist", "mnist", "digits")}
    low, high = np.quantile(values["mnist"], [0.2, 0.6]).round(2)
    app = visit("scores", **{"from": str(low), "to": str(high), "panel": "PR"})
    text = sound(app)
    counts = {slug: int(np.sum((one >= low) & (one <= high))) for slug, one in values.items()}
    assert f"{sum(counts.values()):,} images have LLR<sup>&gt;1</sup> from {low:g} to {high:g} nats" in text
    assert app.segmented_control(key="gallery").value == "In the range", "a brush is looked into"
    assert "hvae data fetch mnist" in text, "not on this machine"
    assert f"from={low:g}&" in text, "the link to copy holds the brush"
    look = app.selectbox(key="in-brush-look")
    assert len(look.options) == min(24, sum(counts.values()))
    look.set_value(3).run()
    slug, index = app.text_input(key="image").value.split(":")
    assert low <= values[slug][int(index)] <= high and f"{slug}:{index}" in look.options[3]
    app.number_input(key="alarm").set_value(12.5).run()
    assert app.slider(key="_alarm").value == 12.5
    app.slider(key="_alarm").set_value(30.0).run()
    assert app.number_input(key="alarm").value == 30.0 and "30.0\N{NO-BREAK SPACE}% false alarms" in sound(app)
    app.segmented_control(key="gallery").set_value("Fooled and caught").run()
    assert "fooled by likelihood, caught by the score" in sound(app)
    app.selectbox(key="score-menu").set_value("bound").run()
    assert app.number_input(key="from").value is None, "another score has another axis"
    app.segmented_control(key="gallery").set_value("In the range").run()
    assert "No range of scores is chosen" in sound(app)


def test_values_of_the_address_that_are_no_numbers(scored_runs: Path, visit: Callable[..., AppTest]) -> None:
    text = sound(visit("scores", **{"alarm": "nan", "from": "<b>", "to": "inf"}))
    assert "`nan`, which is no number from 0.1 to 50; showing 5" in text
    assert "`?b>`, which is no number" in text and "`inf`" in text


def test_the_least_normal_looking_images_are_the_confusing_ones(
    scored_runs: Path, visit: Callable[..., AppTest]
) -> None:
    app = visit("scores", ood=["mnist"], k="2")
    measure = Measure(find("llr")(2))
    for key, slug, sign in (("confusing-ood", "mnist", 1), ("confusing-own", "fashionmnist", -1)):
        values = sign * measure.of(table_of(scored_runs, slug))
        expected = [f"{slug}:{index}" for index in np.argsort(values, kind="stable")[:12]]
        shown = [option.split()[1] for option in app.selectbox(key=f"{key}-look").options]
        assert shown == expected


def test_every_image_is_in_one_cell_and_the_clearest_leads(scored_runs: Path) -> None:
    inside, outside = table_of(scored_runs, "fashionmnist"), table_of(scored_runs, "mnist")
    measures = (Measure(find("bound")(0)), Measure(find("llr")(1)))
    own, values = (tuple(one.of(table) for one in measures) for table in (inside, outside))
    cells = galleries.cells_of(own, values, 0.05)
    assert sorted(np.concatenate(cells)) == list(range(len(outside)))
    called = [one >= score_measures.threshold(at, 0.05).value for one, at in zip(values, own, strict=True)]
    for index, (_, first, second) in zip(cells, galleries.CELLS, strict=True):
        assert (called[0][index] == first).all() and (called[1][index] == second).all()
    passed = galleries.cells_of(own, own, 0.05)
    assert len(passed[0]) + len(passed[1]) <= 0.05 * len(inside), "the score keeps its budget"


@pytest.mark.parametrize(
    ("sizes", "most", "rooms"),
    [((100, 100, 100), 24, [8, 8, 8]), ((2, 100, 0), 12, [2, 10, 0]), ((1, 1), 12, [1, 1]), ((), 5, [])],
)
def test_room_is_shared_and_none_is_wasted(sizes, most, rooms) -> None:
    assert galleries.rooms(sizes, most) == rooms


def test_a_brush_takes_its_ends_and_may_have_one_only() -> None:
    scores = np.array([3.0, 1.0, 2.0, 5.0])
    assert list(controls.inside(scores, (2.0, 3.0))) == [2, 0]
    assert list(controls.inside(scores, (None, 2.0))) == [1, 2]
    assert list(controls.inside(scores, (4.0, None))) == [3]
    assert list(galleries.evenly(100, 3)) == [0, 50, 99] and len(galleries.evenly(0, 3)) == 0


def test_marks_on_a_curve_name_their_own_threshold() -> None:
    random = np.random.default_rng(0)
    curve = stats.precision_recall_curve(random.normal(0, 1, 500), random.normal(1, 1, 400))
    figure = curves.clickable({"mnist": curve, "digits": curve}, dict.fromkeys(("mnist", "digits"), (0.5, 0.8)), "t")
    marks = [trace for trace in figure.data if trace.customdata is not None]
    assert len(marks) == 2 and all(len(trace.x) <= curves.CLICKABLE for trace in marks)
    for number, trace in enumerate(marks):
        for x, y, mark in zip(trace.x, trace.y, trace.customdata, strict=True):
            place, point = divmod(int(mark), curves.POINTS_PER_CURVE)
            assert place == number and [x, y] == [curve.recall[point], curve.precision[point]]
    assert list(curves.table({"mnist": curve})["threshold"]) == list(curve.thresholds)
