"""The page that judges one's own images: from the preview over the job to the table, the report and a reload."""

import io
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from app import (
    jobs,
    upload_detail,
    upload_grid,
    upload_preview,
    upload_report,
    upload_results,
    upload_scoring,
    upload_store,
)
from app.upload_sources import Given
from hvae.checkpoints import load_checkpoint
from hvae.datasets.outside import Named
from hvae.errors import TableError
from hvae.results import ScoreTable, find_run, list_tables, read_table, write_table
from tests.app.conftest import sound
from tests.synthetic import make_run, make_tables

HOSTILE = "</script><img src=x onerror=alert(1)>.png"
SETTINGS = upload_store.Settings(
    run="clothes", source="2 files", image_shape=(1, 28, 28), fit="pad", invert=False, statistic="rank",
    reading="mean", samples=1, draws=1,
)  # fmt: skip
JOB = "abcdefghijkl"


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Results of jobs go where no other test sees them."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def clothes(root: Path) -> Path:
    """A run that can judge: the tables of its parts were made with its weights."""
    run = make_run(root, "clothes", depth=2, trained=True)
    digest = load_checkpoint(run).weights_sha256
    make_tables(run, ("fashionmnist",), n=80)
    for key in list_tables(run):
        table = read_table(key.path)
        write_table(run, ScoreTable(table.frame, table.metadata.model_copy(update={"weights_sha256": digest})))
    return run


