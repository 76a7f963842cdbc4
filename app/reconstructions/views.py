"""The Reconstructions page: its controls, the pictures with their numbers, and the command that draws the same."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import cast

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.frame import components, controls, state
from app.images import mosaic as table
from app.images import sources
from app.images.mosaic import DIFFERENCE, SHOWN, SINGLE, SPREAD, WHERE, Cell, Row, Scale
from app.images.sources import Source
from app.inspector import panel, subject
from app.looks.pictures import grey_or_colour
from app.looks.wording import literal
from app.server import access
from hvae.models.proposal import READINGS, Reading
from hvae.runs.folders import RunEntry

DATA_SET, SAMPLES, UPLOAD = "data set", "samples of the model", "upload"
MOST_ROWS, MOST_DRAWS, USUAL_DRAWS = 12, 16, 8
"""The last for what needs several."""


@dataclass(frozen=True)
class View:
    """What is shown and how it is drawn: `levels` have a column, the only one of single samples a column a draw."""

    source: str
    shown: str
    rows: int
    draws: int
    levels: tuple[int, ...]
    reading: Reading
    seed: int


def chosen(depth: int) -> tuple[View, DeltaGenerator]:
    """Draw the controls for models of at most so many layers; what they choose, and the toolbar."""
    toolbar = controls.toolbar()
    with toolbar:
        sources = [DATA_SET, SAMPLES, *([UPLOAD] if access.may_upload() else [])]
        source = controls.choose("Images from", "source", sources, select=True, width=160)
        shown = controls.choose(
            "Show", "show", SHOWN, on_change=_enough_draws, select=True, width=150,
            help=f"{DIFFERENCE}: reconstruction minus what the model sees. {WHERE}: where the level "
            "costs likelihood; the pixels add up to log p(x|z) with every z from the image minus that of the column. "
            f"{SPREAD}: of the reconstruction over the draws. {SINGLE}: every draw of one level.",
        )  # fmt: skip
        room = controls.bar("start-bar", width="content")
    levels = tuple(range(depth + 1))
    with controls.advanced(toolbar):
        rows = controls.number("Rows", "rows", 1, MOST_ROWS, 5, help="Images, and samples of the model")
        draws = controls.number(
            "Draws", "draws", 1, MOST_DRAWS, 1,
            "How often each image is binarised and its latent variables sampled afresh. Pictures and numbers are means "
            "over the draws.",
        )  # fmt: skip
        if shown == SINGLE:
            about = "How many of the lowest z come from the prior"
            levels = (controls.number("Level k", "level", 0, depth, min(1, depth - 1), about),)
        reading = controls.choose(
            "Reading of L>k", "reading", READINGS, select=True,
            help="mean and early-release take the prior's mean, sample and auxiliary a sample of it.",
        )  # fmt: skip
        seed = controls.seed()
        if depth >= table.MOST_LEVELS and shown != SINGLE:
            spread = table.usual_levels(depth)
            about = "k: how many of the lowest z come from the prior. 0 takes every z from the image."
            picked = controls.choose_many(
                "Levels shown", "levels", [*map(str, levels)], [*map(str, spread)], help=about
            )
            if not picked:
                st.caption("No level is chosen, so some between the lowest and the highest are shown.")
            levels = tuple(sorted(map(int, picked))) or spread
    return View(source, shown, rows, draws, levels, cast(Reading, reading), seed), room


def several_draws(view: View) -> bool:
    """Whether there are draws enough for what is shown; if not, say so and offer them."""
    if view.shown != SPREAD or view.draws > 1:
        return True
    st.info("One draw has no standard deviation. Several show which parts of a reconstruction are left to chance.")
    st.button(f"Take {USUAL_DRAWS} draws", on_click=_enough_draws)
    return False


def _enough_draws() -> None:
    """What needs several draws gets them."""
    if st.session_state.get("show") in (SPREAD, SINGLE) and (st.session_state.get("draws") or 1) == 1:
        st.session_state["draws"] = USUAL_DRAWS


def command(run: str, flags: str, view: View, depth: int) -> str:
    """The command that draws the same pictures with a run of so many layers, and writes the same numbers."""
    levels = [k for k in view.levels if k <= depth or view.shown == SINGLE]
    named = "" if levels == list(range(depth + 1)) else "".join(f" --level {k}" for k in levels)
    return (
        f"hvae reconstruct {shlex.quote(run)} {flags} --show {shlex.quote(view.shown)} --draws {view.draws}{named} "
        f"--reading {view.reading} --seed {view.seed} --out levels.png --numbers levels.csv"
    )


def samples_command(run: str, view: View) -> str:
    """The command that draws the samples of the model of a run; they are its first column."""
    return f"hvae reconstruct {shlex.quote(run)} --drawn {view.rows} --seed {view.seed} --out samples.png"


def inspect(images: Source, run: RunEntry, room: DeltaGenerator) -> None:
    """The inspector for the images in the rows, and in the toolbar a menu that opens one of them."""
    if not images.ids:
        return
    first, key = images.ids[0], f"inspect-{images.ids[0]}-{len(images.ids)}"
    panel.inspect(sources.here(run), first, partial(subject.of_whole, run))
    with room:
        st.selectbox(
            "Inspect a row",
            range(len(images.ids)),
            index=None,
            placeholder="A row",
            key=key,
            format_func=lambda number: images.labels[number],
            on_change=lambda: state.inspect(images.ids[st.session_state[key]]),
            width=150,
        )


def levels(runs: list[RunEntry], source: Source, view: View, trained: str) -> None:
    """The pictures of one or two runs by image; the first was trained on `trained`."""
    times = f"{view.draws} draws of " if view.draws > 1 else ""
    with st.spinner(f"Drawing {times}{len(source.labels)} images at every level"):
        from app.images import models

        walked = {
            entry.name: models.walk(entry, source.images, source.index, view.seed, view.reading, view.draws)
            for entry in runs
        }
    first, *others = walked
    columns = table.headings(view.shown, view.levels, view.draws)
    labels = source.images.labels.tolist()
    ways = [sources.way(*one) for one in zip(source.ids, labels, strict=True)] if source.ids else []
    shown = source.images.images, source.labels, view.shown, view.levels
    stacks = [table.rows(one, *shown, None if name == first else name, ways) for name, one in walked.items()]
    pictures = list(chain.from_iterable(zip(*stacks, strict=True)))
    notes = _notes(view, walked[first].depth)
    if others:
        notes.append(f"Upper row of each image: {first}. Lower row: {others[0]}.")
    if scale := table.scale(walked[first], view.shown):
        st.html(table.scale_html(scale))
    st.html(table.table_html(columns, pictures, "levels"))
    st.info(literal(table.what_to_see(walked[first], source.title, trained, source.familiar)))
    st.html("".join(f'<p class="prose">{components.escape(note)}</p>' for note in notes))
    about = f"{', '.join(walked)}; {view.shown}; reading {view.reading}, draws {view.draws}, seed {view.seed}"
    _download("Download PNG", "reconstructions", columns, pictures, scale, [*notes, about])
    details = st.expander("Numbers below these pictures", key="levels-numbers", on_change="rerun")
    if details.open:
        frames = [table.numbers(one, source.labels, name, view.shown, view.levels) for name, one in walked.items()]
        with details:
            components.numbers(pd.concat(frames, ignore_index=True), "reconstructions", key="levels-table")


def samples(drawn: Mapping[str, np.ndarray], view: View) -> None:
    """Unconditional samples `(n, channel, height, width)` in [0, 1] by name of a run, one row each."""
    rows = [
        Row(name, tuple(Cell(grey_or_colour(one), f"Sample {n} of {name}") for n, one in enumerate(images, start=1)))
        for name, images in drawn.items()
    ]
    columns = [f"Sample {number}" for number in range(1, view.rows + 1)]
    st.html(table.table_html(columns, rows, "samples"))
    about = f"{', '.join(drawn)}; every z from the prior; seed {view.seed}"
    _download("Download PNG of the samples", "samples", columns, rows, None, [about])


def _download(
    label: str, name: str, columns: list[str], rows: list[Row], scale: Scale | None, notes: list[str]
) -> None:
    sheet = partial(table.sheet_png, columns, rows, colours=scale, notes=notes)
    st.download_button(label, sheet, f"{name}.png", "image/png", on_click="ignore")


def _notes(view: View, depth: int) -> list[str]:
    """What the pictures and the numbers below them are, in words."""
    notes, k = [table.below(view.shown, view.draws)], view.levels[0]
    if view.shown == SINGLE:
        notes.insert(0, f"Level k = {k}: {table.level_name(k)}.")
    top = view.shown == SPREAD or (view.shown == SINGLE and k >= depth)
    if top and view.reading in ("mean", "early-release"):
        notes.append(
            f"In the reading {view.reading} the top level takes every z at its prior mean, so no draw of it differs; "
            "its numbers do, because each draw binarises the image afresh."
        )
    return notes
