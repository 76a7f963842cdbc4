"""What is kept of a scoring job, on the page: verdicts on all images, the table, one image, and the report."""

from __future__ import annotations

import streamlit as st

from app.figures import densities
from app.frame import components, controls, jobs
from app.frame.caching import kept
from app.reading import choosing, loading
from app.score_images import detail, grid, preview, report, results, store
from app.score_images.sources import counted
from app.score_images.store import Settings
from app.server import limits
from hvae.scores import find


def show(job: str) -> Settings | None:
    """Draw the results of a job, or say why there are none; how its images were scored, None where nothing is kept."""
    stamp = store.stamp(job)
    stored = results.kept(job, stamp)
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
        _verdicts(stored, f"{job} {stamp}")
    else:
        st.info("No image was scored.")
    preview.refusals(list(stored.refused))
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
        return report.report(found, detail.marks(found, like, score, clickable=False) if like else None)

    name = "verdicts.html"
    st.download_button("Download report", document, name, "text/html", key="uploaded-report", on_click="ignore")
    grid.side_by_side(found, rows, here)
    if like is not None:
        if len(frame) > detail.MOST_MARKS:
            st.caption(f"The first {detail.MOST_MARKS} of {len(frame):,} images are drawn as marks.")
        values, names = frame[score.label].to_numpy(), list(frame["name"])
        numbers = densities.uploaded_table(values, found.alarms, names, score.label)
        figure = kept("uploaded-marks", (stamp, score.label), lambda: detail.marks(found, like, score))
        components.chart(figure, numbers, "uploaded", key="uploaded-marks", on_click=detail.look_at)
    if len(here):
        components.section("One image", "Choose a row of the table or a mark of the figure, or pick it here.")
        detail.detail(stamp, found, detail.picked(here, list(frame["name"])), like, score)
