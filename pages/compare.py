"""Compare: runs side by side, from their configurations to the images on which they disagree."""

import shlex

import streamlit as st

from app.compare import choosing, configs, images, metrics
from app.compare.choosing import View
from app.frame import components, controls, parts, state
from app.looks.palette import look
from app.looks.wording import quoted
from app.reading import loading, presence
from hvae.errors import TableError


def trained_apart(view: View) -> None:
    """Say it where the runs were not all trained on the in-distribution set."""
    trained = {one.letter: one.catalogue.own or one.run.config.data.name for one in view.runs if one.run.config}
    if set(trained.values()) != {view.data}:
        spoken = ", ".join(f"{letter} on {quoted(look(name).title)}" for letter, name in trained.items())
        st.info(
            f"Trained: {spoken}. For all of them the in-distribution set is the one chosen in the "
            f"sidebar, {look(view.data).title}, so a difference says what a model was trained for, not how good it is."
        )


def compared(view: View, ood: tuple[str, ...]) -> None:
    """Everything below the controls, for one run at least."""
    slug = None
    # Filled last: its bootstrap intervals take longer than everything else that a new k changes.
    table = metrics.room(view)
    offered = ([parts.CURVES] if view.ood else []) + ([parts.AGREEMENT] if len(view.runs) > 1 else [])
    if not ood:
        st.info("Choose out-of-distribution sets in the sidebar to compare the runs on.")
    part = parts.choose("compare", offered) if offered else None
    images.selected(view)
    if view.ood:
        slug = controls.choose("OOD set", "set", list(view.ood))
    if part == parts.CURVES and slug:
        components.section(parts.CURVES, "Which run catches more, at any rate of false alarms.")
        metrics.curves(view, slug)
    elif part == parts.AGREEMENT:
        image_by_image(view, slug)
    names = " ".join(shlex.quote(one.run.name) for one in view.runs)
    components.footer(
        f"hvae report {names} --table detection --in {view.data} --reading {view.setting.reading} --bootstrap 100"
    )
    if view.ood:
        with table:
            metrics.metrics_table(view)
            metrics.without_a_model(view)


def image_by_image(view: View, slug: str | None) -> None:
    """Where the first two runs agree and where they do not, on the in-distribution set and one OOD set."""
    components.section(
        parts.AGREEMENT,
        f"Two runs of the same AUROC may still stumble over different images. {view.runs[0].letter} is "
        f"{components.escape(view.runs[0].run.name)}, {view.runs[1].letter} is "
        f"{components.escape(view.runs[1].run.name)}; the dashed lines are their thresholds.",
    )
    found, unpaired = images.pairs(view, slug)
    if unpaired:
        st.info(f"Left out image by image: {'; '.join(unpaired)}.")
    if not found:
        return
    images.scatter(view, found)
    noise = " At R = 1 a part of the disagreement is the chance of single draws; tables of a larger R have less of it."
    components.section(
        "Where they disagree",
        "The two scores have different scales, so they are compared as percentiles among each run's own "
        f"in-distribution test scores.{noise if view.setting.draws == 1 else ''}",
    )
    on = controls.choose("Images of", "on", [one.slug for one in found[::-1]])
    images.disagreements(view, next(one for one in found if one.slug == on))
    images.one_image(view, found)


def page() -> None:
    """The page."""
    components.heading(
        "Compare",
        "What changes from one run to another: the settings, how well they tell images apart, and which images they "
        "see differently.",
    )
    selection = state.selection()
    if selection.run is None:
        components.no_run()
        return
    runs = choosing.choose(selection, selection.run)
    catalogues = [loading.catalogue(run) for run in runs]
    for found in catalogues:
        presence.problems(found)
    if len(runs) == 1:
        choosing.alone(catalogues[0])
    else:
        configs.configurations(runs)
    components.section("How well they tell images apart" if len(runs) > 1 else "How well it tells images apart")
    if not presence.has(catalogues[0], selection.data, selection.ood):
        return
    try:
        view = choosing.view(catalogues, selection.data, selection.ood)
    except TableError as error:
        components.problem(
            f"{error}. Without these scores of run A there is nothing to compare with: choose another score above, or "
            "another run in the sidebar"
        )
        return
    trained_apart(view)
    choosing.what_is_missing(view, selection.ood)
    compared(view, selection.ood)


page()
