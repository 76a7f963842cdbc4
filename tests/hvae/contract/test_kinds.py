"""Kinds of models: one that nobody knew before works everywhere; one that nobody knows is one line."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from hvae import presets
from hvae.cli import app
from hvae.config import KINDS, DataConfig, RunConfig, TrainingConfig
from hvae.datasets import load, load_part
from hvae.errors import ConfigError
from hvae.inputs import sha256
from hvae.models.hierarchical_config import HierarchicalConfig
from hvae.report import build, gather
from hvae.runs.catalogue import catalogue
from hvae.runs.checkpoints import WEIGHTS_FILE, load_checkpoint, read_config
from hvae.runs.folders import find_run
from hvae.runs.images.training_set import part_of, remembered, training_set
from hvae.runs.importing import import_run
from hvae.runs.states import run_state
from hvae.scores import SCORES
from hvae.training.trainer import HISTORY_FILE, Progress, train
from tests.hvae.contract.toy_kind import Pixels, PixelsConfig
from tests.synthetic import make_run

ROOT = Path(__file__).resolve().parents[3]
CONFIG = RunConfig(
    preset="digits-pixels",
    model=PixelsConfig(),
    data=DataConfig(name="digits"),
    training=TrainingConfig(epochs=8, batch_size=50, learning_rate=0.2, ema=0.5, precision="32-true"),
)


@pytest.fixture(scope="module", autouse=True)
def registered() -> Iterator[None]:
    """What a kind of model needs to be known: one line in `KINDS`; and a preset to train it by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(KINDS, "pixels", "tests.hvae.contract.toy_kind:PixelsConfig")
        patch.setitem(presets._PRESETS, CONFIG.preset, CONFIG)
        yield


