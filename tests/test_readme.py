"""The README is short, and its example of Python does what it says."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
LONGEST = 120


def test_it_is_short() -> None:
    assert len(README.read_text("utf-8").splitlines()) <= LONGEST


def test_its_example_runs(tmp_path: Path) -> None:
    """As a reader would: in a folder of one's own, where nothing but the bundled runs and data sets is at hand."""
    (example,) = re.findall(r"^```python\n(.*?)^```$", README.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    shown = 'print("rebuilt", [type(part).__name__ for part in (run, digits, rebuilt)], len(digits))'
    environment = {"PYTHONPATH": str(ROOT), "HVAE_DATA": str(tmp_path / "data"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "error", "-c", f"{example}\n{shown}"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(word in done.stdout for word in ("LLR>1", "-L>3", "verdict", "rebuilt")), done.stdout
    assert list(tmp_path.iterdir()) == []
