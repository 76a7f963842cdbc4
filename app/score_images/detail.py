"""One scored upload: its verdict, the steps of its bound, its ratios, and what is left of it at every level."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from app.figures import densities, profile, waterfall
from app.figures.layout import Figure
from app.frame import components
from app.images import mosaic
from app.images import steps as image_steps
from app.images.levels import PICTURE, below, cell, headings, left_out, rows, usual_levels, what_to_see
from app.images.mosaic import data_uri
from app.looks import palette
from app.looks.wording import literal
from app.score_images import results
from app.score_images.grid import LOOK
from app.score_images.results import Judged
from hvae.datasets import ImageSet, content_index
from hvae.runs.folders import RunEntry
from hvae.runs.score_tables import ScoreTable
from hvae.stats import density, shared_edges

MOST_MARKS = 500
MOST_DRAWS = 16
"""Images scored with more draws are rebuilt with one: a person waits for it."""


def marks(found: Judged, like: ScoreTable, own: str, k: int, *, clickable: bool = True) -> Figure:
    """Every image on the reference density of LLR^{>k}.

    Args:
        found: the verdicts.
        like: scores of the reference part.
        own: slug of its set.
        k: of the ratio, from 1.
        clickable: whether a person may click a mark.
    """
    inside = like.likelihood_ratio(k)
    scores = found.stored.frame[f"LLR>{k}"].to_numpy()
    rank = np.array([np.mean(inside < score) for score in scores])
    above = int(np.count_nonzero(rank >= 0.95))
    figure = densities.uploaded(
        density(inside, shared_edges([inside], bins=60)),
        own,
        scores[:MOST_MARKS],
        found.alarms[:MOST_MARKS],
        [components.escape(name) for name in found.stored.frame["name"][:MOST_MARKS]],
        f"LLR<sup>&gt;{k}</sup> of {above:,} of {len(scores):,} images is above 95 % of the reference images",
        f"LLR<sup>&gt;{k}</sup>",
    )
    if not clickable:
        figure.update_traces(hovertemplate="%{text}<br>%{x:.4g} nats<extra></extra>", selector={"mode": "markers"})
    return figure


def picked(here: np.ndarray, names: list[str]) -> int:
    """Draw the box that picks an image, the keyboard's way to choose a row; the row picked.

    Args:
        here: rows on the page of the table; a mark of the figure may have picked one that is not among them.
        names: of all images.
    """
    options = [int(row) for row in here]
    last = st.session_state.get(LOOK)
    if last not in options:
        if isinstance(last, int) and 0 <= last < len(names):
            options.append(last)
        else:
            st.session_state[LOOK] = options[0]
    return st.selectbox("Look at", options, key=LOOK, format_func=lambda row: f"{row + 1}: {names[row]}", width=420)


def look_at(row: int) -> None:
    """Pick an image; for callbacks."""
    st.session_state[LOOK] = row


def detail(stamp: str, found: Judged, row: int, like: ScoreTable | None, run: RunEntry, own: str, k: int) -> None:
    """Draw one image.

    Args:
        stamp: names the verdicts and the scores of the reference part as they are now, and k.
        found: the verdicts.
        row: of the image.
        like: scores of the reference part, None where they are gone.
        run: that scored it.
        own: slug of its training set.
        k: of the ratio, from 1.
    """
    one = found.frame.iloc[row]
    picture = data_uri(found.stored.images[row])
    left, right = st.columns([1, 3], gap="large")
    with left:
        with st.container(key="picture"):
            st.image(picture, width=196, caption=literal(one["name"]), alt=f"Image {one['name']}")
        kind = "warn" if one["alarm"] else "good"
        word = components.mark("raises an alarm" if one["alarm"] else "typical", kind)
        changes = f"<br>{components.escape(one['changes'])}" if one["changes"] else ""
        others = "".join(f"<br>{components.escape(line)}" for line in elsewhere(found, row))
        st.html(
            f"<p class='prose'>{word}<br>{components.escape(one['verdict'])}.<br>p = {one['p']:.4f}: between "
            f"{100 * one['p_low']:.2g} % and {100 * one['p_high']:.2g} % of in-distribution images are as far out. It "
            f"differs most at k = {one['differs_at']}.{others}{changes}</p>"
        )
    if like is None:
        with right:
            st.info("The scores of the reference part are gone or were made anew, so there is nothing to draw this on.")
        return
    name = f"Image {row + 1}"
    steps, ratios = _drawn(stamp, row, found, like, own, k)
    with right:
        components.chart(*steps, "upload-waterfall", key="uploaded-waterfall")
    components.chart(*ratios, "upload-profile", key="uploaded-profile")
    rebuild(found, row, run, own, name)


Drawn = tuple[Figure, pd.DataFrame]


# A resource, because drawing takes most of the time of a page that is warm: nobody may change what it holds.
@st.cache_resource(max_entries=48, show_spinner=False)
def _drawn(stamp: str, row: int, _found: Judged, _like: ScoreTable, own: str, k: int) -> tuple[Drawn, Drawn]:
    """The steps to the bound of an image, and its ratio at every k."""
    name = f"Image {row + 1}"
    steps = image_steps.steps(_like, results.as_table(_found.stored, _like), row, k)
    odd = waterfall.furthest(steps)
    title = (
        f"{name}: {odd.label.lstrip('+− ')} is the step furthest outside the middle 90 % of the reference images"
        if odd
        else f"{name}: every step to its bound lies within the middle 90 % of the reference images"
    )
    bands = {
        f"LLR<sup>&gt;{level}</sup>": np.percentile(_like.likelihood_ratio(level), profile.PERCENTILES)
        for level in range(1, _like.metadata.depth + 1)
    }
    values = [float(_found.stored.frame[column].iloc[row]) for column in _found.ratios]
    figure = profile.profile(bands, values, own, name, f"{name}: its ratio at every k beside the reference images")
    return (
        (waterfall.waterfall(steps, own, name, title), waterfall.table(steps)),
        (figure, profile.table(bands, values)),
    )


def elsewhere(found: Judged, row: int) -> list[str]:
    """One line for each further run that has judged the image."""
    runs = zip(found.stored.settings.also, found.stored.others, strict=True)
    return [f"Under {by.run}, p = {other['p'].iloc[row]:.4f}." for by, other in runs if row < len(other)]


def rebuild(found: Judged, row: int, run: RunEntry, own: str, name: str) -> None:
    """An expander with what is left of the image at every level, drawn with the noise that scored it."""
    if run.obstacle("reconstruct"):
        return
    details = st.expander("Rebuild it level by level", key="uploaded-rebuild", on_change="rerun")
    if not details.open:
        return
    settings = found.stored.settings
    with details, components.guarded():
        with st.spinner("Starting PyTorch"):
            from app.images import models
        pixels = found.stored.images[row : row + 1]
        draws = settings.draws if settings.draws <= MOST_DRAWS else 1
        images = ImageSet("images", "", pixels, np.zeros(1, np.int64))
        with st.spinner("Rebuilding"):
            index = np.array([content_index(pixels[0])])
            walked = models.walk(run, images, index, settings.seed, settings.reading, draws)  # type: ignore[arg-type]
        words = what_to_see(walked, "this image", palette.look(own).title, False)
        st.html(f'<p class="prose">{components.escape(words)}</p>')
        levels = usual_levels(walked.depth)
        strip = rows(walked, pixels, [name], PICTURE, walked.depth, levels=levels)
        columns = headings(walked.depth, levels)
        st.html(mosaic.table_html(columns, strip, "rebuilt", cell(len(columns))))
        st.caption(below(PICTURE, draws) + left_out(walked.depth))
