"""Files before they are scored: one recipe for all, others for single files, and what is shown of each."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from app.preparing import controls, preview
from app.score_images import work
from app.score_images.work import Given
from app.server import judgements
from hvae.datasets.own.outside import Named
from hvae.datasets.own.preparing import SCAN, STEPS, Treatment
from hvae.runs.settings import Setting
from hvae.verdicts.asked import Settings
from tests.app.conftest import sound

HOW = Treatment((1, 28, 28), "extend", like="mnist")


def sheet(stroke: int) -> Named:
    """A dark stroke on light paper."""
    pixels = np.full((60, 60), 220, np.uint8)
    pixels[10:50, stroke : stroke + 6] = 30
    Image.fromarray(pixels).save(buffer := io.BytesIO(), "PNG")
    return Named(f"{stroke}.png", buffer.getvalue())


SHEETS = [sheet(10), Named("notes.png", b"words"), sheet(30)]


def test_a_recipe_for_all_and_others_for_single_files() -> None:
    assert controls.by_recipe(HOW, controls.AS_ALL) == HOW
    assert controls.by_recipe(HOW, SCAN).steps == STEPS and controls.by_recipe(HOW, controls.INVERTED).invert
    scanned = controls.by_recipe(HOW, SCAN)
    assert controls.by_recipe(scanned, controls.AS_IT_IS) == HOW
    assert set(controls.each(HOW, {0: SCAN, 1: controls.AS_ALL})) == {0}


def test_every_file_is_shown_before_and_after_with_its_doubts() -> None:
    shown, refused, _ = preview._looked_at(SHEETS, HOW, {2: SCAN}, range(0, 48))
    assert [one.number for one in shown] == [0, 2] and refused[0][0] == "notes.png"
    raw, scanned = shown
    assert [one.kind for one in raw.picture.caveats] == ["light-border"] and not scanned.picture.caveats
    assert all(one.before.startswith("data:image/png") and one.before != one.after for one in shown)
    (alone,), *_ = preview._looked_at(SHEETS, HOW, {2: SCAN}, range(2, 3))
    assert alone.number == 2 and (alone.picture.image == scanned.picture.image).all()


def test_a_job_prepares_single_files_as_they_were_shown(
    clothes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    settings = Settings(
        run="clothes", setting=Setting(), source="3 files", **vars(HOW), choices={2: SCAN}, score="llr", depth=2,
        statistic="rank",
    )  # fmt: skip
    seen: list[np.ndarray] = []

    def judged(judge: object, images: np.ndarray, caveats: object) -> object:
        seen.extend(images)
        raise RuntimeError("seen")

    monkeypatch.setattr(work, "_judged", judged)
    folder = judgements.create("abcdefghijkl", settings, lambda _: True)
    given = Given("3 files", tuple(SHEETS), ("1",))
    with pytest.raises(RuntimeError, match="seen"):
        work._first_run(None, given, settings, folder, lambda _: None)  # type: ignore[arg-type]
    shown, *_ = preview._looked_at(SHEETS, HOW, {2: SCAN}, range(0, 48))
    assert all((one == other.picture.image).all() for one, other in zip(seen, shown, strict=True))


def test_the_page_says_what_is_doubtful_before_it_judges(clothes: Path, visit: Callable[..., AppTest]) -> None:
    app = visit("score_images", run="clothes", ood="", pictures="samples", prepare="inverted")
    text = sound(app)
    assert "are doubtful before any verdict" in text and "--invert" in text
    doubts = app.dataframe[0].value["doubts"]
    assert doubts.str.contains("its border is light").any()
    calm = visit("score_images", run="clothes", ood="", pictures="samples", prepare="scan")
    assert "doubtful" not in sound(calm) and "--prepare scan" in sound(calm)
