"""The Train page: what is said of images, a training of its own process, and bad input."""

import subprocess
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from app.server import access, limits, trainings
from app.server.trainings import Asked, Busy
from app.training import offers
from hvae.datasets.own.outside import Named, Picture, collect
from hvae.datasets.own.preparing import Treatment
from hvae.datasets.survey import gathered, survey
from hvae.errors import DataError, HvaeError
from hvae.runs.folders import RESUME_FILE
from tests.app.conftest import sound


def pictures(folder: Path, count: int = 40, *, same: bool = False, colour: int = 0) -> Path:
    """A folder of small pictures, the first of which are in colour."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for number in range(count):
        shape = (28, 28, 3) if number < colour else (28, 28)
        pixels = np.full(shape, 9, np.uint8)
        pixels[4:20, 6:18] = rng.integers(0, 256, (16, 12, *shape[2:]))
        if same:
            pixels = np.arange(784, dtype=np.uint16).reshape(28, 28).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:05}.png")
    return folder


def test_a_survey_counts_what_is_there_and_says_what_no_model_can_be_made_of(tmp_path: Path):
    mixed = pictures(tmp_path / "mixed", 40, colour=10)
    (mixed / "copy.png").write_bytes((mixed / "00020.png").read_bytes())
    Image.fromarray(np.zeros((50, 30), np.uint8)).save(mixed / "empty.png")
    (mixed / "broken.png").write_bytes(b"<html>")
    found = survey(mixed, 100)
    assert (found.files, found.images, found.coloured, found.repeated, found.blank) == (43, 42, 10, 1, 1)
    assert found.sizes == (((28, 28), 41), ((50, 30), 1)) and found.obstacle() == ""
    assert found.parts() == {"fitted": 22, "validation": 4, "reference": 8, "calibration": 8}
    said = " ".join(offers.warnings(found))
    assert "nothing can raise an alarm" in said and "are mixed" in said and "Take repeated" in said
    assert "1 in 9 ordinary images" in dict(offers.facts(found))["Fewest false alarms"]
    assert [one.preset for one in offers.fitting(found)][0] == "fashionmnist-lite"

    assert "at least 10" in survey(pictures(tmp_path / "three", 3), 100).obstacle()
    assert "This is 1 image: at least 10" in survey(pictures(tmp_path / "one", 1), 100).obstacle()
    assert (
        "These are 30 images, of which 1 shows something of its own:"
        in survey(pictures(tmp_path / "same", 30, same=True), 100).obstacle()
    )
    archive = packed(mixed)
    images, names = gathered(archive, Treatment((1, 28, 28)), 100)
    assert images.shape == (40, 1, 28, 28) and len(names) == 40, "each once, and none that is empty"
    assert sum(survey(archive, 100).parts().values()) == 40, "what is left out is in no part"


def packed(folder: Path) -> Path:
    with zipfile.ZipFile(archive := folder.with_suffix(".zip"), "w") as written:
        for path in sorted(folder.iterdir()):
            written.write(path, path.name)
    return archive


@pytest.mark.parametrize("form", ["folder", "zip", "npz", "uploads"])
def test_of_many_some_are_looked_at_and_more_than_allowed_are_refused(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = pictures(tmp_path / "mine", 60, colour=30)
    array = tmp_path / "mine.npz"
    np.savez(array, images=np.random.default_rng(0).integers(0, 256, (60, 8, 8, 3), np.uint8))
    uploads = [Named("a.zip", packed(folder).read_bytes()), Named("b.npz", array)]
    source = {"folder": folder, "zip": packed(folder), "npz": array, "uploads": uploads}[form]
    monkeypatch.setattr("hvae.datasets.survey.MOST_LOOKED_AT", 20)
    there, told = 60 * (1 + (form == "uploads")), []
    found = survey(source, there, lambda *how: told.append(how))
    assert (found.files, found.images, found.expected, found.trained_on) == (there, 20, there, there)
    assert told == [(done, 20) for done in range(1, 21)]
    assert found.coloured == 20 if form == "npz" else 3 < found.coloured < 20, "from all places"
    facts = dict(offers.facts(found))
    assert "20, chosen at random, were looked at" in facts["Images"] and facts["Repeated"] == "none of those looked at"
    with pytest.raises(DataError, match=f"more than {there - 1} files or images"):
        survey(source, there - 1)


def test_where_some_are_repeated_all_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("hvae.datasets.survey.MOST_LOOKED_AT", 20)
    images = np.random.default_rng(0).integers(0, 256, (15, 8, 8), np.uint8).repeat(4, axis=0)
    np.savez(tmp_path / "a.npz", images=images)
    found = survey(tmp_path / "a.npz", 100)
    assert (found.files, found.looked_at, found.repeated, found.trained_on) == (60, 60, 45, 15)
    same = packed(pictures(tmp_path / "same", 30, same=True))
    assert "This is 1 image: at least 10" in survey(pictures(tmp_path / "one", 1), 100).obstacle()
    assert "These are 30 images, of which 1 shows something of its own:" in survey(same, 100).obstacle()
    np.savez(tmp_path / "b.npz", images=np.full((60, 8, 8), -3.0))
    wrong = survey([Named("mine.npz", tmp_path / "b.npz")], 100).obstacle()
    assert wrong.startswith("mine.npz: its range reaches from -3") and str(tmp_path) not in wrong


def test_epochs_and_time_follow_the_size_of_the_set():
    assert offers.GREY.epochs(60_000) == 10 and offers.GREY.epochs(150) == offers.MOST_EPOCHS
    assert offers.COLOUR.seconds(1000, 2000, 10) == pytest.approx(11_000 / 60)


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of a training a process that waits to be ended; it goes on where there is what it goes on from."""
    real = subprocess.Popen

    def waiting(command: list[str], **how: Any) -> subprocess.Popen:
        assert "train" in command and "--progress" in command
        folder = Path(command[command.index("--run") + 1])
        assert ("--resume" in command) == (folder / RESUME_FILE).is_file()
        return real(["sleep", "60"], **how)

    monkeypatch.setattr(trainings.subprocess, "Popen", waiting)


