"""Scoring uploads as a job. torch and scipy are imported in the worker, never for a page."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from app import access, jobs, limits, loading, state, upload_store
from app.job_queue import QueueFull, Report, Work
from app.upload_sources import Given
from app.upload_store import Settings
from hvae.errors import HvaeError, TableError
from hvae.results import RunEntry

if TYPE_CHECKING:
    from hvae.judging import Judge

BATCH = 32
"""Images scored and written together: results appear as they come."""
ALPHA = 0.05
"""Only p-values are kept: the budget is chosen when they are looked at."""
_EOCD = b"PK\x05\x06"


def start(run: RunEntry, given: Given, settings: Settings) -> None:
    """Queue the scoring and follow it in the address; for callbacks. What goes wrong is said on the page."""
    if given.from_visitor and not access.may_upload():
        state.note("job", access.NO_UPLOADS)
        return
    name: Future[str] = Future()
    try:
        job = jobs.submit(
            f"{given.title} through {run.name}",
            scoring(run, given, settings, name),
            ("score_images", str(run.path), given.stamp, settings.model_dump_json()),
            "files",
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


def scoring(run: RunEntry, given: Given, settings: Settings, name: Future[str]) -> Work:
    """The work of reading and scoring uploads.

    Args:
        run: with weights.
        given: the uploads.
        settings: how they are scored.
        name: the id of the job, which is only known once it is queued.
    """

    def work(report: Report, cancelled: Callable[[], bool]) -> Path | None:
        from hvae.datasets.outside import Refusal, Treatment, collect

        expected = sum(_files(source.content) if isinstance(source.content, bytes) else 1 for source in given.sources)
        folder = upload_store.folder(name.result(timeout=60))
        report(0, expected)
        judge = _judge(
            str(run.path),
            _stamps(run),
            settings.reading,
            settings.samples,
            settings.draws,
            settings.statistic,
            _run=run,
        )
        rule = judge.rule
        facts = {field: getattr(rule, field) for field in ("seed", "precision", "weights_sha256")}
        sizes = {"n_reference": len(rule.reference), "n_calibration": len(rule.calibration)}
        upload_store.keep_settings(folder, settings.model_copy(update=facts | sizes))
        waiting, refused, batches, done = [], [], 0, 0

        def score() -> None:
            nonlocal batches
            if waiting:
                images = np.stack([picture.image for picture in waiting])
                frame = judge(images, ALPHA).drop(columns=["ood", "verdict"])
                frame.insert(0, "name", [picture.name for picture in waiting])
                frame.insert(1, "changes", ["; ".join(picture.changes) for picture in waiting])
                upload_store.add(folder, batches, frame, images)
                waiting.clear()
                batches += 1
            upload_store.refuse(folder, refused)
            report(done, max(done, expected))

        how = Treatment(settings.image_shape, settings.fit, settings.invert)
        for one in collect(given.sources, how, max_files=limits.current().images_per_job):
            done += 1
            if isinstance(one, Refusal):
                refused.append((one.name, one.reason))
            else:
                waiting.append(one)
            if len(waiting) == BATCH:
                score()
            elif done % BATCH == 0:
                report(done, max(done, expected))
        score()
        upload_store.complete(folder)
        return folder

    return work


@st.cache_resource(max_entries=2, show_spinner=False)
def _judge(
    path: str, stamps: tuple[int, ...], reading: str, samples: int, draws: int, statistic: str, _run: RunEntry
) -> Judge:
    from hvae import verdicts
    from hvae.judging import Judge

    if statistic not in verdicts.STATISTICS:
        raise TableError(f"there is no statistic {statistic}: choose {' or '.join(verdicts.STATISTICS)}")
    rule = verdicts.rule(_run, reading=reading, samples=samples, draws=draws, statistic=statistic)
    return Judge(_run, rule, accelerator="cpu")


def _stamps(run: RunEntry) -> tuple[int, ...]:
    """Change whenever the weights or the tables of the rule do."""
    paths = [run.path / "model.safetensors"]
    paths += [key.path for key in loading.tables(run) if key.split in ("reference", "calibration")]
    return tuple(path.stat().st_mtime_ns if path.is_file() else 0 for path in paths)


def _files(content: bytes) -> int:
    """How many files an upload says it holds; for the progress only, nothing relies on it."""
    end = content.rfind(_EOCD, max(0, len(content) - 70_000)) if content[:2] == b"PK" else -1
    return max(1, int.from_bytes(content[end + 10 : end + 12], "little")) if end >= 0 else 1
