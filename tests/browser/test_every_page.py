"""Every page in a browser: cold by its address, figures first, accessible in both themes, no wider than a phone."""

import re
from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as TimedOut

from app.frame import parts, registry
from tests.browser.conftest import COLOURS, COPY_LINK, PATIENCE, VIOLATIONS, Dashboard, Visit

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE)

FIRST_FIGURE_Y = 250
FIGURES = ".js-plotly-plot, table.numbers, .mosaic, .hierarchy, [data-testid=stDataFrame]"
TOP = """figures => Math.min(...[...document.querySelectorAll('.stMainBlockContainer')].flatMap(main =>
    [...main.querySelectorAll(figures)]
        .filter(one => one.getClientRects().length && !one.closest('.st-key-inspector'))
        .map(one => one.getBoundingClientRect().top)))"""
PLAIN = {"score_images", "train", "features"}
"""Pages that show no figure before a person has given something, or had it computed."""
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
BROKEN_WIDTHS = """() => [...document.querySelectorAll('.stElementContainer:has(.stPlotlyChart)')]
    .map(one => one.getBoundingClientRect().width).filter(width => !Number.isInteger(width))"""
"""Plotly rounds a part of a pixel, sees another width than Streamlit names, and draws the figure a second time."""


def first_figure_is_near_the_top(page: Page) -> None:
    """A chart is drawn after the script has finished, and moves what stands below it."""
    try:
        page.wait_for_function(f"([figures, most]) => ({TOP})(figures) <= most", arg=[FIGURES, FIRST_FIGURE_Y])
    except TimedOut:
        top = page.evaluate(TOP, FIGURES)
        pytest.fail(f"the first figure is {top} pixels below the top, where {FIRST_FIGURE_Y} are allowed")


@pytest.mark.parametrize("page", registry.names())
def test_a_page_opens_cold_in_either_theme_and_on_a_phone(
    dashboard: Dashboard, visit: Callable[..., Visit], page: str
) -> None:
    visited = visit(dashboard, f"{registry.address(page)}?run=second&data=mnist&ood=digits&k=2")
    expect(visited.page.locator("h1")).to_be_visible()
    visited.settle()
    assert "run=second" in visited.page.url
    title = next(one.title for one in registry.there() if one.name == page)
    link = visited.page.get_by_test_id("stTopNavLink").filter(has_text=re.compile(f"^{title}$"))
    expect(link).to_have_attribute("href", re.compile(f"^(https?://[^/]+)?{re.escape(registry.address(page))}([?#]|$)"))
    if page not in PLAIN:
        first_figure_is_near_the_top(visited.page)
    for theme, rules in (("light", VIOLATIONS), ("dark", COLOURS)):
        visited.page.emulate_media(color_scheme=theme)
        shade = visited.page.wait_for_function(
            """dark => {
                const [red] = getComputedStyle(document.querySelector('.stApp')).backgroundColor.match(/\\d+/g);
                return red < 128 === dark ? red : null;
            }""",
            arg=theme == "dark",
        )
        assert shade
        assert visited.barriers(rules) == [], theme
    key, offered = parts.PARTS.get(page, ("", ()))
    for part in offered[1:]:
        choice = visited.page.locator(f".st-key-{key}").get_by_role("radio", name=part)
        if choice.count():
            choice.click()
            # The browser marks the choice before the server knows of it: only the link tells that its run has come.
            expect(visited.page.locator(COPY_LINK)).to_contain_text(urlencode({key: part}))
            expect(choice).to_be_checked()
            assert visited.barriers() == [], part
    for width in (1440, 1024, 390):
        visited.page.set_viewport_size({"width": width, "height": 900})
        visited.page.wait_for_function(f"{SIDEWAYS} <= 0")
        assert visited.page.evaluate(BROKEN_WIDTHS) == []
    visited.sound()
