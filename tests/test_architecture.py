"""The direction of imports, the size of files, functions and folders, and the weight of a clone."""

import ast
import itertools
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from importlinter import configuration
from importlinter.application import use_cases

ROOT = Path(__file__).resolve().parents[1]
MEBIBYTE = 2**20
LARGEST_FILE = 16 * MEBIBYTE
LARGEST_CHECKOUT = 24 * MEBIBYTE
BLOCK = 4096
"""Bytes of which a file takes whole multiples on disk."""
MOST_LINES, MOST_LINES_OF_A_FUNCTION, MOST_FILES = 350, 60, 13
"""Of a Python file, of a function in it with its signature and docstring, and of a folder."""


@pytest.fixture(scope="module")
def sources() -> dict[str, str]:
    """Every Python file of the packages, the pages and the tests, by its path in the repository."""
    paths = (path for folder in ("hvae", "app", "pages", "tests") for path in (ROOT / folder).rglob("*.py"))
    return {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in paths}


@pytest.fixture(scope="module")
def tracked_sizes() -> dict[str, int]:
    """Bytes of each file git tracks, by its path in the repository."""
    try:
        listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("git is not installed")
    if listing.returncode != 0:
        pytest.skip(f"not in a git checkout: {listing.stderr.strip()}")
    paths = [path for path in listing.stdout.split("\0") if path and (ROOT / path).is_file()]
    if not paths:
        pytest.skip("git tracks no file here")
    return {path: (ROOT / path).lstat().st_size for path in paths}


def test_imports_keep_the_contracts(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    # Not importlinter.cli.lint_imports, which would disable the loggers of every module imported so far.
    monkeypatch.chdir(ROOT)
    configuration.configure()
    kept = use_cases.lint_imports(config_filename="pyproject.toml", cache_dir=None, no_logo=True)
    assert kept, capsys.readouterr().out


def test_files_and_folders_are_small(sources: dict[str, str]) -> None:
    lines = {path: len(text.splitlines()) for path, text in sources.items()}
    assert {path: count for path, count in lines.items() if count > MOST_LINES} == {}
    files = Counter(Path(path).parent.as_posix() for path in sources)
    assert {folder: count for folder, count in files.items() if count > MOST_FILES} == {}


def test_functions_are_short(sources: dict[str, str]) -> None:
    long = {}
    for path, text in sources.items():
        starts = [
            number for number, line in enumerate(text.splitlines()) if line.startswith(("def ", "async ", "class "))
        ]
        longest = max(after - start for start, after in itertools.pairwise([0, *starts, len(text.splitlines())]))
        # Parsing takes a second where all is parsed. A function in another is shorter than that, so it is passed over.
        rest = ast.parse(text).body if longest > MOST_LINES_OF_A_FUNCTION else []
        while rest:
            node = rest.pop()
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                rest += getattr(node, "body", [])
            elif (count := (node.end_lineno or node.lineno) - node.lineno + 1) > MOST_LINES_OF_A_FUNCTION:
                long[f"{path}: {node.name}"] = count
    assert long == {}


def test_no_tracked_text_keeps_both_sides_of_a_merge(tracked_sizes: dict[str, int]) -> None:
    texts = [path for path in tracked_sizes if Path(path).suffix in {".md", ".py", ".toml", ".css", ".yml", ""}]
    marks = ("<" * 7 + " ", ">" * 7 + " ")
    held = [
        path
        for path in texts
        if any(line.startswith(marks) for line in (ROOT / path).read_text(errors="replace").splitlines())
    ]
    assert held == []


def test_no_tracked_file_is_large(tracked_sizes: dict[str, int]) -> None:
    assert {path: size for path, size in tracked_sizes.items() if size > LARGEST_FILE} == {}


def test_a_checkout_is_light(tracked_sizes: dict[str, int]) -> None:
    total = sum(-(-size // BLOCK) * BLOCK for size in tracked_sizes.values())
    heaviest = sorted(tracked_sizes, key=tracked_sizes.__getitem__, reverse=True)[:5]
    assert total < LARGEST_CHECKOUT, f"{total / MEBIBYTE:.1f} MiB; the heaviest: {', '.join(heaviest)}"
