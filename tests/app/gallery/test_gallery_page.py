"""Images of slices: ids survive filters, sorting and paging, and what is selected is what is compared and saved."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from streamlit.testing.v1 import AppTest

from app.gallery.pool import CALLED, MOST_SELECTED, PASSED, SHEET, Pool, everything_of, parsed, pooled
from app.reading.measures import Measure, threshold
from app.reading.view import view
from hvae.runs.catalogue import catalogue
from hvae.runs.folders import find_run
from hvae.runs.notes import write_note
from hvae.runs.score_tables import read_table
from hvae.scores import find
from tests.app.conftest import html_of, sound
from tests.synthetic import make_tables


def test_filters_sorting_and_sheets_keep_ids() -> None:
    random = np.random.default_rng(0)
    scores = random.normal(size=120).round(1)
    frame = pd.DataFrame({"set": ["mnist"] * 70 + ["digits"] * 50, "image": [*range(70), *range(50)]})
    frame = frame.assign(label=random.integers(0, 3, 120), score=scores, called=scores > 0.5)
    pool = Pool(frame)
    score_of = dict(zip(pool.ids, scores, strict=True))
    parts = [pool.filtered(verdict, [label]) for verdict in (CALLED, PASSED) for label in "012"]
    assert sorted(one for part in parts for one in part.ids) == sorted(pool.ids), "filters part the images"
    some = pool.filtered(PASSED, ["0", "2"], (-1.0, None))
    assert all(score_of[one] <= 0.5 and score_of[one] >= -1 for one in some.ids) and len(some)
    for rising in (True, False):
        ordered = some.ordered(some.frame["score"].to_numpy(), rising)
        sheets = [ordered.sheet(number) for number in range(1, ordered.sheets() + 1)]
        ids = [one for sheet in sheets for one in sheet.ids]
        assert ids == ordered.ids and sorted(ids) == sorted(some.ids) and max(map(len, sheets)) <= SHEET
        shown = [score_of[one] for one in ids]
        assert shown == sorted(shown, reverse=not rising)
        for sheet in sheets:
            assert [score_of[one] for one in sheet.ids] == sheet.frame["score"].tolist()
    gaps = np.where(np.arange(120) % 2, np.nan, scores)
    assert pool.ordered(gaps, False).ids[60:] == [one for place, one in enumerate(pool.ids) if place % 2]


def test_ids_of_the_address_are_read_with_care() -> None:
    assert parsed("mnist:1,mnist:1,<b>:2,digits:03,x,../a:1") == ["mnist:1", "digits:03"]
    assert len(parsed(",".join(f"mnist:{one}" for one in range(500)))) == MOST_SELECTED and parsed(None) == []


def test_what_is_noted_of_an_image_is_in_every_table_of_it(clothes: Path) -> None:
    make_tables(clothes, ("mnist",), n=40, parts=False)
    write_note(clothes, "mnist", 7, "a <b>seven</b>", ["odd"])
    found = catalogue(find_run("clothes"))
    (setting,) = found.settings("mnist")
    made = view(found, "fashionmnist", ["mnist"], setting, Measure(find("llr")(1)), 0.05, "nats")
    every = pooled(made.outside, threshold(made.inside.scores, 0.05))
    saved = everything_of(every, made)
    assert saved["note"].tolist() == [""] * 7 + ["a <b>seven</b>"] + [""] * 32 and saved["tags"][7] == "odd"
    assert "note" not in everything_of(every.sheet(2), made), "no column where none of them has one"
    (clothes / "notes.json").write_text("{")
    assert len(everything_of(every, made)) == 40, "damaged notes take no table away"


def test_a_slice_shows_its_images_and_sends_them_on(scored_runs: Path, visit: Callable[..., AppTest]) -> None:
    table = read_table(scored_runs / "first" / "scores" / "mnist.test.mean.S1.R1.seed0.parquet")
    own = read_table(scored_runs / "first" / "scores" / "fashionmnist.test.mean.S1.R1.seed0.parquet")
    measure = Measure(find("llr")(1))
    values, limit = measure.of(table), threshold(measure.of(own), 0.05).value
    label = int(np.bincount(table.frame["label"]).argmax())
    app = visit("gallery", ood=["mnist"], along="label", slice=f"label {label}", verdict=PASSED)
    text = sound(app)
    rows = np.flatnonzero((table.frame["label"] == label) & (values < limit))
    assert f"{len(rows):,} images of MNIST, label {label}" in text
    assert f"{100 * np.mean(values < limit):.1f}" in text and "missed" in text
    expected = [f"mnist:{row}" for row in rows[np.argsort(values[rows], kind="stable")]]
    if expected:
        shown = [option.split()[1] for option in app.selectbox(key="slice-images-look").options]
        assert shown == expected[:SHEET], "the missed first, by id"
        app.button(key="slice-images-sheet").click().run()
        assert app.text_input(key="ids").value == ",".join(expected[:SHEET])
    app.selectbox(key="along-menu").set_value("log_ratio_1").run()
    assert "log p(z) − log q(z), layer 1" in app.selectbox(key="along-menu").options
    assert "no image" not in sound(app) and app.selectbox(key="slice").value == "all"
    app.selectbox(key="sort").set_value("L>1").run()
    app.selectbox(key="among-menu").set_value("fashionmnist").run()
    assert "falsely called OOD" in (text := sound(app)) and "Caught and missed" not in text
    app = visit("gallery", ood=["mnist"], ids="mnist:3", **{"from": "1e9"})
    assert "none. Widen the choice" in (text := sound(app)) and "1 selected" in text
    assert app.button(key="slice-images-clear")
    app = visit("compare", ood=["mnist"], also=["second"], ids="mnist:3,mnist:5,svhn:1,mnist:99999")
    text = sound(app)
    assert "The 2 selected images" in text and "mnist:5" in (said := html_of(app))
    assert said.index("mnist:5") < said.index("FPR80"), "above the metrics of all images"
