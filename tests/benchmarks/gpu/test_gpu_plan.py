"""The plan of a call on a GPU: shares of the time, what a second call goes on with, and files that come back."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hvae.datasets import load
from tests.benchmarks.gpu import kept, packed
from tests.benchmarks.gpu.plan import RESULTS, State, Task, TimeIsUp, carry_out, page

ROOT = Path(__file__).resolve().parents[3]


class Clock:
    """Time that passes as tasks say."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def call(state: State, seconds: float, given: dict[str, float], takes: dict[str, Any], ready: dict[str, str]) -> None:
    clock = Clock()

    def task(name: str) -> Task:
        def work(until: float) -> list[dict[str, Any]]:
            given[name] = until - clock.now
            clock.now += min(takes[name], given[name]) if isinstance(takes[name], float) else 1
            if isinstance(takes[name], Exception):
                raise takes[name]
            if takes[name] > given[name]:
                raise TimeIsUp("stopped in epoch 2 of 3")
            return [{"images/s": 1234.5}]

        return Task(name, 30, work, lambda: ready.get(name, ""))

    tasks = [task(name) for name in ("first", "second", "third", "colour")]
    carry_out(tasks, state, clock.now + seconds, clock, lambda line: None)


def test_a_second_call_goes_on_where_the_first_one_ended(tmp_path: Path) -> None:
    given: dict[str, float] = {}
    state = State.read([tmp_path / RESULTS])
    takes = {"first": 10.0, "second": ValueError("too bad\nmore"), "third": 200.0, "colour": 1.0}
    call(state, 90, given, takes, {"colour": "not here"})
    assert given == pytest.approx({"first": 30, "second": 40, "third": 79}), "what one leaves, the next ones have"
    assert {name: held["state"] for name, held in state.tasks.items()} == {
        "first": "done", "second": "failed", "third": "begun", "colour": "not measured",
    }  # fmt: skip
    assert state.tasks["second"]["said"] == "ValueError: too bad"
    assert "| 1,234 |" in page(state) or "| 1,235 |" in page(state)
    given.clear()
    again = State.read([tmp_path / "other" / RESULTS], tmp_path / RESULTS)
    (tmp_path / "other").mkdir()
    call(again, 100, given, takes | {"second": 1.0, "third": 5.0}, {})
    assert list(given) == ["second", "third", "colour"]
    assert all(held["state"] == "done" for held in again.tasks.values())
    assert again.tasks["third"]["seconds"] == pytest.approx(79 + 5)
    assert again.rows("first") == [{"images/s": 1234.5}], "as it was measured in the first call"
    given.clear()
    call(State.read([tmp_path / "third.json"]), 5, given, takes, {})
    assert not given, "too little time for any"


def test_sets_come_back_as_they_were_packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "MOST_BYTES", 60_000)
    monkeypatch.setattr(packed, "_TALLEST", 28 * 150)
    files = packed.pack(["digits"], tmp_path / "packed")
    parts = [path for path in files if path.suffix == ".npz"]
    assert len(parts) > 3 and all(path.stat().st_size < 90_000 for path in parts)
    for path in files[1:]:
        (tmp_path / "later").mkdir(exist_ok=True)
        path.rename(tmp_path / "later" / path.name)
    packed.gather(tmp_path / "packed", tmp_path / "here")
    assert not packed.is_whole(tmp_path / "here", "digits")
    packed.gather(tmp_path / "later", tmp_path / "here")
    assert packed.is_whole(tmp_path / "here", "digits")
    for split in ("train", "test"):
        found, expected = packed.unpack(tmp_path / "here", "digits", split), load("digits", split)
        np.testing.assert_array_equal(found.images, expected.images)
        np.testing.assert_array_equal(found.labels, expected.labels)
        assert (found.slug, found.fingerprint) == (expected.slug, expected.fingerprint)


def test_what_is_kept_fits_and_is_taken_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST_BYTES", 40_960)
    runs, out = tmp_path / "runs", tmp_path / "out"
    out.mkdir()
    for name in ("done", "begun"):
        (runs / name).mkdir(parents=True)
        (runs / name / "config.json").write_text("{}")
        (runs / name / "model.safetensors").write_bytes(bytes(30_000))
        (runs / name / "resume.safetensors").write_bytes(bytes(50_000 if name == "begun" else 90_000))
    assert kept.keep(runs, out, {"begun"}) == []
    parts = sorted(out.iterdir())
    assert len(parts) <= kept.MOST_FILES and all(path.stat().st_size <= 40_960 for path in parts)
    assert kept.take_up(out, tmp_path / "again") and not kept.take_up(out, tmp_path / "again")
    found = {path.relative_to(tmp_path / "again").as_posix() for path in (tmp_path / "again").rglob("*.*")}
    assert "begun/resume.safetensors" in found and "done/resume.safetensors" not in found
    (runs / "begun" / "resume.safetensors").write_bytes(bytes(200_000))
    assert kept.keep(runs, out, {"begun"}) == ["begun/resume.safetensors"]
    next(out.glob("kept.1-of-*")).unlink()
    assert not kept.take_up(out, tmp_path / "third"), "a part is missing"


@pytest.mark.slow
def test_the_dry_run_passes_in_a_minute_and_goes_on(tmp_path: Path) -> None:
    began = time.monotonic()
    for minutes, before in ((0.35, []), (0.8, ["--before", tmp_path / "first"])):
        out = tmp_path / ("second" if before else "first")
        command = [
            sys.executable,
            "-m",
            "tests.benchmarks.gpu",
            "--dry-run",
            "--minutes",
            minutes,
            "--out",
            out,
            *before,
        ]
        done = subprocess.run(list(map(str, command)), cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr + done.stdout
    states = json.loads((tmp_path / "second" / RESULTS).read_text())["tasks"]
    assert {name for name, held in states.items() if held["state"] != "done"} == {"gpu tests"}
    files = list((tmp_path / "second").iterdir())
    assert len(files) <= 8 and all(path.stat().st_size < 16 * 2**20 for path in files)
    assert time.monotonic() - began < 120
