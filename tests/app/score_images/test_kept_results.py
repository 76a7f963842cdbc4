"""Results that a job has kept: on the page, in the report, side by side, and where they are damaged."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.frame import components
from app.score_images import results, section
from app.score_images.results import Reference
from app.server import judgements
from app.server.limits import Limits
from hvae.errors import HvaeError, TableError
from hvae.report.judged import told
from hvae.verdicts import words
from tests.app.conftest import sound
from tests.app.score_images.kept_jobs import JOB, SETTINGS, further, kept, many, weights
from tests.synthetic import make_run, make_tables


def test_side_by_side_only_what_every_run_has_judged(root: Path, visit: Callable[..., AppTest]) -> None:
    further()
    app = visit("score_images", job=JOB, order="as given")
    text = sound(app)
    assert "first 2 images of 3" in text and "Of 2 images, clothes knows 0 best, a &lt;b&gt;run" in text
    assert len(app.dataframe[0].value) == 3 and len(app.dataframe[1].value) == 2
    assert app.dataframe[1].value["p, clothes"].tolist() == ["0.0123 alarm", "0.5000"]
    assert app.dataframe[1].value["no alarm from"].tolist() == ["1 of 2", "2 of 2"]


def test_the_report_has_the_p_values_side_by_side(root: Path) -> None:
    further(3)
    stored = judgements.read(JOB)
    assert stored is not None
    text = results.report(results.judged(stored, 0.05))
    assert "<h2>p-values side by side, 3 of 3 images</h2>" in text and "<td>0.9500</td>" in text
    assert "a &lt;b&gt;run&lt;/b&gt; knows 3 best" in text and "<b>run" not in text
    assert "<td>further run 1, calibration images</td><td>80</td>" in text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"score": None}, "older version: score the images again"),
        ({"score": "nonsense"}, "there is no score 'nonsense'"),
        ({"score": "typicality"}, "damaged"),
        ({"depth": 10**9}, "damaged"),
        ({"statistic": "mode"}, "damaged"),
    ],
)
def test_results_of_another_form_are_refused_in_one_line(
    temporary: Path, root: Path, visit: Callable[..., AppTest], changes: dict[str, object], said: str
) -> None:
    kept()
    path = temporary / "hvae-jobs" / JOB / "settings.json"
    found = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({name: value for name, value in found.items() if value is not None}))
    with pytest.raises(HvaeError, match=said) as caught:
        judgements.read(JOB)
    assert "\n" not in str(caught.value)
    app = visit("score_images", job=JOB)
    assert any(said in one.value for one in app.error) and sound(app)


def test_a_result_by_one_run_has_nothing_side_by_side(root: Path) -> None:
    kept()
    stored = judgements.read(JOB)
    assert stored is not None and stored.others == ()
    assert told.compared(results.judged(stored, 0.05)) is None


def test_every_row_is_on_one_of_the_pages(
    root: Path, visit: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(section, "MOST_ROWS", 10)
    p = many(34)
    app = visit("score_images", job=JOB, page="4")
    assert "Images 31 to 34 of 34 in this order" in sound(app)
    seen = []
    for number in (1, 2, 3, 4):
        seen += app.number_input(key="page").set_value(number).run().dataframe[0].value["p"].tolist()
    assert seen == sorted(p), "order acts on all rows, not on those of a page"
    app.segmented_control(key="only").set_value("alarms").run()
    assert app.dataframe[0].value["p"].tolist() == sorted(p[p <= 0.05]), "the filter acts on all rows"
    app.segmented_control(key="only").set_value("all").run()
    assert app.session_state["page"] == 1, "another filter begins at the first page"
    assert "no whole number from 1 to 4" in sound(visit("score_images", job=JOB, page="5"))
    assert '">Image 4</h2>' in sound(visit("score_images", job=JOB, page="2", image="upload:3")), "on every page"


def test_the_oldest_results_go_and_those_of_unfinished_jobs_stay(temporary: Path) -> None:
    names = [f"job{number:09}" for number in range(Limits().results_kept + 3)]
    for name in names:
        judgements.create(name, SETTINGS, lambda job: job == names[0])
    left = {path.name for path in (temporary / "hvae-jobs").iterdir()}
    assert names[0] in left and names[1] not in left and names[-1] in left
    assert len(left) == Limits().results_kept


def test_damaged_results_are_one_line(temporary: Path) -> None:
    kept()
    path, sound = temporary / "hvae-jobs" / JOB / "batch-00000.parquet", judgements.read(JOB)
    before = path.read_bytes()
    # Of the values: what is behind them is the schema as pandas and arrow have it, of which names and types are used.
    for flip in range(4, len(before) // 2, 53):
        path.write_bytes(before[:flip] + bytes([before[flip] ^ 2]) + before[flip + 1 :])
        try:
            found = judgements.read(JOB)
        except TableError:
            continue
        assert found.frame.equals(sound.frame) and (found.images == sound.images).all(), flip
    (temporary / "hvae-jobs" / JOB / "batch-00000.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(TableError, match="damaged"):
        judgements.read(JOB)


def test_a_folder_of_somebody_else_is_not_trusted(temporary: Path) -> None:
    (temporary / "elsewhere").mkdir()
    (temporary / "hvae-jobs").symlink_to(temporary / "elsewhere")
    with pytest.raises(TableError, match="somebody else"):
        judgements.create(JOB, SETTINGS, lambda _: False)


def test_nothing_in_a_name_is_markup_in_the_report_or_a_formula_in_a_spreadsheet(clothes: Path) -> None:
    kept()
    stored = judgements.read(JOB)
    assert stored is not None
    found = results.judged(stored, 0.05)
    like = results.reference(stored.settings.model_copy(update={"weights_sha256": weights()}))
    assert isinstance(like, Reference)
    drawn = section.marks(found, like, found.settings.levels[0]).to_json()
    assert drawn and "<img src=x" not in drawn
    text = results.report(found)
    assert "<img src=x" not in text and "<b>notes" not in text
    assert "&lt;img src=x" in text and "unlike anything in the reference" in text
    assert "http" not in text and "<script" not in text, "nothing is loaded from elsewhere"
    assert components.for_spreadsheets(found.frame)["name"].tolist()[1:] == ["'=image 1", "'=image 2"]


def test_a_calibration_part_that_is_too_small_gives_no_verdict(root: Path, visit: Callable[..., AppTest]) -> None:
    make_tables(make_run(root, "clothes", depth=2, trained=True), ("fashionmnist",), n=12)
    kept(n_calibration=12, weights_sha256=weights())
    app = visit("score_images", run="clothes", job=JOB, alpha="0.05")
    text = sound(app)
    assert text.count("with 12 calibration images nothing can raise an alarm at alpha 0.05: it takes 19") == 2
    assert "No alarm on" not in text and set(app.dataframe[0].value["verdict"]) == {words.NOT_JUDGED}
    found = results.judged(judgements.read(JOB), 0.05)
    report = results.report(found)
    assert report.count(words.NOT_JUDGED) == 3 and "it takes 19" in report and "no alarm" not in report
    assert "nothing can raise" not in sound(visit("score_images", run="clothes", job=JOB, alpha="0.1"))
    make_tables(make_run(root, "clothes", depth=2, trained=True), ("fashionmnist",), n=8)
    app = visit("score_images", run="clothes", pictures="samples")
    assert "nothing can raise an alarm at alpha 0.1: it takes 9" in sound(app)
    assert "score-them" not in {one.key for one in app.button}
