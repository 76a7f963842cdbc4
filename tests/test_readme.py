"""The README is short, and its example of Python does what it says."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
LONGEST = 120


def test_it_is_short() -> None:
    assert len(README.read_text("utf-8").splitlines()) <= LONGEST


def test_its_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    """As a reader would: in a folder of one's own, where nothing but the bundled runs and data sets is at hand."""
    (example,) = re.findall(r"^```python\n(.*?)^```$", README.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    shown = 'print("rebuilt", [type(part).__name__ for part in (run, digits, rebuilt)], len(digits))'
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HVAE_RUNS")
    monkeypatch.setenv("HVAE_DATA", str(tmp_path / "data"))
    exec(f"{example}\n{shown}", {})
    said = capsys.readouterr().out
    assert all(word in said for word in ("LLR>1", "-L>3", "verdict", "rebuilt")), said
    assert list(tmp_path.iterdir()) == []
