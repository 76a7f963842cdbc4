"""The page that judges one's own images: from the preview over the job to the table, the report and a reload."""

import re
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
import torch
from streamlit.testing.v1 import AppTest

from app.frame import components, jobs
from app.reading import loading
from app.score_images import results, work
from app.score_images.work import Given
from app.server import cores, judgements
from hvae.datasets import LOOSE, content_index
from hvae.datasets.own.outside import Named
from hvae.measuring.reconstructions import reconstruct_repeatedly
from hvae.runs.catalogue import catalogue
from hvae.runs.folders import find_run
from hvae.runs.notes import write_note
from hvae.runs.score_tables import ScoreTable, write_table
from hvae.scores import SCORES, SingleScore
from hvae.verdicts import rule as verdict_rule
from tests.app.conftest import finish_jobs, judging_run, sound
from tests.app.score_images.kept_jobs import HOSTILE, JOB, SETTINGS, kept, png, scored
from tests.hvae.commands import invoke
from tests.synthetic import make_run, make_tables


def test_files_are_scored_in_a_job_and_a_reload_shows_them_again(
    clothes: Path, visit: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "BATCH", 4)
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
    assert len(app.get("plotly_chart")) == 1
    app.session_state["image"] = "upload:2"
    assert "Image 3" in sound(app.run()) and len(app.get("plotly_chart")) == 2
    jobs._queue.clear()
    app = visit("score_images", run="clothes", job=job, only="alarms")
    assert "of 12 images raise an alarm" in sound(app), "the server was restarted and the results are there"
    assert "interrupted" not in sound(app)


def test_an_interrupted_job_and_an_unknown_one_are_said(root: Path, visit: Callable[..., AppTest]) -> None:
    kept(complete=False)
    text = sound(visit("score_images", job=JOB))
    assert "by a restart of the server, by hand or by its time limit: 3 images had been scored" in text
    assert "No run was found" in text and "1 of 3 images raises an alarm" in text
    assert "<img src=x" not in text and "<b>notes" not in text and "not an image" in text
    assert "results of the job in this link are not kept" in sound(visit("score_images", job="../../../etc"))


@pytest.mark.parametrize("soon", [False, True])
def test_what_is_finished_shows_while_a_long_job_runs(soon: bool, root: Path, visit: Callable[..., AppTest]) -> None:
    said, go = threading.Event(), threading.Event()

    def work(report: Callable[[int, int], None], cancelled: Callable[[], bool]) -> str:
        for done in (0, 32) if soon else ():
            report(done, 33)
        said.set()
        return str(go.wait(60))

    job = jobs._queue().submit("a job", work, "job")
    try:
        assert said.wait(60)
        folder = judgements.create(job, SETTINGS.model_copy(update={"n_calibration": 80}), lambda _: False)
        judgements.add(folder, 0, *scored())
        app = visit("score_images", job=job)
        assert ("The most unusual of the newest 3 images" in sound(app)) is not soon
        assert [frame.value["name"].tolist()[0] for frame in app.dataframe] == [HOSTILE] * (not soon)
    finally:
        go.set()
        finish_jobs()


def test_a_run_without_the_parts_says_the_command(root: Path, visit: Callable[..., AppTest]) -> None:
    make_tables(make_run(root, "bare"), ("fashionmnist",), n=40, parts=False)
    assert "hvae score bare --data fashionmnist --split reference --split calibration" in sound(visit("score_images"))


def test_the_work_scores_every_readable_file_and_names_the_others(clothes: Path) -> None:
    sources = (Named("a.png", png(200)), Named("notes.png", b"<html>"), Named("b.png", png(0)))
    judgements.create(JOB, SETTINGS, lambda _: True)
    name = Future()
    name.set_result(JOB)
    said: list[tuple[int, int]] = []
    given = Given("3 files", sources, ("1",))
    job = work.scoring([find_run("clothes")], given, SETTINGS, name)
    job(lambda done, total: said.append((done, total)), lambda: False)
    stored = judgements.read(JOB)
    assert stored is not None and stored.complete
    assert list(stored.frame["name"]) == ["a.png", "b.png"] and stored.refused[0][0] == "notes.png"
    assert stored.images[:, 0, 0, 0].tolist() == [200, 0]
    assert stored.settings.n_calibration == 80 and stored.settings.weights_sha256
    assert said[-1] == (3, 3)
    judgements.add(judgements.folder(JOB), 1, *scored(2))
    newest = judgements.read(JOB, newest=1)
    assert newest is not None and len(newest) == 2, "while it runs only the newest batches are read"


