"""Where benchmarks write what they found, docs/speed.md, and how much memory that took."""

from __future__ import annotations

import re
import resource
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "speed.md"


def into_page(found: str, begin: str, end: str) -> None:
    """Put a table between two marks of the page."""
    text = PAGE.read_text()
    before, mark, rest = text.partition(begin)
    assert mark and end in rest, f"{PAGE} has no place for this table: {begin}"
    PAGE.write_text(f"{before}{begin}\n{found}\n{end}{rest.partition(end)[2]}")


def peak_megabytes() -> float:
    """The largest resident memory of this process so far."""
    # What `getrusage` says of a process begins with what the one that started it had.
    status = Path("/proc/self/status")
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return (int(found[1]) if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) / 1024
