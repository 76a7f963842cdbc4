"""Saved views in the sidebar: the way to each, a form that saves this one, and a button that removes one."""

from collections.abc import Collection

import streamlit as st

from app.frame import components, registry, state
from app.looks.wording import quoted
from app.saved import store
from app.server import access
from hvae.errors import HvaeError


def draw(page: str, runs: Collection[str]) -> None:
    """Draw them below the selection, when a visitor opens the list; `runs` are the names of those there are."""
    with (opened := st.expander("Saved views", key="saved-views", on_change="rerun")):
        if not opened.open:
            return
        try:
            views = store.read()
        except HvaeError as error:
            components.problem(str(error))
            return
        for place, (name, view) in enumerate(views.items()):
            _row(place, name, view, runs)
        if not views:
            st.caption("None yet.")
        if not access.may_write():
            st.caption(f"{access.READ_ONLY} No views can be saved.")
            return
        with st.form("save-view", border=False, clear_on_submit=True):
            name = st.text_input("Save this view as", key="save-view-name", max_chars=store.MAXIMUM_NAME)
            saved = st.form_submit_button("Save view")
        if saved:
            _change(name, page)
            st.rerun()


def _row(place: int, name: str, view: store.View, runs: Collection[str]) -> None:
    """One view: its link, which opens the page anew, and what is gone of it."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        # Relative, so that it holds wherever the dashboard is served from; the overview is at `./`.
        page = "./" if view.page == registry.HOME else view.page
        address = components.escape(f"{page}?{view.query}")
        st.html(f'<a class="saved" href="{address}" target="_self">{components.escape(name)}</a>')
        if access.may_write():
            remove = {"key": f"remove-view-{place}", "type": "tertiary", "on_click": _remove, "args": (name,)}
            st.button("Remove", help=f"Remove this saved view: {quoted(name)}", **remove)
    if gone := [run for run in view.runs if run not in runs]:
        st.caption(f"Gone: {', '.join(f'`{quoted(run)}`' for run in gone)}, deleted, moved or renamed.")


def _change(name: str, page: str) -> None:
    state.unsay("saved")
    try:
        access.check_writing()
        store.write(name, store.view_of(page or registry.HOME, state.address()))
    except HvaeError as error:
        state.note("saved", str(error))


def _remove(name: str) -> None:
    state.unsay("saved")
    try:
        access.check_writing()
        store.write(name, None)
    except HvaeError as error:
        state.note("saved", str(error))
