"""Progress on stderr: a bar with the time left on a terminal, a line every tenth elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

OnProgress = Callable[[int, int], None]


@contextmanager
def counted(description: str, unit: str = "images") -> Iterator[OnProgress]:
    """A callable that takes (done, in all) and shows how far a command is.

    Args:
        description: what is going on.
        unit: of the counts; `bytes` are shown as kB and MB.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines(description, unit)
        return
    count: ProgressColumn = DownloadColumn() if unit == "bytes" else MofNCompleteColumn()
    columns = (TextColumn("{task.description}"), BarColumn(), count, TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(description, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)


class _Lines:
    """A line whenever another tenth is done."""

    def __init__(self, description: str, unit: str) -> None:
        self.description, self.unit = description, unit
        self.console = Console(stderr=True)
        self.began, self.tenths = time.monotonic(), 0

    def __call__(self, done: int, total: int) -> None:
        tenths = 10 * done // total if total else 0
        if tenths <= self.tenths:
            return
        self.tenths = tenths
        left = time_left(time.monotonic() - self.began, done, total)
        self.console.print(
            f"{self.description}: {done:,} of {total:,} {self.unit}, {left} left", highlight=False, soft_wrap=True
        )


def time_left(elapsed: float, done: int, total: int) -> str:
    """Time left as h:mm:ss at the pace so far; `elapsed` in seconds for `done` of `total` steps."""
    return str(timedelta(seconds=round(elapsed / done * (total - done)))) if done else "unknown time"