def test_one_is_trained_at_a_time_and_a_stopped_one_can_go_on(root: Path, process: None, visit: Callable[..., AppTest]):
    asked = Asked(run="mine", preset="digits-tiny", data="folder:/x", title="x", epochs=3)
    trainings.start(asked)
    assert trainings.busy() == "mine" and (found := trainings.find("mine")) and found.running
    with pytest.raises(Busy, match="mine is being trained"):
        trainings.start(asked.model_copy(update={"run": "other"}))
    with pytest.raises(HvaeError, match="called mine already"):
        trainings.check_name("mine")
    app = visit("train")
    assert "Starting: reading" in app.get("progress")[0].proto.text and "mine" in sound(app), "whoever comes sees it"
    elsewhere = visit("overview").sidebar
    assert "mine is being trained →" in [one.proto.label for one in elsewhere.get("page_link")], "on every page"
    app.button(key="train-another").click().run()
    assert "mine is being trained, and only one" not in sound(app) and not app.get("progress")
    app.sidebar.button(key="see-training").click().run()
    assert "Starting: reading" in app.get("progress")[0].proto.text, "the way back from the page itself"
    next(one for one in app.button if one.label == "Stop").click().run()
    _until(lambda: not trainings.busy())
    (root / "mine").mkdir()
    (root / "mine" / RESUME_FILE).touch()
    (trainings.folder_of("mine") / "progress.json").write_text('{"stage": "training", "step": 3, "steps": 9}')
    with (trainings.folder_of("mine") / "log.txt").open("a") as log:
        went_on = "then continue with: hvae train x --run /x --resume"
        log.write(f"error: could not write /x/resume.safetensors: No space left on device, {went_on}\n")
    app = visit("train", training="")
    app.button(key="see-mine").click().run()
    text = sound(app)
    assert "No space left on device" in text and "--resume" not in text
    assert "Stopped at step 3 of 9" in app.get("progress")[0].proto.text
    next(one for one in app.button if one.label == "Continue").click().run()
    assert trainings.busy() == "mine"
    trainings.stop("mine")
    _until(lambda: not trainings.busy())


