"""Number boxes with decimals, bound to the address: one that always holds a value and one that may be empty."""

from __future__ import annotations

import math
from collections.abc import Callable

import streamlit as st

from app import state
from app.wording import lowered, quoted


def decimal(label: str, key: str, low: float, high: float, default: float, *, step: float, help: str) -> float:
    """A number box bound to the address under `key`; what the address asks for outside [low, high] is said.

    Args:
        label: what the number is.
        key: of the address, one of `state.PAGE_KEYS`.
        low: least value.
        high: greatest value.
        default: taken where neither the address nor the session names a usable one.
        step: by which its buttons and the arrow keys change it.
        help: tooltip.
    """

    def usable(value: object) -> bool:
        return isinstance(value, (int, float)) and low <= value <= high

    asked = st.session_state["_asked"].get(key, [])
    if asked and not usable(_parsed(asked)):
        state.note(
            key,
            f"The address asks for {lowered(label)} `{quoted(asked[-1])}`, which is no number from {low:g} to "
            f"{high:g}; showing {default:g}.",
        )
    state.settle(key, lambda asked: value if usable(value := _parsed(asked)) else None, usable, default)
    if isinstance(held := st.session_state[key], int):
        st.session_state[key] = float(held)
    with state.shared():
        value = st.number_input(
            label, low, high, value=None, step=step, key=key, bind="query-params", help=help, width=190, format="%g"
        )
    value = state.kept(key, value, default)
    st.session_state[f"_chosen_{key}"] = _spelled(value)
    return value


def decimal_or_none(label: str, key: str, *, help: str, on_change: Callable[[], None] | None = None) -> float | None:
    """A number box that may stay empty, bound to the address under `key`; arguments as of `decimal`."""
    drawn = state.settled()
    if key not in drawn:
        asked = st.session_state["_asked"].pop(key, [])
        wanted = _parsed(asked)
        if wanted is None and any(asked):
            state.note(key, f"The address asks for {lowered(label)} `{quoted(asked[-1])}`, which is no number.")
        if wanted is None:
            chosen = st.session_state.get(f"_chosen_{key}")
            wanted = None if chosen is None else float(chosen)
        # As in `state.settle`: set anew it is an initial value, which makes no step of the browser's history.
        st.session_state.pop(key, None)
        st.session_state[key] = wanted
        drawn.add(key)
    with state.shared():
        value = st.number_input(
            label, value=None, key=key, bind="query-params", help=help, width=130, format="%g", placeholder="any",
            on_change=on_change,
        )  # fmt: skip
    st.session_state[f"_chosen_{key}"] = None if value is None else _spelled(value)
    return value


def _spelled(value: float) -> float:
    """The value as a link spells it: 5, not 5.0."""
    return int(value) if value == int(value) else value


def _parsed(asked: list[str]) -> float | None:
    try:
        value = float(asked[-1])
    except (IndexError, ValueError):
        return None
    return value if math.isfinite(value) else None
