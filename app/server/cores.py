"""How the web server is shared: how many cores PyTorch may take, for how long one visitor has them, and memory."""

import ctypes
import os
import sys
from contextlib import suppress

MOST_THREADS = 4
"""Small models gain nothing from more."""
TURN_SECONDS = 0.05
"""How long a thread computes before another one may; Python's own default is a tenth of it."""

_M_ARENA_MAX = -8
"""Of `mallopt(3)`."""


def share_one_heap() -> None:
    """Let all threads take memory from one heap, where the C library is glibc; before there are threads.

    It gives each thread a heap of its own else. Every visit has new threads, what is kept between visits keeps pieces
    of all heaps, and a server of thirty people ends 100 MiB above where it began.
    """
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def spare_one() -> None:
    """Leave a core to the web server, for the whole process; imports torch. To be called before a model is loaded."""
    import torch

    torch.set_num_threads(min(torch.get_num_threads(), MOST_THREADS, max(1, available() - 1)))


def take_long_turns() -> None:
    """Let pages be made one after the other: each is done sooner, and its browser draws it anew for fewer pieces."""
    sys.setswitchinterval(TURN_SECONDS)


def available() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