@pytest.fixture(scope="module")
def run(registered: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A run of the new kind, trained and scored by the commands."""
    root = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HVAE_RUNS", str(root))
        said = succeed("train", CONFIG.preset, "--device", "cpu")
        assert "epoch 8/8: validation ELBO" in said and "log r" not in said
        parts = [f"--split={part}" for part in ("test", "reference", "calibration")]
        assert "bits/dim" in succeed("score", "digits-pixels-seed0", "--data", "digits", *parts, "--device", "cpu")
        succeed("score", "digits-pixels-seed0", "--data", "glyphs", "--limit", 200, "--device", "cpu")
        yield root / "digits-pixels-seed0"


def succeed(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.output


def fail(*arguments: object) -> str:
    """The one line that a command ends with."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 2
    (line,) = [line for line in result.stderr.splitlines() if not line.startswith("note: ")]
    return line


def test_a_new_kind_learns(run: Path) -> None:
    """Maximum likelihood of independent pixels is their mean, so the fit can be told from the images."""
    model = load_checkpoint(run).model
    assert isinstance(model, Pixels)
    pixels = load_part("digits", "fitted", CONFIG.data.split_seed).images / 255
    assert np.abs(torch.sigmoid(model.logits).numpy() - pixels.mean(0)).mean() < 0.06
    curve = pd.read_csv(run / HISTORY_FILE)
    assert list(curve.columns) == [
        "epoch", "step", "train_elbo", "elbo", "log_px", "learning_rate", "images_per_second",
    ]  # fmt: skip
    assert curve["elbo"].iloc[-1] > curve["elbo"].iloc[0] + 20


def test_a_new_kind_resumes_to_the_bit(run: Path, tmp_path: Path) -> None:
    class Stopped(Exception):
        pass

    def stop(progress: Progress) -> None:
        if progress.step == progress.steps // 2:
            raise Stopped

    whole = training_set("digits")
    fitted, validation = (part_of(whole, part, CONFIG.data.split_seed) for part in ("fitted", "validation"))
    with pytest.raises(Stopped):
        train(remembered(CONFIG, whole), tmp_path / "again", fitted, validation, accelerator="cpu", on_step=stop)
    assert run_state(find_run(str(tmp_path / "again"))).state == "interrupted"
    succeed("train", CONFIG.preset, "--run", tmp_path / "again", "--resume", "--device", "cpu")
    assert sha256(tmp_path / "again" / WEIGHTS_FILE) == sha256(run / WEIGHTS_FILE)


def test_a_new_kind_is_measured(run: Path) -> None:
    found = catalogue(find_run(run.name))
    (entry,) = [entry for entry in found.entries if entry.slug == "glyphs"]
    table = found.read(entry)
    assert list(table.frame.columns) == ["example", "label", *CONFIG.model.statistics()]
    images = load("glyphs", "test", image_shape=CONFIG.model.image_shape)
    assert len(table) == 200 and (table.bound(0) < 0).all()
    assert table.metadata.dimensions == images.images[0].size


def test_a_new_kind_is_listed_checked_and_reported(run: Path) -> None:
    assert "complete" in succeed("runs", "list")
    checked = succeed("runs", "check", run.name)
    assert "config.json: independent pixels, 784 parameters" in checked and "is sound" in checked
    tables = build(gather([find_run(run.name)]).comparisons, n_boot=20)
    # What needs images alone is measured with the scores; a density of two sets has a command of its own.
    baselines = {one().label for one in SCORES.values() if one.model_free and one.of_single_images}
    assert set(tables["detection"]["score"]) == {"-L>0", "typicality", "DoSE", "-(L+H)"} | baselines
    assert set(tables) == {"bits", "detection", "alarms"}
    assert set(tables["alarms"]["score"]) == {"typicality"}
    assert tables["detection"]["published_auroc"].isna().all()
    assert "glyphs" in succeed("report", run.name, "--bootstrap", 20)


def test_a_new_kind_judges_by_a_score_without_levels(run: Path, tmp_path: Path) -> None:
    Image.fromarray(load("glyphs", "test", image_shape=(1, 28, 28)).images[0, 0]).save(tmp_path / "letter.png")
    judge = ("score", run.name, "--images", tmp_path / "letter.png", "--device", "cpu")
    for name, label in (("bound", "-L>0"), ("typicality", "typicality"), ("entropy-corrected", "-(L+H)")):
        (record,) = json.loads(succeed(*judge, "--score", name, "--json"))
        (image,) = record["images"]
        assert record["setting"]["levels"] == [label] and np.isfinite(image[label]) and 0 < image["p"] <= 1


def test_a_new_kind_has_a_card_by_its_likelihood(run: Path) -> None:
    succeed("score", run.name, "--card", "--limit", 20, "--device", "cpu")
    said = succeed("report", run.name, "--card")
    assert all(f"{name} caught" in said for name in ("Likelihood bound (-L>0)", "Typicality", "best baseline"))
    assert "LLR" not in said


def test_a_new_kind_can_be_imported(run: Path, tmp_path: Path) -> None:
    imported = import_run(run, tmp_path, "imported", lambda _: None)
    assert read_config(imported) == read_config(run) and read_config(imported).model == CONFIG.model


def test_what_a_kind_cannot_do_is_one_line(run: Path, tmp_path: Path) -> None:
    words = "a model of kind pixels (independent pixels) cannot"
    judge = ("score", run.name, "--images", ROOT / "assets" / "screenshots", "--device", "cpu")
    assert "Likelihood ratio has nothing to say about a model of 0 latent layers" in fail(*judge, "--score", "llr")
    assert "judged by Typicality instead of Joint score" in " ".join(succeed(*judge).split())
    picture = ("reconstruct", run.name, "--data", "digits", "--out", tmp_path / "picture.png", "--device", "cpu")
    assert f"{words} rebuild images level by level" in fail(*picture)
    assert f"{words} show what its layers respond to" in fail("correlate", run.name, run.name, "--data", "digits")
    assert f"{words} rebuild images level by level" in str(find_run(run.name).obstacle("reconstruct"))
    assert find_run(run.name).depth == 0


def test_the_kind_is_in_the_config(run: Path) -> None:
    assert json.loads((run / "config.json").read_text())["model"]["kind"] == "pixels"
    assert CONFIG.override({"model.shared": True}).model == PixelsConfig(shared=True)
    with pytest.raises(ConfigError, match=r"model\.stages"):
        CONFIG.override({"model.kind": "hierarchical"})
    with pytest.raises(ValueError, match="PixelsConfig is not the config of a model of kind 'hierarchical'"):
        PixelsConfig(kind="hierarchical")


def test_a_config_without_a_kind_is_a_hierarchy() -> None:
    tree = json.loads(presets.preset("digits-tiny").to_json())
    assert tree["model"].pop("kind") == "hierarchical"
    assert RunConfig.from_json(json.dumps(tree)) == presets.preset("digits-tiny")
    assert isinstance(RunConfig.from_json(json.dumps(tree)).model, HierarchicalConfig)


@pytest.mark.parametrize("kind", ["diffusion", "line\nbreak" * 1000, 7, None, ["hierarchical"]])
def test_an_unknown_kind_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: object) -> None:
    monkeypatch.setenv("HVAE_RUNS", str(tmp_path))
    folder = make_run(tmp_path, "later")
    tree = json.loads((folder / "config.json").read_text())
    tree["model"] = {"kind": kind, "couplings": 8}
    (folder / "config.json").write_text(json.dumps(tree))
    entry = find_run("later")
    assert entry.config is None
    assert f"this version of hvae knows models of kind {', '.join(KINDS)}, not" in str(entry.problem)
    assert str(entry.problem).endswith("update hvae") and "\n" not in str(entry.problem)
    assert run_state(entry).state == "damaged"
    rows = [line.split("│") for line in succeed("runs", "list").splitlines() if "│" in line]
    wrapped = [" ".join(" ".join(cells).split()) for cells in zip(*rows, strict=True)]
    assert any("update hvae" in column for column in wrapped)
    for command in (("runs", "check", "later"), ("report", "later"), ("score", "later", "--data", "digits")):
        assert fail(*command).endswith("update hvae")


def test_a_config_is_read_without_torch(run: Path) -> None:
    code = (
        "import sys; from hvae.config import KINDS; from hvae.runs.folders import find_run; "
        "entry = find_run(sys.argv[1]); assert entry.config.model.statistics(); "
        "assert 'torch' not in sys.modules"
    )
    other = make_run(run.parent / "hierarchies", "hierarchy")
    subprocess.run([sys.executable, "-c", code, str(other)], cwd=ROOT, check=True)
