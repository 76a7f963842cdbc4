"""The queue of long computations, and the words a page has for them."""

import logging
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from app.frame import jobs
from app.server.limits import Limits
from app.server.queue import UNFORESEEN, Job, JobQueue, QueueFull
from hvae.errors import DataError

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 10


class Step:
    """A job that stands still until it is let go."""

    def __init__(self, result: str | None = None) -> None:
        self.started, self.go_on, self.result = threading.Event(), threading.Event(), result

    def __call__(self, report, cancelled):
        report(0, 4)
        self.started.set()
        assert self.go_on.wait(PATIENCE)
        report(3, 4)
        return self.result


def finished(queue: JobQueue, job: str) -> Job:
    """The job once it is finished: everything before a job of one's own has run when that has."""
    passed = threading.Event()
    queue.submit("last", lambda report, cancelled: passed.set(), object())
    assert passed.wait(PATIENCE)
    found = queue.find(job)
    assert found is not None and found.finished
    return found


def test_jobs_run_one_at_a_time_in_the_order_they_came():
    queue, order, first = JobQueue(), [], Step("here")
    one = queue.submit("one", first, "one", steps="images")
    assert first.started.wait(PATIENCE)
    two, three = (queue.submit(name, lambda *_, name=name: order.append(name), name) for name in ("two", "three"))
    found = queue.find(one)
    assert found is not None and (found.state, found.done, found.total, found.position) == ("running", 0, 4, 0)
    assert [queue.find(job).position for job in (two, three)] == [1, 2]
    assert queue.counts() == (2, 1) and order == []
    first.go_on.set()
    ended = finished(queue, one)
    assert (ended.state, ended.result, ended.done, ended.steps) == ("done", "here", 3, "images")
    assert ended.per_second > 0 and ended.seconds_left is None
    assert order == ["two", "three"]
    assert len({one, two, three}) == 3 and all(len(job) == 12 for job in (one, two, three))


def test_a_job_is_cancelled_before_and_while_it_runs():
    queue, first, never = JobQueue(), Step("late"), []
    running = queue.submit("running", first, "running")
    assert first.started.wait(PATIENCE)
    waiting = queue.submit("waiting", lambda *_: never.append(1), "waiting")
    behind = queue.submit("behind", lambda *_: "result", "behind")
    queue.cancel(waiting)
    assert queue.find(waiting).state == "cancelled" and not queue.find(waiting).stopping
    assert queue.find(behind).position == 1
    queue.cancel(running)
    found = queue.find(running)
    assert found.state == "running" and jobs.in_words(found) == "Stopping at its next step."
    # The same work asked for again is a new job, not the one about to stop.
    assert queue.submit("again", lambda *_: None, "running") != running
    first.go_on.set()
    assert finished(queue, running).state == "cancelled"
    assert queue.find(behind).state == "done" and never == []
    queue.cancel(behind)
    assert queue.find(behind).state == "done"


def test_work_may_also_stop_by_itself_and_keeps_what_it_finished():
    queue = JobQueue()
    started = [threading.Event(), threading.Event()]

    def stops(report, cancelled):
        started[0].set()
        while not cancelled():
            started[0].wait(0.001)

    def finishes(report, cancelled):
        started[1].set()
        while not cancelled():
            started[1].wait(0.001)
        return "written before the end"

    ids = [queue.submit(work.__name__, work, work) for work in (stops, finishes)]
    for job, event in zip(ids, started, strict=True):
        assert event.wait(PATIENCE)
        queue.cancel(job)
    assert finished(queue, ids[1]).result == "written before the end"
    assert [queue.find(job).state for job in ids] == ["cancelled", "done"]


@pytest.mark.parametrize("reports", [True, False])
def test_a_job_over_its_time_stops_at_its_next_step_and_says_so(reports: bool):
    now = [0.0]
    queue = JobQueue(Limits(job_seconds=7200), lambda: now[0])
    steps: list[int] = []

    def work(report, cancelled):
        for step in range(5):
            steps.append(step)
            now[0] += 3000
            if reports:
                report(step + 1, 5)
            elif cancelled():
                return None
        return "the end"

    found = finished(queue, queue.submit("long", work, "long"))
    assert steps == [0, 1, 2] and (found.state, found.result) == ("failed", None)
    assert found.problem == "stopped after 2 h 0 min, the most a job may run here. What was finished before is kept."
    again = queue.submit("long", lambda *_: "short enough", "long")
    assert finished(queue, again).state == "done", "each job has its own time"


