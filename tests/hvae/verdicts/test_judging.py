"""Images from outside, judged by a bundled run: the page and `hvae score --images` share this path."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from hvae.cli import app
from hvae.cli.scoring.reporting import Kept
from hvae.datasets import load
from hvae.errors import CheckpointError, DataError
from hvae.report.judged.document import most_unusual
from hvae.runs.catalogue import catalogue
from hvae.runs.folders import find_run
from hvae.verdicts import rule as verdict_rule
from hvae.verdicts import words as verdict_words
from hvae.verdicts.judge import Judge

RUN = "mnist-lite-seed0"


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    """Six of scikit-learn's digits and six rendered letters."""
    digits, glyphs = load("digits", "all", image_shape=(1, 28, 28)), load("glyphs", "test", image_shape=(1, 28, 28))
    return np.concatenate([digits.images[:6], glyphs.images[:6]])


@pytest.fixture(scope="module")
def judge() -> Judge:
    run = find_run(RUN)
    return Judge(run, verdict_rule.rule(catalogue(run)), accelerator="cpu")


@pytest.fixture
def folder(tmp_path: Path, pixels: np.ndarray) -> Path:
    place = tmp_path / "pictures"
    place.mkdir()
    for number, image in enumerate(pixels):
        Image.fromarray(image[0]).save(place / f"{number:02d}.png")
    (place / "page.png").write_text("<html>")
    return place


def test_a_verdict_does_not_depend_on_the_company(judge, pixels) -> None:
    whole = judge(pixels, 0.05)
    portions = [judge(pixels[part], 0.05) for part in (slice(0, 5), slice(5, 12))]
    for column in whole:
        assert list(whole[column]) == [value for one in portions for value in one[column]], column


def test_a_command_keeps_the_pixels_of_the_alarms_furthest_out() -> None:
    far = np.random.default_rng(5).permutation(100)
    frame, kept = pd.DataFrame({"p": 0.0007, "T": -1.0 * far, "ood": far % 2 == 0, "alarm": far % 2 == 0}), Kept()
    for first in range(0, 100, 30):
        part = frame.iloc[first : first + 30].reset_index(drop=True)
        kept.add([np.full((1, 2, 2), row, np.uint8) for row in range(first, first + len(part))], part)
    assert {row: int(image[0, 0, 0]) for row, image in kept.alarms().items()} == {
        row: row for row in most_unusual(frame)
    }


def test_the_ratios_are_differences_of_the_bounds(judge, pixels) -> None:
    frame = judge(pixels, 0.05)
    np.testing.assert_allclose(
        frame["elbo"], frame["log_px"] + sum(frame[f"log_ratio_{n}"] for n in (1, 2, 3)), rtol=1e-5
    )
    for k in (1, 2, 3):
        assert list(frame[f"LLR>{k}"]) == list(frame["iw"] - frame[f"L>{k}"])
    assert list(frame["ood"]) == list(frame["p"] <= 0.05)


def test_other_weights_than_those_of_the_tables_are_refused() -> None:
    run = find_run(RUN)
    rule = verdict_rule.rule(catalogue(run))
    metadata = rule.reference.metadata.model_copy(update={"weights_sha256": "0"})
    with pytest.raises(CheckpointError, match="other weights"):
        Judge(run, replace(rule, reference=replace(rule.reference, metadata=metadata)), accelerator="cpu")


def test_images_of_another_shape_are_refused(judge) -> None:
    with pytest.raises(DataError, match="takes uint8 images of shape"):
        judge(np.zeros((1, 3, 32, 32), np.uint8), 0.05)


def test_the_command_judges_folders_and_archives_alike(folder, tmp_path) -> None:
    archive = tmp_path / "pictures.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(folder.iterdir()):
            file.write(path, path.name)
    found = []
    for source in (folder, archive):
        result = CliRunner().invoke(app, ["score", RUN, "--images", str(source), "--json", "--device", "cpu"])
        assert result.exit_code == 4, result.output
        found.append(json.loads(result.stdout)[0])
    assert found[0]["run"] == RUN and found[0]["setting"]["n_calibration"] == 4000
    for source, record in zip((folder, archive), found, strict=True):
        assert [one["image"] for one in record["images"]] == [f"{source}/{number:02d}.png" for number in range(12)]
    assert [one["p"] for one in found[0]["images"]] == [one["p"] for one in found[1]["images"]]
    assert (
        found[0]["refused"][0]["image"] == f"{folder}/page.png" and "not an image" in found[0]["refused"][0]["reason"]
    )


def test_the_table_and_the_exit_code(folder, monkeypatch) -> None:
    # A long path to the folder would be cut out of the middle of each name.
    monkeypatch.chdir(folder.parent)
    command = ["score", RUN, "--images", folder.name, "--device", "cpu", "--alpha", "0.5", "--fail-if-ood"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 4
    said = " ".join(result.stdout.split())
    assert f"not read: {folder.name}/page.png" in said and "raise an alarm at a budget of 50 %" in said
    (folder / "page.png").unlink()
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 3 and "00.png" in result.stdout
    assert "side by side" not in result.stdout, "one run alone"


def test_several_runs_are_put_side_by_side(folder) -> None:
    runs = ["fashionmnist-lite-seed0", RUN]
    (folder / "page.png").unlink()
    command = ["score", *runs, "--images", str(folder), "--device", "cpu"]
    found = json.loads(CliRunner().invoke(app, [*command, "--json"]).stdout)
    p = [np.array([image["p"] for image in record["images"]]) for record in found]
    frame = verdict_words.side_by_side(runs, p, 0.05)
    assert {RUN, verdict_words.NONE_KNOWS} <= set(frame["knows_best"]), "some are known to one run, some to none"
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    table = result.stdout.partition("p-values side by side")[2]
    lines = [line for line in table.splitlines() if ".png" in line]
    for line, known, first, second in zip(lines, frame["knows_best"], *p, strict=True):
        assert known in line
        for value in (first, second):
            assert f"{value:.4f}{' alarm' if value <= 0.05 else ' '}" in line
    said = " ".join(table.split())
    assert verdict_words.best_in_words(runs, frame) in said and verdict_words.COMPARABLE in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "name either data sets"),
        (["--images", "nowhere"], "there is no file or folder nowhere"),
        (["--images", "pyproject.toml"], "no readable image"),
        (["--images", "pyproject.toml", "--alpha", "2"], "--alpha must lie between 0 and 1"),
        (["--images", "pyproject.toml", "--draws", "3"], "--split reference calibration"),
        (["--images", "pyproject.toml", "--fit", "padd"], "did you mean pad?"),
        (["--images", "pyproject.toml", "--data", "digits"], "name either data sets"),
    ],
)
def test_mistakes_are_one_line(arguments, words) -> None:
    result = CliRunner().invoke(app, ["score", RUN, *arguments])
    assert result.exit_code not in (0, 3)
    assert words in " ".join(result.output.split())
    assert "Traceback" not in result.output
