"""One scored image rebuilt level by level; torch is imported when a person asks for it, not before."""

from __future__ import annotations

import numpy as np
import streamlit as st

from app.frame import components
from app.images.levels import PICTURE, below, left_out, strip, what_to_see
from app.looks.palette import look
from hvae.datasets import ImageSet, content_index
from hvae.runs.folders import RunEntry
from hvae.runs.score_tables import TableMetadata

MOST_DRAWS = 16
"""Tables with more draws are rebuilt with one: a person waits for it."""


def rebuild(run: RunEntry, about: TableMetadata, images: ImageSet, index: int) -> None:
    """An expander that shows the image and what is left of it at every level, with the noise that scored it.

    Nothing is drawn for a run without a configuration or weights. `about` is the metadata of the image's table; images
    of no data set have no split.
    """
    if run.config is None or run.obstacle("reconstruct"):
        return
    # Its contents are made when it is opened: PyTorch takes two seconds to import.
    details = st.expander("Rebuild it level by level", key="rebuild", on_change="rerun")
    if not details.open:
        return
    with details, components.guarded():
        with st.spinner("Starting PyTorch"):
            from app.images import models
        one, trained = images.take(np.array([index])), run.config.data.name
        # A picture of no data set is known by its content, and so is its noise.
        place = np.array([index if images.split else content_index(one.images[0])])
        title = look(about.slug).title if images.split else "this image"
        draws = about.draws if about.draws <= MOST_DRAWS else 1
        with st.spinner("Rebuilding"):
            walked = models.walk(run, one, place, about.seed, about.reading, draws)
        words = what_to_see(walked, title, look(trained).title, one.name == trained)
        st.html(f'<p class="prose">{components.escape(words)}</p>')
        st.html(strip(walked, one.images, f"{title} {index}" if images.split else title))
        st.caption(f"{below(PICTURE, draws)} {_in_the_table(about, draws)}{left_out(walked.depth)}")


def _in_the_table(about: TableMetadata, draws: int) -> str:
    """How these numbers are related to those of the score table."""
    if about.samples == 1 and about.draws == draws:
        return "They are those of the score table: the same noise is drawn here."
    return f"The score table has S = {about.samples} importance samples and means over R = {about.draws} draws."
