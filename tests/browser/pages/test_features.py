"""A comparison that is computed while one watches, in a real browser."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PATIENCE, Visit, launch
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
        page.wait_for_function("!!document.querySelector('.st-key-unit-pairs .js-plotly-plot')?._fullLayout?.xaxis")
        spot = page.evaluate(
            """() => {
                const plot = document.querySelector('.st-key-unit-pairs .js-plotly-plot');
                plot.scrollIntoView({block: 'center'});
                const trace = plot._fullData[0], box = plot.getBoundingClientRect(), {xaxis, yaxis} = plot._fullLayout;
                const at = trace.x.length - 1;
                return {rank: String(trace.customdata[at]),
                        x: box.left + xaxis._offset + xaxis.d2p(trace.x[at]),
                        y: box.top + yaxis._offset + yaxis.d2p(trace.y[at])};
            }"""
        )
        page.mouse.move(spot["x"], spot["y"])
        page.mouse.click(spot["x"], spot["y"])
        page.wait_for_url(f"**match={spot['rank']}*")
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
