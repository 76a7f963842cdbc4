"""The Compare page in a browser: a click on a mark pins THAT image, and the pin and the further runs stay."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PATIENCE, Dashboard, Visit
from tests.browser.plots import click_at, standing, wait_for_chart

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE)

LONELIEST = """() => {
    const plot = document.querySelector('.st-key-agreement .js-plotly-plot');
    plot.scrollIntoView({block: 'center'});
    const box = plot.getBoundingClientRect(), {xaxis, yaxis} = plot._fullLayout;
    const marks = plot._fullData.slice(0, 2).flatMap(cloud => Array.from(cloud.x, (x, i) => ({
        x: box.left + xaxis._offset + xaxis.d2p(x),
        y: box.top + yaxis._offset + yaxis.d2p(cloud.y[i]),
        id: Number(cloud.customdata[i]),
    })));
    const apart = (a, b) => a === b ? Infinity : Math.hypot(a.x - b.x, a.y - b.y);
    const room = one => Math.min(...marks.map(other => apart(one, other)));
    return marks.slice(-plot._fullData[1].x.length).reduce((best, one) => room(one) > room(best) ? one : best);
}"""
"""Where plotly has drawn the mark of the OOD set that is furthest from every other mark, and its integer id."""


def test_a_click_on_a_mark_pins_its_image_and_a_link_leads_to_it(
    dashboard: Dashboard, visit: Callable[..., Visit]
) -> None:
    visited = visit(
        dashboard, "/compare?run=first&versus=second&data=fashionmnist&ood=digits&by=Image+by+image&set=digits&k=2"
    )
    page = visited.page
    wait_for_chart(page, "agreement", "plot._fullData.length === 2")
    expect(page.get_by_text("AUROC minus A's")).to_be_visible()
    visited.settle()
    spot = standing(page, LONELIEST)
    click_at(page, "agreement", 1, spot)
    number = spot["id"] % 10_000_000
    box = page.locator(".st-key-image input")
    expect(box).to_have_value(f"digits:{number}")
    expect(page.get_by_text(f"of Digits (scikit-learn) {number} in every run")).to_be_visible()
    visited.settle()
    page.get_by_role("button", name="Next").click()
    following = f"digits:{(number + 1) % 1797}"
    expect(box).to_have_value(following)
    visited.settle()
    page.get_by_text("Inspect it on Scores").click()
    expect(page.locator("h1")).to_have_text("Scores")
    # Until then the box of the page before stands there as well.
    visited.settle()
    expect(box).to_have_value(following)
    visited.sound()
