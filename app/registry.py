"""Every page of the dashboard, in the order of the navigation."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "pages"

PAGES: dict[str, list[tuple[str, str]]] = {
    "Learn": [("overview", "Overview"), ("how_it_works", "How it works"), ("reconstructions", "Reconstructions")],
    "Analyse": [("scores", "Scores"), ("features", "Features"), ("compare", "Compare")],
    "Use": [("score_images", "Score images")],
    "Manage": [("runs", "Runs")],
}
"""Group: (file in `pages/`, title). The file name is the address; the overview lives at `/`."""

HOME = "overview"


def groups() -> dict[str, list[tuple[str, str]]]:
    """`PAGES` without the pages whose file is missing."""
    found = {
        group: [entry for entry in entries if (FOLDER / f"{entry[0]}.py").is_file()] for group, entries in PAGES.items()
    }
    return {group: entries for group, entries in found.items() if entries}


def names() -> list[str]:
    """File names of the pages that exist, without `.py`."""
    return [name for entries in groups().values() for name, _ in entries]


def address(name: str) -> str:
    """The path of a page in the browser."""
    return "/" if name == HOME else f"/{name}"
