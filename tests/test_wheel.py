"""The wheel works anywhere: built, installed apart, and used in an empty folder."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BUILT_FROM = ("pyproject.toml", "LICENSE", "hvae")
NOT_SHOWN = ("assets/screenshots/overview.webp", "assets/EXPERIMENTS.md")
"""What documents show or are."""
DASHBOARD = ("app", "pages", "assets", ".streamlit", "streamlit_app.py", "limits.toml")
LARGEST_WHEEL = 20 * 2**20
RUN = "fashionmnist-lite-seed0"
VISIT = f"""
from streamlit.testing.v1 import AppTest
from app.frame import registry
drawn = AppTest.from_file("app/main.py", default_timeout=120)
drawn.query_params["run"] = "{RUN}"
drawn.switch_page("../pages/scores.py").run()
print(*(one.stack_trace for one in drawn.exception), *(one.value for one in drawn.error))
said = next(one.proto.body for one in drawn.get("html") if one.proto.body.startswith("<h1>"))
print(registry.FOLDER.parent, said[4 : said.index("</h1>")], drawn.sidebar.selectbox[0].value)
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout, so that what an earlier build or scoring left there has no part in the wheel."""
    folder = tmp_path_factory.mktemp("source")
    left_out = shutil.ignore_patterns("__pycache__", "screenshots", ".*.part", ".partial", "resume.*", ".lock")
    for name in (*BUILT_FROM, *DASHBOARD):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=left_out)
        else:
            shutil.copy(ROOT / name, folder / name)
    (folder / "assets" / "screenshots").mkdir()
    (folder / "assets" / "screenshots" / "overview.webp").touch()
    return folder


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built without a network, by the setuptools that is here."""
    out = tmp_path_factory.mktemp("dist")
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", str(out)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(source)], check=True)
    (built,) = out.glob("hvae-*.whl")
    return built


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages with nothing but the wheel's."""
    target = tmp_path_factory.mktemp("site")
    options = ["--quiet", "--no-deps", "--no-index", "--target", str(target)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(wheel)], check=True)
    return target


@pytest.fixture
def environment(site: Path) -> dict[str, str]:
    """Of a user who has the wheel and set nothing; the other packages are those of this Python."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("HVAE_", "STREAMLIT_"))}
    return own | {"PYTHONPATH": str(site), "STREAMLIT_SERVER_HEADLESS": "true"}


def test_it_holds_what_the_dashboard_needs_and_nothing_else(source: Path, wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    files = {path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file()}
    shown = {name for name in files if name.split("/")[0] in DASHBOARD and name not in NOT_SHOWN}
    modules = {name for name in files if name.startswith("hvae/")}
    assert held == modules | {f"hvae_dashboard/{name}" for name in shown}
    assert wheel.stat().st_size < LARGEST_WHEEL


def test_the_commands_find_the_bundled_runs(site: Path, environment: dict[str, str], tmp_path: Path) -> None:
    def hvae(*arguments: str) -> str:
        command = [sys.executable, str(site / "bin" / "hvae"), *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    listed = hvae("runs", "list")
    assert all(path.parent.name in listed for path in (ROOT / "assets" / "runs").glob("*/config.json"))
    assert "notmnist" in hvae("report", RUN, "--table", "bits").lower()
    assert list(tmp_path.iterdir()) == []


def test_its_pages_are_drawn(site: Path, environment: dict[str, str]) -> None:
    folder = site / "hvae_dashboard"
    done = subprocess.run([sys.executable, "-c", VISIT], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(folder), "Scores", RUN]


def test_its_dashboard_answers(site: Path, environment: dict[str, str], tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, str(site / "bin" / "hvae"), "app", "--port", str(port)]
    log = tmp_path / "log"
    folder = tmp_path / "empty"
    folder.mkdir()
    with log.open("w") as out:
        server = subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=subprocess.STDOUT)
    try:
        assert fetch(f"http://127.0.0.1:{port}/_stcore/health", server, log) == "ok"
        assert "<title>" in fetch(f"http://127.0.0.1:{port}/scores", server, log)
    finally:
        server.terminate()
        server.wait(timeout=30)
    with pytest.raises(OSError):
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"http://127.0.0.1:{port}", timeout=5)
    assert "Traceback" not in log.read_text()
    assert list(folder.iterdir()) == []


def fetch(address: str, server: subprocess.Popen, log: Path) -> str:
    """What the address answers, once it does."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with opener.open(address, timeout=5) as answer:
                return answer.read().decode()
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"the dashboard did not answer:\n{log.read_text()}")
