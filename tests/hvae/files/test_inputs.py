"""Only regular files are read, within bounds, and paths of variables are what their user means."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hvae.datasets import data_root
from hvae.datasets.own.streaming import tables, tars
from hvae.errors import ConfigError, HvaeError
from hvae.files import LOCK_FILE, require_writable, run_lock, write_text
from hvae.inputs import absolute, named_path, opened, read_bytes, require_regular, sha256
from hvae.parquet_files import read_columns
from hvae.runs.checkpoints import load_checkpoint
from hvae.runs.folders import find_runs, read_history, run_roots
from hvae.runs.images.sources import read_sources
from hvae.runs.measured.cards import read_card
from hvae.runs.measured.landscapes import read_landscape
from hvae.runs.measured.maps import read_map
from hvae.runs.notes import read_notes
from hvae.runs.score_tables import read_table
from hvae.runs.states import run_state
from hvae.runs.tensor_files import read_header
from hvae.verdicts.chosen import read_chosen
from tests.synthetic import make_run


def pipe(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def loop(path: Path) -> None:
    path.symlink_to(path)


def folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.timeout(60)
@pytest.mark.parametrize("make", [pipe, device, loop, folder])
def test_nothing_but_a_regular_file_is_opened(tmp_path: Path, make: Callable[[Path], None]) -> None:
    path = tmp_path / "odd.json"
    make(path)
    lazy = [lambda one, read=read: list(read(one)) for read in (read_columns, tables.read_table, tars.read_tar)]
    for read in (opened, require_regular, sha256, lambda one: read_bytes(one, 10), *lazy):
        with pytest.raises(OSError):
            read(path)
    for read in (read_card, read_landscape, read_map, read_chosen, read_table, read_header):
        with pytest.raises(HvaeError) as caught:
            read(path)
        assert "\n" not in str(caught.value)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("make", [pipe, device, loop])
def test_something_else_in_the_place_of_the_lock_keeps_nobody_waiting(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path / LOCK_FILE)
    with pytest.raises(HvaeError, match=r"nothing can be written to .*\.lock: "), run_lock(tmp_path):
        pass


@pytest.mark.timeout(60)
@pytest.mark.parametrize("make", [pipe, device, loop, folder])
@pytest.mark.parametrize("name", ["config.json", "history.csv", "model.safetensors", "sources.json", "notes.json"])
def test_a_run_with_something_else_in_the_place_of_a_file(
    tmp_path: Path, make: Callable[[Path], None], name: str
) -> None:
    run = make_run(tmp_path, "run")
    (run / name).unlink(missing_ok=True)
    make(run / name)
    for entry in find_runs([tmp_path]):
        run_state(entry)
    for read in (load_checkpoint, read_history, read_sources, read_notes):
        try:
            read(run)
        except HvaeError as error:
            assert "\n" not in str(error)


def test_bounds(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_bytes(path, 5) == b"12345"
    for read in (opened, read_bytes, require_regular):
        with pytest.raises(OSError, match="more than the 4 bytes"):
            read(path, 4)
    with pytest.raises(OSError, match="more than the 10 bytes"):
        # The system says that it has none.
        read_bytes(Path("/proc/self/status"), 10)


def test_variables_expand_the_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("HVAE_RUNS", "HVAE_DATA", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, "~/there")
        assert named_path(name) == tmp_path / "there"
    assert run_roots()[0] == tmp_path / "there" == data_root()
    monkeypatch.delenv("HVAE_DATA")
    assert data_root() == tmp_path / "there" / "hvae" / "data"
    monkeypatch.setenv("HVAE_RUNS", "")
    assert run_roots()[0] == Path("runs")
    monkeypatch.setenv("HVAE_RUNS", "~nobody-of-that-name/x")
    with pytest.raises(ConfigError, match="no such home folder"):
        run_roots()


@pytest.mark.parametrize("make", [Path.touch, pipe, loop])
def test_runs_and_data_sets_lie_in_a_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "runs")
    monkeypatch.setenv("HVAE_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("HVAE_DATA", str(tmp_path / "runs"))
    for place in (run_roots, data_root):
        with pytest.raises(ConfigError, match="is no folder"):
            place()
    with pytest.raises(HvaeError, match="nothing can be written"):
        require_writable(tmp_path / "runs" / "new")


def test_a_place_is_tried_before_any_work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    require_writable(tmp_path / "new" / "deeper")
    assert not list(tmp_path.iterdir())

    def refuse(*_: object) -> int:
        raise OSError(30, os.strerror(30))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(HvaeError, match="Read-only file system"):
        require_writable(tmp_path)


def test_a_loop_of_links_is_itself(tmp_path: Path) -> None:
    loop(tmp_path / "a")
    assert absolute(tmp_path / "a") == tmp_path / "a"


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_modes_follow_the_umask(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        write_text(tmp_path / "file", "x")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == mode
