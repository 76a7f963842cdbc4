"""Map: where every level of the model puts its own images and others, and what lies where."""

from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.frame import components, jobs
from app.frame.state import ImageId
from app.gallery import measured, pool, tiles
from app.inspector import panel
from app.inspector.subject import of_view
from app.looks.wording import literal
from app.map import drawn, stored
from app.reading import loading, presence
from app.reading.measures import Threshold
from app.reading.view import View
from hvae.errors import TableError
from hvae.runs.measured.maps import LatentMap


def shown(view: View, threshold: Threshold, found: LatentMap, busy: bool, room: DeltaGenerator) -> None:
    """The panels, then the images that were drawn around, and how far the levels part the sets."""
    sets = stored.joined(found, view)
    if len(sets) < 2:
        st.info(
            "The map has images of the in-distribution set only, and of none of the unfamiliar sets chosen in "
            "the sidebar."
        )
    if not sets:
        return
    with room:
        way, tint = drawn.choose_way(found), drawn.choose_tint()
        lasso = drawn.chosen_lasso(found.metadata.depth)
        if lasso is not None:
            st.button("Clear the lasso", key="_no_lasso", on_click=drawn.forget)
    sizes = {one.slug: len(one.scores) for one in view.sets}
    panel.inspect(sizes, ImageId(sets[-1].one.slug, 0), partial(of_view, view))
    drawn.panels(view, found, sets, way, tint, lasso, stored.stamp(view.run))
    if lasso is not None:
        images = pool.pooled([pair.one for pair in sets], threshold, drawn.inside(found, way, lasso, sets))
        tiles.tiles(view, images, f"{len(images):,} images in the lasso", "lasso-images")
    drawn.apart(view, found)
    if "umap" not in found.metadata.views:
        with st.expander("UMAP of the same images"):
            stored.offer(view.run, view, umap=True, busy=busy)


def page() -> None:
    """The page."""
    opened = presence.opened(
        "Map",
        "Where does each level of the model put the images? Every mark is one image, at the mean of its posterior. "
        "Draw around some to see them.",
    )
    if opened is None:
        return
    selection, catalogue = opened
    job = jobs.followed("map")
    watched = jobs.watch(job) if job else None
    busy = watched is not None and not watched.finished
    if not presence.has(catalogue, selection.data, selection.ood):
        return
    try:
        view, threshold, room = measured.choose_view(catalogue, selection.data, selection.ood)
    except TableError as error:
        components.problem(str(error))
        return
    try:
        found = loading.latent_map(view.run)
    except TableError as error:
        components.problem(f"{error}")
        found = None
    if found is None:
        st.info(literal(f"{view.run.name} has no map yet."))
        stored.offer(view.run, view, umap=False, busy=busy)
    else:
        shown(view, threshold, found, busy, room)
    components.footer(stored.command(view.run))


page()
