"""How the cores of the web server are shared: how many PyTorch may take, and for how long one visitor has them."""

import os
import sys

MOST_THREADS = 4
"""Small models gain nothing from more."""
TURN_SECONDS = 0.05
"""How long a thread computes before another one may; Python's own default is a tenth of it."""


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
