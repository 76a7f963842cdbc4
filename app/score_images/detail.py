"""One scored upload: its verdict, the steps of its bound, its scores, and what is left of it at every level."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from app.figures import densities, profile, waterfall
from app.figures.layout import Figure
from app.frame import components
from app.frame.caching import kept
from app.images import rebuild
from app.images import steps as image_steps
from app.images.mosaic import data_uri
from app.images.sources import UPLOADS_SLUG
from app.looks.wording import literal, significant
from app.reading.measures import percentile
from app.score_images.grid import LOOK
from app.score_images.results import Judged, Reference
from hvae.datasets import ImageSet
from hvae.runs.folders import RunEntry
from hvae.runs.score_tables import ScoreTable
from hvae.scores import Score
from hvae.stats import density, shared_edges

MOST_MARKS = 500


def marks(found: Judged, like: Reference, own: str, score: Score, *, clickable: bool = True) -> Figure:
    """Every image on the density of a score over the reference part, a part of the set `own`."""
    inside, values = like.values(score), found.stored.frame[score.label].to_numpy()
    above = sum(percentile(inside, value) > 95 for value in values)
    figure = densities.uploaded(
        density(inside, shared_edges([inside], bins=60)),
        own,
        values[:MOST_MARKS],
        found.alarms[:MOST_MARKS],
        [components.escape(name) for name in found.stored.frame["name"][:MOST_MARKS]],
        f"{score.symbol} of {above:,} of {len(values):,} images is above 95 % of the reference images",
        score.symbol,
    )
    if not clickable:
        figure.update_traces(hovertemplate="%{text}<br>%{x:.4g} nats<extra></extra>", selector={"mode": "markers"})
    return figure


def picked(here: np.ndarray, names: list[str]) -> int:
    """Draw the box that picks an image, the keyboard's way to choose a row; the row picked.

    `here` are the rows on the page of the table; a mark of the figure may have picked one that is not among them.
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


def detail(stamp: str, found: Judged, row: int, like: Reference | None, run: RunEntry, own: str, score: Score) -> None:
    """Draw one image: `stamp` names verdicts, reference part and the score of the figures as they are now."""
    left, right = st.columns([1, 3], gap="large")
    with left:
        _verdict(found, row)
    if like is None:
        with right:
            st.info("The scores of the reference part are gone or were made anew, so there is nothing to draw this on.")
        return
    name = f"Image {row + 1}"
    table = ScoreTable(found.stored.frame, like.table.metadata.model_copy(update={"slug": UPLOADS_SLUG}), run.name)
    with right:
        figure, numbers = kept(
            "uploaded-waterfall", f"{row} {stamp}", lambda: _steps(like, table, row, own, name, score.k or 1)
        )
        components.chart(figure, numbers, "upload-waterfall", key="uploaded-waterfall")
    left, right = st.columns(2, gap="large")
    if len(found.levels) > 1:
        with left:
            figure, numbers = kept("uploaded-profile", f"{row} {stamp}", lambda: _profile(found, like, row, own, name))
            components.chart(figure, numbers, "upload-profile", key="uploaded-profile")
    with right if len(found.levels) > 1 else left:
        _every_score(found, like, row)
    images = found.stored.images
    rebuild.rebuild(run, table.metadata, ImageSet(UPLOADS_SLUG, "", images, np.zeros(len(images), np.int64)), row)


def _verdict(found: Judged, row: int) -> None:
    """The image with what its p-value means, and what other runs say."""
    one = found.frame.iloc[row]
    with st.container(key="picture"):
        st.image(
            data_uri(found.stored.images[row]), width=196, caption=literal(one["name"]), alt=f"Image {one['name']}"
        )
    word = components.mark("raises an alarm") if one["alarm"] else components.mark("typical", "good")
    lines = [
        f"{one['verdict']}.",
        f"p = {one['p']:.4f}: between {100 * one['p_low']:.2g} % and {100 * one['p_high']:.2g} % of in-distribution "
        f"images are as far out.{f' It differs most at k = {one.differs_at}.' if len(found.levels) > 1 else ''}",
        *(
            f"Under {by.run}, p = {other['p'].iloc[row]:.4f}."
            for by, other in zip(found.stored.settings.also, found.stored.others, strict=True)
            if row < len(other)
        ),
        *([one["changes"]] if one["changes"] else []),
    ]
    st.html(f"<p class='prose'>{'<br>'.join([word, *map(components.escape, lines)])}</p>")


Drawn = tuple[Figure, pd.DataFrame]


def _steps(like: Reference, table: ScoreTable, row: int, own: str, name: str, k: int) -> Drawn:
    """The steps to the bound of an image."""
    steps = image_steps.steps(like.table, table, row, k)
    odd = waterfall.furthest(steps)
    title = (
        f"{name}: {odd.label.lstrip('+− ')} is the step furthest outside the middle 90 % of the reference images"
        if odd
        else f"{name}: every step to its bound lies within the middle 90 % of the reference images"
    )
    return waterfall.waterfall(steps, own, name, title), waterfall.table(steps)


def _profile(found: Judged, like: Reference, row: int, own: str, name: str) -> Drawn:
    """The score that judges at every level."""
    bands = {one.symbol: np.percentile(like.values(one), profile.PERCENTILES) for one in found.levels}
    values = [float(found.stored.frame[one.label].iloc[row]) for one in found.levels]
    title = f"{name}: its {found.levels[0].title.lower()} at every k beside the reference images"
    return profile.profile(bands, values, own, name, title), profile.table(bands, values)


def _every_score(found: Judged, like: Reference, row: int) -> None:
    """Every score of the image, with the share of the reference part at or below it."""
    one = found.stored.frame.iloc[row]
    scores = [score for score in like.scores if score.label in one]
    frame = pd.DataFrame(
        {
            "score": [score.label for score in scores],
            "value": [float(one[score.label]) for score in scores],
            "unit": [score.units[0] for score in scores],
            "percentile": [percentile(like.values(score), float(one[score.label])) for score in scores],
        }
    )
    components.listed(
        frame,
        {
            "score": lambda of: components.escape(of.score),
            "value": lambda of: f"{significant(of.value, 4)} {components.escape(of.unit)}",
            "above, of the reference part": lambda of: f"{of.percentile:.1f} %",
        },
        "Its scores, and how many reference images they are above",
        name="upload-scores",
    )
