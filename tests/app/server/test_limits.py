"""The file of limits: what it says, what is wrong with a bad one, and what keeps to it."""

import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import pytest
from streamlit import config
from streamlit.testing.v1 import AppTest

from app.frame import parts
from app.score_images import asking, work
from app.score_images.work import Given
from app.server import access, judgements, limits
from app.server.limits import Limits
from hvae.datasets.own.outside import Named
from hvae.errors import ConfigError
from hvae.runs.folders import find_run
from tests.app.conftest import sound
from tests.app.score_images.test_score_images_page import JOB, SETTINGS, png

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Limits]:
    """Give the dashboard a file of limits."""

    def write(text: str) -> Limits:
        path = tmp_path / "limits.toml"
        path.write_text(text)
        monkeypatch.setenv(limits.VARIABLE, str(path))
        return limits.current()

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return write


def test_the_file_of_the_repository_spells_out_every_default():
    assert tomllib.loads(limits.FILE.read_text()) == Limits().model_dump()
    assert limits.read(limits.FILE) == Limits()


def test_a_file_changes_what_it_names_and_a_server_reads_it_once(limited: Callable[[str], Limits], tmp_path: Path):
    assert limited("job_seconds = 60\nread_only = true") == Limits(job_seconds=60, read_only=True)
    (tmp_path / "limits.toml").write_text("job_seconds = 61")
    assert limits.current().job_seconds == 60


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("jobs_wating = 3", "jobs_wating: Extra inputs are not permitted"),
        ("job_seconds = 0", "job_seconds: Input should be greater than or equal to 1"),
        ('job_seconds = "60"', "job_seconds: Input should be a valid integer"),
        ("job_seconds = true", "job_seconds: Input should be a valid integer"),
        ("read_only = 1", "read_only: Input should be a valid boolean"),
        ("[uploads]\nmost = 3", "uploads: Input should be a valid boolean"),
        ("job_seconds = 1e3\nimport_seconds = -1", "job_seconds: Input should be a valid integer (and 1 more)"),
        ("job_seconds = ", "no TOML file: Invalid value"),
        ("\ufeff", "no TOML file"),
        ("#" * (limits.MOST_BYTES + 1), "it is no file of limits"),
    ],
)
def test_a_bad_file_is_one_line_that_names_the_key(limited: Callable[[str], Limits], text: str, said: str):
    with pytest.raises(ConfigError) as caught:
        limited(text)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_a_missing_file_is_said_with_the_variable_that_names_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv(limits.VARIABLE, str(tmp_path / "gone.toml"))
    with pytest.raises(ConfigError, match=r"gone.toml: No such file or directory; HVAE_LIMITS names the file"):
        limits.current()


def test_a_server_with_a_bad_file_does_not_start_and_says_why_in_one_line(tmp_path: Path):
    bad = tmp_path / "bad.toml"
    bad.write_text("results_hours = 0")
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.port", "0"]
    environment = os.environ | {limits.VARIABLE: str(bad), "STREAMLIT_SERVER_HEADLESS": "true"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 1
    assert f"error: limits {bad}: results_hours: Input should be greater than or equal to 1" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_the_entry_without_the_shim_says_a_bad_file_on_the_page(
    limited: Callable[[str], Limits], root: Path, visit: Callable[..., AppTest]
):
    with pytest.raises(ConfigError):
        limited("jobs_waiting = 0")
    app = visit("overview")
    assert not app.exception and "jobs_waiting: Input should be" in app.error[0].value
    assert not app.get("html"), "nothing of the page itself is drawn"


def test_the_server_refuses_larger_files_than_the_limit(
    limited: Callable[[str], Limits], root: Path, visit: Callable[..., AppTest]
):
    before = config.get_option("server.maxUploadSize")
    try:
        limited("upload_mib_per_file = 3\nimport_paths = false")
        text = sound(visit("runs", about=parts.IMPORT))
        assert config.get_option("server.maxUploadSize") == 3
        assert "it opens no paths" in text
    finally:
        config.set_option("server.maxUploadSize", before)


def test_files_that_are_too_large_together_are_refused_with_the_limit(
    limited: Callable[[str], Limits], monkeypatch: pytest.MonkeyPatch
):
    class File:
        size, file_id, name = 2**20, "1", "a.png"

        def getvalue(self) -> bytes:
            raise AssertionError("what is refused is not copied")

    limited("upload_mib_together = 2")
    monkeypatch.setattr(asking.st, "file_uploader", lambda *_, **__: [File()] * 3)
    found = asking.given(asking.FILES, None)  # type: ignore[arg-type]
    assert found is not None and "3 MiB together, more than the 2 MiB" in found.problem and not found.sources


def test_a_job_takes_no_more_images_than_it_may(limited: Callable[[str], Limits], clothes: Path):
    limited("images_per_job = 2")
    name = Future()
    name.set_result(JOB)
    judgements.create(JOB, SETTINGS, lambda _: True)
    given = Given("3 files", tuple(Named(f"{i}.png", png(i)) for i in range(3)), ("1",))
    job = work.scoring([find_run("clothes")], given, SETTINGS, name)
    job(lambda *_: None, lambda: False)
    stored = judgements.read(JOB)
    assert stored is not None and list(stored.frame["name"]) == ["0.png", "1.png"]
    assert stored.refused == (("all further files", "more than 2 files: give them in several portions"),)


def test_old_results_go_and_those_of_unfinished_jobs_stay(limited: Callable[[str], Limits], tmp_path: Path):
    limited("results_hours = 2\nresults_kept = 3")
    names = [f"job{number:09}" for number in range(3)]
    for name, hours in zip(names, (1, 3, 5), strict=True):
        folder = judgements.create(name, SETTINGS, lambda _: True)
        changed = folder.stat().st_mtime - hours * 3600
        os.utime(folder, (changed, changed))
    judgements.tidy(lambda job: job == names[2])
    assert sorted(path.name for path in (tmp_path / "hvae-jobs").iterdir()) == [names[0], names[2]]


@pytest.mark.parametrize(
    ("address", "base", "headers", "allowed"),
    [
        ("localhost", "", {"Host": "localhost:8501"}, True),
        ("::1", "", {"Host": "[::1]:8501"}, True),
        ("localhost", "", {}, True),
        (None, "", {"Host": "localhost:8501"}, False),
        ("0.0.0.0", "", {"Host": "localhost:8501"}, False),
        ("localhost", "hvae", {"Host": "localhost:8501"}, False),
        ("localhost", "", {"Host": "demo.example"}, False),
        ("localhost", "", {"Host": "localhost", "X-Forwarded-For": "192.0.2.1"}, False),
    ],
)
def test_paths_are_named_only_where_nobody_else_reaches_the_server(
    monkeypatch: pytest.MonkeyPatch, address: str | None, base: str, headers: dict[str, str], allowed: bool
):
    from types import SimpleNamespace

    options = {"server.address": address, "server.baseUrlPath": base}
    fake = SimpleNamespace(context=SimpleNamespace(headers=headers), get_option=options.__getitem__)
    monkeypatch.setattr(access, "st", fake)
    assert access.may_name_paths() is allowed
