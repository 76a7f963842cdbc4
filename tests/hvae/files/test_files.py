"""Files are written whole or not at all, on a disk that is really full."""

from __future__ import annotations

import resource
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from filelock import Timeout

from hvae.config import DataConfig, RunConfig, TrainingConfig
from hvae.datasets import ImageSet
from hvae.errors import HvaeError, first_line
from hvae.files import remove_leftovers, run_lock, write_atomically, write_text
from hvae.models.hierarchical import HierarchicalVAE
from hvae.runs.checkpoints import save_weights, write_config
from hvae.runs.score_tables import read_table, write_table
from hvae.training.trainer import train
from tests.hvae.small_models import small_config
from tests.synthetic import make_tables


def test_a_full_disk_is_one_line_and_keeps_the_old_files(tmp_path: Path) -> None:
    """The kernel refuses every byte beyond the limit, as a full disk does; Python ignores the signal for it."""
    run = tmp_path / "run"
    training = TrainingConfig(epochs=1, batch_size=8, precision="32-true")
    config = RunConfig(model=small_config(), data=DataConfig(name="digits"), training=training)
    weights = HierarchicalVAE(config.model).state_dict()
    images = ImageSet("digits", "train", np.zeros((16, 1, 8, 8), np.uint8), np.zeros(16, np.int64))
    write_config(run, config)
    save_weights(run, weights, config)
    make_tables(run, sets=("digits",), n=500)
    table = run / "scores" / "digits.all.mean.S1.R1.seed0.parquet"
    content = read_table(table)
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    attempts: dict[str, tuple[int, Callable[[], object]]] = {
        "config.json": (500, lambda: write_config(run, config)),
        "model.safetensors": (5000, lambda: save_weights(run, weights, config)),
        table.name: (5000, lambda: write_table(run, content)),
        "resume.safetensors": (5000, lambda: train(config, tmp_path / "new", images, images, accelerator="cpu")),
    }
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for name, (limit, attempt) in attempts.items():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        try:
            with pytest.raises(HvaeError) as caught:
                attempt()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        message = str(caught.value)
        assert all(part in message for part in (name, "File too large", "free some space")), message
        assert "\n" not in message
    assert before == {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    assert not list(tmp_path.rglob("*.part"))


def test_a_file_appears_whole_with_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "new" / "deeper" / "file.txt"
    write_text(path, "grün\n")
    assert path.read_text(encoding="utf-8") == "grün\n"
    assert [each.name for each in path.parent.iterdir()] == ["file.txt"]
    assert path.stat().st_mode & 0o777 == 0o644


def test_readers_see_the_old_file_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    write_text(path, "old")

    def write(part: Path) -> None:
        part.write_text("new")
        assert path.read_text() == "old"
        assert part.parent == path.parent

    write_atomically(path, write)
    assert path.read_text() == "new"


@pytest.mark.parametrize("error", [RuntimeError("a mistake"), KeyboardInterrupt()])
def test_other_errors_pass_through_and_leave_nothing(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "file.txt"
    write_text(path, "old")

    def fail(part: Path) -> None:
        part.write_text("half")
        raise error

    with pytest.raises(type(error)) as caught:
        write_atomically(path, fail)
    assert caught.value is error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    path = tmp_path / "file" / "run" / "config.json"
    with pytest.raises(HvaeError, match="could not write") as caught:
        write_text(path, "{}")
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_leftovers_of_killed_writers_are_removed_and_nothing_else(tmp_path: Path) -> None:
    for name in (".resume.pt.abcd.part", "resume.pt", ".lock", "data.part"):
        (tmp_path / name).touch()
    remove_leftovers(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"resume.pt", ".lock", "data.part"}


def test_one_writer_a_folder(tmp_path: Path) -> None:
    with run_lock(tmp_path / "run"), pytest.raises(Timeout), run_lock(tmp_path / "run"):
        pass
    with run_lock(tmp_path / "run"):
        pass


@pytest.mark.parametrize(
    ("said", "line"), [("", "ValueError"), ("\n \nat last\nmore", "at last"), ("x" * 9_999, "x" * 300)]
)
def test_what_a_library_says_is_one_short_line(said: str, line: str) -> None:
    assert first_line(ValueError(said)) == line
