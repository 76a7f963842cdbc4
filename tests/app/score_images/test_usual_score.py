"""The score that judges where none is chosen: its parts on the page, and what is said where the run cannot give it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from streamlit.testing.v1 import AppTest

from app.frame import components
from app.score_images import results
from app.server import judgements
from hvae.measuring.scorer import Measurer
from hvae.runs.folders import find_run
from hvae.runs.score_tables import ScoreTable, read_table, write_table
from hvae.runs.settings import Setting
from tests.app.conftest import finish_jobs, html_of, sound
from tests.synthetic import make_run, make_tables

PARTS = ["joint: terms of the ELBO", "joint: differences given the terms", "joint: LLR>1"]


def test_joint_judges_and_says_which_part_makes_an_image_unlike(root: Path, visit: Callable[..., AppTest]) -> None:
    run = make_run(root, "many", depth=2, trained=True)
    make_tables(run, ("fashionmnist",), n=240)
    app = visit("score_images", run="many", ood="", data="fashionmnist", pictures="samples")
    assert app.selectbox(key="judge-menu").value == "joint" and not app.warning
    assert "--statistic rank --score joint --reading mean" in sound(app)
    app.button(key="score-them").click().run()
    finish_jobs()
    sound(app.run())
    app.session_state["image"] = "upload:0"
    text = sound(app.run())
    assert not app.warning and "judged by Joint score," in text and "It differs most in " in text
    shown = app.dataframe[0].value
    assert list(shown)[4:-2] == ["p", "differs at", "joint, nats"]
    stored = judgements.read(app.session_state["job"])
    assert stored is not None and stored.settings.note == ""
    found = results.judged(stored, 0.05)
    saved = components.for_spreadsheets(found.frame)
    np.testing.assert_allclose(saved[PARTS].sum(axis=1), saved["joint"], rtol=0, atol=1e-9)
    assert set(saved["differs_at"]) <= {"log p(x|z)", "log r_1", "log r_2", "D_1", "D_2"}
    assert "<th>differs at</th>" in results.report(found)
    assert ": the part of the joint score that is most unusual is " in html_of(app)
    assert len(app.get("plotly_chart")) == 2
    app.segmented_control(key="aspect").set_value("Statistics").run()
    assert "Its statistics, the most unusual first" in html_of(app) and "log r<sub>2</sub>" in html_of(app)
    assert "D<sub>k</sub> is the likelihood that is lost" in html_of(app)


def test_few_reference_images_are_said_before_and_after(clothes: Path, visit: Callable[..., AppTest]) -> None:
    app = visit("score_images", run="clothes", ood="", data="fashionmnist", pictures="samples")
    assert app.selectbox(key="judge-menu").value == "llr"
    assert "judged by Likelihood ratio instead of Joint score: 80 reference images are few (200 are wanted)" in sound(
        app
    )
    assert not app.warning, "llr needs no more images"
    app.selectbox(key="judge-menu").set_value("joint").run()
    (warning,) = app.warning
    assert warning.value.startswith("80 reference images are few")
    app.button(key="score-them").click().run()
    finish_jobs()
    assert "clothes: 80 reference images are few" in sound(app.run())
    stored = judgements.read(app.session_state["job"])
    assert stored is not None and stored.settings.note.startswith("80 reference images are few")
    assert "<td>note</td><td>80 reference images are few" in results.report(results.judged(stored, 0.05))
    app = visit("score_images", run="clothes", ood="", data="fashionmnist", pictures="samples", judge="typicality")
    sound(app)
    assert not app.warning, "another score needs no more images"


def test_the_score_of_other_pages_and_of_other_runs_does_not_choose_who_judges(
    clothes: Path, visit: Callable[..., AppTest]
) -> None:
    root = clothes.parent
    make_tables(make_run(root, "many", depth=2, trained=True), ("fashionmnist",), n=240)
    app = visit("scores", run="many", ood="", data="fashionmnist")
    assert app.selectbox(key="score-menu").value == "llr"
    sound(app.switch_page("../pages/score_images.py").run())
    for run, judge in (("many", "joint"), ("clothes", "llr"), ("many", "joint")):
        app.selectbox(key="run").set_value(run).run()
        sound(app)
        assert app.selectbox(key="judge-menu").value == judge, run
    app.selectbox(key="judge-menu").set_value("bound").run()
    app.selectbox(key="run").set_value("clothes").run()
    sound(app)
    assert app.selectbox(key="judge-menu").value == "bound", "what a person chose stays"


def test_a_job_is_measured_as_the_reference_part_was(root: Path, visit: Callable[..., AppTest]) -> None:
    run = make_run(root, "other", depth=2, trained=True)
    for path in make_tables(run, ("fashionmnist",), n=60, samples=(2,), draws=(2,)):
        table = read_table(path)
        path.unlink()
        about = table.metadata.model_copy(update={"seed": 3, "precision": "bf16-mixed"})
        write_table(run, ScoreTable(table.frame, about))
    app = visit("score_images", run="other", ood="", data="fashionmnist", pictures="samples")
    app.button(key="score-them").click().run()
    finish_jobs()
    sound(app.run())
    stored = judgements.read(app.session_state["job"])
    assert stored is not None and stored.complete
    wanted = Setting(samples=2, draws=2, seed=3, precision="bf16-mixed")
    assert stored.settings.setting == wanted
    table = Measurer(find_run("other"), wanted, accelerator="cpu").table(stored.images)
    np.testing.assert_array_equal(stored.frame["L>1"], table.column("L>1"))
