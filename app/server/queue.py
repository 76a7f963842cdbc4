"""One queue of long computations for the whole server: one runs, the others wait for their turn. No Streamlit here.

States are words, no enumeration: the queue outlives a reload of this file, and old members would equal no new ones.
"""

from __future__ import annotations

import logging
import math
import secrets
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from app.server.limits import Limits
from hvae.errors import HvaeError

logger = logging.getLogger(__name__)

KEPT = "What was finished before is kept."
UNFORESEEN = "failed unexpectedly; the server's log says why"

State = Literal["waiting", "running", "done", "failed", "cancelled"]
Report = Callable[[int, int], None]
"""Called by a job with (steps done, steps in all); raises `Cancelled` where the job has to stop."""
Work = Callable[[Report, Callable[[], bool]], "str | Path | None"]
"""What a job does, given `report` and `cancelled`; returns where its result lies."""


class Cancelled(Exception):
    """A job was told to stop, or its time is up."""


class QueueFull(HvaeError):
    """As many jobs wait as may."""


@dataclass(frozen=True)
class Job:
    """A job as it stood when it was asked for; `problem` is one line on why it failed, `stopping` until it has stopped.

    `position` is 1 for the next to run and 0 unless it waits; `total` is 0, and what follows from the pace None, until
    that can be told; `steps` says what a step is, in the plural.
    """

    id: str
    title: str
    steps: str
    state: State = "waiting"
    position: int = 0
    done: int = 0
    total: int = 0
    per_second: float | None = None
    seconds_left: float | None = None
    problem: str = ""
    result: str | Path | None = None
    stopping: bool = False
    page: str = ""
    """Where its result is shown; empty for one that no page waits for."""

    @property
    def finished(self) -> bool:
        """Whether nothing will change any more."""
        return self.state in ("done", "failed", "cancelled")


class JobQueue:
    """Runs jobs one at a time in the order they came, on a thread that lives while there are some.

    An executor would hold up the end of the server until every job that waits has run.
    """

    def __init__(self, limits: Limits | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """An empty queue within these limits; the clock gives seconds."""
        self._limits, self._clock = limits or Limits(), clock
        self._lock, self._working = threading.Lock(), False
        self._jobs: dict[str, _Entry] = {}

    def submit(self, title: str, work: Work, key: Hashable, steps: str = "steps", page: str = "") -> str:
        """Queue a job, or find the unfinished one with the same key; its unguessable id. Raises `QueueFull`.

        The work is called on the queue's thread and must not touch Streamlit.
        """
        with self._lock:
            for entry in self._jobs.values():
                if entry.key == key and not entry.job.finished and not entry.stop.is_set():
                    return entry.job.id
            if len(self._waiting()) >= (most := self._limits.jobs_waiting):
                raise QueueFull(f"{most} computations are waiting already: try again in a few minutes")
            job = Job(secrets.token_urlsafe(9), title, steps, page=page)
            self._jobs[job.id] = _Entry(job, work, key, self._limits.job_seconds, self._clock)
            if not self._working:
                self._working = True
                threading.Thread(target=self._drain, name="jobs").start()
            return job.id

    def find(self, job: str) -> Job | None:
        """A job by its id; None for one that was never there or is forgotten."""
        with self._lock:
            entry = self._jobs.get(job)
            return entry and entry.seen(self._waiting().index(entry) + 1 if entry.job.state == "waiting" else 0)

    def cancel(self, job: str) -> None:
        """Stop a job: at once where it waits, at its next step where it runs; finished ones stay as they are."""
        with self._lock:
            if (entry := self._jobs.get(job)) and not entry.job.finished:
                entry.stop.set()
                if entry.job.state == "waiting":
                    self._finish(entry, "cancelled")

    def counts(self) -> tuple[int, int]:
        """(jobs waiting, jobs running)."""
        with self._lock:
            states = [entry.job.state for entry in self._jobs.values()]
        return states.count("waiting"), states.count("running")

    def _waiting(self) -> list[_Entry]:
        """What waits, the oldest first; the lock is held."""
        return [entry for entry in self._jobs.values() if entry.job.state == "waiting"]

    def _drain(self) -> None:
        """Run what waits, the oldest first, until nothing does or the server shuts down."""
        while True:
            with self._lock:
                waiting = self._waiting()
                if not waiting or _shutting_down():
                    self._working = False
                    return
                entry = waiting[0]
                entry.job, entry.until = replace(entry.job, state="running"), self._clock() + entry.seconds
            self._run(entry)

    def _run(self, entry: _Entry) -> None:
        result, state, problem = None, "failed", UNFORESEEN
        try:
            result = entry.work(entry.report, entry.cancelled)
            # A job that stops because it has to has no result; one that got there first keeps it.
            state, problem = entry.stopped() if result is None and entry.cancelled() else ("done", "")
        except Cancelled:
            state, problem = entry.stopped()
        except HvaeError as error:
            problem = (str(error).splitlines() or [UNFORESEEN])[0]
        except Exception:
            logger.exception("a job failed: %s", entry.job.title)
        with self._lock:
            self._finish(entry, state, problem, result)

    def _finish(self, entry: _Entry, state: State, problem: str = "", result: str | Path | None = None) -> None:
        """Close a job and forget the oldest finished ones; the lock is held."""
        entry.job = replace(entry.job, state=state, problem=problem, result=result)
        # What the work holds on to (models, images) must not outlive it.
        del entry.work
        # Finished last, remembered longest.
        self._jobs[entry.job.id] = self._jobs.pop(entry.job.id)
        finished = [other.job.id for other in self._jobs.values() if other.job.finished]
        for old in finished[: -self._limits.jobs_remembered]:
            del self._jobs[old]


@dataclass(eq=False)
class _Entry:
    """A job as the queue keeps it; its state changes under the lock alone."""

    job: Job
    work: Work
    key: Hashable
    seconds: int
    clock: Callable[[], float]
    until: float = math.inf
    stop: threading.Event = field(default_factory=threading.Event)
    first: tuple[float, int] | None = None
    last: tuple[float, int] = (0.0, 0)

    def cancelled(self) -> bool:
        """Whether to stop: it was told to, the server is shutting down and waits for this thread, or its time is up."""
        return self.stop.is_set() or _shutting_down() or self.clock() >= self.until

    def stopped(self) -> tuple[State, str]:
        """(state, problem) of a job that had to stop."""
        if self.stop.is_set() or _shutting_down():
            return "cancelled", ""
        return "failed", f"stopped after {duration(self.seconds)}, the most a job may run here. {KEPT}"

    def report(self, done: int, total: int) -> None:
        if self.cancelled():
            raise Cancelled
        self.last, self.job = (self.clock(), done), replace(self.job, done=done, total=total)
        # The pace is counted from the first step on: what went before it (loading a model) does not repeat.
        self.first = self.first or self.last

    def seen(self, position: int) -> Job:
        pace = left = None
        (began, first), (now, last) = self.first or self.last, self.last
        if last > first and now > began:
            pace = (last - first) / (now - began)
            # Between two reports the time left goes on to run down.
            left = max(0.0, (self.job.total - self.job.done) / pace - (self.clock() - now))
        left, stopping = left if self.job.state == "running" else None, self.stop.is_set() and not self.job.finished
        return replace(self.job, position=position, per_second=pace, seconds_left=left, stopping=stopping)


def duration(seconds: float) -> str:
    """A time span, rounded to what one can plan with."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _shutting_down() -> bool:
    return not threading.main_thread().is_alive()
