"""The pictures of the Reconstructions page with their numbers, notes and downloads."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
import streamlit as st

from app.frame import components
from app.images import levels as table
from app.images.mosaic import Cell, Row, scale_html, sheet_png, table_html
from app.images.sources import Source
from app.looks.pictures import grey_or_colour
from app.reconstructions.controls import View
from hvae.runs.folders import RunEntry


def levels(runs: list[RunEntry], source: Source, view: View, trained: str, depth: int) -> None:
    """The pictures of one or two runs by image; the first was trained on `trained`, the deepest has so many layers."""
    times = f"{view.draws} draws of " if view.draws > 1 else ""
    with st.spinner(f"Drawing {times}{len(source.labels)} images at every level"):
        from app.images import models

        walked = {
            entry.name: models.walk(entry, source.images, source.index, view.seed, view.reading, view.draws)
            for entry in runs
        }
    first, *others = walked
    st.info(table.what_to_see(walked[first], source.title, trained, source.familiar))
    single = view.shown == table.SINGLE
    columns = table.single_headings(view.draws) if single else table.headings(depth, view.levels)
    stacks, frames = [], []
    for name, result in walked.items():
        originals, second = source.images.images, None if name == first else name
        if single:
            stacks.append(table.single_rows(result, originals, source.labels, view.level, second))
            frames.append(table.single_numbers(result, source.labels, name, view.level))
        else:
            stacks.append(table.rows(result, originals, source.labels, view.shown, depth, second, view.levels))
            frames.append(table.numbers(result, source.labels, name, view.levels))
    pictures = [row for group in zip(*stacks, strict=True) for row in group]
    notes = _notes(view, walked[first].depth)
    if others:
        notes.append(f"Upper row of each image: {first}. Lower row: {others[0]}.")
    if scale := table.scale(walked[first], view.shown):
        st.html(scale_html(scale))
    st.html(table_html(columns, pictures, "levels", table.cell(len(columns))))
    st.html("".join(f'<p class="prose">{components.escape(note)}</p>' for note in notes))
    about = f"{', '.join(walked)}; {view.shown}; reading {view.reading}, draws {view.draws}, seed {view.seed}"
    _download(
        "Download PNG", "reconstructions", lambda: sheet_png(columns, pictures, colours=scale, notes=[*notes, about])
    )
    with st.expander("Numbers below these pictures"):
        components.numbers(pd.concat(frames, ignore_index=True), "reconstructions", key="levels-table")


def samples(drawn: Mapping[str, np.ndarray], view: View) -> None:
    """Unconditional samples `(n, channel, height, width)` in [0, 1] by name of a run, one row each."""
    rows = [
        Row(name, tuple(Cell(grey_or_colour(one), f"Sample {n} of {name}") for n, one in enumerate(images, start=1)))
        for name, images in drawn.items()
    ]
    columns = [f"Sample {number}" for number in range(1, view.rows + 1)]
    st.html(table_html(columns, rows, "samples", table.cell(view.rows)))
    about = f"{', '.join(drawn)}; every z from the prior; seed {view.seed}"
    _download("Download PNG of the samples", "samples", lambda: sheet_png(columns, rows, notes=[about]))


def _download(label: str, name: str, make: Callable[[], bytes]) -> None:
    st.download_button(label, make, f"{name}.png", "image/png", on_click="ignore")


def _notes(view: View, depth: int) -> list[str]:
    """What the pictures and the numbers below them are, in words."""
    notes = [table.below(view.shown, view.draws)]
    if view.shown == table.SINGLE:
        notes.insert(0, f"Level k = {view.level}: {table.level_name(view.level)}.")
    top = view.shown == table.SPREAD or (view.shown == table.SINGLE and view.level >= depth)
    if top and view.reading in ("mean", "early-release"):
        notes.append(
            f"In the reading {view.reading} the top level takes every z at its prior mean, so no draw of it differs; "
            "its numbers do, because each draw binarises the image afresh."
        )
    return notes
