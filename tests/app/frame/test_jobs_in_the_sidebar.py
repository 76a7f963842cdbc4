"""A visitor's jobs follow through every page and a reload, and their images are judged again without an upload."""

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.frame import jobs
from app.server import judgements
from tests.app.conftest import finish_jobs, sound


@pytest.fixture(autouse=True)
def results_of_this_test_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def _fold(app: AppTest) -> tuple[str, bool]:
    """What asks for images: its label, and whether it is open."""
    fold = app.main.expander[0]
    return fold.label, fold.proto.expanded


def test_a_job_is_found_from_every_page_and_its_images_are_judged_again(
    clothes: Path, visit: Callable[..., AppTest]
) -> None:
    app = visit("score_images", run="clothes", pictures="samples")
    assert _fold(app) == ("Images to judge", True)
    app.switch_page("../pages/runs.py").run()
    app.switch_page("../pages/score_images.py").run()
    assert _fold(app) == ("Images to judge", True), "also on coming back"
    app.button(key="score-them").click().run()
    first = app.session_state["job"]
    finish_jobs()
    app.switch_page("../pages/runs.py").run()
    assert "Your jobs" in sound(app) and app.query_params["job"] == first, "the address of another page keeps it"
    assert app.button(key=f"look-{first}").label.endswith(", done")

    jobs._queue.clear()
    app = visit("overview", job=first)
    kept = app.button(key=f"look-{first}").label
    assert kept.startswith("Samples of") and kept.endswith(" through clothes, kept"), "after a restart"
    assert "not known any more" not in sound(visit("features", run="clothes", job=first)), "its result is elsewhere"

    app = visit("score_images", run="clothes", job=first)
    before = judgements.read(first)
    assert before is not None and "raise an alarm" in sound(app)
    assert _fold(app) == ("Judge other images", False), "the verdicts stand at the top"
    app.button(key="judge-again").click().run()
    assert _fold(app) == ("Judge these again, or other images", True)
    app.segmented_control(key="statistic").set_value("difference").run()
    app.button(key="score-them").click().run()
    second = app.session_state["job"]
    finish_jobs()
    after = judgements.read(second)
    assert _fold(app.run()) == ("Judge other images", False)
    assert second != first and after is not None and after.settings.statistic == "difference"
    assert (after.images == before.images).all() and after.settings.fit == before.settings.fit
    for column in ("name", "changes", "caveats"):
        assert after.frame[column].tolist() == before.frame[column].tolist(), "what the files were like is kept"
