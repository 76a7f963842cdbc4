"""What only a browser shows of maps and slices: a lasso and a bar lead to the images behind them."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from app.map.lasso import parsed
from hvae.runs.measured.maps import PATH, read_map
from tests.browser.conftest import PATIENCE, Dashboard, Visit
from tests.browser.exports import saved
from tests.browser.plots import click_at, draw, spot_of, wait_for_chart

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE)


def value(page: Page, key: str) -> str:
    return parse_qs(urlsplit(page.url).query).get(key, [""])[-1]


def wait_for(page: Page, key: str, wanted: str) -> None:
    there = "([key, wanted]) => (new URL(location.href).searchParams.get(key) ?? '').startsWith(wanted)"
    page.wait_for_function(there, arg=[key, wanted])


def test_a_lasso_and_a_bar_show_the_images_behind_them(
    dashboard: Dashboard, visit: Callable[..., Visit], runs: Path
) -> None:
    visited = visit(dashboard, "/map?run=first&data=fashionmnist&ood=digits")
    page = visited.page
    wait_for_chart(page, "map-pca")
    visited.settle()
    draw(page, "map-pca", [(0.3, 0.3), (0.3, 0.8), (0.7, 0.8), (0.7, 0.3), (0.3, 0.3)])
    wait_for(page, "lasso", "1;")
    visited.settle()
    lasso, found = parsed(value(page, "lasso"), 3), read_map(runs / "first" / PATH)
    assert lasso is not None
    inside = lasso.holds(found.points("pca", 1))
    count = sum(int(np.count_nonzero(inside[found.rows(slug)])) for slug in ("fashionmnist", "digits"))
    assert count
    expect(page.get_by_text(f"{count:,} images in the lasso,")).to_be_visible()

    # The mark farthest to the right is an image by its number, under the mouse and when it is clicked.
    rows = found.rows("fashionmnist")
    far = int(np.argmax(found.points("pca", 1)[rows, 0]))
    number = int(found.frame["example"].to_numpy()[rows][far])
    mark = spot_of(page, "map-pca", 0, far)
    page.mouse.move(mark["x"] - 20, mark["y"])
    page.mouse.move(mark["x"], mark["y"], steps=4)
    expect(page.locator(".hovered-words")).to_contain_text(f"FashionMNIST {number}, label")
    click_at(page, "map-pca", 0, mark)
    wait_for(page, "image", f"fashionmnist:{number}")

    page.goto(f"{dashboard.url}/gallery?run=first&data=fashionmnist&ood=digits&along=label")
    visited.settle()
    # A bar is as long in the file that the figure is saved to as the table beside it says.
    figure = saved(page, "slices-digits")
    bars = figure.paths("point")
    assert [one[:, 0].max() for one in bars] == pytest.approx(figure.table["passed_share"].tolist(), abs=1e-4)
    assert [figure.said(1)[round(one[:, 1].mean())] for one in bars] == figure.table["slice"].tolist()
    page.locator("[class*='st-key-slices-digits'] .js-plotly-plot .point path").nth(3).click(force=True)
    wait_for(page, "slice", "label ")
    visited.settle()
    expect(page.get_by_text(f"images of Digits (scikit-learn), {value(page, 'slice')},")).to_be_visible()
    page.get_by_role("button", name="Select this page").click()
    wait_for(page, "ids", "digits:")
    assert len(value(page, "ids").split(",")) == 24
    visited.sound()
