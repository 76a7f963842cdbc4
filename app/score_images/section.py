"""What is kept of a scoring job, on the page: verdicts on all images, the table, the report, and one by itself."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from app.deciding import panel as decision
from app.figures import densities
from app.figures.layout import Figure
from app.frame import components, controls, jobs, state
from app.frame.caching import kept
from app.frame.state import ImageId
from app.images.sources import refusals
from app.inspector import panel
from app.inspector.subject import UPLOADED, Subject, loose_picture
from app.inspector.waterfalls import Chosen
from app.looks.pictures import data_uri, sheet
from app.looks.wording import literal
from app.reading import choosing, loading, view
from app.reading.measures import Measure, percentile
from app.score_images import results
from app.score_images.asking import AGAIN, counted
from app.score_images.results import Judged, Reference
from app.server import judgements, limits
from app.server.judgements import Stored
from hvae.datasets import LOOSE
from hvae.datasets.own.caveats import out_of_words
from hvae.report.judged import told
from hvae.runs.score_tables import ScoreTable
from hvae.scores import Score, find
from hvae.stats import density, shared_edges
from hvae.stats.arrays import Floats
from hvae.verdicts.asked import Settings
from hvae.verdicts.judgement import order
from hvae.verdicts.words import NO_ALARM, NOT_JUDGED

PARTIAL_ROWS, NEWEST = 8, 8
"""Rows shown, and batches looked at, while a job runs."""
BUDGETS, BUDGET = ("0.001", "0.01", "0.05", "0.1"), "0.05"
"""False-alarm budgets, and the one where nobody chose another."""
MOST_ROWS, MOST_MARKS = 200, 500
"""Rows sent to the browser at once, and images drawn in the figure."""
PAGE = "page"
AGAIN_OF = "_again_of"
"""The job whose images are asked for with other settings."""


def budget_in_address() -> str:
    """The budget last chosen or asked for by a link, also where no results are shown yet."""
    asked = state.values("score_images").get("alpha")
    return asked if isinstance(asked, str) and asked in BUDGETS else BUDGET


def so_far(job: str) -> None:
    """The most unusual of the newest images of a job that still runs, in a few lines."""
    # It is drawn every other second: a long job must not be read from its start each time.
    stored = judgements.read(job, NEWEST)
    if stored is None or not len(stored):
        return
    found = results.judged(stored, float(BUDGET))
    rows = order(stored.frame)[:PARTIAL_ROWS]
    st.caption(f"The most unusual of the newest {counted(len(stored), 'image')}:")
    _dataframe(found, results.visible(found, rows), "uploaded-partial")


def show(job: str) -> Settings | None:
    """Draw the results of a job, or say why there are none; how its images were scored, None where nothing is kept."""
    stamp = judgements.stamp(job)
    stored = kept("uploads", (job, stamp), lambda: judgements.read(job), "huge")
    if stored is None:
        if jobs.find(job) is None:
            allowed = limits.current()
            st.info(
                "The results of the job in this link are not kept here: the job is unknown, older than "
                f"{allowed.results_hours} hours, or not among the last {allowed.results_kept}. Choose images and "
                "score them again."
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
    refusals(stored.refused)
    return stored.settings


def _verdicts(stored: Stored, stamp: str) -> None:
    settings, kind = stored.settings, find(stored.settings.score)
    with controls.bar("verdicts-bar"):
        about = (
            "An image raises an alarm if its p-value is at most this. That share of in-distribution images "
            "raises one by mistake."
        )
        budget = controls.choose("False-alarm budget", "alpha", BUDGETS, BUDGET, help=about)
        found = results.judged(stored, float(budget))
        rows, here, asked = _chosen(found.frame)
        score = kind(choosing.choose_level(kind, settings.depth))
        # At the top, where the settings open.
        st.button(
            "Judge again with other settings",
            key="judge-again",
            on_click=st.session_state.update,
            args=({"pictures": AGAIN, AGAIN_OF: state.chosen(state.JOB)},),
            help="Judge the same images by another score, setting or run that takes images of this shape. No file has "
            "to be given again.",
        )
    conclusion, *paragraphs = results.paragraphs(found)
    st.html(conclusion)
    like = results.reference(settings)
    stamp += f" {found.alpha} {like and loading.stamp(like.entry)}"
    if len(rows):
        printed = partial(results.printed, found, rows, asked)
        _listed(found, results.visible(found, here), results.with_notes(found), rows, here, "verdicts", "", printed)
    else:
        st.info("No image raises an alarm at this budget. Choose all to see them.")
    for paragraph in paragraphs:
        st.html(paragraph)
    for by in (settings, *settings.also):
        if by.note:
            st.info(literal(f"{by.run}: {by.note}"))
    report = partial(results.report, found)
    st.download_button(
        "Download report", report, "verdicts.html", "text/html", key="uploaded-report", on_click="ignore"
    )
    if settings.also:
        _side_by_side(found, rows, here)
    names = list(found.frame["name"])
    if len(here):
        first = ImageId(UPLOADED, int(here[0]))
        panel.inspect({UPLOADED: len(names)}, first, lambda image: _subject(stamp, found, like, score, image))
    if like is not None:
        if len(names) > MOST_MARKS:
            st.caption(f"The first {MOST_MARKS} of {len(names):,} images are drawn as marks.")
        values, alarms = (found.frame[column].to_numpy() for column in (score.label, "alarm"))
        numbers = densities.uploaded_table(values, alarms, names, score.label)
        figure = kept("uploaded-marks", (stamp, score.label), lambda: marks(found, like, score))
        shown = kept("uploaded-sheet", stamp, lambda: sheet(found.images[:MOST_MARKS]), "large")
        components.chart(figure, numbers, "uploaded", key="uploaded-marks", on_click=_opened, sheet=shown)
    if known := results.judged_by(settings):
        decision.show(*known, settings.treatment, found.alpha)


def _chosen(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, str]:
    """Draw filter, order and, where there are several, the page.

    All rows that they leave, those of the page, and which order was asked for.
    """

    def from_the_start() -> None:
        if PAGE in st.session_state:
            st.session_state[PAGE] = 1

    only = controls.choose("Show", "only", ("all", "alarms"), on_change=from_the_start)
    asked = controls.choose("Order", "order", ("most unusual first", "as given"), on_change=from_the_start)
    rows = np.arange(len(frame)) if asked == "as given" else order(frame)
    rows = rows[(frame["alarm"] | (only == "all")).to_numpy()[rows]]
    if (pages := -(-len(rows) // MOST_ROWS)) <= 1:
        return rows, rows, asked
    number = controls.number("Page", PAGE, 1, pages, 1, f"Of {pages:,}, with {MOST_ROWS} images each.")
    return rows, rows[(number - 1) * MOST_ROWS : number * MOST_ROWS], asked


def _listed(
    found: Judged,
    shown: pd.DataFrame,
    whole: pd.DataFrame,
    rows: np.ndarray,
    here: np.ndarray,
    name: str,
    title: str,
    latex: Callable[[], str],
) -> None:
    """The images `here`, a page of `rows`; choosing one looks at it. The CSV file has all rows of `whole`."""
    if len(here) < len(rows):
        first = int(np.flatnonzero(rows == here[0])[0])
        place = f"Images {first + 1:,} to {first + len(here):,} of {len(rows):,}"
        st.caption(f"{place} in this order; the CSV file has all.")
    if title:
        st.html(title)
    # Another page is another table: a row chosen on the page before is none of it.
    key = f"{name}-{hash(here.tobytes())}"

    def look() -> None:
        picked = st.session_state[key].selection.rows
        if picked and picked[0] < len(here):
            _opened(int(here[picked[0]]))

    _dataframe(found, shown, key, on_select=look, selection_mode="single-row", row_height=44)
    components.save(lambda: whole.iloc[rows], name, key=f"{name}-csv", latex=latex)


def _dataframe(found: Judged, shown: pd.DataFrame, key: str, **how: Any) -> None:
    """Images with what stands beside them, the numbers of `told.columns` written as that says."""
    number, formats = st.column_config.NumberColumn, told.columns(found).items()
    written = {heading: number(heading, format=form) for heading, (_, form) in formats if form not in ("%s", "%d")}
    written["image"] = st.column_config.ImageColumn("image", width="small")
    st.dataframe(shown, hide_index=True, key=key, column_config=written, **how)


def _side_by_side(found: Judged, rows: np.ndarray, here: np.ndarray) -> None:
    """The same images under every run."""
    components.section("Which run knows it best")
    if (compared := told.compared(found)) is None:
        st.info(literal("; ".join(filter(None, found.obstacles))) or "No image was judged by every run.")
        return
    table, said = compared
    st.html(f'<p class="prose">{components.escape(said)}</p>')
    if len(table) < len(found.frame):
        first = f"the first {counted(len(table), 'image')} of {len(found.frame):,}"
        st.caption(f"Every run has judged {first}; the others are left out here.")
    rows, here = rows[rows < len(table)], here[here < len(table)]

    def printed() -> str:
        caption = f"p-values of {counted(len(rows), 'image')} side by side, an alarm at {found.alpha:g} or less"
        return components.printed(told.cells(found, table.iloc[rows]), caption)

    if len(here):
        shown = told.cells(found, table.iloc[here])
        shown.insert(0, "image", list(map(data_uri, found.images[here])))
        title = '<p class="chart-title">p-values side by side</p>'
        _listed(found, shown, table, rows, here, "side-by-side", title, printed)


def marks(found: Judged, like: Reference, score: Score) -> Figure:
    """Every image on the density of a score over the reference part."""
    inside, values = _inside(like, Measure(score)), found.frame[score.label].to_numpy()
    above = sum(percentile(inside, value) > 95 for value in values)
    return densities.uploaded(
        density(inside, shared_edges([inside], bins=60)),
        like.entry.slug,
        values[:MOST_MARKS],
        found.frame["alarm"].to_numpy()[:MOST_MARKS],
        [components.escape(name) for name in found.frame["name"][:MOST_MARKS]],
        f"{score.symbol} of {above:,} of {counted(len(values), 'image')} is above 95 % of the reference images",
        score.symbol,
        score.units[0],
    )


def _inside(like: Reference, measure: Measure) -> Floats:
    return view.scored(*like, measure).scores


def _opened(row: int) -> None:
    state.inspect(ImageId(UPLOADED, int(row)))


def _subject(stamp: str, found: Judged, like: Reference | None, score: Score, image: ImageId) -> Subject:
    """One image: its verdict in words, and where there is a reference its scores."""
    row, title = image.index, f"Image {image.index + 1}"
    picture = loose_picture(found.images, LOOSE, list(found.frame["name"]))
    words = _verdict(found, row)
    if like is None:
        words += [
            "The scores of the reference part were deleted or made anew, so there is nothing to compare these with."
        ]
        run = next((one for one in loading.runs() if one.name == found.settings.run), None)
        return Subject(run, image, title, lambda: picture, words=tuple(words))
    inside = loading.table(*like)
    about = inside.metadata.model_copy(update={"slug": LOOSE})
    table = ScoreTable(found.frame, about, inside.run)

    def values(measure: Measure) -> tuple[Floats, Floats]:
        return _inside(like, measure), measure.of(table, inside)

    # The stamp names the verdicts and the reference part as they are now.
    chosen = Chosen(title, table, row, inside, like.entry.slug, values, f"{stamp} {row}", inside)
    return Subject(like.found.run, image, title, lambda: picture, about, chosen, Measure(score), words=tuple(words))


def _verdict(found: Judged, row: int) -> list[str]:
    """What the p-value of an image means, and what other runs say; lines of HTML."""
    one, settings = found.frame.iloc[row], found.settings
    word = (
        components.mark("raises an alarm")
        if one["alarm"]
        else components.mark(NOT_JUDGED if found.obstacles[0] else NO_ALARM, "plain")
    )
    place = "at k =" if len(settings.levels) > 1 else "in"
    differs = f" It differs most {place} {one.differs_at}." if "differs_at" in one else ""
    lines = [
        *(f"Before judging: {doubt.kind}: {doubt.sentence}." for doubt in out_of_words(one["caveats"])),
        f"{one['verdict']}.",
        f"p = {one['p']:.4f}: between {100 * one['p_low']:.2g} % and {100 * one['p_high']:.2g} % of in-distribution "
        f"images are as far out.{differs}",
        *(
            f"Under {by.run}, p = {other['p'].iloc[row]:.4f}."
            for by, other in zip(settings.also, found.others, strict=True)
            if row < len(other)
        ),
        *([one["changes"]] if one["changes"] else []),
    ]
    return [word, *map(components.escape, lines)]
