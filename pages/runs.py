"""Runs: what there is, what has become of it, how it was trained, and how to get more."""

import streamlit as st

from app.frame import components, parts, state
from app.looks.wording import quoted
from app.reading import loading, presence
from app.runs import commands, curves, imports, tables


def page() -> None:
    """The page."""
    components.heading(
        "Runs",
        "A run is a folder: a configuration, the weights, the learning curve and the scores. Here is what has become "
        "of each, and how to get more.",
    )
    selection = state.selection()
    run, found = selection.run, loading.runs()
    if run is None:
        components.no_run()
        commands.commands(None, None, ())
        imports.section()
        return
    presence.runs_table(found)
    own = loading.state(run)
    if own.state == "damaged":
        st.error(f"{quoted(run.name)} is damaged. Choose another run in the sidebar, or mend this one. What is wrong:")
        # As code: the words may come from a damaged file, and must not be read as markup.
        st.code(own.reason, language=None, wrap_lines=True)
    offered = [part for part in parts.PARTS["runs"][1] if part != parts.LEARNING or run.config is not None]
    part = parts.choose("runs", offered)
    if part != parts.TABLES:
        presence.problems(loading.catalogue(run))
    if part == parts.LEARNING:
        curves.curves(run, selection.versus)
    elif part == parts.TABLES:
        tables.score_tables(run)
    elif part == parts.COMMANDS:
        commands.commands(run, own, (selection.data, *selection.ood))
    else:
        imports.section()
    components.footer("hvae runs list")


page()
