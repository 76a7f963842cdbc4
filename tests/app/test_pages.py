"""What the Overview and Scores pages say; what every page must stand is in `test_every_page.py`."""

import subprocess
import sys
from pathlib import Path

from streamlit.testing.v1 import AppTest

from app.frame import parts
from tests.app.conftest import MAIN, sound


def test_the_overview_marks_the_paradox_and_sets_the_paper_beside_it(scored_runs, visit) -> None:
    text = sound(visit("overview", run="first", ood=["mnist"]))
    assert "MNIST more likely than FashionMNIST itself" in text
    assert "more likely</span>" in text
    assert ".268 / .363 / .882" in text and ".964 / .961 / .036" in text
    assert "34.6 / 12.2 / 6.66" in text, "KL of each layer from the learning curve"


def test_the_failure_and_the_fix(scored_runs, visit) -> None:
    failure = sound(visit("scores", score="L", k="0", ood=["mnist"]))
    assert "MNIST looks MORE normal than FashionMNIST" in failure and "points the wrong way" in failure
    fix = sound(visit("scores", score="LLR", k="1", ood=["mnist"]))
    assert "LLR<sup>&gt;1</sup> tells MNIST from FashionMNIST" in fix


def test_scores_follow_k_score_unit_and_budget(scored_runs, visit) -> None:
    app = visit("scores", ood=["mnist"])
    before = figures(app)
    for key, value in (("k", "2"), ("unit", "bits/dim"), ("alarm", 20.0), ("score", "L")):
        (app.number_input if key == "alarm" else app.segmented_control)(key=key).set_value(value).run()
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
    assert "--split reference --split calibration" in text and "--split fitted" in text


def test_readings_stand_side_by_side(scored_runs, visit) -> None:
    text = sound(visit("scores", ood=["mnist"], part=parts.CHECKS))
    for reading in ("mean (chosen)", "sample", "auxiliary", "early-release"):
        assert f'<th scope="row">{reading}</th>' in text


def test_the_label_free_rule_and_the_negative_control(scored_runs, visit) -> None:
    text = sound(visit("scores", ood=["mnist"], part=parts.CHECKS))
    assert "FashionMNIST held-out training images" in text and "FashionMNIST test images" in text
    assert "test against fitted" in text


def test_the_best_k_says_that_it_uses_ood_data(scored_runs, visit) -> None:
    text = sound(visit("scores", ood=["mnist"], part=parts.LEVELS))
    assert "Best k (as in the paper; uses OOD data)" in text
    assert "8 samples rather than 1" in text, "tables with S = 1 and S = 8 exist"


def test_one_image_by_number(scored_runs, visit) -> None:
    app = visit("scores", image="mnist:7")
    assert "hvae data fetch mnist" in sound(app), "the data set is not on this machine"
    app.button(key="_image1").click().run()
    assert app.text_input(key="image").value == "mnist:8"
    assert "MNIST 8: " in sound(app)


def test_the_image_itself_where_its_data_set_is_here(scored_runs, visit) -> None:
    app = visit("scores", image="digits:5")
    assert "label 5" in str([one.proto for one in app.get("image")]), "digits come with scikit-learn, in order"


def test_run_b_stands_beside_run_a(scored_runs, visit) -> None:
    text = sound(visit("scores", versus="second", ood=["digits"]))
    assert "AUROC of second" in text and "A − B =" in text


def test_pages_without_models_import_no_torch(scored_runs: Path) -> None:
    code = (
        "import sys\nfrom streamlit.testing.v1 import AppTest\n"
        f"app = AppTest.from_file({str(MAIN)!r}, default_timeout=60).run()\n"
        "assert not app.exception and app.title\n"
        "app.switch_page('../pages/scores.py').run()\n"
        "assert not app.exception and app.title[0].value == 'Scores'\n"
        "assert 'torch' not in sys.modules, 'torch'\n"
        "assert 'sklearn' not in sys.modules, 'sklearn'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=MAIN.parents[1])


def figures(app: AppTest) -> list[str]:
    return [one.proto.spec for one in app.get("plotly_chart")]
