"""Widgets whose value stands in the address: one of several, several, a number, an image."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.frame import state
from app.frame.state import ImageId
from app.looks.wording import listed, lowered, quoted

_IMAGE = re.compile(r"(?P<slug>[\w-]+):(?P<index>\d{1,7})")


def bar(key: str, **layout: Any) -> DeltaGenerator:
    """A row for bound widgets that wraps on narrow screens."""
    with state.shared():
        return st.container(key=key, horizontal=True, vertical_alignment="bottom", gap="medium", **layout)


def choose(
    label: str,
    key: str,
    options: Sequence[str],
    default: str | None = None,
    *,
    select: bool = False,
    help: str | None = None,
    on_change: Callable[[], None] | None = None,
) -> str:
    """One of several values, bound to the address under `key`; the options stand there as they are.

    Args:
        label: what is chosen.
        key: of the address and of the session state; one of `KEYS`.
        options: those that exist, at least one.
        default: taken where neither the address nor the session names an option; the first option if None.
        select: a drop-down rather than a row of buttons.
        help: tooltip.
        on_change: called when a person changes it.
    """
    options = list(options)
    fallback = default if default in options else options[0]
    for asked in st.session_state["_asked"].get(key, []):
        if asked not in options:
            state.note(
                key,
                f"The address asks for {lowered(label)} `{quoted(asked)}`, which is not available here; showing "
                f"`{fallback}`. Available: {listed(options)}.",
            )
    state.settle(
        key, lambda asked: asked[-1] if asked and asked[-1] in options else None, options.__contains__, fallback
    )
    widget = st.selectbox if select else st.segmented_control
    empty: dict[str, Any] = {"index": None} if select else {}
    with state.shared():
        chosen = widget(
            label, options, key=key, required=True, bind="query-params", help=help, on_change=on_change, **empty
        )
    return state.kept(key, chosen if chosen in options else None, fallback)


def choose_many(
    label: str, key: str, options: list[str], default: list[str], *, help: str | None = None
) -> tuple[str, ...]:
    """Several of some values, in the order chosen; may be none. Arguments as of `choose`, the key of `LIST_KEYS`."""
    unknown = [asked for asked in st.session_state["_asked"].get(key, []) if asked and asked not in options]
    if unknown:
        state.note(
            key,
            f"The address asks for {lowered(label)} {listed(map(quoted, unknown))}, not available here. "
            f"Available: {listed(options)}.",
        )
    for place in (key, f"_chosen_{key}"):
        held = st.session_state.get(place) or []
        left = [one for one in held if one in options]
        if left and left != held:
            # One option that is gone must not take the others with it.
            st.session_state[place] = left

    def read(asked: list[str]) -> list[str] | None:
        if asked and not any(asked):
            return []
        return [one for one in dict.fromkeys(asked) if one in options] or None

    state.settle(
        key,
        read,
        lambda chosen: set(chosen) <= set(options),
        default,
    )
    with state.shared():
        chosen = st.multiselect(label, options, key=key, bind="query-params", placeholder="None chosen", help=help)
    return tuple(state.kept(key, chosen, default))


def number(label: str, key: str, low: int, high: int, default: int, help: str | None = None, width: int = 130) -> int:
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


def image_box(sizes: Mapping[str, int], default: ImageId) -> ImageId:
    """The pinned image as a box (`set:number`) with previous and next, bound to the address as `image`.

    Args:
        sizes: data sets on offer and how many images each has.
        default: taken where nothing (or nothing usable) is pinned.
    """
    state.settle(
        "image",
        lambda asked: asked[-1] if asked and asked[-1] else None,
        lambda text: isinstance(text, str) and (_parsed(text, sizes) is not None or "image" in state.settled()),
        str(default),
    )
    with bar("image-box"):
        with state.shared():
            text = st.text_input(
                "Image (set:number)",
                key="image",
                bind="query-params",
                width=220,
                help=f"Type a set and a number, such as `{default}`, or click a mark in a figure.",
            )
        pinned = _parsed(text, sizes) or default
        size = sizes[pinned.slug]
        for label, step in (("Previous", -1), ("Next", 1)):
            target = ImageId(pinned.slug, (pinned.index + step) % size)
            st.button(label, key=f"_image{step}", on_click=state.pin, args=(target,))
    if text and _parsed(text, sizes) is None:
        offer = ", ".join(f"`{slug}:0` to `{slug}:{size - 1}`" for slug, size in sizes.items())
        st.warning(f"There is no image `{quoted(text)}` here; showing `{pinned}`. Available: {offer}.")
    state.kept("image", text or None, str(default))
    return pinned


def _parsed(text: str, sizes: Mapping[str, int]) -> ImageId | None:
    match = _IMAGE.fullmatch(text.strip())
    if match is None or not int(match["index"]) < sizes.get(match["slug"], 0):
        return None
    return ImageId(match["slug"], int(match["index"]))


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
    if asked and not usable(_finite(asked)):
        state.note(
            key,
            f"The address asks for {lowered(label)} `{quoted(asked[-1])}`, which is no number from {low:g} to "
            f"{high:g}; showing {default:g}.",
        )
    state.settle(key, lambda asked: value if usable(value := _finite(asked)) else None, usable, default)
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
        wanted = _finite(asked)
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


def _finite(asked: list[str]) -> float | None:
    try:
        value = float(asked[-1])
    except (IndexError, ValueError):
        return None
    return value if math.isfinite(value) else None
