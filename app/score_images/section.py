"""What is kept of a scoring job, on the page: verdicts on all images, the table, the report, and one by itself."""

from __future__ import annotations

import numpy as np
import streamlit as st

from app.figures import densities
from app.figures.layout import Figure
from app.frame import components, controls, jobs
from app.frame.caching import kept
from app.images.one_image import Chosen, bound_in_steps, every_level, every_score, rebuild
from app.images.sources import UPLOADS_SLUG
from app.looks.pictures import data_uri
from app.looks.wording import literal
from app.reading import choosing, loading
from app.reading.measures import Measure, percentile
from app.score_images import grid, report, results, sources, store
from app.score_images.grid import LOOK
from app.score_images.results import Judged, Reference
from app.score_images.sources import counted
from app.score_images.store import Settings
from app.server import limits
from hvae.datasets import ImageSet
from hvae.runs.score_tables import ScoreTable
from hvae.scores import Score, find
from hvae.stats import density, shared_edges
from hvae.stats.arrays import Floats

MOST_MARKS = 500


def show(job: str) -> Settings | None:
    """Draw the results of a job, or say why there are none; how its images were scored, None where nothing is kept."""
    stamp = store.stamp(job)
    stored = results.kept(job, stamp)
    if stored is None:
        if jobs.find(job) is None:
            allowed = limits.current()
            st.info(
                f"No results of the job in this link are kept: it is unknown here, older than {allowed.results_hours} "
                f"hours, or older than the last {allowed.results_kept}. Choose images and score them again."
            )
        return None
    components.section("Verdicts", components.escape(results.setting_in_words(stored.settings)))
    if not stored.complete and jobs.find(job) is None:
        st.warning(
            "This job was interrupted, by a restart of the server, by hand or by its time limit: "
            f"{counted(len(stored), 'image')} had been scored by then and stand below. Choose the images and score "
            "them again to have the others."
        )
    if len(stored):
        _verdicts(stored, f"{job} {stamp}")
    else:
        st.info("No image was scored.")
    sources.refusals(list(stored.refused))
    return stored.settings


def _verdicts(stored: store.Stored, stamp: str) -> None:
    settings, frame = stored.settings, stored.frame
    kind = find(settings.score)
    with controls.bar("verdicts-bar"):
        found = results.judged(stored, grid.budget())
        rows = grid.chosen(found)
        here = grid.page(rows)
        score = kind(choosing.choose_level(kind, settings.depth))
    st.html(f'<p class="prose">{components.escape(results.in_words(found))}</p>')
    like = results.reference(settings)
    stamp += f" {found.alpha} {like and loading.stamp(like.entry)}"
    if len(rows):
        grid.grid(found, rows, here)
    else:
        st.info("No image raises an alarm at this budget. Choose all to see them.")

    def document() -> str:
        return report.report(found, marks(found, like, score, clickable=False) if like else None)

    name = "verdicts.html"
    st.download_button("Download report", document, name, "text/html", key="uploaded-report", on_click="ignore")
    grid.side_by_side(found, rows, here)
    if like is not None:
        if len(frame) > MOST_MARKS:
            st.caption(f"The first {MOST_MARKS} of {len(frame):,} images are drawn as marks.")
        values, names = frame[score.label].to_numpy(), list(frame["name"])
        numbers = densities.uploaded_table(values, found.alarms, names, score.label)
        figure = kept("uploaded-marks", (stamp, score.label), lambda: marks(found, like, score))
        components.chart(figure, numbers, "uploaded", key="uploaded-marks", on_click=look_at)
    if len(here):
        components.section("One image", "Choose a row of the table or a mark of the figure, or pick it here.")
        _detail(stamp, found, picked(here, list(frame["name"])), like, score)


def marks(found: Judged, like: Reference, score: Score, *, clickable: bool = True) -> Figure:
    """Every image on the density of a score over the reference part."""
    inside, values = like.values(Measure(score)), found.stored.frame[score.label].to_numpy()
    above = sum(percentile(inside, value) > 95 for value in values)
    figure = densities.uploaded(
        density(inside, shared_edges([inside], bins=60)),
        like.entry.slug,
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
    """Draw the box that picks an image, the keyboard's way: a row `here` in the table, or one that a mark picked."""
    options = [int(row) for row in here]
    last = st.session_state.get(LOOK)
    if isinstance(last, int) and 0 <= last < len(names):
        options += [last] * (last not in options)
    else:
        st.session_state[LOOK] = options[0]
    return st.selectbox("Look at", options, key=LOOK, format_func=lambda row: f"{row + 1}: {names[row]}", width=420)


def look_at(row: int) -> None:
    """Pick an image; for callbacks."""
    st.session_state[LOOK] = row


def _detail(stamp: str, found: Judged, row: int, like: Reference | None, score: Score) -> None:
    """Draw one image: its verdict, the steps of its bound, its scores, and what is left of it at every level."""
    left, right = st.columns([1, 3], gap="large")
    with left:
        _verdict(found, row)
    if like is None:
        with right:
            st.info("The scores of the reference part are gone or were made anew, so there is nothing to draw this on.")
        return
    about = like.table.metadata.model_copy(update={"slug": UPLOADS_SLUG})
    table, name = ScoreTable(found.stored.frame, about, like.table.run), f"Image {row + 1}"

    def values(measure: Measure) -> tuple[Floats, Floats]:
        return like.values(measure), measure.of(table, like.table)

    # The stamp names the verdicts and the reference part as they are now.
    chosen = Chosen(name, table, row, like.table, like.entry.slug, values, stamp)
    with right:
        bound_in_steps(chosen, score.k or 1)
    left, right = st.columns(2, gap="large")
    with left:
        every_level(chosen, score)
    with right:
        every_score(chosen)
    images = found.stored.images
    rebuild(like.found.run, about, ImageSet(UPLOADS_SLUG, "", images, np.zeros(len(images), np.int64)), row)


def _verdict(found: Judged, row: int) -> None:
    """The image with what its p-value means, and what other runs say."""
    one = found.frame.iloc[row]
    with st.container(key="picture"):
        uri, name = data_uri(found.stored.images[row]), one["name"]
        st.image(uri, width=196, caption=literal(name), alt=f"Image {name}")
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