def png(value: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.full((28, 28), value, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def scored(n: int = 3) -> tuple[pd.DataFrame, np.ndarray]:
    """What a batch looks like: the first image is further out than any, the others are typical."""
    p = np.array([1 / 81, *np.linspace(0.5, 0.9, n - 1)])
    frame = pd.DataFrame(
        {"name": [HOSTILE, *(f"=image {i}" for i in range(1, n))], "changes": "", "elbo": -300.0, "iw": -300.0}
        | {"L>1": -400.0, "L>2": -500.0, "log_px": -250.0, "log_ratio_1": -30.0, "log_ratio_2": -20.0}
        | {"LLR>1": 100.0, "LLR>2": 200.0, "rank>1": p, "rank>2": p, "differs_at": 1}
        | {"p": p, "p_low": p / 2, "p_high": np.minimum(1, p * 2)}
    )
    return frame, np.arange(n * 784).reshape(n, 1, 28, 28).astype(np.uint8)


def kept(complete: bool = True, **settings: object) -> None:
    folder = upload_store.create(JOB, SETTINGS.model_copy(update={"n_calibration": 80} | settings), lambda _: False)
    upload_store.add(folder, 0, *scored())
    upload_store.refuse(folder, [("<b>notes</b>.txt", "not an image")])
    if complete:
        upload_store.complete(folder)


def finish_jobs() -> None:
    for thread in threading.enumerate():
        if thread.name == "jobs":
            thread.join(280)


def test_files_are_scored_in_a_job_and_a_reload_shows_them_again(
    clothes: Path, visit: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_scoring, "BATCH", 4)
    app = visit("score_images", run="clothes", ood="", data="fashionmnist", pictures="samples")
    assert "What the model sees" in sound(app)
    app.button(key="score-them").click().run()
    job = app.session_state["job"]
    finish_jobs()
    found = jobs.find(job)
    assert found is not None and found.state == "done", found
    text = sound(app.run())
    assert "of 12 images raise an alarm" in text and "Benjamini-Hochberg" in text
    assert len(app.dataframe[0].value) == 12
    assert app.dataframe[0].value["image"].tolist()[0].startswith("data:image/png;base64,")
    assert len(app.get("plotly_chart")) == 3
    jobs._queue.clear()
    app = visit("score_images", run="clothes", job=job, only="alarms")
    assert "of 12 images raise an alarm" in sound(app), "the server was restarted and the results are there"
    assert "interrupted" not in sound(app)


def test_an_interrupted_job_and_an_unknown_one_are_said(root: Path, visit: Callable[..., AppTest]) -> None:
    kept(complete=False)
    text = sound(visit("score_images", job=JOB))
    assert "by a restart of the server or by hand: 3 images had been scored" in text
    assert "No run was found" in text and "1 of 3 images raise an alarm" in text
    assert "<img src=x" not in text and "<b>notes" not in text and "not an image" in text
    assert "No results of the job in this link" in sound(visit("score_images", job="../../../etc"))


def test_what_is_finished_shows_while_the_job_runs(root: Path, visit: Callable[..., AppTest]) -> None:
    go = threading.Event()
    job = jobs.submit("a long one", lambda report, cancelled: str(go.wait(60)), "long")
    try:
        folder = upload_store.create(job, SETTINGS.model_copy(update={"n_calibration": 80}), lambda _: False)
        upload_store.add(folder, 0, *scored())
        app = visit("score_images", job=job)
        assert "The most unusual of the newest 3 images" in sound(app)
        assert app.dataframe[0].value["name"].tolist()[0] == HOSTILE
    finally:
        go.set()
        finish_jobs()


def test_a_run_without_the_parts_says_the_command(root: Path, visit: Callable[..., AppTest]) -> None:
    make_tables(make_run(root, "bare"), ("fashionmnist",), n=40, parts=False)
    assert "hvae score bare --data fashionmnist --split reference --split calibration" in sound(visit("score_images"))


def test_the_work_scores_every_readable_file_and_names_the_others(clothes: Path) -> None:
    sources = (Named("a.png", png(200)), Named("notes.png", b"<html>"), Named("b.png", png(0)))
    upload_store.create(JOB, SETTINGS, lambda _: True)
    name = Future()
    name.set_result(JOB)
    said: list[tuple[int, int]] = []
    given = Given("3 files", sources, ("1",))
    work = upload_scoring.scoring([find_run("clothes")], given, SETTINGS, name)
    work(lambda done, total: said.append((done, total)), lambda: False)
    stored = upload_store.read(JOB)
    assert stored is not None and stored.complete
    assert list(stored.frame["name"]) == ["a.png", "b.png"] and stored.refused[0][0] == "notes.png"
    assert stored.images[:, 0, 0, 0].tolist() == [200, 0]
    assert stored.settings.n_calibration == 80 and stored.settings.weights_sha256
    assert said[-1] == (3, 3)
    upload_store.add(upload_store.folder(JOB), 1, *scored(2))
    newest = upload_store.read(JOB, newest=1)
    assert newest is not None and len(newest) == 2, "while it runs only the newest batches are read"


def test_the_oldest_results_go_and_those_of_unfinished_jobs_stay(temporary: Path) -> None:
    names = [f"job{number:09}" for number in range(upload_store.MOST_KEPT + 3)]
    for name in names:
        upload_store.create(name, SETTINGS, lambda job: job == names[0])
    left = {path.name for path in (temporary / "hvae-jobs").iterdir()}
    assert names[0] in left and names[1] not in left and names[-1] in left
    assert len(left) == upload_store.MOST_KEPT


def test_damaged_results_are_one_line(temporary: Path) -> None:
    kept()
    (temporary / "hvae-jobs" / JOB / "batch-00000.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(TableError, match="damaged"):
        upload_store.read(JOB)


def test_a_folder_of_somebody_else_is_not_trusted(temporary: Path) -> None:
    (temporary / "elsewhere").mkdir()
    (temporary / "hvae-jobs").symlink_to(temporary / "elsewhere")
    with pytest.raises(TableError, match="somebody else"):
        upload_store.create(JOB, SETTINGS, lambda _: False)


def test_nothing_in_a_name_is_markup_in_the_report_or_a_formula_in_a_spreadsheet(clothes: Path) -> None:
    kept()
    stored = upload_store.read(JOB)
    assert stored is not None
    found = upload_results.judged(stored, 0.05)
    like = next(read_table(key.path) for key in list_tables(clothes) if key.split == "reference")
    text = upload_report.report(found, upload_detail.marks(found, like, "fashionmnist", 1, clickable=False))
    assert "<img src=x" not in text and "<b>notes" not in text
    assert "&lt;img src=x" in text and "unlike anything in the reference" in text
    assert "http" not in text.split("<script")[0], "nothing is loaded from elsewhere"
    assert upload_grid.for_spreadsheets(found.frame)["name"].tolist()[1:] == ["'=image 1", "'=image 2"]


@pytest.mark.parametrize(
    ("value", "invert", "word"), [(230, False, "Try Invert"), (20, False, ""), (230, True, "without")]
)
def test_light_paper_is_noticed_even_beside_black_padding(value: int, invert: bool, word: str) -> None:
    image = np.full((1, 28, 28), value, np.uint8)
    image[:, :, :6] = image[:, :, -6:] = 0
    said = upload_preview.suggestion([image, image, np.zeros_like(image)], invert, "mnist")
    assert word in said and bool(said) == bool(word)
    assert not upload_preview.suggestion([image], invert, "cifar10")
