"""The inspector in a browser: what is clicked opens beside it, inside the window, and Back closes it again."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PATIENCE, Dashboard, Visit
from tests.browser.pages.test_scores_page import click_point, wait_for_chart

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE)

ANSWER = ".st-key-inspector h2.inspected"
INSIDE = """() => [...document.querySelectorAll('.st-key-inspector, .st-key-inspector h2.inspected, .st-key-inspected')]
    .every(one => { const {left, right, top} = one.getBoundingClientRect();
                    return left >= 0 && right <= innerWidth && top >= 0 && top < innerHeight / 2; })"""


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
    first = answer.inner_text()
    visited.settle(frames=3)
    assert page.evaluate(INSIDE)
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
    # Open, pin, next, the pinned one: one press each, in reverse.
    for shown in ("next", "pinned", "opened"):
        page.go_back()
        (expect(answer).not_to_have_text if shown == "next" else expect(answer).to_have_text)(first)
        visited.settle(frames=20)
    expect(page.locator(".st-key-inspector-pins")).to_have_count(0)
    page.go_back()
    expect(page.locator(".st-key-inspector")).to_have_count(0)
    visited.settle(frames=20)
    visited.sound()