def test_the_page_and_the_command_write_the_same_report(clothes: Path, tmp_path: Path) -> None:
    files, name = {"a.png": png(200), "b.png": png(0), "notes.png": b"<html>"}, Future()
    (tmp_path / "mine").mkdir()
    for file, content in files.items():
        (tmp_path / "mine" / file).write_bytes(content)
    asked = SETTINGS.model_copy(update={"source": "mine", "like": "fashionmnist", "two_sided": True})
    judgements.create(JOB, asked, lambda _: True)
    name.set_result(JOB)
    given = Given("3 files", tuple(Named(f"mine/{file}", content) for file, content in files.items()), ("1",))
    work.scoring([find_run("clothes")], given, asked, name)(lambda done, total: None, lambda: False)
    write_note(clothes, LOOSE, content_index(np.full((1, 28, 28), 200, np.uint8)), "seen before", ["odd"])
    stored = judgements.read(JOB)
    assert stored is not None
    judged = results.judged(stored, 0.9)
    assert judged.frame["alarm"].any()
    how = (
        "--fit",
        "pad",
        "--score",
        "llr",
        "--two-sided",
        "--alpha",
        0.9,
        "--device",
        "cpu",
        "--report",
        tmp_path / "said.html",
    )
    assert invoke("score", "clothes", "--images", tmp_path / "mine", *how).exit_code == 4
    written = (tmp_path / "said.html").read_text().replace(f"{tmp_path}/mine", "mine")
    assert written == results.report(judged), "the same numbers, words, notes, pictures and maps"
    walked = reconstruct_repeatedly(
        loading.checkpoint(find_run("clothes")).layered("reconstruct"), stored.images,
        np.array([content_index(image) for image in stored.images]), preprocessing="binarise", key=LOOSE,
    )  # fmt: skip
    lost = walked.maps("log p(x|z) lost")[1].sum((1, 2))[judged.frame["alarm"]]
    assert {f"{one:+,.1f} nats".replace("-", "\N{MINUS SIGN}") for one in lost} == set(
        re.findall(r"<figcaption>(.*?)</figcaption>", written)
    )
    assert "seen before" in written and "(k = 1), in nats" in written
    (clothes / "model.safetensors").unlink()
    assert "is not shown: the weights of clothes are not here." in results.report(judged)


def test_latex_has_what_the_page_shows_and_every_text_whole(clothes: Path) -> None:
    kept()
    stored = judgements.read(JOB)
    assert stored is not None
    write_note(clothes, LOOSE, content_index(stored.images[1]), "=1 <script>a</script>\n\n& < >", ["<b>evil</b>"])
    found = results.judged(stored, 0.05)
    text = results.printed(found, np.array([0, 1]), "most unusual first")
    assert "Verdicts of clothes on 2 images, most unusual first; an alarm is a p of at most 0.05." in text
    head, first, second = (line for line in text.splitlines() if line.count(" & ") > 3)
    shown = results.visible(found, np.array([0]))
    assert head.count(" & ") == shown.shape[1] - 1 - 1 + 2, "no picture, but tags and note"
    assert "$<$/script$>$$<$img src=x onerror=alert(1)$>$.png" in first and " & 0.0123 & 1 & 100.0 & " in first
    assert r"$<$b$>$evil$<$/b$>$ & =1 $<$script$>$a$<$/script$>$  \& $<$ $>$ \\" in second
    saved = components.for_spreadsheets(results.with_notes(found))
    assert saved["note"][1].startswith("'=1 <script>") and saved["tags"][1] == "<b>evil</b>"


def test_further_runs_judge_the_same_images_and_their_names_are_in_the_table(
    clothes: Path, root: Path, visit: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "BATCH", 5)
    judging_run(root, "digits", "mnist")
    judging_run(root, "letters", "notmnist")
    make_run(root, "colours", depth=2, trained=True, image_shape=(3, 32, 32))
    app = visit(
        "score_images", run="clothes", versus="letters", pictures="samples", also=["digits"], sides="high or low"
    )
    text = sound(app)
    assert app.multiselect(key="also").options == ["digits"], "run B comes from the sidebar, other shapes do not fit"
    assert "colours (takes images of 3 × 32 × 32)" in text
    assert "hvae score clothes letters digits --images PATH --fit extend --two-sided --statistic rank" in text
    app.button(key="score-them").click().run()
    job = app.session_state["job"]
    finish_jobs()
    found = jobs.find(job)
    assert found is not None and found.state == "done", found
    assert (found.done, found.total, found.steps) == (36, 36, "verdicts")
    sound(app.run())
    app.session_state["image"] = "upload:0"
    text = sound(app.run())
    assert "clothes, letters, digits · " in text and "statistic rank, two-sided" in text
    assert "p-value is comparable between runs because" in text and "Of 12 images, clothes knows" in text
    assert "Under letters, p = " in text and "Under digits, p = " in text
    shown = app.dataframe[1].value
    assert list(shown)[2:] == ["knows it best", "no alarm from", "p, clothes", "p, letters", "p, digits"]
    stored = judgements.read(job)
    assert stored is not None and stored.complete and stored.settings.two_sided
    assert [len(other) for other in stored.others] == [12, 12]
    order = np.argsort(stored.frame["p"].to_numpy(), kind="stable")
    for run, frame in zip(("clothes", "letters", "digits"), (stored.frame, *stored.others), strict=True):
        assert [cell.split()[0] for cell in shown[f"p, {run}"]] == [f"{p:.4f}" for p in frame["p"].to_numpy()[order]]
        rule = verdict_rule.rule(catalogue(find_run(run)), two_sided=True)
        again = rule.judge(ScoreTable(frame, rule.reference.metadata))
        assert np.array_equal(again.p, frame["p"].to_numpy()), run


