"""Jobs that score uploads, run after run; results appear batch by batch. torch is imported in the worker alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st

from app.frame import jobs, state
from app.preparing.controls import each
from app.reading import loading
from app.server import access, cores, judgements, limits
from app.server.queue import Report, Work
from hvae.datasets.own.caveats import Caveat
from hvae.datasets.own.outside import Named, Picture, Refusal, collect
from hvae.datasets.own.preparing import Treatment
from hvae.runs.catalogue import Catalogue
from hvae.runs.folders import RunEntry
from hvae.runs.settings import Setting
from hvae.verdicts.asked import JudgedBy, Settings
from hvae.verdicts.rule import rule

if TYPE_CHECKING:
    from hvae.verdicts.judge import Judge

BATCH = 32
"""Images scored and written together: results appear as they come."""

_EOCD = b"PK\x05\x06"


@dataclass(frozen=True, eq=False)
class Given:
    """What a person gave, and what tells it from other files; `problem` says why they cannot be taken."""

    title: str
    sources: tuple[Named, ...]
    stamp: tuple[str, ...]
    problem: str = ""
    from_visitor: bool = True
    again: judgements.Stored | None = None
    """What was kept of an earlier job, where its images are judged again; the sources are its images, prepared."""

    @property
    def expected(self) -> int:
        """About how many files these are."""
        return sum(_files(source.content) if isinstance(source.content, bytes) else 1 for source in self.sources)


def scoring(runs: Sequence[RunEntry], given: Given, settings: Settings, name: Future[str]) -> Work:
    """The work of reading uploads and scoring them with one run of the settings after the other, as the job `name`."""

    def work(report: Report, cancelled: Callable[[], bool]) -> Path | None:
        job, known = name.result(timeout=60), settings
        own = judgements.folder(job)
        expected = given.expected

        def ready(place: int) -> Judge:
            """The run at a place, whose rule is kept with the settings."""
            nonlocal known
            by = known.also[place - 1] if place else known
            judge = _judge_of(runs[place], by, settings)
            sizes = {"n_reference": len(judge.rule.reference), "n_calibration": len(judge.rule.calibration)}
            about = {"weights_sha256": judge.rule.weights_sha256, "note": by.note or judge.rule.note}
            by = by.model_copy(update=sizes | about)
            also = (*known.also[: place - 1], by, *known.also[place:])
            known = known.model_copy(update={"also": also}) if place else by
            judgements.keep(own, "settings", known)
            return judge

        report(0, expected * len(runs))
        done = _first_run(ready(0), given, settings, own, lambda done: report(done, max(done, expected) * len(runs)))
        stored = judgements.read(job) if runs[1:] else None
        images = stored.images if stored else np.empty(0)
        total = done + len(images) * (len(runs) - 1)
        for place in range(1, len(runs)):
            report(done, total)
            judge = ready(place)
            for number, start in enumerate(range(0, len(images), BATCH)):
                batch = images[start : start + BATCH]
                judgements.add(own, number, _judged(judge, batch), place=place - 1)
                done += len(batch)
                report(done, total)
        judgements.keep(own, "outcome", {"complete": True})
        return own

    return work


def _first_run(judge: Judge, given: Given, how: Settings, folder: Path, report: Callable[[int], None]) -> int:
    """Read every file, score what is an image, and keep both; how many files there were."""
    most, chosen, treatment = limits.current().images_per_job, each(how.treatment, how.choices), how.treatment
    if given.again is not None:
        chosen, treatment = {}, Treatment(how.image_shape)
    files = collect(given.sources, treatment, max_files=most, chosen=chosen)
    refused, done, batches = [], 0, 0
    while some := list(islice(files, BATCH)):
        refused += [(one.name, one.reason) for one in some if isinstance(one, Refusal)]
        if pictures := [one for one in some if isinstance(one, Picture)]:
            images = np.stack([picture.image for picture in pictures])
            frame = _judged(judge, images, [picture.caveats for picture in pictures])
            frame.insert(0, "name", [picture.name for picture in pictures])
            frame.insert(1, "changes", ["; ".join(picture.changes) for picture in pictures])
            if given.again is not None:
                # What the files were like is known from when they were read.
                known = given.again.frame.iloc[done : done + len(frame)]
                frame = frame.assign(**{name: known[name].to_numpy() for name in ("changes", "caveats")})
            judgements.add(folder, batches, frame, images)
            batches += 1
        judgements.keep(folder, "refused", refused)
        done += len(some)
        report(done)
    return done


def _judged(judge: Judge, images: np.ndarray, caveats: Sequence[Sequence[Caveat]] | None = None) -> pd.DataFrame:
    # Only p-values are kept: the budget is chosen when they are looked at.
    return judge(images, 0.05, caveats).drop(columns=["ood", "verdict"])


def _judge_of(run: RunEntry, by: JudgedBy, how: Settings) -> Judge:
    """A run with its rule, kept until its weights or the tables of the rule change."""
    found = loading.catalogue(run)
    parts = [loading.stamp(entry) for entry in found.entries if entry.slug == found.own]
    stamp = f"{run.path} {found.weights} {parts} {by.setting} {how.score} {how.statistic} {how.two_sided}"
    return _judge(stamp, found, by.setting, how)


# A model in memory: only the last two are kept.
@st.cache_resource(max_entries=2, show_spinner=False)
def _judge(stamp: str, _found: Catalogue, _setting: Setting, _how: Settings) -> Judge:
    from hvae.verdicts.judge import Judge

    chosen = rule(_found, _setting, score=_how.score, two_sided=_how.two_sided, statistic=_how.statistic)
    cores.spare_one()
    return Judge(_found.run, chosen, accelerator="cpu")


def _files(content: bytes) -> int:
    """How many files an upload says it holds; for the progress only, nothing relies on it."""
    end = content.rfind(_EOCD, max(0, len(content) - 70_000)) if content[:2] == b"PK" else -1
    return max(1, int.from_bytes(content[end + 10 : end + 12], "little")) if end >= 0 else 1


def start(runs: Sequence[RunEntry], given: Given, settings: Settings) -> None:
    """Queue the scoring by the runs of the settings and follow it in the address; for callbacks."""
    if given.from_visitor and not access.may_upload():
        state.note("job", access.NO_UPLOADS)
        return
    name: Future[str] = Future()

    def prepare(job: str) -> None:
        try:
            if not judgements.stamp(job):
                judgements.create(job, settings, jobs.unfinished)
        finally:
            name.set_result(job)

    jobs.start(
        judgements.titled(settings),
        scoring(runs, given, settings, name),
        ("score_images", *(str(run.path) for run in runs), given.stamp, settings.model_dump_json()),
        "files" if len(runs) == 1 else "verdicts",
        prepare,
        "score_images",
    )
