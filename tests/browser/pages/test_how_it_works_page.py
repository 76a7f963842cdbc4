"""The switches of the page How it works in a real browser: the address follows them, and a reload keeps them."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PATIENCE, Dashboard, Visit

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE)


def test_a_switch_redraws_the_diagram_and_a_reload_keeps_it(dashboard: Dashboard, visit: Callable[..., Visit]) -> None:
    visited = visit(dashboard, "/how_it_works?run=second&data=mnist&ood=digits&layers=pqq&example=digits:1", 390)
    page = visited.page
    diagram, pictures = page.locator(".hierarchy"), page.locator(".mosaic.switched img")
    expect(diagram).to_be_visible()
    # The first picture of a server waits for torch to be imported.
    expect(pictures).to_have_count(2 * 3, timeout=4 * PATIENCE)
    visited.settle()
    page.locator(".st-key-_z2").get_by_text("prior", exact=True).click()
    page.wait_for_url("**layers=ppq**")
    words = "z3 copied from the way up, z2 from the prior, z1 from the prior"
    expect(page.get_by_role("img", name=words)).to_be_visible()
    page.reload()
    expect(page.get_by_role("img", name=words)).to_be_visible()
    expect(pictures).to_have_count(2 * 3)
    visited.settle()
    expect(page.locator(".katex-display")).to_have_count(3)
    # The equations are set in fonts of the server.
    page.wait_for_function("[...document.fonts].some(one => one.family.startsWith('KaTeX') && one.status === 'loaded')")
    # Nothing is cut off on a phone.
    page.wait_for_function(
        """[...document.querySelectorAll('.katex-display .base, .hierarchy > *')]
            .every(part => part.getBoundingClientRect().right <= 390 - 16)"""
    )
    page.locator(".mosaic.switched a[href*='image=digits:1']").first.click()
    expect(page.get_by_role("textbox", name="Image (set:number)", exact=True)).to_have_value("digits:1")
    visited.settle()
    assert visited.link()["layers"] == ["ppq"]
    visited.sound()
