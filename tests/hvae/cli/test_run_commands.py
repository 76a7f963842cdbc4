"""`hvae train` and `hvae runs`: what they write, say and keep."""

from __future__ import annotations

import shutil

import pandas as pd
import torch

from hvae.runs.checkpoints import read_config, read_weights
from hvae.runs.folders import read_history
from hvae.runs.score_tables import read_table, table_paths
from tests.hvae.commands import fail, invoke, succeed
from tests.synthetic import make_tables


def test_train_writes_a_run_that_resumes_and_is_not_overwritten(trained):
    config = read_config(trained)
    assert (config.preset, config.training.epochs, config.training.seed) == ("digits-tiny", 2, 3)
    assert read_history(trained)["epoch"].tolist() == [1, 2]
    before = (trained / "model.safetensors").read_bytes()
    assert "already holds a run" in failed_training("digits-tiny", "--run", trained, "--epochs", 2)
    assert "begun with another training.epochs" in fail(
        "train", "digits-tiny", "--run", trained, "--epochs", 5, "--resume"
    )
    assert "trained from the preset 'digits-tiny'" in fail("train", "mnist-lite", "--run", trained, "--resume")
    succeed("train", "digits-tiny", "--run", trained, "--resume", "--seed", 3)
    assert (trained / "model.safetensors").read_bytes() == before
    assert "is sound" in succeed("runs", "check", trained).stdout


def failed_training(*arguments: object) -> str:
    """The last line of a training that began, and so said what it would do, before it failed."""
    result = invoke("train", *arguments)
    assert result.exit_code == 2
    return result.stderr.splitlines()[-1]


def test_train_shows_each_epoch_once(tmp_path):
    folder = tmp_path / "run"
    result = succeed(
        "train", "digits-tiny", "--run", folder, "--set", "training.epochs=3", "--set", "data.preprocessing=grey"
    )
    assert read_config(folder).data.preprocessing == "grey"
    assert result.stdout.strip() == str(folder)
    lines = [line for line in result.stderr.splitlines() if line.startswith("epoch ")]
    history = read_history(folder)
    assert [line.split(":")[0] for line in lines] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]
    for line, elbo, ratio in zip(lines, history["elbo"], history["log_ratio_1"], strict=True):
        assert f"validation ELBO {elbo:.2f} nats" in line
        assert f"log r {ratio:.1f} " in line
        assert "images/s" in line and "left" in line


def test_trains_on_ones_own_images_and_scores_their_parts(pictures, tmp_path, monkeypatch):
    monkeypatch.setenv("HVAE_RUNS", str(tmp_path / "runs"))
    name = f"folder:{pictures}"
    result = succeed("train", "digits-tiny", "--data", name, "--epochs", 1, "--set", "training.batch_size=16")
    folder = tmp_path / "runs" / "digits-tiny-on-pictures-seed0"
    assert result.stdout.strip() == str(folder)
    assert "30 fitted and 6 validation images" in result.stderr
    succeed("score", folder, "--data", name, "--split", "reference", "--split", "calibration")
    sizes = {table.metadata.split: len(table) for table in map(read_table, table_paths(folder))}
    assert sizes == {"reference": 12, "calibration": 12}
    assert "held-out half" in succeed("report", folder).stdout


def test_bundle_keeps_the_model_and_leaves_the_optimizer(trained, tmp_path):
    bundle = tmp_path / "bundle"
    succeed("runs", "bundle", trained, bundle)
    assert {path.name for path in bundle.iterdir()} == {"config.json", "history.csv", "model.safetensors"}
    assert read_config(bundle) == read_config(trained)
    pd.testing.assert_frame_equal(read_history(bundle), read_history(trained))
    config = read_config(trained)
    exact, rounded = read_weights(trained, config), read_weights(bundle, config)
    for name, weights in exact.items():
        torch.testing.assert_close(rounded[name], weights.bfloat16().float(), rtol=0, atol=0)
    assert (bundle / "model.safetensors").stat().st_size < 0.7 * (trained / "model.safetensors").stat().st_size
    assert "is sound" in succeed("runs", "check", bundle).stdout
    assert "already holds a run" in fail("runs", "bundle", trained, bundle)


def test_runs_list_shows_what_is_wrong(runs, tmp_path, monkeypatch):
    shutil.copytree(runs, tmp_path / "runs")
    (tmp_path / "runs" / "sibling" / "config.json").write_text("{}")
    monkeypatch.setenv("HVAE_RUNS", str(tmp_path / "runs"))
    lines = succeed("runs", "list").stdout.splitlines()
    state = {name: next(line for line in lines if f" {name} " in line) for name in ("probe", "scored", "sibling")}
    assert "complete" in state["probe"] and "4 of 4" in state["probe"]
    assert "tables only: bundled without its weights" in state["scored"]
    assert "Field required" in state["sibling"]


def test_check_names_tables_of_other_weights(runs, copy):
    make_tables(copy, sets=("mnist",), n=5)
    (copy / "model.safetensors").write_bytes((runs / "sibling" / "model.safetensors").read_bytes())
    assert "was made with other weights" in fail("runs", "check", copy)
