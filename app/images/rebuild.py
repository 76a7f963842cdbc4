"""One scored image rebuilt level by level; torch is imported when a person asks for it, not before."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import streamlit as st

from app.frame import components
from app.images.levels import PICTURE, below, left_out, strip, what_to_see
from app.looks.palette import look
from hvae.datasets import ImageSet
from hvae.models.proposal import Reading
from hvae.runs.folders import RunEntry
from hvae.runs.score_tables import TableMetadata

MOST_DRAWS = 16
"""Images scored with more draws are rebuilt with one: a person waits for it."""


class How(Protocol):
    """How an image was scored: with which noise it is rebuilt."""

    @property
    def reading(self) -> Reading: ...  # noqa: D102
    @property
    def draws(self) -> int: ...  # noqa: D102
    @property
    def seed(self) -> int: ...  # noqa: D102


def rebuild(run: RunEntry, about: TableMetadata, images: ImageSet, index: int) -> None:
    """An image of a score table, rebuilt with the noise of the table."""
    draws = drawn(about)
    note = f"The score table has S = {about.samples} importance samples and means over R = {about.draws} draws."
    if about.samples == 1 and about.draws == draws:
        note = "They are those of the score table: the same noise is drawn here."
    title = look(about.slug).title
    own = run.config is not None and about.slug == run.config.data.name
    expander(run, images.take(np.array([index])), index, about, f"{title} {index}", title, own, note)


def drawn(how: How) -> int:
    """Draws that an image is rebuilt with."""
    return how.draws if how.draws <= MOST_DRAWS else 1


def expander(
    run: RunEntry, one: ImageSet, position: int, how: How, label: str, title: str, own: bool, note: str = ""
) -> None:
    """What is left of an image at every level, in an expander that makes it when it is opened.

    Args:
        run: with a configuration and weights; nothing is drawn for others.
        one: the image alone.
        position: of the image in its set, which addresses the noise.
        how: it was scored.
        label: of the image.
        title: of its set, in words.
        own: whether the run was trained on that set.
        note: what else is to be said of the numbers.
    """
    if run.config is None or run.obstacle("reconstruct"):
        return
    # PyTorch takes two seconds to import.
    details = st.expander("Rebuild it level by level", key="rebuild", on_change="rerun")
    if not details.open:
        return
    with details, components.guarded():
        with st.spinner("Starting PyTorch"):
            from app.images import models
        draws = drawn(how)
        with st.spinner("Rebuilding"):
            walked = models.walk(run, one, np.array([position]), how.seed, how.reading, draws)
        words = what_to_see(walked, title, look(run.config.data.name).title, own)
        st.html(f'<p class="prose">{components.escape(words)}</p>')
        st.html(strip(walked, one.images, label))
        st.caption(f"{below(PICTURE, draws)} {note}{left_out(walked.depth)}".strip())
