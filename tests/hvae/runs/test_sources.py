"""Where one's own images lie: noted, found again, and said where they moved."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from hvae.datasets import ImageSet, load
from hvae.errors import DataError
from hvae.runs.images import sources
from hvae.runs.images.sources import SOURCES_FILE, known_labels, locate, read_sources, remember, require_unchanged


def save(path: Path, seed: int = 0) -> ImageSet:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, images=np.random.default_rng(seed).integers(0, 256, (9, 28, 28), np.uint8))
    return load(f"npz:{path}", "all")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


def test_a_set_is_noted_with_its_absolute_path_and_found_again(run, tmp_path, monkeypatch):
    save(tmp_path / "mine" / "letters.npz")
    monkeypatch.chdir(tmp_path / "mine")
    images = load("npz:letters.npz", "all")
    remember(run, images.take(np.arange(3)))
    found = locate(run, images.slug)
    assert found.place == f"npz:{tmp_path / 'mine' / 'letters.npz'}"
    require_unchanged(run, found, load(found.place, "all").take(np.arange(2)))
    assert known_labels([run, tmp_path]) == {images.slug: "mine/letters.npz"}
    (run / "scores").mkdir(exist_ok=True)
    for name in (f"{images.slug}.test", "signs-0e772160.test", "<b>-0e772160.test", "a.b-0e772160.test"):
        (run / "scores" / f"{name}.parquet").touch()
    assert known_labels([run]) == {images.slug: "mine/letters.npz", "signs-0e772160": "signs"}


def test_a_set_of_the_registry_is_not_noted(run):
    remember(run, load("digits", "test"))
    assert read_sources(run) == {} and not list(run.iterdir())


def test_what_moved_is_said_with_where_it_was_and_told_by_its_pixels(run, tmp_path):
    images = save(tmp_path / "letters.npz")
    remember(run, images)
    shutil.move(tmp_path / "letters.npz", tmp_path / "other.npz")
    with pytest.raises(DataError) as error:
        locate(run, images.slug)
    assert str(error.value) == (
        f"{images.slug} is no longer at npz:{tmp_path / 'letters.npz'}: if they have moved, say so with hvae score run "
        "--data npz:NEWPATH"
    )
    remember(run, load(f"npz:{tmp_path / 'other.npz'}", "all"))
    assert locate(run, images.slug).place.endswith("other.npz"), "the same pixels, whatever they are called now"


def test_other_pixels_in_the_same_place_are_refused(run, tmp_path):
    images = save(tmp_path / "letters.npz")
    remember(run, images)
    now = save(tmp_path / "letters.npz", seed=1)
    with pytest.raises(DataError, match="no longer holds the images that were scored: .*--data npz:NEWPATH"):
        require_unchanged(run, locate(run, images.slug), now)


def test_what_nobody_noted_is_said(run):
    with pytest.raises(DataError, match="does not know where x-00000000 lies on this machine: .*NEWPATH"):
        locate(run, "x-00000000")


GOOD = {"place": "folder:/a", "fingerprint": "0" * 64}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[" * 100_000,
        json.dumps({"schema_version": 2, "sets": {}}).encode(),
        json.dumps({"sets": {"../x": GOOD}}).encode(),
        json.dumps({"sets": {"x": GOOD | {"place": "http://example.org"}}}).encode(),
        json.dumps({"sets": {"x": GOOD | {"place": "folder:/a\nb"}}}).encode(),
        json.dumps({"sets": {"x": GOOD | {"place": "folder:/" + "a" * 9_999}}}).encode(),
        json.dumps({"sets": {"x": GOOD | {"fingerprint": "0"}}}).encode(),
        json.dumps({"sets": {"x": GOOD | {"command": "rm"}}}).encode(),
        json.dumps({"sets": {f"x{n}": GOOD for n in range(1_001)}}).encode(),
        b" " * (sources.MAXIMUM_BYTES + 1),
    ],
    ids=lambda content: f"{content[:40]!r}",
)
def test_a_damaged_note_is_one_line_and_is_written_anew(run, tmp_path, content):
    (run / SOURCES_FILE).write_bytes(content)
    with pytest.raises(DataError) as error:
        locate(run, "x")
    assert "\n" not in str(error.value) and len(str(error.value)) < 400 and "delete it" in str(error.value)
    assert known_labels([run]) == {}
    images = save(tmp_path / "letters.npz")
    remember(run, images)
    assert list(read_sources(run)) == [images.slug]
