"""A read-only dashboard, and one that takes no files: what is off says so, and the functions behind it refuse."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit import config
from streamlit.testing.v1 import AppTest

from app.features import tables as jobs
from app.frame import parts, registry
from app.runs import imports
from app.score_images import work
from app.score_images.work import Given
from app.server import access, limits
from hvae.datasets.own.outside import Named
from hvae.runs.folders import find_run
from tests.app.conftest import sound
from tests.app.score_images.test_score_images_page import SETTINGS
from tests.synthetic import make_run, make_tables


@pytest.fixture(autouse=True)
def upload_size() -> Iterator[None]:
    """The limit that a page sets for the whole process ends with the test."""
    before = config.get_option("server.maxUploadSize")
    yield
    config.set_option("server.maxUploadSize", before)


@pytest.fixture
def closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server for a public demonstration that takes no files."""
    path = tmp_path / "limits.toml"
    path.write_text("read_only = true\nuploads = false")
    monkeypatch.setenv(limits.VARIABLE, str(path))


@pytest.fixture
def pair(root: Path) -> Path:
    """Two runs with weights and without correlations, which can be computed on digits."""
    for number, name in enumerate(("clothes", "figures")):
        make_tables(make_run(root, name, trained=True, seed=number), ("fashionmnist", "digits"), n=40)
    return root


def contents(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_no_page_writes_to_the_runs_or_offers_to(closed: None, pair: Path, visit: Callable[..., AppTest]):
    before = contents(pair)
    offered: dict[str, str] = {}
    for page in registry.names():
        app = visit(page, run="clothes", versus="figures", data="fashionmnist", ood="digits", about=parts.IMPORT)
        offered[page] = sound(app)
        assert not app.get("file_uploader") and not app.get("camera_input"), page
        labels = {one.label for one in app.button}
        assert not any(label.startswith(("Import", "Compute")) for label in labels), page
        assert not any(one.label.startswith("Folder") for one in app.text_input), page
    assert contents(pair) == before
    assert access.READ_ONLY in offered["runs"] and "hvae runs import PATH_OR_ZIP" in offered["runs"]
    assert access.READ_ONLY in offered["features"] and "hvae correlate clothes figures" in offered["features"]
    assert access.NO_UPLOADS in offered["score_images"]
    assert config.get_option("server.maxUploadSize") == 0


def test_links_to_what_is_off_are_answered(closed: None, pair: Path, visit: Callable[..., AppTest]):
    text = sound(visit("score_images", run="clothes", pictures="files"))
    assert "asks for images from `files`" in text and "What the model sees" in text
    assert "asks for images from `upload`" in sound(visit("reconstructions", run="clothes", source="upload"))


def test_the_functions_that_write_refuse_whoever_calls_them(closed: None, pair: Path, tmp_path: Path):
    before = contents(pair)
    source = make_run(tmp_path / "elsewhere", "passed-on")
    with pytest.raises(access.Refused, match="read-only"):
        imports.bring(source, "")
    a, b = find_run("clothes"), find_run("figures")
    with pytest.raises(access.Refused, match="read-only"):
        jobs.keep(a, lambda folder, text: folder, "anything")
    st.session_state["_notes"] = {}
    try:
        jobs.start(a, b, ["digits"], True)
        assert st.session_state["_notes"].pop("job") == access.READ_ONLY
        given = Given("1 file", (Named("a.png", b""),), ("1",))
        work.start([a], given, SETTINGS)
        assert st.session_state["_notes"].pop("job") == access.NO_UPLOADS
        assert "job" not in st.session_state
    finally:
        del st.session_state["_notes"]
    assert contents(pair) == before


def test_either_switch_leaves_what_the_other_is_for(
    pair: Path, visit: Callable[..., AppTest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name, text in (("read-only.toml", "read_only = true"), ("no-uploads.toml", "uploads = false")):
        (tmp_path / name).write_text(text)
    monkeypatch.setenv(limits.VARIABLE, str(tmp_path / "read-only.toml"))
    assert len(visit("score_images", run="clothes").get("file_uploader")) == 1
    monkeypatch.setenv(limits.VARIABLE, str(tmp_path / "no-uploads.toml"))
    app = visit("runs", run="clothes", about=parts.IMPORT)
    assert access.NO_UPLOADS in sound(app) and not app.get("file_uploader")
    assert any(one.label == "Import from path" for one in app.button)
