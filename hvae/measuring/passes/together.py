"""Passes side by side on a CPU, each by its share of the cores.

The threads of one pass meet after every operation, and where operations are small a second core is as good as none.
Passes meet at the end alone: torch holds Python's lock only while an operation begins.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from queue import SimpleQueue
from threading import Event
from typing import TypeVar

import torch

MOST = 8
"""Passes at once: each takes memory of its own, and the lock lets no more of them begin their operations in time."""

Check = Callable[[], None]
"""To be called in a pass as often as it may be given up: raises where another one failed or all were interrupted."""
Found = TypeVar("Found")


def at_once() -> int:
    """How many passes the cores that PyTorch may take are enough for."""
    return min(MOST, torch.get_num_threads())


def side_by_side(jobs: Sequence[Callable[[Check], Found]]) -> list[Found]:
    """What some jobs give, in their order. Where one fails, the others stop at their next check, and it is raised.

    This thread is one of those that work: memory that it has used before serves again.
    """
    cores, count, stop = torch.get_num_threads(), min(len(jobs), at_once()), Event()
    found: dict[int, Found] = {}
    waiting: SimpleQueue[tuple[int, Callable[[Check], Found]] | None] = SimpleQueue()
    for one in [*enumerate(jobs), *[None] * count]:
        waiting.put(one)

    def check() -> None:
        if stop.is_set():
            raise CancelledError

    def work() -> None:
        # A thread takes over the number of the process when it first asks for its own, and never again.
        torch.get_num_threads()
        torch.set_num_threads(max(1, cores // count))
        try:
            for place, job in iter(waiting.get, None):
                check()
                found[place] = job(check)
        except CancelledError:
            return
        except BaseException:
            stop.set()
            raise

    pool = ThreadPoolExecutor(max(1, count - 1), "pass")
    try:
        others = [pool.submit(work) for _ in range(count - 1)]
        work()
        for other in others:
            other.result()
    finally:
        pool.shutdown()
        torch.set_num_threads(cores)
    return [found[place] for place in range(len(jobs))]
