"""A run knows the very images it was trained on; parts of others, and of a set that has grown, are refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from hvae.cli import app
from hvae.datasets import load, parts
from hvae.runs.checkpoints import read_config
from hvae.runs.images.sources import SOURCES_FILE, read_sources
from hvae.runs.measured.cards import read_card
from hvae.runs.score_tables import read_table
from tests.synthetic import make_run


def invoke(*arguments: object) -> tuple[int, str]:
    """Exit code, and the last line of what was said."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, (result.stderr or result.stdout).splitlines()[-1]


def succeed(*arguments: object) -> None:
    code, said = invoke(*arguments)
    assert code == 0, said


def fail(*arguments: object) -> str:
    code, said = invoke(*arguments)
    assert code == 2 and said.startswith("error: "), said
    return said


def scored(run: Path) -> list[tuple[str, str]]:
    """(slug, split) of every table of a run."""
    return sorted(tuple(path.name.split(".")[:2]) for path in (run / "scores").glob("*.parquet"))


def save(folder: Path, first: int, last: int) -> Path:
    """Image files `first` to `last` (not with it) in a folder, each other pixels."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, last):
        pixels = np.random.default_rng(number).integers(0, 256, (28, 28), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:03d}.png")
    return folder


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HVAE_RUNS", str(tmp_path / "runs"))


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run trained on 120 files of a folder that lies beside it."""
    root = tmp_path_factory.mktemp("begun")
    save(root / "训练", 0, 120)
    name = f"folder:{root / '训练'}"
    succeed("train", "digits-tiny", "--data", name, "--run", root / "run", "--epochs", 1, "--device", "cpu")
    return root


@pytest.fixture
def own(begun: Path, tmp_path: Path) -> tuple[Path, str]:
    """A copy of the run, and its training set to be changed, under the path that it was trained from."""
    run = shutil.copytree(begun / "run", tmp_path / "run")
    shutil.copytree(begun / "训练", tmp_path / "训练")
    name = f"folder:{tmp_path / '训练'}"
    config = json.loads((run / "config.json").read_text())
    config["data"]["name"] = name
    (run / "config.json").write_text(json.dumps(config))
    return run, name


def test_a_run_remembers_its_training_set_and_where_it_lies(begun):
    data = read_config(begun / "run").data
    assert data.images == 120 and len(data.fingerprint) == 64
    (slug,) = read_sources(begun / "run")
    assert slug == f"训练-{data.fingerprint[:8]}"
    succeed("runs", "bundle", begun / "run", begun / "bundle")
    assert not (begun / "bundle" / SOURCES_FILE).exists()
    assert read_config(begun / "bundle").data == data


def test_a_training_on_a_set_of_the_registry_remembers_it_as_well(tmp_path):
    succeed("train", "digits-tiny", "--run", tmp_path / "run", "--epochs", 1, "--device", "cpu")
    data = read_config(tmp_path / "run").data
    assert data.images == 1_400 and len(data.fingerprint) == 64
    assert not (tmp_path / "run" / SOURCES_FILE).exists()


def test_a_set_that_has_grown_is_refused_with_both_counts(own):
    run, name = own
    save(Path(name.partition(":")[2]), 120, 200)
    said = f"run was trained on 120 images, {name} now holds 200: "
    assert said in fail("train", "digits-tiny", "--run", run, "--data", name, "--resume", "--device", "cpu")
    for part in ("fitted", "validation", "reference", "calibration"):
        assert said in fail("score", run, "--data", name, "--split", part)
    assert scored(run) == []
    assert "holds 200 images, and not those that run was trained on there" in fail("score", run, "--data", name)
    succeed("score", run, "--data", name, "--split", "test", "--limit", 20)


def test_other_pixels_of_the_same_number_are_refused(own):
    run, name = own
    shutil.copy(Path(name.partition(":")[2], "001.png"), Path(name.partition(":")[2], "000.png"))
    assert f"trained on 120 images, {name} now holds 120 with other pixels" in fail(
        "score", run, "--data", name, "--split", "reference"
    )


def test_the_same_pixels_are_known_wherever_they_lie(own, tmp_path):
    run, name = own
    succeed("score", run, "--data", name, "--split", "reference")
    moved = shutil.move(tmp_path / "训练", tmp_path / "elsewhere")
    succeed("score", run, "--data", f"folder:{moved}", "--split", "calibration")
    slug = f"训练-{read_config(run).data.fingerprint[:8]}"
    assert scored(run) == [(slug, "calibration"), (slug, "reference")]
    succeed("score", run, "--data", slug, "--split", "test")
    assert (slug, "test") in scored(run), "a set may be named as the run names it"
    assert {slug: source.place for slug, source in read_sources(run).items()} == {slug: f"folder:{moved}"}


