"""A comparison that is computed while one watches, in a real browser."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PATIENCE, Visit, launch
from tests.browser.plots import click_point, wait_for_chart
from tests.synthetic import make_run, make_tables

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE)

COMPUTING = 240_000
"""Milliseconds for importing torch and a real comparison, seconds on an idle machine."""


@pytest.mark.slow
def test_a_job_is_watched_by_its_link_and_its_result_appears(
    chromium: str, visit: Callable[..., Visit], tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    for name, data in (("clothes", "fashionmnist"), ("figures", "mnist")):
        make_run(runs, name, depth=1, trained=True, data=data, seed=len(name))
    make_tables(runs / "clothes", ("digits",), n=1797, parts=False)
    with launch(runs, tmp_path / "data") as dashboard:
        visited = visit(
            dashboard, "/features?run=clothes&versus=figures&data=digits&ood=&between=Every+pair+of+layers+and+units"
        )
        page = visited.page
        page.get_by_role("button", name="Compute it here").click()
        page.wait_for_url("**job=*")
        job = parse_qs(urlsplit(page.url).query)["job"]
        # The page draws itself again when the job is done; nobody touches it meanwhile.
        expect(page.get_by_role("heading", name="Units that respond alike")).to_be_visible(timeout=COMPUTING)
        expect(page.get_by_role("button", name="Stop this job")).to_have_count(0)
        visited.settle()
        assert visited.link()["job"] == job
        assert (runs / "clothes" / "correlations" / "figures.digits.all.parquet").is_file()
        wait_for_chart(page, "unit-pairs")
        last, rank = page.evaluate(
            """() => {
                const {customdata} = document.querySelector('.st-key-unit-pairs .js-plotly-plot')._fullData[0];
                return [customdata.length - 1, String(customdata.at(-1))];
            }"""
        )
        click_point(page, "unit-pairs", 0, last)
        page.wait_for_url(f"**match={rank}*")
        visited.settle()
        visited.sound()
        again = visit(
            dashboard,
            "/features?run=clothes&versus=figures&data=digits&ood=&between=Every+pair+of+layers+and+units&job=AAAAAAAAAAAA",
        )
        expect(again.page.get_by_text("This job is not known any more")).to_be_visible()
        expect(again.page.get_by_role("heading", name="Units that respond alike")).to_be_visible()
        again.settle()
        again.sound()
        assert again.barriers() == []
