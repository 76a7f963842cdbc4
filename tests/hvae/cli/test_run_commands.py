"""`hvae train` and `hvae runs`: what they write, say and keep."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pandas as pd
import pytest
import torch

import hvae
from hvae.errors import CheckpointError
from hvae.runs.checkpoints import read_config, read_weights
from hvae.runs.folders import read_history
from hvae.runs.score_tables import read_table, table_paths
from tests.hvae.commands import fail, invoke, succeed
from tests.synthetic import make_run, make_tables


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


def test_a_bundle_without_weights_is_its_tables_and_all_that_reads_them_works(tmp_path, monkeypatch):
    monkeypatch.setenv("HVAE_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr("hvae.runs.folders.BUNDLED_RUNS", tmp_path / "nowhere")
    run = make_run(tmp_path / "runs", "whole", depth=2, trained=True)
    make_tables(run, ("fashionmnist", "mnist"), n=40, draws=(1, 4))
    (run / "resume.pt").write_bytes(b"0")
    (run / "scores" / ".partial").mkdir()
    (run / "scores" / ".partial" / "chunk.npy").write_bytes(b"0")
    bundle = tmp_path / "runs" / "light"
    succeed("runs", "bundle", run, bundle, "--without-weights")
    held = {path.relative_to(bundle).as_posix() for path in bundle.rglob("*") if path.is_file()}
    tables = {f"scores/{path.name}" for path in table_paths(run)}
    assert held == {"config.json", "history.csv", *tables} and len(tables) == 10
    for name in held - {"config.json"}:
        assert (bundle / name).read_bytes() == (run / name).read_bytes()
    checked = succeed("runs", "check", "light").stdout
    weights = read_table(table_paths(run)[0]).metadata.weights_sha256
    assert "light is sound" in checked and f"all tables name those of sha256 {weights}" in checked
    (line,) = [line for line in succeed("runs", "list").stdout.splitlines() if " light " in line]
    assert "tables only: bundled without its weights" in line
    light, whole = (succeed("report", name, "--bootstrap", 5).stdout for name in ("light", "whole"))
    assert light.replace("light", "whole") == whole and "held-out half" in light
    shutil.copy(run / "model.safetensors", shutil.copytree(bundle, tmp_path / "runs" / "whole-again"))
    assert f"model.safetensors: sha256 {weights}" in succeed("runs", "check", "whole-again").stdout
    again = tmp_path / "again"
    succeed("runs", "bundle", "light", again, "--without-weights", "--draws", 4, "--data", "fashionmnist")
    assert {path.name for path in table_paths(again)} == {
        f"fashionmnist.{split}.mean.S1.R4.seed0.parquet" for split in ("test", "reference", "calibration", "fitted")
    }


def test_what_needs_the_weights_says_where_they_would_have_to_be(trained, tmp_path):
    run = shutil.copytree(trained, tmp_path / "whole")
    make_tables(run, ("digits",), n=40)
    bundle = tmp_path / "light"
    succeed("runs", "bundle", run, bundle, "--without-weights")
    needed = f"light: bundled without its weights, which would have to be {bundle / 'model.safetensors'}"
    for command in (
        # Of a set that is not here: what is missing of the run is said before any image is read.
        ("score", bundle, "--data", "celeba32"),
        ("score", bundle, "--images", tmp_path / "nothing.png"),
        ("reconstruct", bundle, "--data", "celeba32", "--out", tmp_path / "out.png"),
        ("correlate", bundle, run, "--data", "celeba32"),
        ("correlate", run, bundle, "--data", "celeba32"),
        ("runs", "bundle", bundle, tmp_path / "heavy"),
    ):
        assert fail(*command) == f"error: {needed}", command
    assert not (tmp_path / "heavy").exists()
    light, images = hvae.load(bundle), np.zeros((2, 28, 28), np.uint8)
    for use in (light.score, light.judge, light.reconstruct):
        with pytest.raises(CheckpointError, match="bundled without its weights, which would have to be"):
            use(images)
    (bundle / "resume.pt").write_bytes(b"0")
    assert "no weights yet: train it" in fail("score", bundle, "--data", "digits")
    os.mkfifo(bundle / "model.safetensors")
    assert "model.safetensors is no regular file" in fail("score", bundle, "--data", "digits")


def test_bundles_without_weights_that_cannot_be_made(trained, tmp_path):
    run = shutil.copytree(trained, tmp_path / "run")
    bare = ("runs", "bundle", run, tmp_path / "bundle", "--without-weights")
    assert "there are none that can be used: score it" in fail(*bare)
    make_tables(run, ("digits",), n=20, parts=False)
    foreign = make_tables(run, ("mnist",), n=20)[0]
    foreign.write_bytes(b"PAR1 nothing")
    assert "no such score tables to bundle; there are digits (R = 1)" in fail(*bare, "--draws", 16)
    assert "go with --without-weights" in fail("runs", "bundle", run, tmp_path / "bundle", "--data", "digits")
    (tmp_path / "file").touch()
    assert "nothing can be written to" in fail("runs", "bundle", run, tmp_path / "file" / "x", "--without-weights")
    result = succeed(*bare)
    assert "left out: run: mnist.test.mean.S1.R1.seed0.parquet is no readable parquet file" in result.stderr
    assert [path.name for path in table_paths(tmp_path / "bundle")] == ["digits.all.mean.S1.R1.seed0.parquet"]
    assert "already holds a run or its tables" in fail(*bare)
    (tmp_path / "bundle" / "config.json").unlink()
    assert "already holds a run or its tables" in fail(*bare), "tables of two runs would lie in one folder"


def test_tables_that_name_several_weights_are_none_of_a_run_without(trained, tmp_path):
    run = shutil.copytree(trained, tmp_path / "run")
    make_tables(run, ("digits",), n=20, parts=False)
    (run / "model.safetensors").write_bytes(b"another model")
    make_tables(run, ("mnist",), n=20)
    (run / "model.safetensors").unlink()
    (run / "resume.pt").unlink(missing_ok=True)
    said = fail("runs", "check", run)
    assert said.count("made with different weights") == 2 and "keep the tables of one model" in said
    assert "none that can be used" in fail("runs", "bundle", run, tmp_path / "x", "--without-weights")
    assert "made with different weights" in fail("runs", "import", run, "--name", "imported")


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