def test_tables_keep_the_file_names_of_ones_own_images_also_when_imported(own, tmp_path):
    run, name = own
    succeed("score", run, "--data", name, "--split", "reference")
    succeed("runs", "import", run, "--name", "new")
    copy = tmp_path / "runs" / "new"
    assert not (copy / SOURCES_FILE).exists()
    (path,) = (copy / "scores").glob("*.parquet")
    names = sorted(file.name for file in Path(name.partition(":")[2]).iterdir())
    assert read_table(path).frame["name"].tolist() == [names[index] for index in parts(120, 0)["reference"]]


def test_parts_of_another_set_give_no_verdict_and_both_counts_are_said(own, tmp_path):
    run, name = own
    succeed("score", run, "--data", name, "--split", "reference", "calibration")
    picture = tmp_path / "训练" / "000.png"
    succeed("score", run, "--images", picture)
    config = json.loads((run / "config.json").read_text())
    config["data"] |= {"fingerprint": "0" * 64, "images": 200}
    (run / "config.json").write_text(json.dumps(config))
    said = fail("score", run, "--images", picture)
    assert "its 24 images are a part of another set than the 200 images that the run was trained on" in said


@pytest.mark.parametrize("split", ["fitted", "validation", "reference", "calibration"])
def test_parts_of_another_set_are_refused(own, tmp_path, split):
    run, name = own
    other = save(tmp_path / "other" / "训练", 300, 350)
    assert f"trained on 120 images, folder:{other} holds 50: " in fail(
        "score", run, "--data", f"folder:{other}", "--split", split
    )
    assert f"{split} is a part of the training set, and run was trained on {name}, not on digits" in fail(
        "score", run, "--data", "digits", "--split", split
    )
    registered = make_run(tmp_path, "registered", depth=2, trained=True)
    assert "was trained on fashionmnist, not on digits: score its test split" in fail(
        "score", registered, "--data", "digits", "--split", split
    )
    assert scored(run) == scored(registered) == []


def test_a_run_from_before_fingerprints_goes_on_and_takes_the_folder_it_names(own, tmp_path):
    run, name = own
    config = json.loads((run / "config.json").read_text())
    del config["data"]["fingerprint"], config["data"]["images"]
    (run / "config.json").write_text(json.dumps(config))
    succeed("train", "digits-tiny", "--run", run, "--data", name, "--resume", "--device", "cpu")
    assert read_config(run).data.fingerprint == ""
    succeed("score", run, "--data", f"{name}/../训练", "--split", "reference")
    other = save(tmp_path / "other" / "训练", 300, 350)
    assert "name --data folder:" in fail("score", run, "--data", f"folder:{other}", "--split", "reference")


@pytest.mark.parametrize(
    "option",
    [
        ["--alpha", "0.05"],
        ["--two-sided"],
        ["--statistic", "rank"],
        ["--json"],
        ["--fail-if-ood"],
    ],
    ids=lambda option: option[0],
)
def test_an_option_of_images_is_refused_beside_data(own, option):
    run, name = own
    assert fail("score", run, "--data", name, *option) == f"error: {option[0]} does not apply with --data: leave it out"


@pytest.mark.parametrize(
    "option",
    [["--limit", "9"], ["--seed", "0"], ["--split", "test"], ["--precision", "32-true"], ["--batch-size", "256"]],
    ids=lambda option: option[0],
)
def test_an_option_of_data_is_refused_beside_images(own, option):
    run, name = own
    assert fail("score", run, "--images", name.partition(":")[2], *option) == (
        f"error: {option[0]} does not apply with --images: leave it out"
    )


def test_a_report_tells_two_folders_of_one_name_apart(own, tmp_path):
    run, name = own
    succeed("score", run, "--data", name, "--split", "reference", "calibration")
    for number, parent in enumerate(("clothes", "digits")):
        images = save(tmp_path / parent / "images", 300 + 50 * number, 330 + 50 * number)
        succeed("score", run, "--data", f"folder:{images}")
    out = tmp_path / "report.txt"
    succeed("report", run, "--bootstrap", 5, "--table", "detection", "--out", out)
    said = out.read_text()
    assert "clothes/images" in said and "digits/images" in said
    assert "/训练, reading mean" in said
    succeed("report", run, "--bootstrap", 5, "--table", "detection", "--out", tmp_path / "report.csv")
    assert f"训练-{read_config(run).data.fingerprint[:8]}" in (tmp_path / "report.csv").read_text()


def test_a_card_changes_held_out_images_that_neither_fit_nor_calibrate_a_score(own):
    run, name = own
    succeed("score", run, "--data", name, "--split", "reference", "calibration")
    succeed("score", run, "--card")
    (path,) = (run / "card").glob("*.parquet")
    about = read_card(path).metadata
    whole = load(name, "all", image_shape=(1, 28, 28))
    held_out = whole.take(parts(len(whole), 0)["validation"])
    assert (about.split, about.slug) == ("validation", scored(run)[0][0])
    assert about.data_fingerprint == held_out.fingerprint and about.n + about.n_unaltered == len(held_out)
