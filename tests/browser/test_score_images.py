"""The Score images page in a browser: a whole folder is taken, and every file in it is answered for."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.app.conftest import judging_run
from tests.browser.conftest import PATIENCE, Visit, launch

pytestmark = [pytest.mark.browser, pytest.mark.slow]
expect.set_options(timeout=PATIENCE)


def test_a_folder_is_scored_with_what_lies_below_it(chromium: str, visit: Callable[..., Visit], tmp_path: Path) -> None:
    judging_run(tmp_path / "runs", "clothes")
    (tmp_path / "mine" / "deeper").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in ("one.png", "two.png", "deeper/three.png"):
        Image.fromarray(rng.integers(0, 256, (28, 28), np.uint8)).save(tmp_path / "mine" / name)
    (tmp_path / "mine" / "broken.png").write_bytes(b"<html>")
    with launch(tmp_path / "runs", tmp_path / "data") as dashboard:
        visited = visit(dashboard, "/score_images?run=clothes&pictures=folder")
        page = visited.page
        page.locator("input[type=file]").set_input_files(tmp_path / "mine")
        page.get_by_role("button", name="Score them").click()
        expect(page.get_by_text("of 3 images raise an alarm")).to_be_visible()
        expect(page.get_by_text("broken.png").first).to_be_visible()
        visited.settle()
        visited.sound()
