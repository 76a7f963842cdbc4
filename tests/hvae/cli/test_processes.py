"""One command on several devices: the same table, a curve alike, and a line where a process dies."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hvae.cli import processes
from hvae.datasets import load
from hvae.runs.score_tables import read_table
from tests.hvae.commands import fail
from tests.synthetic import make_run

ROOT = Path(__file__).resolve().parents[3]
FREE_BITS = {"average": "minibatch", "unit": "channel", "nats": 2, "constant": 1, "gone": 1}
BY_MINIBATCH = {f"free_bits.{name}": value for name, value in FREE_BITS.items()} | {"batch_size": 8, "beta_warm_up": 0}
"""A floor to the end under the mean of a minibatch so small that its halves differ: a mean of each share shows."""


def python(code: str) -> tuple[list[str], dict[str, str]]:
    return [sys.executable, "-I", "-S", "-c", code], dict(os.environ)


WAIT = "import time; time.sleep(60)"


@pytest.mark.parametrize(
    ("codes", "said"),
    [
        (["", "raise SystemExit(0)"], ""),
        (["raise SystemExit(4)", ""], ""),
        (["raise SystemExit(2)", WAIT], ""),
        (
            [WAIT, "import os; os.kill(os.getpid(), 9)"],
            "process 2 of 2 was killed (SIGKILL); what was finished is kept",
        ),
        (["raise SystemExit(75)", "raise SystemExit('no room')"], "process 2 of 2 failed: no room; what was"),
        (["import os; os.kill(os.getpid(), 9)", WAIT], "process 1 of 2 was killed (SIGKILL)"),
    ],
)
def test_processes_end_together(
    codes: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(processes, "PATIENCE", 0.2)
    if said:
        with pytest.raises(BaseException) as error:
            processes.supervise([python(code) for code in codes], "go on")
        assert getattr(error.value, "exit_code", None) == 2
        lines = capfd.readouterr().err.splitlines()
        assert len(lines) == 1 and said in lines[0] and lines[0].endswith("go on")
    else:
        expected = int("0" + "".join(re.findall(r"Exit\((\d+)\)", codes[0])))
        assert processes.supervise([python(code) for code in codes], "go on") == expected
        assert not capfd.readouterr().err


@pytest.mark.parametrize("first", ["import time; time.sleep(.5); raise SystemExit(130)", WAIT])
def test_what_was_stopped_is_no_failure_whichever_ends_first(
    first: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(processes, "PATIENCE", 0.1)
    monkeypatch.setattr(processes, "FINISHING", 0.2 if first == WAIT else 5)
    assert processes.supervise([python(first), python("raise SystemExit(130)")], "go on") == 130
    assert not capfd.readouterr().err


def test_ctrl_c_reaches_every_process_once() -> None:
    code = (
        "import signal, time\nheard = []\nsignal.signal(2, lambda *_: heard.append(1))\n"
        "until = time.monotonic() + 20\n"
        "while not heard and time.monotonic() < until: time.sleep(.02)\n"
        "time.sleep(.1)\nraise SystemExit(130 if len(heard) == 1 else 1)"
    )
    timer = threading.Timer(0.6, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    assert processes.supervise([python(code), python(code)], "go on") == 130


def test_more_devices_than_there_are_is_one_line(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_cores", lambda: 1)
    for command in (("train", "digits-tiny"), ("score", "probe", "--data", "digits")):
        assert "--devices 3: this machine has 1 CPU core" in fail(*command, "--devices", 3, "--device", "cpu")
        assert "--nodes must be at least 1" in fail(*command, "--nodes", 0, "--device", "cpu")


def hvae(runs: Path, *arguments: object, **more: object) -> subprocess.Popen:
    environment = {**os.environ, "HVAE_RUNS": str(runs), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "hvae", *map(str, arguments), "--device", "cpu"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=ROOT, env=environment, **pipes, **more)  # type: ignore[call-overload]


def ended(process: subprocess.Popen) -> tuple[int, str, str]:
    said, problems = process.communicate(timeout=250)
    return process.returncode, said, problems


def child(of: int, within: float = 120) -> int:
    """The second process that a command has started."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        for place in Path("/proc").glob("[0-9]*"):
            try:
                parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
                if parent == of and b"LOCAL_RANK=1" in (place / "environ").read_bytes():
                    return int(place.name)
            except OSError:
                continue
        time.sleep(0.2)
    raise AssertionError("no second process")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_processes_write_the_table_of_one(tmp_path: Path) -> None:
    run = make_run(tmp_path, "tiny", depth=2, trained=True, data="digits")
    asked = ("score", "tiny", "--data", "digits", "glyphs", "--draws", 2)
    tables = []
    for devices in (1, 2):
        code, said, problems = ended(hvae(tmp_path, *asked, "--devices", devices))
        assert code == 0, problems
        paths = sorted((run / "scores").glob("*.parquet"))
        assert [line.partition(": ")[0] for line in said.splitlines()] == [str(path) for path in paths]
        tables.append([read_table(path) for path in paths])
        shutil.rmtree(run / "scores")
    for one, two in zip(*tables, strict=True):
        assert one.metadata == two.metadata
        pd.testing.assert_frame_equal(one.frame, two.frame, check_exact=True)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("preset", "columns", "tolerance", "further"),
    [
        # At its own rate of 5e-3 Adam makes differences of 1e-3 out of rounding, on some processors.
        ("fashionmnist-classifier", ["elbo", "accuracy"], 1e-5, {"learning_rate": 1e-3}),
        ("digits-tiny", ["train_elbo", "elbo", "log_px", "log_ratio_1"], 1e-3, {}),
        ("digits-tiny", ["train_elbo", "elbo", "log_px", "log_ratio_1"], 1e-4, BY_MINIBATCH),
    ],
    ids=["classifier", "by-example", "by-minibatch"],
)
def test_two_processes_learn_as_one(
    tmp_path: Path, preset: str, columns: list[str], tolerance: float, further: dict[str, object]
) -> None:
    """The same global batches with the same noise, and one mean over each under the floor of the divergences."""
    curves, data = [], "digits"
    if further is BY_MINIBATCH:
        data = f"npz:{tmp_path / 'few.npz'}"
        np.savez(data.removeprefix("npz:"), images=load("digits", "train").images[:40])
    settings = {"batch_size": 64, "precision": "32-true"} | further
    small = ["--data", data, *(w for name, value in settings.items() for w in ("--set", f"training.{name}={value}"))]
    for devices in (1, 2):
        name = tmp_path / f"by-{devices}"
        asked = ("train", preset, *small, "--epochs", 3, "--run", name, "--devices", devices)
        code, said, problems = ended(hvae(tmp_path, *asked))
        assert (code, said.strip()) == (0, str(name)), problems
        curves.append(pd.read_csv(name / "history.csv")[columns])
    np.testing.assert_allclose(*curves, rtol=tolerance)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_training_that_lost_a_process_goes_on_to_the_same_curve(tmp_path: Path) -> None:
    """Noise follows from seed and step, and two gradients have one sum: to the last digit that a curve has."""
    asked = ("train", "digits-tiny", "--epochs", 20, "--devices", 2, "--run")
    code, _, problems = ended(hvae(tmp_path, *asked, tmp_path / "whole"))
    assert code == 0, problems
    process = hvae(tmp_path, *asked, tmp_path / "died")
    second = child(process.pid)
    until = time.monotonic() + 200
    while not (tmp_path / "died" / "history.csv").exists() and time.monotonic() < until:
        time.sleep(0.05)
    os.kill(second, signal.SIGKILL)
    code, _, problems = ended(process)
    last = problems.splitlines()[-1]
    assert code == 2 and "process 2 of 2 was killed (SIGKILL); what was finished is kept, continue with:" in last
    assert "Traceback" not in problems and last.endswith("--resume")
    curves = {name: tmp_path / name / "history.csv" for name in ("whole", "died")}
    epochs = len(pd.read_csv(curves["died"]))
    assert 1 <= epochs < 20, "it died in the middle"
    command = shlex.split(last.partition("continue with: hvae ")[2])
    code, _, problems = ended(hvae(tmp_path, *command, "--devices", 2))
    assert code == 0, problems
    whole, died = (pd.read_csv(path).drop(columns="images_per_second") for path in curves.values())
    assert len(died) == 20
    pd.testing.assert_frame_equal(died, whole, rtol=1e-5)
