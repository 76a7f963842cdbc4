"""The map of a run, joined to its score tables, and the job that makes one."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st

from app.frame import components, jobs, state
from app.looks.palette import look
from app.looks.wording import literal
from app.reading import loading
from app.reading.view import Scored, View
from app.server import access
from app.server.queue import Report
from hvae import datasets
from hvae.runs.folders import RunEntry
from hvae.runs.measured import maps
from hvae.runs.measured.maps import LatentMap
from hvae.stats.arrays import Indices

SHOWN = 2000
"""Marks of a set a level: those of five sets are 10,000."""


@dataclass(frozen=True, eq=False)
class Joined:
    """Images of one set that map and score table both have: rows there and here."""

    one: Scored
    on_map: Indices
    in_table: Indices


def stamp(run: RunEntry) -> str:
    """Names the map on disk, for caches."""
    status = (run.path / maps.PATH).stat()
    return f"{run.path}@{status.st_mtime_ns}"


def joined(found: LatentMap, view: View) -> list[Joined]:
    """The sets of a view that the map has, with the images that both have; the in-distribution set first."""
    pairs = []
    for one in view.sets:
        rows = found.rows(one.slug)
        examples, there = found.frame["example"].to_numpy()[rows], one.table.frame["example"].to_numpy()
        place = np.searchsorted(there, examples)
        both = place < len(there)
        both[both] = there[place[both]] == examples[both]
        index = np.flatnonzero(both)
        index = (
            index[np.unique(np.linspace(0, len(index) - 1, SHOWN).round().astype(int))] if len(index) > SHOWN else index
        )
        if len(index):
            pairs.append(Joined(one, rows[index], place[index]))
    return pairs


def command(run: RunEntry, *, umap: bool = False) -> str:
    """Makes a map."""
    return f"hvae map {shlex.quote(run.name)}{' --umap' * umap}"


def offer(run: RunEntry, view: View, *, umap: bool, busy: bool) -> None:
    """Offer to measure the map here, with UMAP or without, else the command."""
    here = [slug for slug in view.slugs[1:] if datasets.is_known(slug) and datasets.available(slug)]
    own = run.config is not None and (":" in run.config.data.name or datasets.available(run.config.data.name))
    if why := run.obstacle("represent"):
        st.caption(literal(f"The map cannot be made here: {run.name}: {why}."))
        return
    if umap and not maps.umap_installed():
        st.caption("UMAP needs the package `umap-learn`: `pip install 'hvae[umap]'`, then:")
    elif not access.may_write():
        st.caption(access.READ_ONLY)
    elif not own:
        st.caption(f"The images of {look(view.inside.slug).title} are not on this machine.")
    elif not busy:
        label = "Add UMAP (takes minutes, as a job)" if umap else "Make it here (about a minute)"
        st.button(label, key=f"measure-map-{umap}", on_click=start, args=(run, tuple(here), umap))
    components.code(command(run, umap=umap))


def start(run: RunEntry, slugs: tuple[str, ...], umap: bool) -> None:
    """Queue the measuring of a map; for a button."""
    if not access.may_write():
        state.note("job", access.READ_ONLY)
        return

    def work(report: Report, cancelled: Callable[[], bool]) -> Path:
        from hvae.measuring.maps import measure_map, own_images, scored_among
        from hvae.runs.images.training_set import load_images

        checkpoint = loading.checkpoint(run)
        others = [load_images(run, slug, "all" if slug == "digits" else "test") for slug in slugs]
        reference, own = own_images(run)
        return maps.write_map(
            run.path,
            measure_map(checkpoint, reference, own, others, umap=umap, among=scored_among(run), on_progress=report),
        )

    jobs.start(
        f"Map of {run.name}{' with UMAP' * umap}", work, ("map", str(run.path), slugs, umap), "images", page="map"
    )
