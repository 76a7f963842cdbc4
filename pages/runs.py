"""Runs: what there is, what has become of it, how it was trained, and how to get more."""

import streamlit as st

from app import components, loading, run_commands, run_curves, run_imports, run_scores, run_table, state
from app.wording import quoted


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
        run_commands.commands(None, None, ())
        run_imports.section()
        return
    states = run_table.states([*found, run, *([selection.versus] if selection.versus else [])])
    run_table.runs_table(found, states)
    own = states[run.name]
    if own.state == "damaged":
        st.error(f"{quoted(run.name)} is damaged. Choose another run in the sidebar, or mend this one. What is wrong:")
        # As code: the words may come from a damaged file, and must not be read as markup.
        st.code(own.reason, language=None, wrap_lines=True)
    if run.config is not None:
        run_curves.curves(run, selection.versus, states)
    run_scores.score_tables(run)
    run_commands.commands(run, own, (selection.data, *selection.ood))
    run_imports.section()
    components.footer("hvae runs list")


page()
