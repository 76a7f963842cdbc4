"""The dashboard below a path, as behind a reverse proxy: pages, files and links stay below it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PATIENCE, Visit, launch

pytestmark = [pytest.mark.browser, pytest.mark.slow]
BASE = "/hvae"


def test_pages_files_and_links_stay_below_the_base_path(
    chromium: str, runs: Path, visit: Callable[..., Visit], tmp_path: Path
) -> None:
    with launch(runs, tmp_path / "data", base=BASE) as dashboard:
        visited = visit(dashboard, "/scores?run=second&data=mnist&ood=digits&k=2")
        page = visited.page
        visited.settle()
        link = page.locator('.st-key-copy-link [data-testid="stCode"]').inner_text().strip()
        assert link.startswith(f"{dashboard.url}/scores?") and visited.link()["k"] == ["2"]
        visited.navigate("Runs")
        assert page.url.startswith(f"{dashboard.url}/runs?")
        page.get_by_role("radio", name="Import").click()
        # Behind a proxy a stranger's request comes from this computer too.
        expect(page.get_by_text("it opens no paths")).to_be_visible(timeout=PATIENCE)
        assert "run=second" in page.url
        loaded = page.evaluate("performance.getEntriesByType('resource').map(entry => entry.name)")
        assert loaded and [one for one in loaded if not one.startswith((f"{dashboard.url}/", "data:", "blob:"))] == []
        page.goto(f"{dashboard.url}/overview?run=second&data=mnist&ood=digits")
        visited.settle()
        assert page.url.startswith(f"{dashboard.url}/?run=second"), "the address of the first page that one would guess"
        assert page.title() == "Overview · second · hvae", "tabs can be told apart"
        page.goto(link)
        visited.settle()
        shown = visited.link()
        assert (shown["run"], shown["k"], shown["ood"]) == (["second"], ["2"], ["digits"])
        visited.sound()
