"""The page of reconstructions, from the entry point, on tiny models with random weights."""

import io
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

from app.images.mosaic import (
    DIFFERENCE,
    LOG_LIKELIHOOD,
    SINGLE,
    SPREAD,
)
from hvae.cli import app as hvae
from hvae.datasets import load
from hvae.models.flow.config import FlowConfig, ScaleConfig
from hvae.runs.columns import LARGEST_ERROR
from hvae.runs.folders import find_run
from hvae.runs.score_tables import read_table
from tests.synthetic import make_run


@pytest.fixture
def runs(root: Path) -> Path:
    """Two trained runs; no data set is on the machine but those that need no download."""
    make_run(root, "clothes", trained=True)
    make_run(root, "figures", depth=2, trained=True, seed=1, data="mnist")
    return root


@pytest.fixture
def open_page(runs: Path, visit: Callable[..., AppTest]) -> Callable[..., AppTest]:
    def opened(**address: str) -> AppTest:
        app = visit("reconstructions", **{"run": "clothes", "start": "digits:0"} | address)
        app.session_state["levels-numbers"] = True
        app.run()
        assert not app.exception and not app.error
        return app

    return opened


def html(app: AppTest) -> str:
    return "\n".join(element.proto.body for element in app.get("html"))


def alternatives(app: AppTest) -> list[str]:
    """What a screen reader says of each picture of the levels."""
    levels = next(element.proto.body for element in app.get("html") if "mosaic levels" in element.proto.body)
    return re.findall(r'<img alt="([^"]+)"', levels)


def test_levels_samples_and_numbers(open_page):
    app = open_page(rows="2")
    shown = alternatives(app)
    assert len(shown) == 2 * (2 + 4)
    assert shown[0] == "Digits (scikit-learn) 0, the image"
    assert "z₁ to z₃ from the prior" in shown[5]
    assert "mosaic samples" in html(app)
    table = app.dataframe[0].value
    assert list(table["k"]) == [0, 1, 2, 3] * 2
    np.testing.assert_allclose(table["LLR>k"][table["k"] == 0], 0)
    assert "trained on FashionMNIST, not on Digits" in app.info[0].value
    assert "hvae reconstruct clothes --data digits --split all --first 0 --count 2" in app.code[0].value
    assert {"start=digits:0", "rows=2", "seed=0", "source=data+set", "show=pictures"} <= set(
        app.code[1].value.split("&")
    )
    assert not any("no page knows" in one.value for one in app.warning)


def test_numbers_are_those_of_the_score_table_and_of_the_command(runs, open_page, tmp_path, monkeypatch):
    """Seed 0 draws the binarisations and the noise of `hvae score`, so all three say the same of an image."""
    from hvae.measuring.measure import score
    from hvae.runs.settings import Setting

    images = load("digits", "all").take(np.arange(9))
    table = read_table(score(runs / "clothes", images, Setting(seed=0, draws=3), accelerator="cpu", devices=1))
    app = open_page(rows="2", start="digits:7", draws="3", versus="figures")
    both = app.dataframe[0].value
    shown = both[both["run"] == "clothes"].reset_index(drop=True)
    for k in range(4):
        level = shown[shown["k"] == k]
        np.testing.assert_allclose(level["L>k"], table.bound(k)[7:9], rtol=1e-4)
        name = f"L>{k}_se" if k else "elbo_se"
        # Weights that nothing was fitted to err by more nats than a table holds of an error.
        errors = np.minimum(level["L>k s.d."] / np.sqrt(3), LARGEST_ERROR)
        np.testing.assert_allclose(errors, table.frame[name][7:9], rtol=1e-2)
    np.testing.assert_allclose(shown["log p(x|z)"][shown["k"] == 0], table.frame["log_px"][7:9], rtol=1e-4)
    monkeypatch.chdir(tmp_path)
    for name, command in zip(("clothes", "figures"), app.code[0].value.splitlines(), strict=False):
        result = CliRunner().invoke(hvae, shlex.split(command)[1:])
        assert result.exit_code == 0, result.output
        written = pd.read_csv("levels.csv").drop(columns="image")
        expected = both[both["run"] == name].drop(columns="image").dropna(axis=1).reset_index(drop=True)
        pd.testing.assert_frame_equal(written, expected, rtol=1e-4, atol=1e-3, check_dtype=False)