def test_a_further_run_must_have_the_setting(clothes: Path, root: Path, visit: Callable[..., AppTest]) -> None:
    judging_run(root, "digits", "mnist", draws=(4,))
    app = visit("score_images", run="clothes")
    assert "digits (no scores of its reference and calibration parts under reading mean, S = 1, R = 1)" in sound(app)
    assert not [box for box in app.multiselect if box.key == "also"]


def test_every_setting_that_is_scored_can_be_chosen_and_stands_in_the_command(
    clothes: Path, visit: Callable[..., AppTest]
) -> None:
    found = catalogue(find_run("clothes"))
    for table in map(found.read, found.entries):
        how = table.metadata.model_copy(update={"reading": "sample", "samples": 8})
        write_table(clothes, ScoreTable(table.frame, how))
    app = visit("score_images", run="clothes", reading="sample", alpha="0.01")
    text = sound(app)
    assert "--reading sample --samples 8 --draws 1 --alpha 0.01" in text and "--two-sided" not in text
    assert "--alpha 0.05" in sound(visit("score_images", run="clothes", alpha="nonsense"))


def test_scoring_leaves_a_core_to_the_web_server(clothes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    judgements.create(JOB, SETTINGS, lambda _: True)
    name = Future()
    name.set_result(JOB)
    job = work.scoring([find_run("clothes")], Given("1 file", (Named("a.png", png(9)),), ("1",)), SETTINGS, name)
    monkeypatch.setattr(cores, "available", lambda: 3)
    try:
        torch.set_num_threads(8)
        job(lambda done, total: None, lambda: False)
        assert torch.get_num_threads() == 2
        monkeypatch.setattr(cores, "available", lambda: 64)
        cores.spare_one()
        assert torch.get_num_threads() == 2, "it never takes more than it was given"
    finally:
        torch.set_num_threads(before)
        st.cache_resource.clear()


class Paper(SingleScore):
    """A made-up score of the pixels alone, without levels."""

    name, title, about, source = "paper", "Paper", "How dark is it?", "made up"
    mark = ("Paper", "P<sub>x</sub>", "P")

    def columns(self, depth: int) -> tuple[str, ...]:
        return ("log_px",)

    def _of(self, table: ScoreTable, reference: ScoreTable | None) -> np.ndarray:
        return -table.column("log_px")


@pytest.mark.parametrize("judge", ["paper", "bound"])
def test_a_registered_score_is_in_the_control_the_table_the_csv_and_the_report(
    clothes: Path, visit: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch, judge: str
) -> None:
    monkeypatch.setitem(SCORES, "paper", Paper)
    app = visit("score_images", run="clothes", ood="", data="fashionmnist", pictures="samples", judge=judge)
    assert "Paper" in app.selectbox(key="judge-menu").options
    assert f"--statistic rank --score {judge} --reading mean" in sound(app)
    app.button(key="score-them").click().run()
    finish_jobs()
    sound(app.run())
    app.session_state["image"] = "upload:0"
    text = sound(app.run())
    shown, labels = app.dataframe[0].value, {"paper": ["Paper"], "bound": ["-L>0", "-L>1", "-L>2"]}[judge]
    differs = ["differs at k"] if judge == "bound" else []
    assert list(shown)[2:-2] == ["doubts", "verdict", "p", *differs, *(f"{one}, nats" for one in labels)]
    assert (f"judged by {SCORES[judge].title}," in text) and ("differs most at" in text) == (judge == "bound")
    assert ("k" in {one.key for one in app.segmented_control}) == (judge == "bound")
    stored = judgements.read(app.session_state["job"])
    assert stored is not None and stored.complete
    found = results.judged(stored, 0.05)
    assert {"Paper", "LLR>1", "-L>2", "typicality", *labels} <= set(components.for_spreadsheets(found.frame))
    assert f"{stored.frame['p'].iloc[0]:.4f}" in text
    document = results.report(found)
    assert all(f"<th>{one.replace('>', '&gt;')}, nats</th>" in document for one in labels)
    assert f"<td>score</td><td>{judge}</td>" in document and ("differs at k" in document) == (judge == "bound")
    rule = verdict_rule.rule(catalogue(find_run("clothes")), score=judge)
    assert np.array_equal(rule.judge(ScoreTable(stored.frame, rule.reference.metadata)).p, stored.frame["p"])


def test_a_score_that_is_not_computable_is_not_offered_and_says_why(
    clothes: Path, visit: Callable[..., AppTest]
) -> None:
    app = visit("score_images", run="clothes", judge="entropy-corrected")
    text = sound(app).replace("\\", "")
    names = "bound", "llr", "joint", "typicality", "dose"
    assert app.selectbox(key="judge-menu").options == [SCORES[name].title for name in names]
    (line,) = (line for line in text.splitlines() if line.startswith("Cannot judge here: "))
    assert "needs `input_entropy`" in line and "(as for -(L+H), " in line and "hvae data measure" in line
    assert "PPCA" not in line, "no upload has a density of two sets"
    assert "asks for judge by the score `entropy-corrected`" in text and "--score llr" in text
