"""What the Overview and Scores pages say; what every page must stand is in `test_every_page.py`."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from streamlit.testing.v1 import AppTest

from app.compare import metrics
from app.frame import components, parts
from app.reading import presence
from hvae.config import KINDS, RunFile
from hvae.datasets import load
from hvae.runs.score_tables import ScoreTable, read_table, write_table
from hvae.scores import SCORES, SingleScore
from tests.app.conftest import MAIN, sound
from tests.hvae.contract.toy_kind import PixelsConfig
from tests.synthetic import make_run, make_tables


def test_the_overview_marks_the_paradox_and_sets_the_paper_beside_it(scored_runs, visit) -> None:
    text = sound(visit("overview", run="first", ood=["mnist"]))
    assert "MNIST more likely than FashionMNIST itself" in text
    assert "more likely</span>" in text
    assert ".268 / .363 / .882" in text and ".964 / .961 / .036" in text
    assert "34.6 / 12.2 / 6.66" in text, "KL of each layer from the learning curve"


def test_a_run_without_scores_is_not_what_a_visitor_meets_first(root, visit) -> None:
    make_run(root, "being-trained")
    assert visit("runs").selectbox(key="run").value == "being-trained", "unless there is nothing else"
    make_tables(make_run(root, "scored"), ("fashionmnist", "mnist"), n=20)
    assert visit("runs").selectbox(key="run").value == "scored"


def test_the_overview_shows_a_few_runs_and_leads_to_all(root, visit) -> None:
    many = [f"run-{number}" for number in range(presence.MOST_AT_FIRST + 2)]
    for name in many:
        make_run(root, name, trained=True)
    for name in ("chosen", "other"):
        make_run(root, name)
    app = visit("overview", run="chosen")
    rows = re.findall(r'<a class="leads" href="[^"]*">([^<]*)</a></th>', sound(app))
    assert rows == ["chosen", *many[: presence.MOST_AT_FIRST - 1]], "the chosen one, and those that have their weights"
    (way,) = [one.proto for one in app.get("page_link") if "runs" in one.proto.label]
    assert way.label == f"All {len(many) + 2} runs →" and "about=All+runs" in way.query_string
    every = re.findall(r'<a class="leads" href="[^"]*">([^<]*)</a></th>', sound(visit("runs", run="chosen")))
    assert sorted(every) == sorted(["chosen", "other", *many])


class Toy(SingleScore):
    """Nothing but its registration makes it known."""

    name = "toy"
    title = "Toy"
    about = "Is it a toy?"
    source = "a test"
    mark = ("toy", "<i>t</i>oy", r"\tau")

    def columns(self, depth: int) -> tuple[str, ...]:
        return ("elbo",)

    def _of(self, table: ScoreTable, reference: ScoreTable | None) -> np.ndarray:
        return -table.column("elbo")


def test_a_score_that_is_registered_stands_on_overview_and_compare(scored_runs, visit, monkeypatch) -> None:
    monkeypatch.setitem(SCORES, "toy", Toy)
    frames: dict[str, pd.DataFrame] = {}
    monkeypatch.setattr(components, "save", lambda frame, name, **_: frames.update({name: frame}))
    text = sound(visit("overview", run="first", ood=["mnist", "digits"]))
    assert text.count("><i>t</i>oy</span></a></th>") == 2
    for name in ("table-2", "every-set"):
        by_score = frames[name].set_index("score")
        assert {"toy", "-L>0", "LLR>3", "typicality"} <= set(by_score.index), name
    assert by_score.loc["toy", "mnist"] == by_score.loc["-L>0", "mnist"], "at S = 1 it is the same number"
    assert "has not been measured so" in text and "hvae data measure" in text, (
        "a score that a table lacks says what makes it"
    )

    app = visit("compare", run="first", versus="second", ood=["mnist"], score="toy")
    text = sound(app)
    assert not app.warning and "score=toy" in text
    assert "<i>t</i>oy against FashionMNIST" in text
    assert set(frames["compared-metrics"]["score"]) == {"toy"}
    assert r"$\tau$" in metrics.latex(frames["compared-metrics"], "FashionMNIST")
    assert "Toy" in app.selectbox(key="score-menu").options


def test_a_kind_without_levels_has_the_scores_that_need_none(root, visit, monkeypatch) -> None:
    monkeypatch.setitem(KINDS, "pixels", "tests.hvae.contract.toy_kind:PixelsConfig")
    run = make_run(root, "pixels")
    config = RunFile.from_json((run / "config.json").read_bytes()).config
    (run / "config.json").write_text(config.model_copy(update={"model": PixelsConfig()}).to_json())
    columns = ["epoch", "step", "elbo", "train_elbo", "log_px", "learning_rate", "images_per_second"]
    pd.read_csv(run / "history.csv")[columns].to_csv(run / "history.csv", index=False)
    make_tables(run, ("fashionmnist", "mnist"), n=60)
    make_tables(make_run(root, "layers"), ("fashionmnist", "mnist"), n=60)
    for page, values in (("overview", {}), ("compare", {"also": ["layers"]}), ("compare", {"score": "bound"})):
        app = visit(page, run="pixels", **values)
        text = sound(app)
        assert not app.error, page
        none = "Likelihood ratio, Joint score, Joint score with input."
        assert f"A model of 0 latent layers has none of these scores: {none}" in text, page
    assert ">−L<sup>&gt;0</sup></span></a></th>" in sound(visit("overview", run="pixels"))
    assert "its hierarchy" not in sound(visit("overview", run="pixels"))
    mixed = visit("compare", run="layers", also=["pixels"], score="llr")
    assert "pixels: Likelihood ratio has nothing to say about a model of 0 latent layers" in sound(mixed)
    assert ">pixels</a></th>" in sound(visit("runs", run="pixels"))
    assert "have no columns for that" not in sound(visit("runs", run="pixels", about=parts.LEARNING))


def test_no_foreign_set_stands_in_for_ones_own_images(root, visit) -> None:
    run = make_run(root, "own", trained=True)
    slugs = {"fashionmnist": ("clothes-aaaaaaaa", "a" * 64), "mnist": ("shoes-bbbbbbbb", "b" * 64)}
    for path in make_tables(run, tuple(slugs), n=60):
        table = read_table(path)
        path.unlink()
        if table.metadata.split != "test" or table.metadata.slug == "mnist":
            slug, origin = slugs[table.metadata.slug]
            about = table.metadata.model_copy(update={"slug": slug, "data": slug, "origin": origin})
            write_table(run, ScoreTable(table.frame, about))
    config = RunFile.from_json((run / "config.json").read_bytes()).config
    data = config.data.model_copy(update={"name": "folder:/somewhere/clothes", "fingerprint": "a" * 64, "images": 240})
    (run / "config.json").write_text(config.model_copy(update={"data": data}).to_json())
    for page in ("overview", "compare"):
        app = visit(page)
        text = sound(app)
        assert (app.session_state["data"], app.session_state["ood"]) == ("clothes-aaaaaaaa", ["shoes-bbbbbbbb"])
        assert "has no test split, so its reference part is shown instead" in text, page
        assert not app.error and "Trained: A on" not in text, page
    for path in (run / "scores").glob("clothes*"):
        path.unlink()
    text = sound(visit("overview"))
    assert "somewhere/clothes yet" in text and "hvae score own --data folder:/somewhere/clothes" in text
    assert visit("overview").session_state["data"] == "folder:/somewhere/clothes", "what was scored is not its own set"


def test_the_failure_and_the_fix(scored_runs, visit) -> None:
    failure = sound(visit("scores", score="bound", k="0", ood=["mnist"]))
    assert "MNIST looks MORE normal than FashionMNIST" in failure and "points the wrong way" in failure
    fix = sound(visit("scores", score="llr", k="1", ood=["mnist"]))
    assert "LLR<sup>&gt;1</sup> tells MNIST from FashionMNIST" in fix


def test_scores_follow_k_score_unit_and_budget(scored_runs, visit) -> None:
    app = visit("scores", ood=["mnist"])
    before = figures(app)
    for key, value in (("k", "2"), ("unit", "bits/dim"), ("alarm", 20.0), ("score", "bound")):
        widgets = {"alarm": app.number_input, "score": app.selectbox}.get(key, app.segmented_control)
        widgets(key="score-menu" if key == "score" else key).set_value(value).run()
        sound(app)
        after = figures(app)
        assert after[0] != before[0], f"the densities do not follow {key}"
        before = after
    assert app.session_state["k"] == "2"
    assert app.segmented_control(key="k").options[0] == "0", "-L>0 is a score, LLR>0 is none"


def test_settings_on_offer_are_those_that_exist(scored_runs, visit) -> None:
    app = visit("scores", ood=["mnist"])
    assert app.segmented_control(key="reading").options == ["mean", "sample", "auxiliary", "early-release"]
    assert app.segmented_control(key="S").options == ["1", "8"]
    app.segmented_control(key="reading").set_value("sample").run()
    assert app.segmented_control(key="S").options == ["1"]
    assert "reading sample, S = 1, R = 1" in sound(app)


def test_missing_tables_of_a_setting_name_their_command(scored_runs, visit) -> None:
    text = sound(visit("scores", reading="sample", part=parts.CHECKS))
    assert "hvae score first --data digits --reading sample --samples 1 --draws 1" in text
    assert "--split reference calibration" in text and "--split fitted" in text


def test_readings_stand_side_by_side(scored_runs, visit) -> None:
    text = sound(visit("scores", ood=["mnist"], part=parts.CHECKS))
    for reading in ("mean (chosen)", "sample", "auxiliary", "early-release"):
        assert f"<td>{reading}</td>" in text


def test_the_label_free_rule_and_the_negative_control(scored_runs, visit) -> None:
    text = sound(visit("scores", ood=["mnist"], part=parts.CHECKS))
    assert "FashionMNIST held-out training images" in text and "FashionMNIST test images" in text
    assert "test against training images" in text


def test_the_best_k_says_that_it_uses_ood_data(scored_runs, visit) -> None:
    text = sound(visit("scores", ood=["mnist"], part=parts.LEVELS))
    assert "Best k of each score (chosen with OOD data, as in the paper)" in text
    assert "8 samples rather than 1" in text, "tables with S = 1 and S = 8 exist"


def test_one_image_by_number(scored_runs, visit) -> None:
    app = visit("scores", image="mnist:7")
    assert "hvae data fetch mnist" in sound(app), "the data set is not on this machine"
    app.button(key="_image1").click().run()
    assert app.text_input(key="image").value == "mnist:8"
    assert "MNIST 8: " in sound(app)


def test_the_image_itself_where_its_data_set_is_here(root, visit) -> None:
    digits = load("digits", "all")
    run = make_run(root, "first")
    (made, *_) = make_tables(run, ("digits", "fashionmnist"), n=len(digits))
    app = visit("scores", image="digits:5")
    assert not app.get("image"), "the made-up table is of other images"
    table = read_table(made)
    about = table.metadata.model_copy(update={"data_fingerprint": digits.fingerprint})
    write_table(run, ScoreTable(table.frame, about))
    app = visit("scores", image="digits:5")
    assert "label 5" in str([one.proto for one in app.get("image")]), "digits come with scikit-learn, in order"


def test_run_b_stands_beside_run_a(scored_runs, visit) -> None:
    text = sound(visit("scores", versus="second", ood=["digits"]))
    assert "AUROC of second" in text and "A − B =" in text


def test_pages_without_models_import_no_torch(scored_runs: Path) -> None:
    code = (
        "import sys\nfrom streamlit.testing.v1 import AppTest\n"
        f"app = AppTest.from_file({str(MAIN)!r}, default_timeout=60).run()\n"
        "said = lambda: str([one.proto.body for one in app.get('html')])\n"
        "assert not app.exception and '<h1>' in said()\n"
        "app.switch_page('../pages/scores.py').run()\n"
        "assert not app.exception and '<h1>Scores</h1>' in said()\n"
        "import app.runs.robustness\nfrom app.features import layers, tables, units\n"
        "assert 'torch' not in sys.modules, 'torch'\n"
        "assert 'sklearn' not in sys.modules, 'sklearn'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=MAIN.parents[1])


def figures(app: AppTest) -> list[str]:
    return [one.proto.spec for one in app.get("plotly_chart")]