def test_spread_and_single_samples(open_page, tmp_path, monkeypatch):
    app = open_page(rows="2", start="digits:0", show=SPREAD)
    assert "One draw has no standard deviation" in app.info[0].value
    assert "mosaic levels" not in html(app) and "mosaic samples" in html(app)
    app.button[[button.label for button in app.button].index("Take 8 draws")].click().run()
    assert app.number_input(key="draws").value == 8
    assert "the same in every draw" in html(app)
    frame = app.dataframe[0].value
    texts = alternatives(app)
    assert f"pixel s.d. {frame['pixel s.d.'][1]:.3f}" in texts[3]
    assert (frame["pixel s.d."][frame["k"] == 3] < 1e-6).all() and (frame["pixel s.d."][frame["k"] == 0] > 1e-4).all()
    assert "the top level takes every z at its prior mean" in html(app)

    app.selectbox(key="show").set_value(SINGLE).run()
    app.number_input(key="level").set_value(2).run()
    single = app.dataframe[0].value
    assert list(single["draw"]) == [*range(1, 9)] * 2 and set(single["k"]) == {2}
    assert single["L>k"].nunique() == 16
    by_image = single.groupby("image", sort=False)["L>k"]
    np.testing.assert_allclose(by_image.mean(), frame["L>k"][frame["k"] == 2], rtol=1e-5)
    np.testing.assert_allclose(by_image.std(), frame["L>k s.d."][frame["k"] == 2], rtol=1e-3)
    assert "draw 8: log p(x|z)" in alternatives(app)[8]
    monkeypatch.chdir(tmp_path)
    command = app.code[0].value.splitlines()[0]
    assert "--show 'single samples' --draws 8 --level 2" in command
    assert CliRunner().invoke(hvae, shlex.split(command)[1:]).exit_code == 0
    np.testing.assert_allclose(pd.read_csv("levels.csv")["L>k"], single["L>k"], rtol=1e-4)


def test_a_row_is_inspected_and_leads_to_its_scores(open_page):
    app = open_page(rows="3", start="digits:7", ood="digits")
    box = next(one for one in app.selectbox if one.label == "Inspect a row")
    assert box.options == [f"Digits (scikit-learn) {n}" for n in (7, 8, 9)]
    assert not app.get("page_link")
    box.select_index(2).run()
    assert app.text_input(key="image").value == "digits:9"
    assert "Digits (scikit-learn) 7, the image" in alternatives(app), "the rows stay where they are"
    assert "image=digits%3A9" in app.get("page_link")[0].proto.query_string


def test_resample_and_reading_change_the_draw(open_page):
    app = open_page(rows="1")
    first = app.dataframe[0].value["L>k"].to_numpy()
    app.button[[button.label for button in app.button].index("Resample")].click().run()
    assert app.number_input(key="seed").value == 1
    assert not np.allclose(app.dataframe[0].value["L>k"], first)
    app.number_input(key="seed").set_value(0).run()
    np.testing.assert_array_equal(app.dataframe[0].value["L>k"], first)
    app.selectbox(key="reading").select("sample").run()
    changed = app.dataframe[0].value["L>k"].to_numpy()
    assert changed[0] == first[0] and changed[3] != first[3]


def test_previous_and_next(open_page):
    app = open_page(rows="1", start="digits:7")
    app.button[[button.label for button in app.button].index("Next")].click().run()
    assert alternatives(app)[0] == "Digits (scikit-learn) 8, the image"


def test_run_b_stands_below_with_its_own_depth(open_page):
    app = open_page(rows="1", versus="figures")
    assert len(alternatives(app)) == 2 + 4 + 3
    table = app.dataframe[0].value
    assert list(table["run"]) == ["clothes"] * 4 + ["figures"] * 3


