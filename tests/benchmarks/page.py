"""Where benchmarks write what they found: docs/speed.md."""

from __future__ import annotations

from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "speed.md"


def into_page(found: str, begin: str, end: str) -> None:
    """Put a table between two marks of the page."""
    text = PAGE.read_text()
    before, mark, rest = text.partition(begin)
    assert mark and end in rest, f"{PAGE} has no place for this table: {begin}"
    PAGE.write_text(f"{before}{begin}\n{found}\n{end}{rest.partition(end)[2]}")
