"""The work of scoring uploads, run after run. torch and scipy are imported in the worker, never for a page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st

from app.frame import jobs, state
from app.reading import loading
from app.score_images import store
from app.score_images.sources import Given
from app.score_images.store import Settings
from app.server import access, cores, limits
from app.server.queue import QueueFull, Report, Work
from hvae.errors import HvaeError, TableError
from hvae.runs.folders import RunEntry

if TYPE_CHECKING:
    from hvae.verdicts.judge import Judge


BATCH = 32
"""Images scored and written together: results appear as they come."""
ALPHA = 0.05
"""Only p-values are kept: the budget is chosen when they are looked at."""
_EOCD = b"PK\x05\x06"


def scoring(runs: Sequence[RunEntry], given: Given, settings: Settings, name: Future[str]) -> Work:
    """The work of reading uploads and scoring them with one run after the other, one model in use at a time.

    Args:
        runs: with weights, those of the settings in their order.
        given: the uploads.
        settings: how they are scored.
        name: the id of the job, which is only known once it is queued.
    """

    def work(report: Report, cancelled: Callable[[], bool]) -> Path | None:
        folder = store.folder(name.result(timeout=60))
        expected = sum(_files(source.content) if isinstance(source.content, bytes) else 1 for source in given.sources)
        report(0, expected * len(runs))
        judge = _judge_of(runs[0], settings)
        known = settings.model_copy(update=_facts(judge))
        store.keep_settings(folder, known)
        read = _first_run(judge, given, known, folder, lambda done: report(done, max(done, expected) * len(runs)))
        sizes = store.batch_sizes(folder)
        done, total = read, read + sum(sizes) * (len(runs) - 1)
        for place, run in enumerate(runs[1:]):
            report(done, total)
            judge = _judge_of(run, settings)
            also = list(known.also)
            also[place] = also[place].model_copy(update=_facts(judge))
            known = known.model_copy(update={"also": tuple(also)})
            store.keep_settings(folder, known)
            for number, size in enumerate(sizes):
                images = store.batch_images(folder, number, known.image_shape)
                store.add_further(folder, place, number, _judged(judge, images))
                done += size
                report(done, total)
        store.complete(folder)
        return folder

    return work


def _first_run(judge: Judge, given: Given, settings: Settings, folder: Path, report: Callable[[int], None]) -> int:
    """Read every file, score what is an image, and keep both; how many files there were."""
    from hvae.datasets.own.outside import Refusal, Treatment, collect

    waiting, refused, batches, done = [], [], 0, 0

    def score() -> None:
        nonlocal batches
        if waiting:
            images = np.stack([picture.image for picture in waiting])
            frame = _judged(judge, images)
            frame.insert(0, "name", [picture.name for picture in waiting])
            frame.insert(1, "changes", ["; ".join(picture.changes) for picture in waiting])
            store.add(folder, batches, frame, images)
            waiting.clear()
            batches += 1
        store.refuse(folder, refused)
        report(done)

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
            report(done)
    score()
    return done


def _judged(judge: Judge, images: np.ndarray) -> pd.DataFrame:
    return judge(images, ALPHA).drop(columns=["ood", "verdict"])


def _facts(judge: Judge) -> dict[str, object]:
    """What is known of a `JudgedBy` once its rule is made."""
    rule = judge.rule
    facts: dict[str, object] = {field: getattr(rule, field) for field in ("seed", "precision", "weights_sha256")}
    return facts | {"n_reference": len(rule.reference), "n_calibration": len(rule.calibration)}


def _judge_of(run: RunEntry, how: Settings) -> Judge:
    return _judge(
        str(run.path), _stamps(run), how.reading, how.samples, how.draws, how.statistic, how.two_sided, _run=run
    )


@st.cache_resource(max_entries=2, show_spinner=False)
def _judge(
    path: str,
    stamps: tuple[int, ...],
    reading: str,
    samples: int,
    draws: int,
    statistic: str,
    two_sided: bool,
    _run: RunEntry,
) -> Judge:
    from hvae.verdicts import rule as verdict_rule
    from hvae.verdicts.judge import Judge

    if statistic not in verdict_rule.STATISTICS:
        raise TableError(f"there is no statistic {statistic}: choose {' or '.join(verdict_rule.STATISTICS)}")
    rule = verdict_rule.rule(
        _run, reading=reading, samples=samples, draws=draws, two_sided=two_sided, statistic=statistic
    )
    cores.spare_one()
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
        if not store.stamp(job):
            store.create(job, settings, jobs.unfinished)
    except HvaeError as error:
        jobs.cancel(job)
        state.note("job", str(error))
        return
    finally:
        name.set_result(job)
    st.session_state["job"] = job
    state.unsay("job")
