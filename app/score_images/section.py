"""What is kept of a scoring job, on the page: verdicts on all images, the table, one image, and the report."""

from __future__ import annotations

import numpy as np
import streamlit as st

from app.figures import densities
from app.figures.layout import Figure
from app.frame import components, controls, jobs
from app.reading import loading
from app.score_images import detail, grid, preview, results, store
from app.score_images import report as upload_report
from app.score_images.results import Judged
from app.score_images.sources import counted
from app.score_images.store import Settings
from app.server import limits
from hvae.runs.folders import RunEntry
from hvae.runs.score_tables import ScoreTable


def show(job: str) -> Settings | None:
    """Draw the results of a job, or say why there are none.

    Returns:
        How its images were scored, None where nothing is kept of it.

    Raises:
        TableError: damaged results.
    """
    stored = results.kept(job)
    if stored is None:
        if jobs.find(job) is None:
            st.info(
                "No results of the job in this link are kept: it is unknown here, older than "
                f"{limits.current().results_hours} hours, or older than the last {limits.current().results_kept}. "
                "Choose images and score them again."
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
        _verdicts(stored, f"{job} {store.stamp(job)}")
    else:
        st.info("No image was scored.")
    preview.refusals(list(stored.refused))
    return stored.settings


def _verdicts(stored: store.Stored, stamp: str) -> None:
    with controls.bar("verdicts-bar"):
        found = results.judged(stored, grid.budget())
        rows = grid.chosen(found)
        here = grid.page(rows)
        k = int(controls.choose("k", "k", [str(k) for k in range(1, len(found.ratios) + 1)], help="Of the figures."))
    st.html(f'<p class="prose">{components.escape(results.in_words(found))}</p>')
    run = next((one for one in loading.runs() if one.name == stored.settings.run and one.config is not None), None)
    like = results.reference(run, stored.settings) if run else None
    own = run.config.data.name if run and run.config else ""
    stamp += f" {found.alpha} {k} {like and like.metadata}"
    if len(rows):
        grid.grid(found, rows, here)
    else:
        st.info("No image raises an alarm at this budget. Choose all to see them.")

    def report() -> str:
        return upload_report.report(found, detail.marks(found, like, own, k, clickable=False) if like else None)

    st.download_button(
        "Download report", report, "verdicts.html", "text/html", key="uploaded-report", on_click="ignore"
    )
    grid.side_by_side(found, rows, here)
    if like is not None:
        _marks(stamp, found, like, own, k)
    if len(here) and run is not None:
        _one(stamp, found, here, like, run, own, k)


def _marks(stamp: str, found: Judged, like: ScoreTable, own: str, k: int) -> None:
    frame = found.stored.frame
    table = densities.uploaded_table(frame[f"LLR>{k}"].to_numpy(), found.alarms, list(frame["name"]), f"LLR>{k}")
    figure = _drawn_marks(stamp, found, like, own, k)
    if len(frame) > detail.MOST_MARKS:
        st.caption(f"The first {detail.MOST_MARKS} of {len(frame):,} images are drawn as marks.")
    components.chart(figure, table, "uploaded", key="uploaded-marks", on_click=detail.look_at)


# A resource, because drawing takes most of the time of a page that is warm: nobody may change what it holds.
@st.cache_resource(max_entries=48, show_spinner=False)
def _drawn_marks(stamp: str, _found: Judged, _like: ScoreTable, own: str, k: int) -> Figure:
    return detail.marks(_found, _like, own, k)


def _one(stamp: str, found: Judged, here: np.ndarray, like: ScoreTable | None, run: RunEntry, own: str, k: int) -> None:
    components.section("One image", "Choose a row of the table or a mark of the figure, or pick it here.")
    row = detail.picked(here, list(found.stored.frame["name"]))
    detail.detail(stamp, found, row, like, run, own, k)
