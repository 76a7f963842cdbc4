"""What the Reconstructions page shows: its controls, and the command that draws the same."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import cast

import streamlit as st

from app.frame import controls, state
from app.images.levels import DIFFERENCE, MOST_LEVELS, SHOWN, SINGLE, SPREAD, usual_levels
from app.images.sources import Source
from app.server import access
from hvae.models.proposal import READINGS, Reading

DATA_SET, SAMPLES, UPLOAD = "data set", "samples of the model", "upload"
MOST_ROWS, MOST_DRAWS = 12, 16
USUAL_DRAWS = 8
"""Draws for what needs several."""


@dataclass(frozen=True)
class View:
    """What is shown and how it is drawn: `level` is the one whose single samples are shown, `levels` have a column."""

    source: str
    shown: str
    rows: int
    draws: int
    level: int
    levels: tuple[int, ...]
    reading: Reading
    seed: int


def chosen(depth: int) -> View:
    """Draw the controls for models of at most so many layers."""
    with controls.bar("images-bar"):
        sources = [DATA_SET, SAMPLES, *([UPLOAD] if access.may_upload() else [])]
        source = controls.choose("Images from", "source", sources)
        shown = controls.choose(
            "Show", "show", SHOWN, on_change=_enough_draws,
            help=f"{DIFFERENCE}: reconstruction minus what the model sees. {SPREAD}: of the reconstruction over the "
            f"draws. {SINGLE}: every draw of one level.",
        )  # fmt: skip
    with controls.bar("levels-bar"):
        rows = controls.number("Rows", "rows", 1, MOST_ROWS, 5, help="Images, and samples of the model")
        draws = controls.number(
            "Draws", "draws", 1, MOST_DRAWS, 1,
            "How often each image is binarised and its latent variables sampled afresh. Pictures and numbers are means "
            "over the draws.",
        )  # fmt: skip
        level = min(1, depth - 1)
        if shown == SINGLE:
            level = controls.number("Level k", "level", 0, depth, level, "How many of the lowest z come from the prior")
        reading = controls.choose(
            "Reading of L>k", "reading", READINGS, select=True,
            help="mean and early-release take the prior's mean, sample and auxiliary a sample of it.",
        )  # fmt: skip
        seed = controls.seed()
    every = tuple(range(depth + 1))
    levels = every if depth < MOST_LEVELS or shown == SINGLE else _levels(depth)
    return View(source, shown, rows, draws, level, levels, cast(Reading, reading), seed)


def several_draws(view: View) -> bool:
    """Whether there are draws enough for what is shown; if not, say so and offer them."""
    if view.shown != SPREAD or view.draws > 1:
        return True
    st.info("One draw has no standard deviation. Several show which parts of a reconstruction are left to chance.")
    st.button(f"Take {USUAL_DRAWS} draws", on_click=_enough_draws)
    return False


def command(run: str, flags: str, view: View, depth: int) -> str:
    """The command that draws the same pictures with a run of so many layers, and writes the same numbers."""
    levels = [view.level] if view.shown == SINGLE else [k for k in view.levels if k <= depth]
    named = "" if levels == list(range(depth + 1)) else "".join(f" --level {k}" for k in levels)
    return (
        f"hvae reconstruct {shlex.quote(run)} {flags} --show {shlex.quote(view.shown)} --draws {view.draws}{named} "
        f"--reading {view.reading} --seed {view.seed} --out levels.png --numbers levels.csv"
    )


def samples_command(run: str, view: View) -> str:
    """The command that draws the samples of the model of a run; they are its first column."""
    return f"hvae reconstruct {shlex.quote(run)} --drawn {view.rows} --seed {view.seed} --out samples.png"


def pin_row(images: Source, selection: state.Selection) -> None:
    """Pin one of the images in the rows, and follow the pinned one to its scores."""
    if not images.ids:
        return
    first = images.ids[0]
    key = f"pin-{first}-{len(images.ids)}"
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        st.selectbox(
            "Pin a row",
            range(len(images.ids)),
            key=key,
            format_func=lambda number: images.labels[number],
            on_change=lambda: state.pin(images.ids[st.session_state[key]]),
            width=240,
            help="The pinned image becomes the first row here, and the one that the other pages look at.",
        )
        if chosen := first.slug in (selection.data, *selection.ood):
            st.page_link(
                "../pages/scores.py",
                label=f"See the scores of {images.labels[0]} →",
                query_params=state.values("scores", image=str(first)),
            )
    if not chosen:
        st.caption(f"{images.title} is none of the sets chosen in the sidebar, so the Scores page does not show it.")


def _enough_draws() -> None:
    """What needs several draws gets them."""
    if st.session_state.get("show") in (SPREAD, SINGLE) and (st.session_state.get("draws") or 1) == 1:
        st.session_state["draws"] = USUAL_DRAWS


def _levels(depth: int) -> tuple[int, ...]:
    """The levels a person chooses of a deep model; a spread over all of them at first."""
    spread = usual_levels(depth)
    picked = controls.choose_many(
        "Levels shown", "levels", [str(k) for k in range(depth + 1)], [str(k) for k in spread],
        help="k: how many of the lowest z come from the prior. 0 takes every z from q.",
    )  # fmt: skip
    if not picked:
        st.caption("No level is chosen, so a spread of them is shown.")
    return tuple(sorted(int(k) for k in picked)) or spread
