"""The commands do what they say, and end in one clear line where they cannot."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from hvae import datasets
from hvae.cli import dashboard
from hvae.datasets.base import Progress
from hvae.report import build, gather
from hvae.runs.correlations.tables import list_correlations, read_correlations
from hvae.runs.folders import find_run
from hvae.runs.score_tables import read_table, table_paths
from hvae.scores import score
from hvae.stats import bits_per_dim
from tests.hvae.commands import fail, invoke, succeed

ROOT = Path(__file__).resolve().parents[3]


def test_light_commands_import_no_torch(runs):
    """One process for all: what none of them has imported in the end, none alone imports."""
    lines = [
        ["--help"],
        ["train", "--help"],
        ["runs", "list"],
        ["data", "list"],
        ["report", "scored", "--bootstrap", "2"],
    ]
    code = (
        "import sys\nfrom hvae.cli import app\n"
        f"for line in {lines!r}:\n"
        "    print('>', *line)\n"
        "    try:\n        app(line)\n"
        "    except SystemExit as end:\n        assert not end.code, line\n"
        "    assert 'torch' not in sys.modules, line\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    _, *said = re.split("^> .*\n", done.stdout, flags=re.MULTILINE)
    assert len(said) == len(lines) and all(said)


def test_runs_as_a_module_and_as_a_script():
    for command in ([sys.executable, "-m", "hvae"], [str(Path(sys.executable).parent / "hvae")]):
        done = subprocess.run([*command, "--version"], cwd=ROOT, capture_output=True, text=True)
        assert (done.returncode, done.stdout.strip()) == (0, "0.1.0")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train", "fashionmnist-lit"], "did you mean fashionmnist-lite"),
        (["train", "digits-tiny", "--data", "mnits"], "did you mean mnist"),
        (["train", "digits-tiny", "--set", "training.epoch=3"], "unknown setting 'training.epoch'"),
        (["train", "digits-tiny", "--set", "epochs"], "write NAME=VALUE"),
        (["train", "digits-tiny", "--set", "training.batch_size=0"], "training.batch_size: "),
        (["train", "digits-tiny", "--epochs", "0"], "training.epochs: "),
        (["train", "digits-tiny", "--devices", "0"], "--devices must be at least 1"),
        (["train", "digits-tiny", "--resume"], "is no run folder"),
        (["train", "digits-tiny", "--device", "gpu"], "--device gpu: "),
        (["score", "probe", "--data", "digit"], "did you mean digits"),
        (["score", "probe", "--data", "digits", "--split", "tset"], "has no split 'tset'"),
        (["score", "probe", "--data", "digits", "--samples", "0"], "samples"),
        (["score", "probe", "--data", "digits", "--samples", "-5"], "samples"),
        (["score", "probe", "--data", "digits", "--draws", "0"], "draws"),
        (["score", "probe", "--data", "digits", "--reading", "meen"], "'mean', 'sample', 'auxiliary'"),
        (["score", "probe", "--data", "digits", "--precision", "fp8"], "precision"),
        (["score", "probe", "--data", "digits", "--limit", "0"], "--limit must be at least 1"),
        (["score", "probe", "--data", "digits", "--batch-size", "0"], "batch_size must be at least 1"),
        (["score", "nobody", "--data", "digits"], "there is no run 'nobody'; runs found: probe"),
        (["score", "probe", "digits", "--data", "glyphs"], "write --data digits"),
        (["report", "probe"], "nothing to report of probe"),
        (["report", "scored", "--format", "latx"], "did you mean latex?"),
        (["report", "scored", "--reading", "means"], "did you mean mean?"),
        (["report", "scored", "--table", "bit"], "did you mean bits?"),
        (["report", "scored", "--alpha", "2"], "alpha"),
        (["report", "scored", "--bootstrap", "0"], "--bootstrap must be at least 1"),
        (["report", "scored", "--out", "x.xlsx"], "--out x.xlsx: the name must end in .csv, .md, .tex, .txt"),
        (["report", "scored", "--out", "x"], "--out x: the name must end in"),
        (["report", "scored", "--out", "x.csv", "--format", "latex"], "x.csv is a file of csv, --format is latex"),
        (["correlate", "probe", "nobody", "--data", "digits"], "there is no run 'nobody'"),
        (["correlate", "probe", "sibling", "--data", "digits", "--images", "3"], "too few"),
        (["reconstruct", "probe", "--out", "x.png"], "either a data set (--data) or image files"),
        (["reconstruct", "probe", "--out", "x.gif", "--data", "digits"], "must end in .png"),
        (["reconstruct", "probe", "--out", "x.png", "--data", "digits", "--count", "0"], "1 to 64 images"),
        (["reconstruct", "probe", "--out", "x.png", "--data", "digits", "--first", "9999"], "is outside 0.."),
        (["reconstruct", "probe", "--out", "x.png", "--drawn", "0"], "1 to 64 images"),
        (["reconstruct", "probe", "--out", "x.png", "--images", "no.png"], "no.png: cannot be read"),
        (["train", "digits-tiny", "--data", "cifar10"], "write cifar10-as-28x28-grey to convert them"),
        (["score", "probe", "--data", "digits-as-32x32-colour"], "the model takes 1 x 28 x 28: write digits"),
        (["data", "fetch", "digitz"], "did you mean digits"),
        (["runs", "check", "nobody"], "there is no run 'nobody'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_gets_one_clear_line(runs, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    assert said in fail(*arguments)
    assert not list(tmp_path.iterdir())


def test_a_place_is_tried_before_any_work(runs, tmp_path):
    (tmp_path / "file").touch()
    assert "error: nothing can be written to" in fail("figure", "7", "probe", "--out", tmp_path / "file" / "x.svg")
    for name, command in (("map", ["map", "probe"]), ("card", ["score", "probe", "--card"])):
        (place := runs / "probe" / name).touch()
        try:
            assert f"error: nothing can be written to {place}" in fail(*command, "--device", "cpu")
        finally:
            place.unlink()


def test_cuda_where_there_is_none(runs, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for command in (
        ["train", "digits-tiny"],
        ["score", "probe", "--data", "digits"],
        ["correlate", "probe", "sibling", "--data", "digits"],
        ["reconstruct", "probe", "--data", "digits", "--out", "x.png"],
    ):
        assert "there is no CUDA device here" in fail(*command, "--device", "cuda")


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("config.json", b"{"),
        ("config.json", b'{"schema_version": 1, "model": {"stages": []}}'),
        ("config.json", b"\xff\xfe\x00"),
        ("model.safetensors", b"\x08\x00\x00\x00\x00\x00\x00\x00not json"),
        ("model.safetensors", b""),
        ("model.safetensors", None),
    ],
)
def test_a_damaged_run_gets_one_clear_line(copy, tmp_path, file, content):
    if content is None:
        (copy / file).unlink()
    else:
        (copy / file).write_bytes(content)
    for command in (
        ["score", copy, "--data", "digits"],
        ["reconstruct", copy, "--data", "digits", "--out", tmp_path / "x.png"],
        ["correlate", copy, copy, "--data", "digits"],
        ["runs", "check", copy],
        ["runs", "bundle", copy, tmp_path / "bundle"],
    ):
        assert str(copy) in fail(*command)
    assert not (tmp_path / "bundle" / "config.json").exists()


def test_a_damaged_table_is_named_and_the_rest_reported(runs, tmp_path):
    folder = shutil.copytree(runs / "scored", tmp_path / "part")
    (folder / "scores" / "mnist.test.mean.S1.R1.seed0.parquet").write_bytes(b"PAR1")
    result = succeed("report", folder, "--table", "bits")
    assert "note: part: mnist.test.mean.S1.R1.seed0.parquet" in result.stderr
    assert "fashionmnist (own)" in result.stdout
    assert "mnist.test" in fail("runs", "check", folder)
    for table in (folder / "scores").iterdir():
        table.write_bytes(b"")
    assert "nothing to report" in fail("report", folder)


@pytest.mark.parametrize("wrong", ["training", "scoring"])
def test_ctrl_c_says_how_to_continue(runs, tmp_path, monkeypatch, wrong):
    def interrupted(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    folder = tmp_path / "my run"
    if wrong == "training":
        monkeypatch.setattr("hvae.training.trainer.train", interrupted)
        result = invoke("train", "digits-tiny", "--run", folder)
        assert f"continue with: hvae train digits-tiny --run '{folder}' --resume" in result.stderr
    else:
        monkeypatch.setattr("hvae.measuring.measure.score", interrupted)
        result = invoke("score", "probe", "--data", "digits")
        assert "run the same command again" in result.stderr
    assert result.exit_code == 130
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("name", "said"),
    [("OutOfMemoryError", "choose a smaller batch"), ("MisconfigurationException", "devices asked for")],
)
def test_what_the_machine_cannot_do_gets_one_line(runs, monkeypatch, name, said):
    def impossible(*arguments: object, **options: object) -> None:
        raise type(name, (RuntimeError,), {})("tried to allocate\nmore than there is")

    monkeypatch.setattr("hvae.measuring.measure.score", impossible)
    assert said in fail("score", "probe", "--data", "digits")


def test_score_writes_the_table_it_names(copy):
    result = succeed("score", copy, "--data", "digits", "--data", "glyphs", "--limit", 30, "--draws", 2)
    lines = result.stdout.splitlines()
    assert len(lines) == 2
    for line, slug in zip(lines, ("digits", "glyphs"), strict=True):
        path = Path(line.split(": ")[0])
        assert path == copy / "scores" / f"{slug}.test.mean.S1.R2.seed0.parquet"
        table = read_table(path)
        assert len(table) == 30
        bits = bits_per_dim(table.bound(0), 784).mean()
        share = np.mean(score("llr", 2, 1).of(table) < 0)
        assert f"30 images, {bits:.4f} bits/dim, LLR>1 negative for {share:.1%}" in line
    assert "digits (test), reading mean, S = 1, R = 2: 30 of 30 images, 0:00:00 left" in result.stderr


def test_a_limit_never_replaces_a_larger_table(copy):
    succeed("score", copy, "--data", "digits", "--limit", 20, "--seed", 5)
    (path,) = table_paths(copy)
    before = path.read_bytes()
    assert "holds 20 images, --limit 7 would replace them" in fail(
        "score", copy, "--data", "digits", "--limit", 7, "--seed", 5
    )
    assert path.read_bytes() == before
    succeed("score", copy, "--data", "digits", "--limit", 25, "--seed", 5)
    assert len(read_table(path)) == 25


def test_report_writes_what_the_tables_say(runs, tmp_path):
    out = tmp_path / "report.csv"
    assert succeed("report", "scored", "--table", "detection", "--bootstrap", 5, "--out", out).stdout.strip() == str(
        out
    )
    expected = build(gather([find_run("scored")]).comparisons, ["detection"], n_boot=5)["detection"]
    back = pd.read_csv(out)
    np.testing.assert_array_equal(back["auroc"], expected["auroc"])
    np.testing.assert_array_equal(back["fpr80_high"], expected["fpr80_high"])
    for suffix, mark in ((".tex", r"\begin{tabular}"), (".md", "| --- |"), (".txt", "Negative control")):
        succeed("report", "scored", "--bootstrap", 2, "--out", out.with_suffix(suffix))
        assert mark in out.with_suffix(suffix).read_text()
    assert "0.964" in succeed("report", "scored", "--bootstrap", 2, "--format", "text").stdout
    for name in ("report.xlsx", "report"):
        assert "--out" in fail("report", "scored", "--out", tmp_path / name) and not (tmp_path / name).exists()


def test_correlate_writes_a_table_into_the_first_run(runs):
    result = succeed("correlate", "probe", "sibling", "--data", "digits", "--images", 60)
    (key,) = list_correlations(runs / "probe")
    table = read_correlations(key.path)
    assert (table.metadata.run_a, table.metadata.run_b, table.metadata.n) == ("probe", "sibling", 60)
    assert f"z_1 {table.square('means')[0, 0]:.3f} ({table.square('means', 'null')[0, 0]:.3f})" in result.stdout


def test_reconstruct_draws_a_picture(runs, pictures, tmp_path):
    first, again, own = (tmp_path / name for name in ("a.png", "b.png", "c.png"))
    succeed("reconstruct", "probe", "--data", "digits", "--count", 3, "--out", first)
    succeed("reconstruct", "probe", "--data", "digits", "--count", 3, "--out", again)
    succeed("reconstruct", "probe", "--data", "digits", "--first", 5, "--count", 3, "--out", tmp_path / "five.png")
    assert (tmp_path / "five.png").read_bytes() != first.read_bytes()
    succeed("reconstruct", "probe", "--drawn", 2, "--out", tmp_path / "samples.png")
    with Image.open(tmp_path / "samples.png") as two, Image.open(first) as three:
        assert two.size[1] < three.size[1]
    odd = (pictures / "dogs" / "00.png").rename(tmp_path / "$a_{$.png")
    files = [pictures / "cats" / "01.png", odd]
    succeed("reconstruct", "probe", *(x for file in files for x in ("--images", file)), "--out", own)
    sizes = []
    for path in (first, again, own):
        with Image.open(path) as image:
            assert image.format == "PNG"
            sizes.append(image.size)
    np.testing.assert_array_equal(np.asarray(Image.open(first)), np.asarray(Image.open(again)))
    assert sizes[0][0] == sizes[2][0] and sizes[0][1] > sizes[2][1]


def test_data_list_and_fetch(tmp_path, monkeypatch):
    monkeypatch.setenv("HVAE_DATA", str(tmp_path))
    listed = succeed("data", "list").stdout
    for name in datasets.names():
        assert name in listed
    assert "no: hvae data fetch mnist" in listed and str(tmp_path) in listed and "CC BY" in listed
    assert "digits is here" in succeed("data", "fetch", "digits").stdout
    assert "no: hvae data fetch notmnist" in listed and "no: hvae data fetch celeba32" in listed
    assert "ImageNet 32x32 cannot be downloaded" in fail("data", "fetch", "imagenet32")


def test_fetch_shows_progress(tmp_path, monkeypatch):
    def fetch(name: str, root: Path | None = None, progress: Progress | None = None) -> None:
        assert progress is not None
        progress(500, 0)
        progress(500, 1000)
        progress(1000, 1000)

    monkeypatch.setenv("HVAE_DATA", str(tmp_path))
    monkeypatch.setattr(datasets, "fetch", fetch)
    result = succeed("data", "fetch", "mnist")
    assert "mnist: 500 of 1,000 bytes" in result.stderr
    assert f"mnist is in {tmp_path}" in result.stdout


def test_app_starts_streamlit_where_the_dashboard_is(tmp_path, monkeypatch):
    called = {}

    class Server(nullcontext):
        def __init__(self, command: list[str], cwd: Path, env: dict[str, str]) -> None:
            super().__init__(self)
            called.update(command=command, cwd=cwd, env=env)

        def wait(self) -> int:
            return 3

    monkeypatch.setattr(subprocess, "Popen", Server)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(dashboard, "DASHBOARD", tmp_path)
    assert "has no streamlit_app.py" in fail("app")
    (tmp_path / "streamlit_app.py").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HVAE_RUNS", "my/runs")
    monkeypatch.setenv("HVAE_DATA", "../data")
    monkeypatch.setenv("HVAE_LIMITS", "my-limits.toml")
    assert invoke("app", "--port", 8765).exit_code == 3
    assert called["command"][1:] == ["-m", "streamlit", "run", "streamlit_app.py", "--server.port", "8765"]
    assert called["cwd"] == tmp_path
    assert called["env"]["HVAE_RUNS"] == os.path.join(tmp_path.resolve(), "my", "runs")
    assert called["env"]["HVAE_DATA"] == os.path.join(tmp_path.resolve().parent, "data")
    assert called["env"]["HVAE_LIMITS"] == os.path.join(tmp_path.resolve(), "my-limits.toml")
