"""One scored image rebuilt level by level; torch is imported when a person asks for it, not before."""

from __future__ import annotations

import numpy as np
import streamlit as st

from app.frame import components
from app.images.levels import PICTURE, below, cell, headings, left_out, rows, usual_levels, what_to_see
from app.images.mosaic import table_html
from app.looks import palette
from hvae.datasets import ImageSet
from hvae.runs.folders import RunEntry
from hvae.runs.score_tables import TableMetadata

MOST_DRAWS = 16
"""Tables with more draws are rebuilt with one: a person waits for it."""


def rebuild(
    run: RunEntry, one: ImageSet, place: int, about: TableMetadata, name: str, *, familiar: bool, key: str = "rebuild"
) -> None:
    """An expander that shows an image and what is left of it at every level, with the noise that scored it.

    Args:
        run: nothing is drawn for one without a configuration or weights.
        one: the image alone.
        place: its position in its set, which addresses the noise.
        about: how it was scored.
        name: in words, as HTML.
        familiar: whether the model was trained on its set.
        key: unique on the page.
    """
    if run.config is None or run.obstacle("reconstruct"):
        return
    # Its contents are made when it is opened: PyTorch takes two seconds to import.
    details = st.expander("Rebuild it level by level", key=key, on_change="rerun")
    if not details.open:
        return
    with details, components.guarded():
        with st.spinner("Starting PyTorch"):
            from app.images import models
        draws = about.draws if about.draws <= MOST_DRAWS else 1
        with st.spinner("Rebuilding"):
            walked = models.walk(run, one, np.array([place]), about.seed, about.reading, draws)
        # A picture of one's own is of no set, and has no split.
        shown = palette.look(about.slug).title if one.split else "this image"
        words = what_to_see(walked, shown, palette.look(run.config.data.name).title, familiar)
        st.html(f'<p class="prose">{words}</p>')
        levels = usual_levels(walked.depth)
        strip = rows(walked, one.images, [name], PICTURE, walked.depth, levels=levels)
        columns = headings(walked.depth, levels)
        st.html(table_html(columns, strip, "rebuilt", cell(len(columns))))
        st.caption(f"{below(PICTURE, draws)} {_in_the_table(about, draws)}{left_out(walked.depth)}")


def _in_the_table(about: TableMetadata, draws: int) -> str:
    """How these numbers are related to those of the score table."""
    if about.samples == 1 and about.draws == draws:
        return "They are those of the score table: the same noise is drawn here."
    return f"The score table has S = {about.samples} importance samples and means over R = {about.draws} draws."
