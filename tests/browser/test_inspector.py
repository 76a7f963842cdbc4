"""The inspector in a browser: what is clicked opens beside it, inside the window, and Back closes it again."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PATIENCE, Dashboard, Visit
from tests.browser.plots import click_point, spot_of, wait_for_chart

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE)

ANSWER = ".st-key-inspector h2.inspected"
INSIDE = """() => [...document.querySelectorAll('.st-key-inspector, .st-key-inspector h2.inspected, .st-key-inspected')]
    .every(one => { const {left, right, top} = one.getBoundingClientRect();
                    return left >= 0 && right <= innerWidth && top >= 0 && top < innerHeight / 2; })"""

FITS = """() => { const panel = document.querySelector('.st-key-inspector');
    const {left, right, top, bottom} = document.querySelector('.st-key-inspector-section').getBoundingClientRect();
    return panel.scrollHeight <= panel.clientHeight && left >= 0 && right <= innerWidth && top >= 0
        && bottom > top + 20 && bottom <= innerHeight; }"""
"""Nothing in the panel needs scrolling, and the section that is chosen lies within the window."""
SIZES = ((1440, 900), (1024, 768))
NOTHING_CUT = """where => [...document.querySelectorAll(where)].filter(one => one.checkVisibility())
    .every(one => one.parentElement.scrollWidth <= one.parentElement.clientWidth)
    && document.querySelector(where)?.checkVisibility()"""
"""Every column of some tables can be read without scrolling them."""

WHOLE = """() => { const {top, bottom} = document.querySelector('.hovered').getBoundingClientRect();
    return top >= 0 && bottom <= innerHeight; }"""


def test_a_click_is_answered_in_view_and_back_undoes_it(dashboard: Dashboard, visit: Callable[..., Visit]) -> None:
    visited = visit(dashboard, "/scores?run=second&data=mnist&ood=digits&k=2")
    page, answer = visited.page, visited.page.locator(ANSWER)
    wait_for_chart(page, "densities")
    visited.settle()
    leftmost = page.evaluate(
        "() => { const rug = document.querySelector('.st-key-densities .js-plotly-plot')._fullData[3];"
        " return Array.from(rug.x).reduce((best, x, at, all) => x < all[best] ? at : best, 0); }"
    )
    click_point(page, "densities", 3, leftmost)
    expect(answer).to_be_visible()
    visited.settle(frames=3)
    first = answer.inner_text()
    page.wait_for_function(INSIDE)
    assert visited.barriers() == []
    page.get_by_role("button", name="Pin", exact=True).click()
    expect(page.locator(".st-key-inspector-pins")).to_contain_text(first)
    visited.settle(frames=3)
    page.get_by_role("button", name="Next").click()
    expect(answer).not_to_have_text(first)
    visited.settle(frames=3)
    page.locator(".st-key-inspector-pins").get_by_role("button").click()
    expect(answer).to_have_text(first)
    visited.settle(frames=3)
    page.set_viewport_size({"width": 1024, "height": 768})
    page.wait_for_function(INSIDE)
    page.evaluate("document.querySelector('[data-testid=stMain]').scrollTo(0, 2000)")
    assert page.evaluate(INSIDE), "wherever the page is scrolled to"
    visited.navigate("Runs")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Scores")
    expect(answer).to_have_text(first)
    visited.settle(frames=20)
    # Open, pin, next, the pinned one: one press each, in reverse, also after another page.
    for shown in ("next", "pinned", "opened"):
        page.go_back()
        (expect(answer).not_to_have_text if shown == "next" else expect(answer).to_have_text)(first)
        visited.settle(frames=20)
    expect(page.locator(".st-key-inspector-pins")).to_have_count(0)
    page.go_back()
    expect(page.locator(".st-key-inspector")).to_have_count(0)
    visited.settle(frames=20)
    visited.sound()


def test_every_section_lies_within_the_window_and_stays_chosen(
    dashboard: Dashboard, visit: Callable[..., Visit]
) -> None:
    visited = visit(dashboard, "/scores?run=fashionmnist-lite-seed0&data=fashionmnist&ood=digits&image=digits:5")
    page, answer = visited.page, visited.page.locator(ANSWER)
    aspects = page.locator(".st-key-inspector-aspects").get_by_role("radio")
    visited.settle(frames=3)
    labels = aspects.all_inner_texts()
    assert labels == [
        "Why", "Likelihood", "Statistics", "Rebuilt", "Where", "Neighbours", "Levels", "All scores", "Notes",
    ]  # fmt: skip
    for label in labels:
        aspects.get_by_text(label, exact=True).click()
        expect(aspects.filter(has_text=re.compile(f"^{label}$"))).to_be_checked()
        visited.settle(frames=3)
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_function(FITS)
    page.get_by_role("button", name="Next").click()
    expect(answer).to_contain_text(" 6")
    visited.settle(frames=3)
    expect(aspects.last).to_be_checked()
    assert visited.link()["aspect"] == ["Notes"]
    # One press of Back for the image, and one for a section.
    page.go_back()
    expect(answer).to_contain_text(" 5")
    visited.settle(frames=20)
    page.go_back()
    expect(aspects.nth(-2)).to_be_checked()
    visited.settle(frames=20)
    assert visited.barriers() == []
    visited.sound()


@pytest.mark.parametrize("page", ["compare", "baselines"])
def test_an_image_in_many_runs_lies_within_the_window(page: str, dashboard: Dashboard, visit) -> None:
    visited = visit(dashboard, f"/{page}?run=fashionmnist-lite-seed0&data=fashionmnist&ood=digits&image=digits:5")
    visited.settle(frames=3)
    expect(visited.page.locator(".st-key-inspector-aspects").get_by_role("radio").first).to_have_text("Compared")
    for width, height in SIZES:
        visited.page.set_viewport_size({"width": width, "height": height})
        visited.page.wait_for_function(FITS)
        visited.page.wait_for_function(NOTHING_CUT, arg=".st-key-inspector-section table.numbers")
    if page == "compare":
        visited.page.set_viewport_size({"width": 1440, "height": 900})
        visited.page.wait_for_function(NOTHING_CUT, arg=".st-key-metrics-frame table.numbers")
        visited.page.get_by_role("button", name="✕").click()
        visited.page.wait_for_function(NOTHING_CUT, arg="table.numbers")
        visited.page.set_viewport_size({"width": 1024, "height": 768})
        visited.settle(frames=3)
        visited.page.wait_for_function(NOTHING_CUT, arg=".st-key-metrics-frame table.numbers")
        assert visited.barriers() == []
    visited.sound()


def test_a_row_leads_to_its_score_whose_marks_and_tiles_show_their_images(
    dashboard: Dashboard, visit: Callable[..., Visit]
) -> None:
    visited = visit(dashboard, "/?run=fashionmnist-lite-seed0&data=fashionmnist&ood=digits")
    page, shown = visited.page, visited.page.locator(".hovered")
    visited.settle()
    page.evaluate("window.sameSession = true")
    page.locator("table.numbers a.leads[href*='score=llr&k=1']").first.click()
    page.wait_for_url("**/scores?**score=llr&k=1**")
    assert page.evaluate("window.sameSession"), "the page is not loaded anew"
    wait_for_chart(page, "densities")
    visited.settle(frames=3)
    expect(shown).to_be_hidden()
    spot = spot_of(page, "densities", 3, 7)
    with page.expect_response("**/images/fashionmnist-lite-seed0/digits.all.*/*.png") as served:
        page.mouse.move(spot["x"] - 40, spot["y"] - 40)
        page.mouse.move(spot["x"], spot["y"], steps=5)
    expect(shown).to_be_visible()
    number = served.value.url.rpartition("/")[2].removesuffix(".png")
    expect(page.locator(".st-key-densities .hoverlayer")).to_contain_text(f"{number}, label")
    page.wait_for_function(WHOLE)
    page.keyboard.press("Escape")
    expect(shown).to_be_hidden()
    tiles = page.locator('[class*="st-key-tiles-"] .js-plotly-plot .nsewdrag').first
    tiles.hover(position={"x": 40, "y": 60})
    tiles.hover(position={"x": 42, "y": 62})
    expect(shown).to_be_visible()
    expect(shown).to_have_attribute("style", re.compile("background-image:[^;]*data:image/png"))
    visited.sound()
