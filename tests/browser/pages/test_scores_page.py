"""What only a browser shows of the Scores page: dragging over the densities, and clicks on tiles and curves."""

import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from app.figures.densities import IDS_PER_SET
from app.reading import measures
from app.reading.measures import Measure
from hvae.runs.score_tables import read_table
from hvae.scores import find
from tests.browser.conftest import PATIENCE, Dashboard, Visit
from tests.browser.exports import saved
from tests.browser.plots import PLOT, SPOT, click_at, click_point, draw, spot_of, standing, wait_for_chart

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE)

ADDRESS = "/scores?run=second&data=mnist&ood=digits&k=2"
MEASURE = Measure(find("llr")(2))


def value(page: Page, key: str) -> str | None:
    return parse_qs(urlsplit(page.url).query).get(key, [None])[-1]


def test_a_brush_fills_the_gallery_and_a_tile_shows_that_image(
    dashboard: Dashboard, visit: Callable[..., Visit], runs: Path
) -> None:
    visited = visit(dashboard, ADDRESS)
    page = visited.page
    page.get_by_text("Drag", exact=True).click()
    wait_for_chart(page, "densities", "plot._fullLayout.dragmode === 'select'")
    seen, expected = [], ""
    for start, end in ((0.35, 0.55), (0.6, 0.8)):
        visited.settle()
        before = value(page, "from")
        draw(page, "densities", [(start, 0.3), (end, 0.6)])
        page.wait_for_function(
            "before => {const now = new URLSearchParams(location.search).getAll('from').pop();"
            "return now && now !== before}",
            arg=before,
        )
        visited.settle()
        low, high = float(value(page, "from") or "nan"), float(value(page, "to") or "nan")
        assert low < high and value(page, "gallery") == "In the range"
        wait_for_chart(page, "in-brush", f"plot._fullData[0].text[1] !== {json.dumps(expected)}")
        expected = page.evaluate(f"key => {PLOT}._fullData[0].text[1]", "in-brush")
        visited.settle(frames=3)
        first_row = f"key => {PLOT}.getBoundingClientRect().top + 120 < innerHeight"
        assert page.evaluate(first_row, "in-brush"), "in view without scrolling"
        # The same place in another gallery: a selection left over from before would swallow the click.
        click_point(page, "in-brush", 0, 1)
        image = (
            f"{'digits' if expected.startswith('Digits') else 'mnist'}:{expected.partition(', label')[0].split()[-1]}"
        )
        expect(page.locator(".st-key-image input")).to_have_value(image)
        # A press between the two script runs that follow a click on a tile may be lost.
        visited.settle(frames=3)
        slug, index = image.split(":")
        split = "all" if slug == "digits" else "test"
        table = read_table(runs / "second" / "scores" / f"{slug}.{split}.mean.S1.R1.seed0.parquet")
        assert low <= MEASURE.of(table)[int(index)] <= high, "an image outside the brush"
        seen.append(image)
    assert seen[0] != seen[1]
    page.get_by_text("Click", exact=True).click()
    wait_for_chart(page, "densities", "plot._fullLayout.dragmode === 'pan'")
    visited.settle()
    assert value(page, "to") == f"{high:g}", "the range stays"
    # The mark furthest to the left stands alone; the rug of the OOD set is the fourth trace.
    leftmost = page.evaluate(
        f"key => Array.from({PLOT}._fullData[3].x).reduce((b, x, i, a) => x < a[b] ? i : b, 0)", "densities"
    )
    number = page.evaluate(f"([key, at]) => Number({PLOT}._fullData[3].customdata[at])", ["densities", leftmost])
    click_point(page, "densities", 3, leftmost)
    expect(page.locator(".st-key-image input")).to_have_value(f"digits:{number % IDS_PER_SET}")
    visited.settle()
    page.reload()
    expect(page.locator(".st-key-from input")).to_have_value(f"{low:g}")
    wait_for_chart(page, "in-brush")
    visited.settle()
    visited.sound()


def test_a_click_on_the_roc_curve_moves_the_threshold(
    dashboard: Dashboard, visit: Callable[..., Visit], runs: Path
) -> None:
    visited = visit(dashboard, ADDRESS)
    page = visited.page
    for key in ("densities", "roc"):
        wait_for_chart(page, key)
    visited.settle()
    figure = saved(page, "roc")
    drawn, said = figure.paths("lines")[-1], figure.table[["false_alarms", "caught"]].to_numpy()
    # Each corner of the curve saved is a row of the table, and so are its ends; what no eye would see is left out.
    apart = np.linalg.norm(drawn[:, None] - said, axis=2)
    assert len(drawn) > 30 and max(apart.min(axis=1).max(), apart[0, 0], apart[-1, -1]) < 1e-4
    line = f"() => {{const key = 'densities'; return {PLOT}._fullLayout.shapes[0].x0}}"
    before = page.evaluate(line)
    far = page.evaluate(f"key => Array.from({PLOT}._fullData[2].x).findIndex(share => share > 0.2)", "roc")
    click_point(page, "roc", 2, far)
    page.wait_for_function(f"before => ({line})() !== before", arg=before)
    visited.settle()
    budget = float(value(page, "alarm") or "nan")
    inside = MEASURE.of(read_table(runs / "second" / "scores" / "mnist.test.mean.S1.R1.seed0.parquet"))
    assert 15 < budget < 30
    assert page.evaluate(line) == pytest.approx(measures.threshold(inside, budget / 100).value)
    visited.sound()


@pytest.mark.parametrize("size", [(1440, 900), (1024, 768)])
@pytest.mark.parametrize(("path", "key"), [(f"{ADDRESS}&gallery=Most+confusing+24", "confusing-ood"),
                                           ("/gallery?run=second&data=mnist&ood=digits", "slice-images")])  # fmt: skip
def test_what_is_clicked_stays_in_its_place(path, key, size, dashboard: Dashboard, visit) -> None:
    visited = visit(dashboard, path)
    page = visited.page
    page.set_viewport_size(dict(zip(("width", "height"), size, strict=True)))
    wait_for_chart(page, key)
    visited.settle(frames=3)
    there = SPOT.replace("plot.scrollIntoView({block: 'center'});", "")
    spot = spot_of(page, key, 0, 7)
    click_at(page, key, 0, spot)
    expect(page.locator(".st-key-inspector")).to_be_visible()
    visited.settle(frames=20)
    assert abs(standing(page, there, [key, 0, 7])["y"] - spot["y"]) < 40, "the panel opens"
    page.get_by_role("button", name="✕").click()
    expect(page.locator(".st-key-inspector")).to_have_count(0)
    visited.settle(frames=20)
    assert abs(standing(page, there, [key, 0, 7])["y"] - spot["y"]) < 40, "and closes"
    visited.sound()
