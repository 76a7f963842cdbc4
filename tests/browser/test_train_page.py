"""The Train page in a browser: a folder becomes a model that judges.

In between it is stopped and continued, and the tab is closed and opened again.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from app.training import offers
from tests.app.training.test_train_page import pictures
from tests.browser.conftest import PATIENCE, Dashboard, Visit, launch

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE)
LONG = 200_000


def test_a_folder_of_many_travels_as_an_archive_and_one_too_large_not_at_all(
    dashboard: Dashboard, visit: Callable[..., Visit], tmp_path: Path
) -> None:
    many = pictures(tmp_path / "many", 100)
    visited = visit(dashboard, "/train?give=folder")
    page = visited.page
    page.locator("input[type=file]").set_input_files(many)
    expect(page.get_by_text("What was found")).to_be_visible()
    expect(page.get_by_text("many.zip")).to_be_visible()
    expect(page.get_by_role("row", name="Images 100")).to_be_visible()
    expect(page.get_by_label("Name of the model")).to_have_value("many")
    page.goto(f"{dashboard.url}/train?give=folder")
    expect(page.locator("[data-takes]")).to_be_attached()
    page.evaluate("document.querySelector('[data-takes]').dataset.takes = '90 128'")
    visited.drop(many)
    expect(page.get_by_text("These are 100 files of 1 MiB, and at most 90 files and 128 MiB")).to_be_visible()
    visited.settle(frames=3)
    expect(page.get_by_text("What was found")).to_have_count(0)
    visited.sound()


@pytest.mark.slow
def test_a_folder_is_trained_on_and_judges_new_images(
    chromium: str, visit: Callable[..., Visit], tmp_path: Path
) -> None:
    mine, runs = pictures(tmp_path / "mine", 300), tmp_path / "runs"
    runs.mkdir()
    with launch(runs, tmp_path / "data") as dashboard:
        visited = visit(dashboard, "/train?give=folder")
        page = visited.page
        page.locator("input[type=file]").set_input_files(mine)
        expect(page.get_by_text("What was found")).to_be_visible()
        page.get_by_text(offers.TRY.title).click()
        visited.settle(frames=3)
        page.get_by_label("Passes over the images").fill("120")
        page.get_by_label("Passes over the images").press("Enter")
        visited.settle(frames=3)
        assert visited.barriers() == []
        page.screenshot(path=tmp_path / "asked.png", full_page=True)
        page.get_by_role("button", name="Train it").click()
        # Streamlit has a button of this name as well, while a script runs.
        stop = page.locator(".st-key-stop-training button")
        expect(page.get_by_text("Step ").first).to_be_visible()
        other = visit(dashboard, "/train?give=folder").page
        other.get_by_role("button", name="Train another").click()
        other.locator("input[type=file]").set_input_files(mine)
        expect(other.get_by_role("button", name="Train it")).to_be_disabled()
        stop.click()
        expect(page.get_by_text("Stopped at step")).to_be_visible()
        expect(other.get_by_role("button", name="Train it")).to_be_enabled()
        other.close()
        page.get_by_role("button", name="Continue").click()
        expect(stop).to_be_visible()
        visited.sound()
        page.close()
        second = visit(dashboard, "/train")
        expect(second.page.get_by_role("heading", name="mine")).to_be_visible()
        expect(second.page.get_by_text("It is ready to judge images.")).to_be_visible(timeout=LONG)
        expect(second.page.get_by_text("Made up by the model as it is now")).to_be_visible()
        second.settle(frames=3)
        assert second.barriers() == []
        second.page.screenshot(path=tmp_path / "done.png", full_page=True)
        second.page.get_by_role("link", name="Judge images with it").click()
        expect(second.page.get_by_role("heading", name="Score images")).to_be_visible()
        second.settle()
        second.page.locator("input[type=file]").set_input_files([mine / "00000.png", mine / "00001.png"])
        second.page.get_by_role("button", name="Score them").click()
        expect(second.page.get_by_text("of 2 images raise")).to_be_visible()
        second.sound()
