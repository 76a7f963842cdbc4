"""How many cores PyTorch may take on the machine of the web server."""

from __future__ import annotations

import os

MOST_THREADS = 4
"""Small models gain nothing from more."""


def spare_one() -> None:
    """Leave a core to the web server; imports torch.

    The setting holds for the whole process, so it is made where a model is loaded and the same each time; a thread
    takes it over when it first computes.
    """
    import torch

    torch.set_num_threads(min(torch.get_num_threads(), MOST_THREADS, max(1, available() - 1)))


def available() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
