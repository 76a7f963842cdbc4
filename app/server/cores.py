"""How the cores of the web server are shared: how many PyTorch may take, and for how long one visitor has them."""

from __future__ import annotations

import os
import sys

MOST_THREADS = 4
"""Small models gain nothing from more."""
TURN_SECONDS = 0.05
"""How long a thread computes before another one may; Python's own default is a tenth of it."""


def spare_one() -> None:
    """Leave a core to the web server; imports torch.

    The setting holds for the whole process, so it is made where a model is loaded and the same each time; a thread
    takes it over when it first computes.
    """
    import torch

    torch.set_num_threads(min(torch.get_num_threads(), MOST_THREADS, max(1, available() - 1)))


def take_long_turns() -> None:
    """Let the pages of several visitors be made one after the other rather than all at once, ever so slowly.

    Each is done sooner, and arrives in few pieces: a browser draws the page anew for every piece that comes alone.
    """
    sys.setswitchinterval(TURN_SECONDS)


def available() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
