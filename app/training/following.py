"""Which training is looked at: the one in the address, else the one that runs."""

import streamlit as st

from app.frame import controls, state
from app.server import trainings

BEGUN = "_training_begun"
"""Where the name of a training stands that was begun just now, until it is followed in the address."""


def followed() -> str:
    """The training that is looked at: the one in the address, else the one that runs, else none."""
    if begun := st.session_state.pop(BEGUN, None):
        st.session_state["training"] = begun
    chosen = controls.unseen("training", lambda name: isinstance(name, str), trainings.busy())
    state.hold("training", chosen or None)
    return chosen


def look_at(run: str) -> None:
    """Look at a training from now on, or with an empty name at none; for callbacks on the page itself."""
    st.session_state["training"] = run