def test_differences_and_maps_have_a_legend(open_page):
    for shown, words in ((DIFFERENCE, "black where the image is white"), (LOG_LIKELIHOOD, "did not expect")):
        app = open_page(rows="1", show=shown)
        assert words in html(app)
        assert any(shown in text for text in alternatives(app))
        assert f"--show {shlex.quote(shown)}" in app.code[0].value


def test_levels_of_a_deep_model_are_chosen(root, open_page):
    make_run(root, "deep", depth=8, trained=True)
    app = open_page(run="deep", rows="1")
    assert list(app.dataframe[0].value["k"]) == [0, 1, 2, 3, 6, 8]
    app.multiselect(key="levels").set_value(["8", "2"]).run()
    assert list(app.dataframe[0].value["k"]) == [2, 8]
    assert len(alternatives(app)) == 2 + 2
    assert "--level 2 --level 8" in app.code[0].value


def test_samples_of_the_model_as_images(open_page):
    app = open_page(rows="2", source="samples of the model")
    assert alternatives(app)[0] == "Sample 1, the image"
    assert "knows its own samples" in app.info[0].value


def test_uploads_are_drawn_and_refused_with_a_reason(open_page):
    picture = io.BytesIO()
    Image.fromarray(np.full((40, 20, 3), 200, np.uint8)).save(picture, "JPEG")
    app = open_page(source="upload")
    assert "Upload an image" in app.info[0].value
    files = [("photo.jpg", picture.getvalue(), "image/jpeg"), ("fake.png", b"<html>", "image/png")]
    app.file_uploader[0].set_value(files).run()
    assert alternatives(app)[0] == "photo.jpg, the image"
    assert any("`fake.png`: not an image" in one.value for one in app.warning)
    assert any("`photo.jpg`: converted to grey, resized from 40x20 to 28x28" in one.value for one in app.caption)
    before = app.dataframe[0].value["L>k"].to_numpy()
    app.toggle[0].set_value(True).run()
    assert not np.allclose(app.dataframe[0].value["L>k"], before)


def test_a_set_that_is_not_here_is_named_with_its_command(open_page):
    app = open_page(image="mnist:17", ood="mnist")
    said = " ".join(warning.value for warning in app.warning)
    assert "Not on this machine, so not shown here: MNIST (`hvae data fetch mnist`), FashionMNIST" in said
    assert alternatives(app)[0].startswith("Digits")
    assert "There is no image `mnist:17` here" in "".join(one.value for one in app.caption)
    # It stays open for the other pages, and is still missed on return without an address.
    app.query_params.clear()
    app.switch_page("../pages/overview.py").run()
    app.switch_page("../pages/reconstructions.py").run()
    assert "There is no image `mnist:17` here" in "".join(one.value for one in app.caption)


def test_an_address_out_of_range_is_said(open_page):
    app = open_page(rows="99", seed="-3")
    said = " ".join(warning.value for warning in app.warning)
    assert "rows `99`, which is no whole number from 1 to 12" in said
    assert "seed `-3`, which is no whole number from 0" in said
    assert app.number_input(key="rows").value == 5


def test_a_run_without_weights_says_so(runs, open_page):
    (runs / "clothes" / "model.safetensors").unlink()
    app = open_page()
    assert "no weights yet" in app.info[0].value
    assert app.code[0].value == "hvae runs check clothes"
    assert 'class="mosaic' not in html(app)


def test_a_density_without_levels_is_offered_none(root: Path) -> None:
    """The page shows what `obstacle` says and nothing else; the command says it before anything is computed."""
    flow = make_run(root, "glow", whole=True, model=FlowConfig(scales=(ScaleConfig(steps=1, channels=4),)))
    (flow / "model.safetensors").write_bytes(b"never read")
    why = find_run("glow").obstacle("reconstruct") or ""
    assert why.startswith("a model of kind flow") and "cannot" in why
    said = CliRunner().invoke(hvae, ["reconstruct", "glow", "--data", "digits", "--out", str(root / "x.png")])
    assert said.exit_code == 2 and why in " ".join(said.stderr.split()) and not (root / "x.png").exists()
