"""What only a browser shows: deep links, clicks, redrawing, requests, and how soon a page paints."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.benchmarks.tab import cpu_seconds
from tests.browser.conftest import PATIENCE, ROOT, Dashboard, Visit
from tests.browser.plots import click_point, wait_for_chart

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE)

BARE = """
import plotly.graph_objects as go
import streamlit as st

st.html('<table class="numbers"><tr><td>1</td></tr></table>')
st.plotly_chart(go.Figure(go.Scatter(y=[1, 3, 2])))
"""
"""The least that an application with a table and a chart can be: what Streamlit and the browser take on a machine."""
MOST_TIMES_BARE = {"/": 3.7, "/scores": 6.2}
"""CPU seconds to the first numbers, server and browser together, over those of the bare application: a limit that holds
on a slow and on a busy machine. Measured were 2.8 and 4.8 times on two cores that fifteen processes shared, where the
clock said 13 s for Scores. `make bench-ui` has the limit by the clock."""


def drawn(page: Page, chart: str) -> list[dict[str, Any]]:
    """The traces plotly has drawn in the chart with this key as plain lists."""
    return page.evaluate(
        """key => document.querySelector(`.st-key-${key} .js-plotly-plot`)._fullData
            .map(trace => ({name: trace.name, mode: trace.mode, x: Array.from(trace.x), y: Array.from(trace.y)}))""",
        chart,
    )


def test_switching_k_redraws_densities_and_roc_and_their_words_follow_the_theme(
    dashboard: Dashboard, visit: Callable[..., Visit]
) -> None:
    visited = visit(dashboard, "/scores?ood=mnist")
    page = visited.page
    for chart in ("densities", "roc"):
        wait_for_chart(page, chart)
    visited.settle()
    before = {chart: drawn(page, chart) for chart in ("densities", "roc")}
    page.locator(".st-key-k").get_by_text("2", exact=True).click()
    page.wait_for_url("**k=2**")
    for chart, traces in before.items():
        page.wait_for_function(
            """([key, x]) => JSON.stringify(Array.from(
                document.querySelector(`.st-key-${key} .js-plotly-plot`)._fullData[1].x)) !== JSON.stringify(x)""",
            arg=[chart, traces[1]["x"]],
        )
    visited.settle()
    after = {chart: drawn(page, chart) for chart in before}
    assert [trace["name"] for trace in after["densities"]] == [trace["name"] for trace in before["densities"]]
    assert after["densities"][0]["y"] != before["densities"][0]["y"]
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        page.wait_for_function(
            """dark => {
                const plot = document.querySelector('.st-key-densities .js-plotly-plot');
                const colour = getComputedStyle(plot).color, light = Number(colour.match(/\\d+/)[0]) > 128;
                const words = [...plot.querySelectorAll('.xtick text, .ytick text, .legendtext, .annotation-text')];
                return light === dark && words.length > 5 && words.every(one => getComputedStyle(one).fill === colour);
            }""",
            arg=theme == "dark",
        )
    visited.sound()


def test_the_failure_card_leads_to_the_failure(dashboard: Dashboard, visit: Callable[..., Visit]) -> None:
    visited = visit(dashboard, "/?ood=mnist")
    page = visited.page
    page.get_by_text("Scores with −L>0").click()
    expect(page.locator("h1")).to_have_text("Scores")
    expect(page.get_by_text("looks MORE normal than FashionMNIST")).to_be_visible()
    visited.navigate("Overview")
    page.get_by_text("Scores with LLR>1").click()
    expect(page.get_by_text("tells MNIST from FashionMNIST")).to_be_visible()
    visited.settle()
    visited.sound()


def test_clicking_a_mark_leads_to_its_reconstruction(dashboard: Dashboard, visit: Callable[..., Visit]) -> None:
    visited = visit(dashboard, "/scores?run=second&data=mnist&ood=fashionmnist&ood=digits")
    page = visited.page
    wait_for_chart(page, "densities")
    visited.settle()
    # Filtered: two sets instead of three, so every mark stands elsewhere and belongs to another place in the list.
    page.locator(".st-key-ood-menu [data-tag]", has_text="FashionMNIST").get_by_role("button").click()
    wait_for_chart(page, "densities", "plot._fullData.length === 4")
    visited.settle()
    # The mark furthest to the right stands alone; its place on the screen is what plotly says it is.
    rightmost, number = page.evaluate(
        """() => {
            const rug = document.querySelector('.st-key-densities .js-plotly-plot')._fullData[3];
            const at = rug.x.reduce((best, x, i) => x > rug.x[best] ? i : best, 0);
            return [at, Number(rug.customdata[at]) % 10_000_000];
        }"""
    )
    click_point(page, "densities", 3, rightmost)
    image = f"digits:{number}"
    expect(page.locator(".st-key-image input")).to_have_value(image)
    visited.settle()
    page.get_by_role("button", name="Next").click()
    following = f"digits:{(number + 1) % 1797}"
    expect(page.locator(".st-key-image input")).to_have_value(following)
    visited.settle()
    page.get_by_text("See its reconstructions").click()
    page.wait_for_url(re.compile(f"/reconstructions[?].*image={following.replace(':', '(:|%3A)')}(&|$)"))
    expect(page.locator("h1")).to_have_text("Reconstructions")
    visited.settle()
    visited.sound()


def test_a_page_paints_soon_and_without_torch(
    browser: Browser, fresh_dashboard: Callable[..., Dashboard], visit: Callable[..., Visit], tmp_path: Path
) -> None:
    (tmp_path / "bare.py").write_text(BARE)
    tasks = browser.new_browser_cdp_session()

    def browsing() -> float:
        """CPU seconds of all processes of the browser."""
        return sum(one["cpuTime"] for one in tasks.send("SystemInfo.getProcessInfo")["processInfo"])

    def first_numbers(address: str, **script: Path) -> float:
        """CPU seconds of a process that nobody has visited, and of the browser, until it shows the first numbers."""
        before, dashboard = browsing(), fresh_dashboard(**script)
        visited = visit(dashboard, address)
        visited.page.wait_for_selector("table.numbers")
        cost = cpu_seconds(dashboard) + browsing() - before
        if not script:
            visited.settle()
            visited.sound()
            assert "libtorch" not in dashboard.libraries()
        visited.page.goto("about:blank")
        dashboard.process.terminate()
        return cost

    least = dict.fromkeys(("bare", *MOST_TIMES_BARE), float("inf"))
    # Whatever else the machine does only ever adds to it, so the least of some first visits is the page's own.
    for _ in range(3):
        for address in (*least, "bare"):
            script = {"script": tmp_path / "bare.py"} if address == "bare" else {}
            took = first_numbers("/" if script else address, **script)
            least[address] = min(least[address], took)
        print("CPU seconds to the first numbers:", least)
        if all(least[address] < most * least["bare"] for address, most in MOST_TIMES_BARE.items()):
            return
    pytest.fail(f"CPU seconds to the first numbers: {least}, where these times bare are allowed: {MOST_TIMES_BARE}")


@pytest.mark.slow
def test_a_few_people_who_browse_and_score_see_no_error(tmp_path: Path) -> None:
    few = ("--contexts", "3", "--scorers", "2", "--images", "4", "--seconds", "20", "--rest", "0")
    out = tmp_path / "load.json"
    subprocess.run([sys.executable, "-m", "tests.benchmarks.load", *few, "--out", out], cwd=ROOT, check=False)
    found = json.loads(out.read_text())
    facts = {fact["what"]: fact["value"] for fact in found["facts"]}
    assert not found["errors"] and facts["jobs begun"] == 2 and facts["actions of those who browse"] > 0
    assert 0 < facts["the server's own answer, median"] < 60
    # How soon they are answered is for a machine that does nothing else.
    assert not facts["jobs not finished"] and not facts["jobs whose results differ from a lone user's"]
