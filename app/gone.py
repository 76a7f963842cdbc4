"""Says that a run was deleted, moved or renamed while a page showed it."""

from __future__ import annotations

import streamlit as st

from app import state
from app.state import Selection
from app.wording import quoted


def say(selection: Selection, names: list[str]) -> None:
    """Note which run shown a moment ago is not among `names` any more, and what is shown instead."""
    for key, label, shown in (("gone", "run", selection.run), ("gone-versus", "run B", selection.versus)):
        before = st.session_state.get(f"_shown_{key}")
        if before and before not in names:
            instead = f"Showing `{quoted(shown.name)}`; choose another in the sidebar." if shown else "None is shown."
            state.note(key, f"The {label} `{quoted(before)}` is gone: deleted, moved or renamed. {instead}")
        st.session_state[f"_shown_{key}"] = shown.name if shown else None
