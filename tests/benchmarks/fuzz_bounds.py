"""What reading one hostile file may take: memory, processor time, and not a word on the standard error stream."""

from __future__ import annotations

import os
import re
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MOST_MIB = 150
"""Resident memory above what there was before; `hvae.datasets.own.decoding` promises about 130 beside the input."""
MOST_CPU_SECONDS = 5.0

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class BoundBroken(AssertionError):
    """Reading took more than it may, or said something to the terminal."""


@contextmanager
def bounded(mib: float = MOST_MIB, seconds: float = MOST_CPU_SECONDS) -> Iterator[None]:
    """Run a block within bounds, every Python warning an error; Linux only.

    Args:
        mib: of resident memory that the block may add at its peak.
        seconds: of CPU time of this process.

    Raises:
        BoundBroken: the block took more, or wrote to the standard error stream, libraries in C included.
    """
    # 5 sets the peak back to what is resident now.
    _CLEAR.write_text("5")
    before, started = _peak_mib(), time.process_time()
    with warnings.catch_warnings(action="error"), _overheard() as said:
        yield
    spent, grown = time.process_time() - started, _peak_mib() - before
    if said:
        raise BoundBroken(f"wrote to the standard error stream: {bytes(said[:300])!r}")
    if spent > seconds:
        raise BoundBroken(f"took {spent:.1f} s of CPU time, more than {seconds:g}")
    if grown > mib:
        raise BoundBroken(f"took {grown:.0f} MiB, more than {mib:g}")


def _peak_mib() -> float:
    found = re.search(r"VmHWM:\s+(\d+) kB", _STATUS.read_text())
    assert found
    return int(found[1]) / 1024


@contextmanager
def _overheard() -> Iterator[bytearray]:
    """Stand in for the standard error stream; what was written to it is in the result once the block has ended."""
    said, own = bytearray(), os.dup(2)
    kept = os.memfd_create("stderr")
    os.dup2(kept, 2)
    try:
        yield said
    finally:
        sys.stderr.flush()
        os.dup2(own, 2)
        said += os.pread(kept, 1_000, 0)
        os.close(own)
        os.close(kept)
