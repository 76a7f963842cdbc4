"""Queueing the scoring of uploads, for the button of the page."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future

import streamlit as st

from app import access, jobs, state, upload_store
from app.job_queue import QueueFull
from app.upload_scoring import scoring
from app.upload_sources import Given
from app.upload_store import Settings
from hvae.errors import HvaeError
from hvae.results import RunEntry


def start(runs: Sequence[RunEntry], given: Given, settings: Settings) -> None:
    """Queue the scoring and follow it in the address; for callbacks. What goes wrong is said on the page.

    Args:
        runs: with weights, those of the settings in their order.
        given: the uploads.
        settings: how they are scored.
    """
    if given.from_visitor and not access.may_upload():
        state.note("job", access.NO_UPLOADS)
        return
    name: Future[str] = Future()
    more = f" and {len(runs) - 1} more" if len(runs) > 1 else ""
    try:
        job = jobs.submit(
            f"{given.title} through {settings.run}{more}",
            scoring(runs, given, settings, name),
            ("score_images", *(str(run.path) for run in runs), given.stamp, settings.model_dump_json()),
            "files" if len(runs) == 1 else "verdicts",
        )
    except QueueFull as error:
        state.note("job", str(error))
        return
    try:
        if not upload_store.stamp(job):
            upload_store.create(job, settings, jobs.unfinished)
    except HvaeError as error:
        jobs.cancel(job)
        state.note("job", str(error))
        return
    finally:
        name.set_result(job)
    st.session_state["job"] = job
    st.session_state["_notes"].pop("job", None)
