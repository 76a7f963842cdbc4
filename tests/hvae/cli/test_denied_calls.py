"""Whatever one call of the file system is denied, a command ends in words and leaves no half of a file."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.hvae.commands import succeed
from tests.synthetic import make_tables

ROOT = Path(__file__).resolve().parents[3]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(sys.platform != "linux" or not shutil.which("cc"), reason="wants Linux and a C compiler"),
]
TRAIN = ("train", "digits-tiny", "--epochs", "1", "--set", "training.batch_size=350", "--device", "cpu")
COMMANDS: dict[str, tuple[str, ...]] = {
    "train": (*TRAIN, "--run", "{}/runs/new"),
    "resume": ("train", "digits-tiny", "--run", "{}/runs/begun", "--resume", "--device", "cpu"),
    "score": ("score", "{}/runs/a", "--data", "digits", "--limit", "20", "--seed", "9", "--device", "cpu"),
    "report": ("report", "{}/runs/a", "--bootstrap", "10", "--out", "{}/report.md"),
    "compare": ("compare", "{}/runs/a", "--data", "glyphs", "--bootstrap", "10", "--out", "{}/rivals.csv"),
    "correlate": ("correlate", "{}/runs/a", "{}/runs/b", "--data", "digits", "--images", "40", "--device", "cpu"),
    "reconstruct": ("reconstruct", "{}/runs/a", "--data", "digits", "--count", "2", "--out", "{}/grid.png"),
    "list": ("runs", "list"),
    "check": ("runs", "check", "{}/runs/a"),
    "bundle": ("runs", "bundle", "{}/runs/a", "{}/runs/light"),
    "bundle-tables": ("runs", "bundle", "{}/runs/a", "{}/runs/tables", "--without-weights"),
    "upgrade": ("runs", "upgrade", "{}/runs/a"),
    "import": ("runs", "import", "{}/runs/a", "--name", "copied"),
    "measure": ("data", "measure", "digits", "--limit", "10"),
    "data-list": ("data", "list"),
}


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`deny.c`, compiled."""
    library = tmp_path_factory.mktemp("shim") / "deny.so"
    source = ROOT / "tests" / "hvae" / "deny.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True)
    return library


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs with tables, and one that was begun."""
    place = tmp_path_factory.mktemp("template")
    for name, seed in (("a", "1"), ("b", "2")):
        succeed(*TRAIN, "--seed", seed, "--run", place / "runs" / name)
        for split in ("reference", "calibration", "test"):
            succeed("score", place / "runs" / name, "--data", "digits", "--split", split, "--limit", "40")
        make_tables(place / "runs" / name, ("glyphs",), n=40, parts=False)
    begun = Path(shutil.copytree(place / "runs" / "a", place / "runs" / "begun"))
    config = json.loads((begun / "config.json").read_text())
    config["training"]["epochs"] = 2
    (begun / "config.json").write_text(json.dumps(config))
    return place


@pytest.mark.parametrize("name", COMMANDS)
def test_one_call_denied(shim: Path, template: Path, tmp_path: Path, name: str) -> None:
    place = tmp_path / "place"
    command = [part.replace("{}", str(place)) for part in COMMANDS[name]]
    environment = {**os.environ, "LD_PRELOAD": str(shim), "HVAE_RUNS": str(place / "runs"), "OMP_NUM_THREADS": "1"}
    environment |= {"PYTHONPATH": str(ROOT), "HVAE_DATA": str(place / "data")}
    driver = [sys.executable, "-m", "tests.hvae.denied", str(place), str(template), *command]
    done = subprocess.run(driver, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    whole, *tries = (json.loads(line) for line in done.stdout.splitlines())
    assert whole["code"] == 0 and not whole["broken"], whole
    assert name == "data-list" or tries, "no call was made below the folder"
    print(name, dict(Counter(one["kinds"] for one in tries)))
    wrong = [
        one
        for one in tries
        if one["code"] not in (0, 1, 2, 4) or "Traceback" in one["said"] or one["broken"] or "error" not in _last(one)
    ]
    assert not wrong, json.dumps(wrong[:5], indent=1)


def _last(one: dict) -> str:
    """The last line of a command that failed; one that went on without the call needs none."""
    return "error" if one["code"] == 0 else one["said"].strip().splitlines()[-1]