def test_a_full_disk_and_a_read_only_server_begin_nothing(
    root: Path, tmp_path: Path, process: None, visit: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
):
    asked = Asked(run="mine", preset="digits-tiny", data="folder:/x", title="x", epochs=3)
    monkeypatch.setattr(trainings.shutil, "disk_usage", lambda _: _Usage(2**20))
    with pytest.raises(HvaeError, match="1 MiB are free"):
        trainings.start(asked)
    (tmp_path / "limits.toml").write_text("read_only = true")
    monkeypatch.setenv(limits.VARIABLE, str(tmp_path / "limits.toml"))
    with pytest.raises(access.Refused):
        trainings.start(asked)
    app = visit("train")
    assert access.READ_ONLY in sound(app) and not app.get("file_uploader")


def test_what_is_refused_says_what_to_do_here(
    root: Path, tmp_path: Path, visit: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
):
    app = visit("train", give="path")
    mine = pictures(tmp_path / "mine", 12)
    next(one for one in app.text_input if one.label.startswith("Folder, zip")).set_value(str(mine)).run()
    for name, free, wanted in (("a b", 2**50, "begins with a letter or digit."), ("ok", 2**20, "free some space.")):
        monkeypatch.setattr(trainings.shutil, "disk_usage", lambda _, free=free: _Usage(free))
        next(one for one in app.text_input if one.label == "Name of the model").set_value(name).run()
        next(one for one in app.button if one.label == "Train it").click().run()
        assert [one.value.endswith(wanted) for one in app.error] == [True], app.error


def test_grey_and_colour_are_told_apart_as_they_are_before_an_image_is_judged(tmp_path: Path):
    # On black nothing but the red is left of it, and less of that once it is padded to a square.
    pixels = np.zeros((60, 20, 4), np.uint8)
    pixels[5:40, 4:16] = 255, 0, 0, 50
    (folder := tmp_path / "red").mkdir()
    for number in range(10):
        Image.fromarray(pixels).save(folder / f"{number}.png")
        Image.fromarray(pixels[..., 0]).save(folder / f"grey{number}.png")
    how = Treatment((1, 28, 28), "extend", like="fashionmnist")
    seen = [one for one in collect([folder], how) if isinstance(one, Picture)]
    lost = sum(any(caveat.kind in ("colour-lost", "photograph") for caveat in one.caveats) for one in seen)
    assert survey(folder, 100).coloured == lost == 10


class _Usage:
    def __init__(self, free: int) -> None:
        self.free = free


def _until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.slow
def test_a_folder_becomes_a_model_that_judges(root: Path, tmp_path: Path, visit: Callable[..., AppTest]):
    mine = pictures(tmp_path / "mine", 300)
    app = visit("train", give="path")
    next(one for one in app.text_input if one.label.startswith("Folder, zip")).set_value(str(mine)).run()
    assert "300" in sound(app)
    app.radio[0].set_value(offers.TRY.title).run()
    app.number_input[0].set_value(2).run()
    next(one for one in app.button if one.label == "Train it").click().run()
    assert trainings.busy() == "mine"
    _until_done("mine")
    app = visit("train", training="mine")
    assert "ready to judge" in sound(app)
    judged = visit("score_images", run="mine")
    assert "cannot judge images yet" not in sound(judged)


def _until_done(run: str) -> None:
    deadline = time.monotonic() + 200
    while (found := trainings.find(run)) and found.running:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert found and found.stage == "done", found
