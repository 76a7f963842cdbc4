"""Runs from outside: how they are packed, and how they are refused."""

import zipfile
from pathlib import Path

import pytest

from hvae.errors import HvaeError
from hvae.runs.importing import import_archive, import_run

TABLE = "scores/mnist.test.mean.S1.R1.seed0.parquet"


def refused(into: Path, source: Path, name: str | None = "new", **more) -> str:
    """The one line that a run is refused with; nothing of it is left."""
    bring = import_archive if source.is_file() else import_run
    before = sorted(into.rglob("*"))
    with pytest.raises(HvaeError) as error:
        bring(source, into, name, **more)
    assert sorted(into.rglob("*")) == before, "nothing may be left behind"
    text = str(error.value)
    assert "\n" not in text and ".importing" not in text and len(text) < 400
    return text


def pack(source: Path, archive: Path, top: str = "") -> Path:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(source.rglob("*")):
            file.write(path, top + path.relative_to(source).as_posix())
    return archive


def contents(run: Path) -> dict[str, bytes]:
    return {path.relative_to(run).as_posix(): path.read_bytes() for path in run.rglob("*") if path.is_file()}
