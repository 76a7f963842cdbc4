"""The example of the page on one's own images, as it stands there: from a folder to a decision."""

import json
import os
import re
import shlex
import signal
import time
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from hvae.cli import app
from hvae.cli.watching import Watch
from hvae.datasets import load
from hvae.datasets.own.entry import by_role
from hvae.runs.checkpoints import read_config, write_config
from hvae.runs.folders import find_run
from hvae.runs.images.training_set import remembered, training_set
from hvae.training.trainer import Progress
from tests.synthetic import make_run

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


def test_who_watches_a_training_ends_it_after_its_step(tmp_path: Path) -> None:
    progress = Progress(3, 9, 0, -5.0, (), 10.0)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), Watch(tmp_path / "progress.json", None) as watch:
        watch.step(progress)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0)
        assert json.loads((tmp_path / "progress.json").read_text())["step"] == 3
        watch.step(progress)
    with pytest.raises(KeyboardInterrupt), Watch(tmp_path / "progress.json", None):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(1)
    assert signal.getsignal(signal.SIGTERM) == before


def test_preparing_is_an_option_of_images_and_of_folders(photos: Path) -> None:
    command = ["score", "mnist-lite-seed0", "--images", str(photos / "test" / "000.png"), "--device", "cpu", "--json"]
    (record,) = json.loads(CliRunner().invoke(app, [*command, "--prepare", "scan"]).stdout)
    assert record["setting"]["prepare"] == ["auto-invert", "level", "crop", "centre"]
    assert "centred as the training images are" in record["images"][0]["changes"]
    said = CliRunner().invoke(app, [*command, "--prepare", "scam"])
    assert said.exit_code == 2 and "images cannot be prepared by 'scam'" in said.output


def test_a_folder_that_a_run_was_trained_on_is_scored_by_what_it_has_not_seen(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scored(*words: str) -> tuple[list[tuple[str, str, int]], str]:
        rows.clear()
        result = CliRunner().invoke(app, ["score", "runs/mine", *words, "--device", "cpu"])
        return list(rows), " ".join(result.output.split())

    rows: list[tuple[str, str, int]] = []
    monkeypatch.setattr(
        "hvae.measuring.measure.score",
        lambda run, images, *_, **__: rows.append((images.name, images.split, len(images))) or Path("table"),
    )
    monkeypatch.setattr("hvae.cli.scoring.tables.summary", lambda path: "")
    run = make_run(Path("runs"), "mine", trained=True, image_shape=(1, 8, 8), depth=2, data=f"folder:{photos}")
    config = read_config(run)
    whole = training_set(config.data.name, config.model.image_shape)
    write_config(run, remembered(config, whole))
    unseen = [("reference", 32), ("calibration", 32)]
    for name in (f"folder:{photos}", "folder:photos", f"folder:{photos}/normal"):
        found, said = scored("--data", name)
        assert [one[1:] for one in found][:2] == unseen and "was trained on it: scored are its reference" in said
        assert [one[1:] for one in found][2:] == [("all", 20)] * (not name.endswith("normal"))
    found, said = scored("--data", "folder:photos", "--split", "test")
    assert found[0][1:] == ("test", 160) and "says nothing of new images" in said
    assert [one[1:] for one in scored("--data", "folder:photos/test")[0]] == [("test", 10)]
    Image.new("L", (8, 8), 99).save(photos / "normal" / "later.png")
    found, said = scored("--data", "folder:photos")
    assert not found and "holds 161 images, and not those that mine was trained on" in said