def test_failures_become_one_line(caplog):
    queue = JobQueue()

    def says(report, cancelled):
        raise DataError("digits is not here\nand more")

    def breaks(report, cancelled):
        raise RuntimeError("secret path")

    ids = [queue.submit(work.__name__, work, work) for work in (says, breaks)]
    with caplog.at_level(logging.ERROR, "app.server.queue"):
        finished(queue, ids[1])
    assert [queue.find(job).problem for job in ids] == ["digits is not here", UNFORESEEN]
    assert [queue.find(job).state for job in ids] == ["failed", "failed"]
    assert "secret path" in caplog.text and "digits" not in caplog.text


def test_the_same_work_is_queued_once_while_it_is_unfinished():
    queue, first = JobQueue(), Step()
    one = queue.submit("one", first, ("a", "b"))
    waiting = queue.submit("two", lambda *_: None, "waiting")
    assert queue.submit("one", Step(), ("a", "b")) == one
    assert queue.submit("two", Step(), "waiting") == waiting
    first.go_on.set()
    finished(queue, one)
    assert queue.submit("one", lambda *_: None, ("a", "b")) != one


def test_the_queue_is_bounded_and_forgets():
    queue, first = JobQueue(Limits(jobs_waiting=2, jobs_remembered=3)), Step()
    running = queue.submit("running", first, 0)
    assert first.started.wait(PATIENCE)
    waiting = [queue.submit("waiting", lambda *_: None, number) for number in (1, 2)]
    with pytest.raises(QueueFull, match="2 computations are waiting"):
        queue.submit("too many", lambda *_: None, 3)
    queue.cancel(waiting[0])
    first.go_on.set()
    finished(queue, running)
    later = []
    for number in range(4, 9):
        later.append(queue.submit("later", lambda *_: None, number))
        finished(queue, later[-1])
    assert queue.find(waiting[0]) is None and queue.find(later[0]) is None
    assert queue.find(later[-1]) is not None


def test_a_running_job_does_not_hold_up_the_end_of_the_server():
    code = """
import threading
from app.server.queue import JobQueue
started = threading.Event()
def endless(report, cancelled):
    while True:
        started.set()
        report(0, 1)
queue = JobQueue()
queue.submit("endless", endless, 0)
queue.submit("and another", endless, 1)
assert started.wait(10)
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, timeout=30)


def test_progress_in_words():
    def job(**changes: object) -> Job:
        fields = {"position": 0, "done": 0, "total": 0, "per_second": None, "seconds_left": None}
        fields |= {"id": "x", "title": "t", "state": "running", "steps": "images", "problem": "", "result": None}
        return Job(**(fields | changes))

    assert jobs.in_words(job(state="waiting", position=1)) == "Waiting for its turn: it is next."
    assert jobs.in_words(job(state="waiting", position=3)) == "Waiting for its turn: 2 before it."
    assert jobs.in_words(job()).startswith("Starting")
    assert jobs.in_words(job(done=100, total=2000)) == "100 of 2,000 images"
    moving = job(done=100, total=2000, per_second=25.31, seconds_left=75.1)
    assert jobs.in_words(moving) == "100 of 2,000 images, 25.3 a second, about 1 min left"
    assert [jobs.duration(seconds) for seconds in (0.1, 59.4, 61, 7300)] == ["1 s", "59 s", "1 min", "2 h 2 min"]


def test_the_badge_asks_torch_only_where_it_is_there(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=SimpleNamespace(is_available=lambda: True)))
    assert jobs.device() == "cuda"
    monkeypatch.delitem(sys.modules, "torch")
    assert jobs.device() == ("cuda" if Path("/dev/nvidia0").exists() else "cpu")
    assert "torch" not in sys.modules


def test_text_from_outside_is_not_read_as_markdown():
    assert jobs._literal("run_[x](http://y) <b>*a*: 1, 2") == "run\\_\\[x\\]\\(http\\://y\\) \\<b\\>\\*a\\*\\: 1, 2"
