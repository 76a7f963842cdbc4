"""The example of the page on one's own images, as it stands there: from a folder to a decision."""

import json
import re
import shlex
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from hvae.cli import app
from hvae.datasets import load
from hvae.datasets.own.entry import by_role
from hvae.runs.folders import find_run

PAGE = Path(__file__).resolve().parents[3] / "docs" / "your-own-images.md"
INSTEAD = {"photos-lite": "digits-tiny --epochs 1 --set training.precision=32-true"}
"""A smaller model, which the suite has time for."""


def commands() -> list[str]:
    (block,) = re.findall(r"<!-- the suite runs this example.*?```bash\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return block.splitlines()


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """160 digits as normal, 20 letters as abnormal, five of each to be judged."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HVAE_RUNS", "runs")
    digits, letters = (load(name, "all").images[:, 0] for name in ("digits", "glyphs"))
    for place, images in {
        "normal": digits[:160], "abnormal": letters[:400:20], "test": [*digits[160:165], *letters[1:101:20]]
    }.items():  # fmt: skip
        (tmp_path / "photos" / place).mkdir(parents=True)
        for number, image in enumerate(images):
            Image.fromarray(image).save(tmp_path / "photos" / place / f"{number:03}.png")
    return tmp_path / "photos"


def test_the_example_of_the_page_runs(photos: Path) -> None:
    train, score, judge = (shlex.split(line)[1:] for line in commands())
    train = [word for one in train for word in INSTEAD.get(one, one).split()]
    for command in (train, score):
        result = CliRunner().invoke(app, [*command, "--device", "cpu"])
        assert result.exit_code == 0, result.output
    config = find_run("runs/mine").config
    assert config is not None and config.data.images == 160, "normal alone is fitted and calibrated on"
    result = CliRunner().invoke(app, [*judge, "--device", "cpu", "--json"])
    assert result.exit_code == 0, result.output
    (record,) = json.loads(result.stdout)
    assert len(record["images"]) == 10 and set(record["caught"]) == {"photos/abnormal"}
    assert "of photos/abnormal" in record["catches"] and "10 images" in record["conclusion"]
    assert {"caveats", "decided_by", "verdict"} <= set(record["images"][0])


def test_abnormal_is_a_split_only_beside_normal(photos: Path) -> None:
    name = f"folder:{photos}"
    assert by_role(name, "abnormal") == (f"{name}/abnormal", "all")
    assert by_role(f"{name}#invert", "abnormal") == (f"{name}/abnormal#invert", "all")
    assert by_role(name, "reference") == (name, "reference")
    assert by_role(f"{name}/test", "abnormal") == (f"{name}/test", "abnormal")


def test_photographs_need_a_folder_and_a_side_that_the_strides_divide(photos: Path) -> None:
    said = CliRunner().invoke(app, ["train", "photos-lite"])
    assert said.exit_code == 2 and "name them with --data folder:PATH" in said.output
    for arguments in (["photos-lite", "--size", "50"], ["cifar10-glow", "--size", "48"]):
        said = CliRunner().invoke(app, ["train", *arguments, "--data", f"folder:{photos}"])
        assert said.exit_code == 2 and "--size" in said.output and "Traceback" not in said.output


def test_preparing_is_an_option_of_images_and_of_folders(photos: Path) -> None:
    command = ["score", "mnist-lite-seed0", "--images", str(photos / "test" / "000.png"), "--device", "cpu", "--json"]
    (record,) = json.loads(CliRunner().invoke(app, [*command, "--prepare", "scan"]).stdout)
    assert record["setting"]["prepare"] == ["auto-invert", "level", "crop", "centre"]
    assert "centred as the training images are" in record["images"][0]["changes"]
    said = CliRunner().invoke(app, [*command, "--prepare", "scam"])
    assert said.exit_code == 2 and "images cannot be prepared by 'scam'" in said.output
