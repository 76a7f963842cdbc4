"""Landscapes on disk: stored and read back, checked, bundled and imported, never of other weights than the run has."""

from __future__ import annotations

from pathlib import Path

import pytest

from hvae.errors import TableError
from hvae.runs.catalogue import weights_hash
from hvae.runs.folders import find_run
from hvae.runs.importing import import_run
from hvae.runs.importing.bundles import bundle_tables
from hvae.runs.measured.landscapes import landscapes, mean_and_error, observed, read_landscape
from tests.hvae.commands import fail, succeed
from tests.synthetic import make_landscape, make_run, make_tables


@pytest.fixture
def run(tmp_path: Path) -> Path:
    run = make_run(tmp_path, "probe", depth=1, trained=True, whole=True)
    make_tables(run, ("fashionmnist", "mnist"), n=30, parts=False)
    return run


def test_stored_and_read_back(run: Path) -> None:
    found = read_landscape(make_landscape(run))
    assert (found.draws, found.path.as_posix()) == (2, "landscape/mnist.json")
    assert found.together == pytest.approx((105, 100))
    assert mean_and_error(found.together) == pytest.approx((102.5, 2.5)) and mean_and_error([3.0]) == (3, 0)
    assert "landscape/mnist.json: sound" in succeed("runs", "check", run).output


def test_the_gap_is_that_of_the_tables(run: Path) -> None:
    from hvae.runs.catalogue import catalogue

    found = catalogue(find_run(str(run)))
    elbos = {entry.slug: found.read(entry).bound(0) for entry in found.entries}
    gap, error = observed(found.run, read_landscape(make_landscape(run))) or (0, 0)
    assert gap == pytest.approx(elbos["mnist"].mean() - elbos["fashionmnist"].mean()) and error > 0
    assert observed(found.run, read_landscape(make_landscape(run, "notmnist"))) is None


def test_what_is_damaged_or_of_other_weights_is_named_and_not_used(run: Path) -> None:
    path = make_landscape(run)
    sound = path.read_text()
    for text, problem in (
        ("{", "is no landscape"),
        (sound.replace('"slope": [', '"slope": [1.0,'), "one value a draw"),
        (sound.replace('"version"', '"surprise": 1, "version"'), "surprise"),
        (sound.replace('"other": "mnist"', '"other": "notmnist"'), "holds the landscape of notmnist"),
        (sound + " " * 200_000, "larger than any landscape"),
        (sound.replace("-20.0", "NaN", 1), "is no landscape"),
        (sound.replace("-20.0", "-24.0", 1), "its values have another hash"),
    ):
        path.write_text(text)
        found, (said,) = landscapes(find_run(str(run)))
        assert not found and problem in said and "hvae score probe --landscape --data mnist" in said
    with pytest.raises(TableError, match="no landscape"):
        path.write_bytes(b"\xff\xfe")
        read_landscape(path)
    make_landscape(run, weights="f" * 64)
    found, (said,) = landscapes(find_run(str(run)))
    assert not found and "other weights" in said
    assert "other weights" in fail("runs", "check", run)


def test_bundles_and_imports_take_them_along(run: Path, tmp_path: Path) -> None:
    path = make_landscape(run)
    make_landscape(run, "glyphs", weights="f" * 64)
    bundle_tables(find_run(str(run)), tmp_path / "bundle", (), (), print)
    assert [one.read_bytes() for one in (tmp_path / "bundle" / "landscape").iterdir()] == [path.read_bytes()]
    (tmp_path / "runs").mkdir()
    said: list[str] = []
    imported = import_run(run, tmp_path / "runs", "copied", said.append)
    assert read_landscape(imported / "landscape" / "mnist.json").weights_sha256 == weights_hash(run)
    assert said == ["1 of 2 landscapes are of other weights than the run has: measure them again"]
    path.write_text("{")
    with pytest.raises(TableError, match="no landscape"):
        import_run(run, tmp_path / "runs", "spoilt")
