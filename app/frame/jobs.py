"""Long computations on a page: queue one, watch it, stop it. `app.server.queue` runs them.

A worker must not touch Streamlit, takes its randomness from generators of its own, and gets its models from
`app.reading.loading.checkpoint`, or calls `app.server.cores.spare_one` before it loads one.
"""

import re
import sys
from collections.abc import Callable, Hashable
from pathlib import Path

import streamlit as st

from app.frame import components, controls, state
from app.server import judgements, limits
from app.server.queue import KEPT, Job, JobQueue, Work, duration
from hvae.errors import HvaeError

FORGOTTEN = "This job is not known any more (the server was restarted); its finished results are below."
ENDED = {
    "waiting": ", waiting",
    "running": ", running",
    "done": ", done",
    "failed": ", failed",
    "cancelled": ", stopped",
}
UNSEEN = "fetch"
"""In place of a page for a job whose end is all there is to see: it does not take the place of the one followed."""
SOON_SECONDS = 5.0
"""What is done so soon is not shown in parts."""
MOST_LISTED = 6
"""Jobs of one visitor in the sidebar."""
RUNNING_SECONDS, WAITING_SECONDS = 1.0, 2.0
"""Between two looks at a job. Every look costs its browser a tenth of a second, and many may wait at once."""


@st.cache_resource(show_spinner=False)
def _queue() -> JobQueue:
    """The one queue of the server. It survives a reload of its class: never ask whether it is an instance of one."""
    return JobQueue(limits.current())


def start(
    title: str,
    work: Work,
    key: Hashable,
    steps: str = "steps",
    prepare: Callable[[str], None] | None = None,
    page: str = "",
) -> None:
    """Queue a job, `prepare` by its id and follow it in the address; for callbacks. What goes wrong is said."""
    job = ""
    try:
        job = _queue().submit(title, work, key, steps, page)
        if prepare:
            prepare(job)
    except HvaeError as error:
        _queue().cancel(job)
        state.note("job", str(error))
        return
    if page != UNSEEN:
        st.session_state["job"] = job
    if job not in (mine := st.session_state.setdefault("_jobs", [])):
        mine.append(job)
    state.unsay("job")


def find(job: str) -> Job | None:
    """A job by its id; None for one that is not known (any more)."""
    return _queue().find(job)


def unfinished(job: str) -> bool:
    """Whether a job waits or runs, by its id."""
    return (found := find(job)) is not None and not found.finished


def followed(page: str) -> str | None:
    """Id of the job in the address (`?job=`) where its result is shown on this page, None where there is none."""
    job = state.chosen(state.JOB)
    if not job:
        return None
    # What the queue has forgotten is known by what was kept of it.
    where = found.page if (found := find(job)) else "score_images" if judgements.stamp(job) else ""
    return job if where in ("", page) else None


def follow() -> None:
    """Keep the job in the address, and list those of this visitor; for the sidebar, which every page has."""
    chosen = controls.unseen(state.JOB, lambda job: isinstance(job, str), "")
    state.hold(state.JOB, chosen or None)
    mine: list[str] = st.session_state.setdefault("_jobs", [])
    if chosen and chosen not in mine and (find(chosen) or judgements.stamp(chosen)):
        mine.append(chosen)
    known = {job: find(job) for job in mine[-MOST_LISTED:]}
    if not known:
        return
    st.caption("Your jobs")
    busy = [job for job, found in known.items() if found and not found.finished]
    if busy:
        st.fragment(run_every=WAITING_SECONDS)(_how_far)(busy)
    for job, found in reversed(known.items()):
        where = (found.page if found else "score_images") or st.session_state["_page"]
        if found and found.page == UNSEEN:
            st.caption(_literal(f"{found.title}{ENDED[found.state]}{found.problem and f': {found.problem}'}"))
            continue
        title = found.title if found else judgements.title(job)
        label = f"{_literal(title)}{ENDED[found.state] if found else ', kept'}"
        chose = st.button(label, key=f"look-{job}", type="tertiary", on_click=_look_at, args=(job,))
        if chose and where != st.session_state["_page"]:
            st.switch_page(f"../pages/{where}.py", query_params=state.values(where, job=job))


def _look_at(job: str) -> None:
    st.session_state[state.JOB] = job
    state.hold(state.JOB, job)


def _how_far(busy: list[str]) -> None:
    """Unfinished jobs in words; the whole page is drawn anew when one has ended."""
    for job in busy:
        if (found := find(job)) is None or found.finished:
            st.rerun()
        st.caption(f"{_literal(found.title)}: {in_words(found)}")


def forget() -> None:
    """Take the job out of the address; for callbacks."""
    st.session_state["job"] = ""


def watch(job: str, below: Callable[[str], None] | None = None) -> Job | None:
    """Draw a job, None where it is not known: one line on how it ended, else its progress and what `below` draws.

    While it is unfinished this is drawn again every second or two, and the whole page once at the end.
    """
    found = find(job)
    if found is None:
        _ended(FORGOTTEN)
    elif not found.finished:
        every = RUNNING_SECONDS if found.state == "running" else WAITING_SECONDS
        st.fragment(_look, run_every=every)(job, below)
    elif found.state == "failed":
        _ended(f"{_literal(found.title)}: {_literal(found.problem)}", failed=True)
    elif found.state == "cancelled":
        _ended(f"{_literal(found.title)}: stopped. {KEPT}")
    return found


def _look(job: str, below: Callable[[str], None] | None) -> None:
    """An unfinished job: title, how far it is, and a button to stop it."""
    found = find(job)
    if found is None or found.finished:
        st.rerun()
    with st.container(border=True, key=f"job-{job}"):
        components.titled(components.escape(found.title))
        st.progress(min(1.0, found.done / found.total) if found.total else 0.0, text=in_words(found))
        if not found.stopping:
            st.button("Stop this job", key=f"stop-{job}", on_click=_queue().cancel, args=(job,))
    if below and (found.seconds_left is None or found.seconds_left > SOON_SECONDS):
        below(job)


def in_words(job: Job) -> str:
    """How far an unfinished job is."""
    if job.stopping:
        return "Stopping at its next step."
    if job.state == "waiting":
        return f"Waiting for its turn: {'it is next' if job.position == 1 else f'{job.position - 1} before it'}."
    if not job.total:
        return "Starting: reading the images and the models."
    done = f"{job.done:,} of {job.total:,} {job.steps}"
    if job.per_second is None or job.seconds_left is None:
        return done
    return f"{done}, {job.per_second:,.3g} a second, about {duration(job.seconds_left)} left"


def badge() -> None:
    """Where this server computes and what it is busy with; for the sidebar."""
    waiting, running = _queue().counts()
    busy = f"{running} job running, {waiting} waiting" if waiting or running else "no job running"
    st.caption(f"This server: CPU{'; a GPU is here for the command line' * (device() == 'cuda')} · {busy}")


def device() -> str:
    """`cuda` where there is an NVIDIA device, else `cpu`; never imports torch."""
    torch = sys.modules.get("torch")
    here = torch.cuda.is_available() if torch and hasattr(torch, "cuda") else Path("/dev/nvidia0").exists()
    return "cuda" if here else "cpu"


def _ended(text: str, *, failed: bool = False) -> None:
    with st.container(key=f"job-{'error' if failed else 'info'}", horizontal=True, vertical_alignment="center"):
        (st.error if failed else st.info)(text)
        st.button("Dismiss", key="job-dismiss", on_click=forget)


def _literal(text: str) -> str:
    """Text from outside as it is, nothing in it read as Markdown."""
    return re.sub(r"([^\w\s,;/'\"?]|_)", r"\\\1", text)
