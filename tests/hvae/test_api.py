"""`hvae.load`: the numbers of the command line, from batches of any usual shape."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

import hvae
from hvae.api import LoadedRun
from hvae.cli import app
from hvae.datasets import load
from hvae.errors import ConfigError, DataError, HvaeError, TableError
from hvae.runs.settings import Setting
from tests.synthetic import make_run, make_tables


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Grey and colour runs of random weights with their parts scored, and one that has scored nothing."""
    root = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HVAE_RUNS", str(root))
        make_tables(make_run(root, "grey", depth=2, trained=True), ("fashionmnist",), n=60)
        colour = make_run(root, "colour", depth=2, image_shape=(3, 32, 32), trained=True, data="cifar10")
        make_tables(colour, ("cifar10",), n=60, readings=("sample",))
        make_run(root, "bare", depth=2, trained=True)
        yield root


@pytest.fixture
def grey(runs: Path) -> LoadedRun:
    return hvae.load("grey")


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    """(6, 1, 28, 28) uint8."""
    return load("digits").images[:6]


def test_a_run_is_known_by_its_name_or_folder(runs, grey):
    assert (grey.name, grey.depth, grey.image_shape) == ("grey", 2, (1, 28, 28))
    assert hvae.load(runs / "grey").run == hvae.load(str(runs / "grey")).run == grey.run
    with pytest.raises(HvaeError, match="there is no run 'nobody'; runs found: bare, colour, grey"):
        hvae.load("nobody")


def test_a_damaged_run_is_one_line(tmp_path):
    (make_run(tmp_path, "broken") / "config.json").write_text("{}")
    with pytest.raises(HvaeError, match="broken is damaged: config.json"):
        hvae.load(tmp_path / "broken")


def test_batches_of_any_usual_shape_and_kind_score_alike(grey, digits):
    expected = grey.score(digits, ("llr", "bound", "entropy-corrected"))
    assert list(expected) == ["LLR>1", "LLR>2", "-L>0", "-L>1", "-L>2", "-(L+H)"] and len(expected) == 6
    np.testing.assert_array_equal(expected["LLR>1"], expected["-L>1"] - expected["-L>0"])
    for batch in (
        digits[:, 0],
        digits.transpose(0, 2, 3, 1),
        torch.from_numpy(digits),
        torch.from_numpy(digits[:, 0]).unsqueeze(-1),
        np.asfortranarray(digits),
    ):
        np.testing.assert_array_equal(grey.score(batch, ("llr", "bound", "entropy-corrected")), expected)
    np.testing.assert_array_equal(grey.score(digits[2:3]), expected[["LLR>1", "LLR>2"]][2:3])


def test_colour_batches(runs):
    run, images = hvae.load("colour"), load("digits-as-32x32-colour").images[:3]
    expected = run.score(images)
    np.testing.assert_array_equal(run.score(images.transpose(0, 2, 3, 1)), expected)
    np.testing.assert_array_equal(run.score(torch.from_numpy(images)), expected)
    with pytest.raises(TableError, match="is for binarised images"):
        run.score(images, ("entropy-corrected",))


@pytest.mark.parametrize(
    ("batch", "said"),
    [
        (np.zeros((2, 28, 28)), r"8-bit values \(uint8, 0 to 255\), these are float64"),
        (torch.zeros(2, 1, 28, 28), "these are float32"),
        (np.zeros((28, 28), np.uint8), r"shape \(n, 1, 28, 28\), these are \(28, 28\)"),
        (np.zeros((0, 1, 28, 28), np.uint8), r"these are \(0, 1, 28, 28\)"),
        (np.zeros((2, 3, 28, 28), np.uint8), r"these are \(2, 3, 28, 28\)"),
        (np.zeros((2, 27, 28), np.uint8), r"these are \(2, 27, 28\)"),
        ("digits", "8-bit values"),
        (None, "8-bit values"),
    ],
)
def test_other_batches_are_refused(grey, batch, said):
    for act in (grey.score, grey.judge, grey.reconstruct):
        with pytest.raises(DataError, match=said) as caught:
            act(batch)
        assert "\n" not in str(caught.value)


def test_verdicts_are_those_of_the_command(grey, digits, tmp_path):
    for number, image in enumerate(digits):
        Image.fromarray(image[0]).save(tmp_path / f"{number}.png")
    command = ["score", "grey", "--images", str(tmp_path), "--json", "--device", "cpu", "--alpha", "0.2"]
    (record,) = json.loads(CliRunner().invoke(app, command).stdout)
    judged = grey.judge(digits, 0.2)
    assert [image["image"] for image in record["images"]] == [f"{tmp_path}/{number}.png" for number in range(6)]
    for column in judged:
        assert [image[column] for image in record["images"]] == judged[column].tolist(), column
    np.testing.assert_array_equal(judged[["LLR>1", "LLR>2"]], grey.score(digits))


def test_the_reference_part_says_which_setting_is_usual(runs, digits):
    colour, images = hvae.load("colour"), load("digits-as-32x32-colour").images[:2]
    sample = Setting(reading="sample")
    np.testing.assert_array_equal(colour.score(images), colour.score(images, setting=sample))
    assert (colour.score(images) != colour.score(images, setting=Setting())).to_numpy().all()
    assert len(colour.judge(images)) == 2
    with pytest.raises(TableError, match="hvae score colour --data cifar10 --split reference calibration"):
        colour.judge(images, setting=Setting(samples=7))


def test_what_is_missing_is_said_with_its_command(runs, grey, digits):
    bare = hvae.load("bare")
    assert len(bare.score(digits, ("llr",))) == 6
    with pytest.raises(TableError, match="fitted to the reference part.*hvae score bare --split reference"):
        bare.score(digits, ("llr", "typicality"))
    assert np.isfinite(grey.score(digits, ("typicality",))).to_numpy().all()
    with pytest.raises(TableError, match="bare has no scores of the reference part"):
        bare.judge(digits)
    for act in (lambda: grey.score(digits, ("lrr",)), lambda: grey.judge(digits, score="lrr")):
        with pytest.raises(ConfigError, match="did you mean llr or"):
            act()
    for alpha in (0, 1, -1):
        with pytest.raises(HvaeError, match="alpha"):
            grey.judge(digits, alpha)


def test_a_hint_is_a_command_that_works(runs, monkeypatch):
    """A part of the training set is of the run's own, so it needs no --data."""
    seen = []
    monkeypatch.setattr("hvae.cli.scoring.command.write_tables", lambda run, data, *_: seen.append((run.name, data)))
    hint = "score bare colour --split reference calibration --reading mean --samples 1 --draws 1 --device cpu"
    assert CliRunner().invoke(app, hint.split()).exit_code == 0
    assert seen == [("bare", ["fashionmnist"]), ("colour", ["cifar10"])]
    for refused in ("score bare", "score bare --split test", "score bare --split reference test"):
        assert "name either data sets" in CliRunner().invoke(app, refused.split()).stderr


def test_rebuilt_images(grey, digits):
    rebuilt = grey.reconstruct(digits)
    assert rebuilt.shape == (3, 6, 1, 28, 28) and rebuilt.dtype == np.float32
    assert rebuilt.min() >= 0 and rebuilt.max() <= 1
    np.testing.assert_array_equal(grey.reconstruct(digits[:, 0], (2, 0)), rebuilt[[2, 0]])
    assert (grey.reconstruct(digits, (0,), seed=1) != rebuilt[:1]).any()
    with pytest.raises(ConfigError, match=r"level 3 is outside 0\.\.2, the levels of grey"):
        grey.reconstruct(digits, (0, 3))
