"""Scores: does a score tell out-of-distribution images from in-distribution ones?"""

import streamlit as st

from app import (
    components,
    loading,
    one_image,
    parts,
    score_brush,
    score_checks,
    score_contrast,
    score_controls,
    score_figures,
    score_gallery,
    score_samples,
    scored,
    state,
)
from app.palette import look
from app.score_controls import View
from app.wording import score_command
from hvae.results import RunEntry


def part(view: View, run: RunEntry, brush: score_brush.Brush) -> None:
    """The part that is chosen."""
    chosen = parts.choose("scores")
    if chosen == parts.IMAGES:
        score_gallery.galleries(view, run, brush)
    elif chosen == parts.LIKELIHOOD:
        components.section(parts.LIKELIHOOD, "The same images under both scores: what the ratio changes, and what not.")
        score_contrast.likelihood_beside_ratio(view)
    elif chosen == parts.LEVELS:
        components.section(
            parts.LEVELS,
            "The bound itself on the left, the likelihood ratio on the right. The ratio asks how much of the "
            "likelihood is lost when the lowest k layers may not look at the image.",
        )
        score_figures.by_level(view)
        score_samples.more_samples(view)
    else:
        score_checks.negative_control(view, run)
        score_checks.readings(view)
        score_checks.label_free(view, run)


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
    if not scored.settings(keys, selection.data):
        components.missing(
            f"{run.name} has no scores of {look(selection.data).title} yet.",
            f"hvae score {run.name} --data {' --data '.join((selection.data, *selection.ood))}",
        )
        return
    view = score_controls.view(keys, selection.data, selection.ood)
    for text in view.damaged:
        components.problem(text)
    if view.unscored:
        wanted = view.setting
        components.missing(
            f"Not scored with {wanted}: {', '.join(look(slug).title for slug in view.unscored)}.",
            f"hvae score {run.name} --data {' --data '.join(view.unscored)} --reading {wanted.reading} "
            f"--samples {wanted.samples} --draws {wanted.draws}",
        )
    threshold = scored.threshold(view.measure.of(view.inside.table), view.budget)
    if view.outside:
        score_figures.metrics_table(view, threshold, selection.versus)
        brush = score_figures.main_figures(view, threshold)
        part(view, run, brush)
    else:
        st.info("Choose out-of-distribution sets in the sidebar to compare with.")
    one_image.one_image(view, run, threshold)
    if not view.outside:
        score_checks.negative_control(view, run)
        score_checks.label_free(view, run)
    tables = [view.inside.key, *(other.key for other in view.outside)]
    components.footer("\n".join(score_command(run.name, key) for key in tables))


page()
