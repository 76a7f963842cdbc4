"""Baselines: every score of every run on the same images, in the three groups of the paper's Table 2."""

import shlex

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.baselines import choosing, drawn, images, table
from app.frame import components, controls
from app.looks.palette import look
from app.looks.wording import asked_for
from app.reading import loading, presence
from app.reading.view import RESAMPLES
from hvae.errors import TableError


def compared(shown: choosing.Rivals, group: str, advanced: DeltaGenerator) -> None:
    """The table, and what is drawn of the scores chosen."""
    with advanced:
        against = choosing.choose_against(shown)
    images.inspect(shown)
    frame = shown.table(against)
    table.table(shown, frame, against, group)
    table.best(frame)
    choosing.what_is_missing(shown)
    components.section("Chosen scores", "Which of them catches more, at any rate of false alarms.")
    picked = choosing.pick(shown)
    drawn.curves(shown, picked)
    components.section(
        "Two scores, image by image",
        "Scores of the same AUROC may stumble over different images; the dashed lines are their thresholds.",
    )
    drawn.two_scores(shown, picked)
    components.section("Caught by one score alone", "What a score sees that none of the other chosen ones does.")
    images.caught_alone(shown, picked)


def page() -> None:
    """The page."""
    opened = presence.opened(
        "Baselines",
        "Is the likelihood ratio better than its rivals? Every score of every run, on the same images.",
    )
    if opened is None:
        return
    selection, found = opened
    run = found.run
    own = found.own or selection.data
    if not presence.has(found, own, selection.ood):
        return
    toolbar = controls.toolbar()
    with toolbar:
        slug = choosing.choose_set(found, selection.ood)
        group = table.choose_group()
    runs = choosing.choose_runs(selection, run, toolbar)
    advanced = controls.advanced(toolbar)
    with advanced:
        every = choosing.choose_levels()
    if slug is None:
        components.missing(f"{run.name} has scored no other set yet.", presence.command(run, selection.ood))
        return
    try:
        shown = choosing.gathered([found, *(loading.catalogue(one) for one in runs[1:])], slug, every)
    except TableError as error:
        components.problem(f"{error}. {components.WAY_ON}")
        return
    compared(shown, group, advanced)
    if own != selection.data:
        st.info(f"In-distribution here is what run A was trained on, {look(own).title}, as for all runs beside it.")
    names = " ".join(map(shlex.quote, shown.found.runs))
    components.footer(f"hvae compare {names} --data {asked_for(slug, run.path)} --bootstrap {RESAMPLES}")


page()
