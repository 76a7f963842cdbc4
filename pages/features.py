"""Features: how alike two models represent the same images, layer by layer (Fig. 2 of the paper)."""

from functools import partial
from typing import cast

import streamlit as st

from app.features import layers, units
from app.features import tables as feature_tables
from app.frame import components, controls, jobs, parts, state
from app.images.sources import whole_split
from app.looks.wording import literal
from app.reading import loading
from hvae.runs.correlations.tables import Kind
from hvae.runs.folders import RunEntry

KINDS = ("features", "means")


def partner(selection: state.Selection, run: RunEntry) -> RunEntry | None:
    """Run B; where none is chosen, the first run that a table is stored with."""
    if selection.versus is not None:
        return selection.versus
    others = (other for other in loading.runs() if other.name != run.name)
    return next((other for other in others if feature_tables.stored(run, other).tables), None)


def page() -> None:
    """The page."""
    components.heading(
        "Features",
        "Two models are shown the same images. Do their layers respond alike? Low ones usually do, high ones less so.",
    )
    job = jobs.followed("features")
    watched = jobs.watch(job) if job else None
    busy = watched is not None and not watched.finished
    selection = state.selection()
    run = selection.run
    if run is None:
        components.no_run()
        return
    if run.config is None:
        components.problem(f"{run.name}: {run.problem}. {components.WAY_ON}")
    other = partner(selection, run)
    wanted = {slug: whole_split(slug) for slug in (selection.data, *selection.ood)}
    if other is None:
        if run.config is not None and (why := run.obstacle("represent")):
            st.info(literal(f"Nothing can be correlated here: {run.name}: {why}. {components.WAY_ON}"))
            return
        components.missing(
            f"No correlations of {run.name} with another run are stored. Choose run B in the sidebar, or make them:",
            feature_tables.command(run, "RUN_B", wanted),
        )
        return
    found = feature_tables.stored(run, other)
    for problem in found.problems:
        st.warning(literal(problem))
    absent = [slug for slug in wanted if slug not in found.tables or slug in found.outdated]
    what = "Correlations" if found.tables else f"Correlations between {run.name} and {other.name}"
    offer = partial(feature_tables.offer, run, other, absent, what, tables=True, busy=busy, key="offer-tables")
    if not found.tables:
        if absent:
            offer()
        return
    order = dict.fromkeys([*wanted, *found.tables])
    tables = {slug: found.tables[slug] for slug in order if slug in found.tables}
    kinds = [kind for kind in KINDS if all(kind in table.kinds() for table in tables.values())]
    meant = "features: the deterministic features of the encoder; means: the means of q(z|x)."
    toolbar = controls.toolbar()
    with toolbar:
        kind = cast(Kind, controls.choose("What is compared", "kind", kinds, help=meant))
        same = parts.choose("features") == parts.SAME_HEIGHT
        slug = None if same else controls.choose_set("Images of", "on", tables)
    if selection.versus is None:
        st.caption(literal(f"{run.name} beside {other.name}, as is stored: no run B is chosen in the sidebar."))
    if slug is None:
        layers.over_the_layers(tables, kind, run, other)
    else:
        pair = layers.layer_by_layer(tables[slug], kind, run, other)
        layers.one_pair(tables, kind, pair, run, other)
        units.unit_pairs(run, other, tables[slug].metadata, kind, pair, busy)
    if absent:
        offer()
    if about := layers.about_the_models(kind, run, other):
        st.caption(literal(about))
    splits = {slug: table.metadata.split for slug, table in tables.items()}
    components.footer(feature_tables.command(run, other.name, splits))


page()
