"""Pictures beside the numbers of a table: those that were scored, of `--limit` tables too, or none with a reason."""

from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app.figures import gallery as figures
from app.frame.components import STYLE_SHEET
from app.reading import loading
from hvae.datasets import load
from hvae.errors import DataError
from hvae.runs.folders import find_run
from hvae.runs.score_tables import ScoreTable
from tests.app.conftest import digits_of, sound
from tests.synthetic import make_run


@pytest.fixture
def run(root: Path) -> Path:
    return make_run(root, "first")


def drawn(table: ScoreTable, index: int) -> AppTest:
    """A gallery of one image of a table, and the image by itself."""

    def script(table, index):
        from app.frame.state import ImageId
        from app.images.gallery import Shown, gallery
        from app.inspector import subject, verdict
        from hvae.runs.folders import find_run

        image = ImageId("digits", index)
        gallery(find_run("first"), {"digits": table}, [Shown(image, "1.5")], "title", table.frame, key="one")
        run = find_run("first")
        verdict.draw(subject.Subject(run, image, "", lambda: subject.scored_picture(run, "digits", table)))

    return AppTest.from_function(script, args=(table, index), default_timeout=30).run()


def test_a_table_of_a_few_images_shows_those_few(run: Path) -> None:
    whole = load("digits", "all")
    few = whole.spread(50)
    table = digits_of(run, few)
    shown = loading.scored_images(find_run("first"), table)
    np.testing.assert_array_equal(shown.images, few.images)
    assert not np.array_equal(shown.images[7], whole.images[7])
    app = drawn(table, 7)
    assert "No pictures" not in sound(app) and len(app.get("image")) == 1
    assert len(loading.scored_images(find_run("first"), digits_of(run, whole))) == 1797


def test_other_images_than_those_scored_are_not_shown_and_one_line_says_so(run: Path) -> None:
    whole = load("digits", "all")
    for images, fingerprint in ((whole.spread(50), whole.fingerprint), (whole, "0" * 64)):
        table = digits_of(run, images, fingerprint)
        with pytest.raises(
            DataError, match=r"the images of digits \(all\) on this machine are not those that first has scored"
        ):
            loading.scored_images(find_run("first"), table)
        app = drawn(table, 7)
        assert "No pictures of Digits (scikit-learn): the images of digits (all)" in sound(app)
        assert not app.get("image") and "The image cannot be shown: the images of digits" in app.info[0].value


def test_the_style_sheet_knows_every_shape_of_a_gallery() -> None:
    sheet = STYLE_SHEET.read_text()
    for count in range(1, 25):
        rows, columns = figures.grid(count)
        rule = f'[class*="st-key-tiles-{rows}-{columns}-"] {{ --tiles: calc({rows} / {columns} * {figures.ASPECT}); }}'
        assert rule in sheet
    assert f"var(--tiles) + {figures.LEGEND + 4}px" in sheet
