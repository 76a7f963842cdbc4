"""Scores: does a score tell out-of-distribution images from in-distribution ones?"""

import streamlit as st

from app.frame import components, parts, state
from app.images import one_image
from app.looks.palette import look
from app.looks.wording import score_command
from app.reading import loading, measures
from app.reading.view import View
from app.scores import brush as score_brush
from app.scores import checks, contrast, controls, figures, galleries, samples
from hvae.runs.folders import RunEntry


def part(view: View, run: RunEntry, brush: score_brush.Brush) -> None:
    """The part that is chosen."""
    chosen = parts.choose("scores")
    if chosen == parts.IMAGES:
        galleries.galleries(view, run, brush)
    elif chosen == parts.LIKELIHOOD:
        components.section(parts.LIKELIHOOD, "The same images under both scores: what the ratio changes, and what not.")
        contrast.likelihood_beside_ratio(view)
    elif chosen == parts.LEVELS:
        components.section(
            parts.LEVELS,
            "The bound itself on the left, the likelihood ratio on the right. The ratio asks how much of the "
            "likelihood is lost when the lowest k layers may not look at the image.",
        )
        figures.by_level(view)
        samples.more_samples(view)
    else:
        checks.negative_control(view, run)
        checks.readings(view)
        checks.label_free(view, run)


def page() -> None:
    """Controls, metrics, figures, checks, and one image."""
    components.heading(
        "Scores",
        "How well does a score tell images the model has never seen the like of from images it knows? Higher means "
        "more out-of-distribution, always.",
    )
    selection = state.selection()
    run = selection.run
    if run is None:
        components.no_run()
        return
    keys = loading.tables(run)
    if run.config is None:
        components.problem(f"{run.name}: {run.problem}" + ("" if keys else ". Choose another run in the sidebar."))
        if not keys:
            return
    if not measures.settings(keys, selection.data):
        components.missing(
            f"{run.name} has no scores of {look(selection.data).title} yet.",
            f"hvae score {run.name} --data {' --data '.join((selection.data, *selection.ood))}",
        )
        return
    view = controls.view(keys, selection.data, selection.ood)
    for text in view.damaged:
        components.problem(text)
    if view.unscored:
        wanted = view.setting
        components.missing(
            f"Not scored with {wanted}: {', '.join(look(slug).title for slug in view.unscored)}.",
            f"hvae score {run.name} --data {' --data '.join(view.unscored)} --reading {wanted.reading} "
            f"--samples {wanted.samples} --draws {wanted.draws}",
        )
    threshold = measures.threshold(view.measure.of(view.inside.table), view.budget)
    if view.outside:
        figures.metrics_table(view, threshold, selection.versus)
        brush = figures.main_figures(view, threshold)
        part(view, run, brush)
    else:
        st.info("Choose out-of-distribution sets in the sidebar to compare with.")
    one_image.one_image(view, run, threshold)
    if not view.outside:
        checks.negative_control(view, run)
        checks.label_free(view, run)
    tables = [view.inside.key, *(other.key for other in view.outside)]
    components.footer("\n".join(score_command(run.name, key) for key in tables))


page()
