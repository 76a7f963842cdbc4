"""The runs page in a browser: it follows a training, and refuses a hostile archive."""

import io
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from hvae.files import run_lock
from tests.browser.conftest import PATIENCE, Dashboard, Visit

pytestmark = pytest.mark.browser


@pytest.mark.slow
def test_a_training_is_followed_until_it_ends(runs: Path, dashboard: Dashboard, visit: Callable[..., Visit]) -> None:
    live = shutil.copytree(runs / "first", runs / "zz-live")
    try:
        lines = (live / "history.csv").read_text().splitlines(keepends=True)
        (live / "history.csv").write_text("".join(lines[:3]))
        with run_lock(live):
            curves = "about=Learning%20curves&quantity=active%20units"
            visited = visit(dashboard, f"/runs?run=zz-live&versus=second&{curves}")
            page = visited.page
            expect(page.get_by_text("2 of 4 epochs done")).to_be_visible(timeout=PATIENCE)
            (live / "history.csv").write_text("".join(lines))
            expect(page.get_by_text("4 of 4 epochs done")).to_be_visible(timeout=PATIENCE)
        expect(page.get_by_text("is being trained")).to_have_count(0, timeout=PATIENCE)
        visited.settle()
        page.get_by_role("radio", name="Import").click()
        hostile = io.BytesIO()
        with zipfile.ZipFile(hostile, "w") as archive:
            archive.writestr("../<b>evil</b>.sh", "rm")
        page.locator("input[type=file]").set_input_files(
            {"name": "a/<i>.zip", "mimeType": "application/zip", "buffer": hostile.getvalue()}
        )
        expect(page.get_by_text("a/<i>.zip")).to_be_visible(timeout=PATIENCE)
        page.get_by_role("button", name="Import upload").click()
        expect(page.get_by_text("leaves its folder")).to_be_visible(timeout=PATIENCE)
        visited.settle()
        visited.sound()
        assert sorted(path.name for path in runs.iterdir()) == ["first", "second", "zz-live"]
    finally:
        shutil.rmtree(live)
