"""Correlations and unit pairs that are not stored yet: what can be computed here, and the job that does it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import streamlit as st

from app.features import tables as feature_tables
from app.frame import components, jobs, state
from app.images.sources import whole, whole_split
from app.looks import palette
from app.looks.wording import asked_for
from app.reading import loading
from app.server import access
from app.server.queue import Report, Work
from hvae import datasets
from hvae.errors import HvaeError
from hvae.runs.correlations.tables import write_correlations
from hvae.runs.correlations.unit_pairs import write_unit_pairs
from hvae.runs.folders import RunEntry

IMAGES = 2000
"""Images of each data set, as many as `hvae correlate` takes: about a minute on two cores."""

Content = TypeVar("Content")


def command(run: RunEntry, other: str, splits: Mapping[str, str]) -> str:
    """The commands that make the tables, one for each split of the data sets (slug -> split)."""
    return "\n".join(
        f"hvae correlate {run.name} {other} --split {split} "
        + " ".join(f"--data {asked_for(slug, run.path)}" for slug, own in splits.items() if own == split)
        for split in dict.fromkeys(splits.values())
    )


def obstacle(a: RunEntry, b: RunEntry) -> str | None:
    """Why two runs cannot be compared on this machine, None where they can."""
    for run in (a, b):
        if run.config is None or not run.has_weights:
            return f"{run.name} has no weights here"
        if problem := run.obstacle("represent"):
            return f"{run.name}: {problem}"
    assert a.config is not None and b.config is not None
    if a.config.model.image_shape != b.config.model.image_shape:
        shapes = " and ".join(" x ".join(map(str, run.model.image_shape)) for run in (a.config, b.config))
        return f"the two runs take images of different shapes ({shapes}), so they cannot see the same ones"
    return None


def offer(run: RunEntry, other: RunEntry, slugs: list[str], what: str, *, tables: bool, busy: bool, key: str) -> None:
    """Say what is not stored of some data sets, and offer to compute it here, else the command.

    Unit pairs are always computed, the correlation tables with `tables`; nothing is offered while a job is watched.
    """
    known = [slug for slug in slugs if datasets.is_known(slug)]
    here = [slug for slug in known if datasets.available(slug)]
    why = obstacle(run, other)
    away = [slug for slug in known if slug not in here]
    with st.container(border=True, key=key):
        named = components.escape(_titles(slugs))
        st.html(f'<p class="chart-title">{components.escape(what)} not stored: {named}.</p>')
        if why is not None:
            st.html(f'<p class="prose">They cannot be computed here: {components.escape(why)}.</p>')
            return
        if here and not access.may_write():
            st.caption(f"{access.READ_ONLY} So nothing is computed here; whoever runs it can, with the command.")
        elif here and not busy:
            st.caption(
                f"Up to {IMAGES:,} images of each data set go through both models: about a minute a data set on two "
                "cores. Jobs run one after the other, and the page stays usable meanwhile."
            )
            label = "Compute it here" if len(here) == 1 else f"Compute all {len(here)} here"
            st.button(label, key=f"{key}-compute", on_click=start, args=(run, other, here, tables), type="primary")
        unknown = [slug for slug in slugs if slug not in known]
        if unknown:
            named = components.escape(_titles(unknown))
            st.caption(f"From a folder or file: {named}. Give its path in the command, as `folder:PATH` or `npz:PATH`.")
        for slug in away:
            st.caption(f"{palette.look(slug).title} is not on this machine: `hvae data fetch {slug}`")
        components.code(command(run, other.name, {slug: whole_split(slug) for slug in slugs}))


def _titles(slugs: list[str]) -> str:
    return ", ".join(palette.look(slug).title for slug in slugs)


def start(run: RunEntry, other: RunEntry, slugs: list[str], tables: bool) -> None:
    """Queue the computation; for the callback of a button."""
    if not access.may_write():
        state.note("job", access.READ_ONLY)
        return
    title = f"{run.name} and {other.name} on {_titles(slugs)}"
    key = ("correlate", str(run.path), str(other.path), tuple(slugs), tables)
    jobs.start(title, comparison(run, other, slugs, tables), key)


def comparison(run: RunEntry, other: RunEntry, slugs: list[str], tables: bool) -> Work:
    """The work of comparing two runs on some data sets; each is written as soon as it is there."""

    def work(report: Report, cancelled: Callable[[], bool]) -> Path | None:
        from hvae.measuring.correlations import correlate

        first, second = loading.checkpoint(run), loading.checkpoint(other)
        written = None
        for number, slug in enumerate(slugs):
            images = whole(slug, first.config.model.image_shape)

            def progress(done: int, total: int, before: int = number) -> None:
                report(before * total + done, len(slugs) * total)

            table, pairs = correlate(first, second, images, (run.name, other.name), n=IMAGES, progress=progress)
            if tables:
                keep(run, write_correlations, table)
            written = keep(run, write_unit_pairs, pairs)
        return written

    return work


def keep(run: RunEntry, write: Callable[[Path, Content], Path], content: Content) -> Path:
    """Write into a run's folder; below `HVAE_RUNS` where that folder cannot be written, as a bundled one may be.

    Raises an HvaeError where neither can be written, or the server is read-only.
    """
    access.check_writing()
    try:
        return write(run.path, content)
    except HvaeError:
        own = feature_tables.own_folder(run)
        if own is None:
            raise
        return write(own, content)
