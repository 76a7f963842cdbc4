"""A whole number in the address."""

from __future__ import annotations

import streamlit as st

from app import state


def number_box(
    label: str, key: str, low: int, high: int, default: int, help: str | None = None, width: int = 130
) -> int:
    """A number box bound to the address under `key`; what the address asks for outside [low, high] is said.

    Args:
        label: what the number is.
        key: of the address, one of `state.PAGE_KEYS`.
        low: least value.
        high: greatest value.
        default: taken where neither the address nor the session names a usable one.
        help: tooltip.
        width: pixels.
    """

    def read(asked: list[str]) -> int | None:
        try:
            value = int(asked[-1])
        except (IndexError, ValueError):
            return None
        return value if low <= value <= high else None

    asked = st.session_state["_asked"].get(key, [])
    if asked and read(asked) is None:
        state.note(
            key,
            f"The address asks for a {label.lower()} that is no whole number from {low} to {high}; showing {default}.",
        )
    state.settle(key, read, lambda value: isinstance(value, int) and low <= value <= high, default)
    with state.shared():
        value = st.number_input(
            label, low, high, value=None, step=1, key=key, bind="query-params", help=help, width=width
        )
    return state.kept(key, value, default)
