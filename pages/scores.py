"""Scores: does a score tell out-of-distribution images from in-distribution ones?"""

from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.figures.densities import Brush
from app.frame import components, parts, state
from app.frame.state import ImageId
from app.inspector import panel, subject
from app.looks.palette import look
from app.looks.wording import score_command
from app.reading import baselines, measures, presence, seeds
from app.reading.view import View
from app.scores import checks, controls, figures, galleries
from hvae.errors import TableError


def part(view: View, brush: Brush, room: DeltaGenerator | None) -> None:
    """The part that is chosen; there is room for the images of a range."""
    chosen = parts.choose("scores")
    if chosen == parts.IMAGES:
        galleries.galleries(view, brush, room)
    elif chosen == parts.LIKELIHOOD:
        components.section(parts.LIKELIHOOD, "The same images under the likelihood alone and under the chosen score.")
        figures.beside_likelihood(view)
    elif chosen == parts.LEVELS:
        components.section(
            parts.LEVELS,
            "Every score at every level: k is how many of the lowest layers take their latents from the prior, so that "
            "they may not look at the image.",
        )
        checks.by_level(view)
        checks.more_samples(view)
    else:
        checks.negative_control(view)
        checks.readings(view)
        checks.label_free(view)


def shown(view: View, brushing: bool, curve: str) -> None:
    """Figures, metrics, and the part that is chosen."""
    first = view.outside[0] if view.outside else view.inside
    sizes = {one.slug: len(one.scores) for one in view.sets}
    panel.inspect(sizes, ImageId(first.slug, 0), partial(subject.of_view, view))
    for text in view.problems:
        components.problem(text)
    if view.unscored:
        components.missing(
            f"Not scored with {view.setting}: {', '.join(look(slug).title for slug in view.unscored)}.",
            presence.command(view.run, view.unscored, view.setting.options),
        )
    threshold = measures.threshold(view.inside.scores, view.budget)
    if view.outside:
        brush, room = figures.main_figures(view, threshold, brushing, curve)
        figures.metrics_table(view, threshold, state.selection().versus)
        seeds.fold(view, [view.measure], "scores")
        baselines.fold(*baselines.measured(view), {} if view.measure.score.model_free else {view.measure.symbol: view})
        with components.guarded():
            part(view, brush, room)
    else:
        st.info("Choose unfamiliar (out-of-distribution) sets in the sidebar to compare with.")
    if not view.outside:
        checks.negative_control(view)
        checks.label_free(view)
    components.footer("\n".join(score_command(view.run.name, one.entry) for one in view.sets))


def page() -> None:
    """The controls, and all that they choose."""
    opened = presence.opened(
        "Scores",
        "How well does a score tell unfamiliar images from those that the model knows? A higher score always means "
        "more out-of-distribution.",
    )
    if opened is None:
        return
    selection, found = opened
    if not presence.has(found, selection.data, selection.ood):
        return
    try:
        view, brushing, curve = controls.choose_view(found, selection.data, selection.ood)
    except TableError as error:
        # The controls stay, so another score can be chosen.
        components.problem(str(error))
        return
    shown(view, brushing, curve)


page()
