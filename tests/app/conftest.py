"""Synthetic runs for the dashboard, and the dashboard itself without a browser."""

import html
import re
import threading
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from app.frame import caching, components
from app.frame.glossary import TERMS, terms_in
from hvae.datasets import ImageSet
from hvae.runs.score_tables import ScoreTable, read_table, write_table
from tests.synthetic import make_run, make_tables

MAIN = Path(__file__).resolve().parents[2] / "app" / "main.py"
SETS = ("fashionmnist", "mnist", "digits")


@pytest.fixture(scope="session", autouse=True)
def components_are_looked_for_once() -> Iterator[None]:
    """Every `AppTest` looks through all packages installed for components of Streamlit, as a server does only once."""
    with pytest.MonkeyPatch.context() as patch:
        scan = cache(manifest_scanner.scan_component_manifests)
        patch.setattr(manifest_scanner, "scan_component_manifests", scan)
        yield


@pytest.fixture(scope="session")
def scored_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two scored runs, one of them with every reading."""
    root = tmp_path_factory.mktemp("scored")
    first = make_run(root, "first")
    make_tables(first, SETS, n=120)
    make_tables(first, SETS[:2], n=120, readings=("sample", "auxiliary", "early-release"), parts=False)
    make_tables(first, SETS[:2], n=120, samples=(8,), parts=False)
    make_tables(make_run(root, "second", data="mnist", seed=1), SETS, n=120)
    return root


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that the dashboard takes for all runs there are; no data set is on the machine."""
    folder = tmp_path / "runs"
    folder.mkdir()
    look_in(monkeypatch, folder, tmp_path)
    return folder


@pytest.fixture
def scored_runs(scored_root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The dashboard finds the two scored runs; images it has read are known to the next test by the same name."""
    look_in(monkeypatch, scored_root, scored_root.parent / "nowhere")
    return scored_root


def judging_run(root: Path, name: str, data: str = "fashionmnist", **tables: object) -> Path:
    """A run that can judge: the tables of its parts were made with its weights."""
    run = make_run(root, name, depth=2, trained=True, data=data, seed=len(name))
    make_tables(run, (data,), n=80, **tables)
    return run


def digits_of(run: Path, images: ImageSet, fingerprint: str = "") -> ScoreTable:
    """A made-up table of digits in a run's folder that names real pixels, or others by their fingerprint."""
    make_tables(run, ("digits",), n=len(images), parts=False)
    table = read_table(run / "scores" / "digits.all.mean.S1.R1.seed0.parquet")
    named = table.metadata.model_copy(update={"data_fingerprint": fingerprint or images.fingerprint})
    return read_table(write_table(run, ScoreTable(table.frame, named)))


@pytest.fixture
def clothes(root: Path) -> Path:
    """A run that can judge."""
    return judging_run(root, "clothes")


def look_in(monkeypatch: pytest.MonkeyPatch, runs: Path, nowhere: Path) -> None:
    monkeypatch.setenv("HVAE_RUNS", str(runs))
    monkeypatch.setenv("HVAE_DATA", str(nowhere / "data"))
    monkeypatch.setattr("hvae.runs.folders.BUNDLED_RUNS", nowhere / "bundled")


def open_page(page: str, /, **values: str | list[str]) -> AppTest:
    """Open a page of the dashboard as a deep link: `open_page("scores", k="2")`."""
    app = AppTest.from_file(str(MAIN), default_timeout=60)
    for key, value in values.items():
        app.query_params[key] = value
    if page != "overview":
        app.switch_page(f"../pages/{page}.py")
    return app.run()


@pytest.fixture
def visit() -> Iterator[Callable[..., AppTest]]:
    """`open_page` on a server that has kept nothing."""
    yield open_page
    forget()


def forget() -> None:
    """Leave the next test nothing of what this server keeps."""
    caching.small.clear()
    st.cache_data.clear()
    st.cache_resource.clear()


def finish_jobs() -> None:
    """Wait until the queue of the dashboard is empty."""
    for thread in threading.enumerate():
        if thread.name == "jobs":
            thread.join(280)


def sound(app: AppTest) -> str:
    """No exception and no unforeseen failure on the page; returns all its text, without what explains its terms."""
    assert not app.exception, app.exception[0].stack_trace
    assert not any("unexpected" in one.value for one in app.error)
    kinds = (app.error, app.warning, app.success, app.info, app.caption, app.markdown, app.code)
    return "\n".join(str(one.value) for kind in kinds for one in kind) + "\n" + html_of(app)


def html_of(app: AppTest) -> str:
    """All HTML of a page, without what explains its terms."""
    bodies = (one.proto.body for one in app.get("html") if one.proto.body != components.SCRIPTS)
    return re.sub("</?dfn[^>]*>", "", "\n".join(bodies))


def explains(app: AppTest) -> None:
    """Every term of the glossary that the page uses explains itself in one place."""
    kinds = (app.error, app.warning, app.info, app.caption, app.markdown)
    bodies = [one.proto.body for one in app.get("html") if not one.proto.body.startswith(("<style>", "<script>"))]
    text = re.sub("<h1>.*?</h1>", "", "\n".join([*(str(one.value) for kind in kinds for one in kind), *bodies]))
    for name in terms_in(text):
        assert text.count(f'data-means="{html.escape(TERMS[name])}"') == 1, f"{name} on {app.query_params}"
