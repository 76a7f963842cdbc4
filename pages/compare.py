"""Compare: runs side by side, from their configurations to the images on which they disagree."""

import shlex
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.compare import choosing, configs, images, metrics, seeds
from app.compare.choosing import View
from app.frame import components, controls, parts, state
from app.frame.state import ImageId
from app.inspector import panel, subject
from app.inspector.sections import COMPARED, Section
from app.looks.palette import look
from app.looks.wording import quoted
from app.reading import loading, presence
from app.reading.agreement import Agreement
from hvae.errors import TableError
from hvae.stats.arrays import Indices


def trained_apart(view: View) -> None:
    """Say it where the runs were not all trained on the in-distribution set."""
    trained = {one.letter: one.catalogue.own or one.run.config.data.name for one in view.runs if one.run.config}
    if set(trained.values()) != {view.data}:
        spoken = ", ".join(f"{letter} on {quoted(look(name).title)}" for letter, name in trained.items())
        st.info(
            f"Trained: {spoken}. For all of them the in-distribution set is the one chosen in the "
            f"sidebar, {look(view.data).title}, so a difference says what a model was trained for, not how good it is."
        )


def compared(view: View, ood: tuple[str, ...], room: DeltaGenerator) -> None:
    """Everything below the controls, for one run at least."""
    slug, rows, found = None, {}, []
    offered = ([parts.CURVES] if view.ood else []) + ([parts.AGREEMENT] if len(view.runs) > 1 else [])
    offered += [parts.SEEDS] if view.ood and seeds.groups(view) else []
    with room:
        part = parts.choose("compare", offered) if offered else None
        if view.ood:
            slug = controls.choose_set("OOD set", "set", view.ood)
    inspected(view, slug)
    # What was sent here from another page is what one wants to see.
    images.selected(view)
    figure = st.container(key="compared-figure")
    if not ood:
        st.info("Choose out-of-distribution sets in the sidebar to compare the runs on.")
    # Filled last: its bootstrap intervals take longer than everything else that a new k changes.
    table = metrics.room(view)
    trained_apart(view)
    choosing.what_is_missing(view, ood)
    with figure:
        if part == parts.CURVES and slug:
            metrics.curves(view, slug)
        elif part == parts.SEEDS and slug:
            seeds.section(view, slug)
        elif part == parts.AGREEMENT:
            rows, found = agreement(view, slug)
    if part == parts.AGREEMENT and found:
        disagreements(view, rows, found)
    if len(view.runs) > 1 or view.unscored:
        configs.configurations([*(one.run for one in view.runs), *view.unscored])
    names = " ".join(shlex.quote(one.run.name) for one in view.runs)
    components.footer(
        f"hvae report {names} --table detection --in {view.data} --reading {view.setting.reading} --bootstrap 100"
    )
    if view.ood:
        with table:
            metrics.metrics_table(view)
            metrics.without_a_model(view)


def inspected(view: View, slug: str | None) -> None:
    """One image in every run."""
    own = view.runs[0]
    sizes = {one.slug: len(one.scores) for one in own.sets}
    section = Section(COMPARED, partial(images.in_every_run, view))
    panel.inspect(sizes, ImageId(slug or view.data, 0), partial(subject.of_view, own), extra=[section])


def agreement(view: View, slug: str | None) -> tuple[dict[str, Indices], list[Agreement]]:
    """Where the first two runs agree and where they do not, on the in-distribution set and one OOD set."""
    rows, found, unpaired = images.pairs(view, slug)
    if found:
        images.scatter(view, rows, found)
    if unpaired:
        st.info(f"Left out image by image: {'; '.join(unpaired)}.")
    return rows, found


def disagreements(view: View, rows: dict[str, Indices], found: list[Agreement]) -> None:
    """The images that the first two runs see most differently."""
    images.quadrants(view, found)
    noise = " At R = 1 some of the disagreement is the chance of single draws; tables with a larger R have less of it."
    components.section(
        "Where they disagree",
        f"Two runs of the same AUROC may still stumble over different images. {view.runs[0].letter} is "
        f"{components.escape(view.runs[0].run.name)}, {view.runs[1].letter} is "
        f"{components.escape(view.runs[1].run.name)}. The two scores have different scales, so they are compared as "
        f"percentiles among each run's own in-distribution test scores.{noise if view.setting.draws == 1 else ''}",
    )
    on = controls.choose_set("Images of", "on", [one.slug for one in found[::-1]])
    images.disagreements(view, rows[on], next(one for one in found if one.slug == on))


def page() -> None:
    """The page."""
    components.heading(
        "Compare",
        "Several models side by side: how well does each tell images apart, and which images do they see differently?",
    )
    selection = state.selection()
    if selection.run is None:
        components.no_run()
        return
    toolbar = controls.toolbar()
    runs = choosing.choose(selection, selection.run, toolbar)
    catalogues = [loading.catalogue(run) for run in runs]
    for found in catalogues:
        presence.problems(found)
    if not presence.has(catalogues[0], selection.data, selection.ood):
        if len(runs) > 1:
            configs.configurations(runs)
        else:
            choosing.alone(catalogues[0])
        return
    try:
        view, room = choosing.view(catalogues, selection.data, selection.ood, toolbar)
    except TableError as error:
        components.problem(
            f"{error}. Without these scores of run A there is nothing to compare with: choose another score above, or "
            "another run in the sidebar"
        )
        return
    compared(view, selection.ood, room)
    if len(runs) == 1:
        choosing.alone(catalogues[0])


page()
