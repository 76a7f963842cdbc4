"""The page of reconstructions in a browser: a shared link, a row that is pinned, and the way to its scores."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PATIENCE, Dashboard, Visit

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE)


def test_a_link_to_single_samples_and_a_pinned_row(dashboard: Dashboard, visit: Callable[..., Visit]) -> None:
    visited = visit(
        dashboard,
        "/reconstructions?run=second&data=mnist&ood=digits&start=digits:5&rows=2&draws=3&show=single+samples&level=1",
        width=390,
    )
    page = visited.page
    pictures = page.locator(".mosaic.levels img")
    expect(pictures).to_have_count(2 * (1 + 3))
    opened = page.locator(".mosaic.levels a.leads")
    expect(opened.nth(3)).to_have_attribute("title", "Digits (scikit-learn) 5, label 5: open it in the inspector")
    assert [one.get_attribute("tabindex") for one in opened.all()] == 2 * [None, "-1", "-1", "-1"]
    expect(pictures.nth(3)).to_have_attribute("alt", re.compile("Digits .* 5, z₁ from the prior, draw 3:"))
    visited.settle()
    page.wait_for_function("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    inspected = page.get_by_role("textbox", name="Image (set:number)", exact=True)
    rows = page.get_by_role("combobox", name="Inspect a row")
    # An open list closes when the page scrolls, and the scroll of Playwright's own click may arrive after the click.
    rows.scroll_into_view_if_needed()
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    rows.click()
    expect(page.get_by_role("option")).to_have_text(["Digits (scikit-learn) 5", "Digits (scikit-learn) 6"])
    rows.press("ArrowDown")
    rows.press("Enter")
    expect(inspected).to_have_value("digits:6")
    visited.settle(frames=3)
    # Whatever stands for an image opens it, in this session and as one press of Back.
    page.evaluate("window.same = true")
    opened.first.press("Enter")
    expect(inspected).to_have_value("digits:5")
    assert visited.link()["start"] == ["digits:5"] and page.evaluate("window.same")
    visited.settle(frames=3)
    page.go_back()
    expect(inspected).to_have_value("digits:6")
    # A press between the two script runs that follow a choice may be lost.
    visited.settle(frames=3)
    page.get_by_text("Inspect it on Scores").click()
    expect(page.locator("h1")).to_have_text("Scores")
    visited.settle()
    expect(page.get_by_role("textbox", name="Image (set:number)", exact=True)).to_have_value("digits:6")
    visited.sound()
