"""Widgets whose value stands in the address: one of several, several, a number, an image."""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.frame import state
from app.frame.state import ImageId
from app.looks.palette import titles
from app.looks.wording import listed, lowered, quoted

_IMAGE = re.compile(r"(?P<slug>[\w-]+):(?P<index>\d{1,7})")


def bar(key: str, **layout: Any) -> DeltaGenerator:
    """A row for bound widgets that wraps on narrow screens."""
    with state.shared():
        return st.container(key=key, horizontal=True, vertical_alignment="bottom", gap="medium", **layout)


def toolbar() -> DeltaGenerator:
    """The one line above the first figure of a page that holds its common choices."""
    return bar("toolbar")


def advanced(toolbar: DeltaGenerator) -> DeltaGenerator:
    """The fold at the end of a toolbar for what few people change."""
    with toolbar, state.shared():
        return st.popover("Advanced", key="advanced", width="content")


def choose(
    label: str,
    key: str,
    options: Sequence[str],
    default: str | None = None,
    *,
    select: bool = False,
    width: int | None = None,
    help: str | None = None,
    on_change: Callable[[], None] | None = None,
    named: Mapping[str, str] | None = None,
) -> str:
    """One of several values, bound to the address under `key`, where the options stand as they are.

    Where nothing is asked for or chosen it is the default, else the first; `select` makes it a drop-down, and so does
    `named`, which says how people call the options.
    """
    options = list(options)
    fallback = default if default in options else options[0]
    for asked in state.asked(key):
        if asked not in options:
            wanted = f"The address asks for {lowered(label)} `{quoted(asked)}`, which is not available here; showing"
            state.note(key, f"{wanted} `{fallback}`. Available: {listed(options)}.")
    state.settle(key, lambda asked: next((one for one in asked[-1:] if one in options), None),
                 options.__contains__, fallback)  # fmt: skip
    if named is not None:
        chosen = _hidden(key)
        look: dict[str, Any] = {"width": width or "stretch", "help": help}
        _by_name(st.selectbox, label, key, options, named, chosen if chosen in options else None, **look)
        return state.kept(key, chosen if chosen in options else None, fallback)
    widget: Any = partial(st.selectbox, index=None, width=width or "stretch") if select else st.segmented_control
    with state.shared():
        chosen = widget(label, options, key=key, required=True, bind="query-params", help=help, on_change=on_change)
    return state.kept(key, chosen if chosen in options else None, fallback)


def choose_set(
    label: str, key: str, slugs: Iterable[str], default: str | None = None, *, width: int | None = 250, **more: Any
) -> str:
    """One of several data sets, by their titles; its slug stands in the address, as in `choose`."""
    named = titles(slugs)
    return choose(label, key, list(named), default, width=width, named=named, **more)


def _by_name(
    menu: Callable[..., Any], label: str, key: str, options: Sequence[str], named: Mapping[str, str], chosen: Any,
    **look: Any,
) -> None:  # fmt: skip
    """A menu of names that sets the hidden widget `key`: a bound menu would put the names into the address."""
    shown = f"{key}-menu"

    def take() -> None:
        st.session_state[key] = st.session_state[shown]

    if chosen is not None:
        st.session_state[shown] = chosen
    with state.shared():
        menu(label, options, key=shown, format_func=named.__getitem__, on_change=take, **look)


def unseen(key: str, usable: Callable[[Any], bool], fallback: str) -> str:
    """A word of the address that other widgets set and nobody types: bound under `key`, in a box that is hidden."""
    state.settle(key, lambda asked: next(filter(usable, asked[-1:]), None), usable, fallback)
    return _hidden(key)


def _hidden(key: str) -> str:
    with state.shared(), st.container(key=f"unseen-{key}"):
        return st.text_input(key, key=key, bind="query-params", label_visibility="collapsed") or ""


def choose_many(
    label: str,
    key: str,
    options: list[str],
    default: list[str],
    *,
    help: str | None = None,
    named: Mapping[str, str] | None = None,
) -> tuple[str, ...]:
    """Several of some values, in the order chosen, or none: the key is one of `LIST_KEYS`, `named` as in `choose`."""
    unknown = [asked for asked in state.asked(key) if asked and asked not in options]
    if unknown:
        wanted = f"The address asks for {lowered(label)} {listed(map(quoted, unknown))}, not available here."
        state.note(key, f"{wanted} Available: {listed(options)}.")
    state.narrow(key, options)

    def read(asked: list[str]) -> list[str] | None:
        if asked and not any(asked):
            return []
        return [one for one in dict.fromkeys(asked) if one in options] or None

    state.settle(key, read, lambda chosen: set(chosen) <= set(options), default)
    menu: Any = partial(st.multiselect, placeholder="None chosen", help=help)
    with state.shared(), st.container(key=f"unseen-{key}") if named else nullcontext():
        chosen = menu(key if named else label, options, key=key, bind="query-params")
    if named:
        _by_name(menu, label, key, options, named, chosen)
    return tuple(state.kept(key, chosen, default))


def number(label: str, key: str, low: int, high: int, default: int, help: str | None = None, width: int = 130) -> int:
    """A box for a whole number, bound to the address under `key`; what is asked for outside [low, high] is said."""
    wanted = f"no whole number from {low} to {high}; showing {default}"
    return _boxed(label, key, int, (low, high), default, wanted, step=1, help=help, width=width)


def decimal(label: str, key: str, low: float, high: float, default: float, *, step: float, help: str) -> float:
    """A box for any number, else as `number`."""
    wanted = f"no number from {low:g} to {high:g}; showing {default:g}"
    return _boxed(label, key, float, (low, high), default, wanted, step=step, help=help, width=150, format="%g")


def decimal_or_none(label: str, key: str, *, help: str, on_change: Callable[[], None] | None = None) -> float | None:
    """A box for any number at all that may stay empty, else as `number`."""
    box: dict[str, Any] = {"help": help, "width": 130, "format": "%g", "placeholder": "any", "on_change": on_change}
    return _boxed(label, key, float, None, None, "no number", **box)


def _boxed(
    label: str,
    key: str,
    kind: type[int] | type[float],
    ends: tuple[float, float] | None,
    default: float | None,
    wanted: str,
    **box: Any,
) -> Any:
    """A number box. Without ends it may stay empty; `wanted` says what the address had to ask for."""
    low, high = ends or (None, None)

    def usable(value: Any) -> bool:
        finite = isinstance(value, (int, kind)) and math.isfinite(value)
        return finite and (ends is None or ends[0] <= value <= ends[1])

    def read(asked: list[str]) -> float | None:
        try:
            value = kind(asked[-1])
        except (IndexError, ValueError):
            return None
        return value if usable(value) else None

    asked = state.asked(key)
    if asked and read(asked) is None and (ends or any(asked)):
        state.note(key, f"The address asks for {lowered(label)} `{quoted(asked[-1])}`, which is {wanted}.")
    state.settle(key, read, usable, default, optional=ends is None)
    if (held := st.session_state[key]) is not None and not isinstance(held, kind):
        st.session_state[key] = kind(held)
    with state.shared():
        value = st.number_input(label, low, high, value=None, key=key, bind="query-params", **box)
    if ends is not None:
        value = state.kept(key, value, default)
    # A link spells it 5, not 5.0.
    state.hold(key, int(value) if value is not None and value == int(value) else value)
    return value


def seed() -> int:
    """The seed of everything random, and a button that takes the next one; in a row made by `bar`."""

    def resample() -> None:
        st.session_state["seed"] = (st.session_state.get("seed") or 0) + 1

    chosen = number("Seed", "seed", 0, 2**31 - 1, 0, help="Seed 0 repeats the random draws of the score tables.")
    st.button("Resample", on_click=resample, help="Takes the next seed: everything random is drawn again.")
    return chosen


def start_box(sizes: Mapping[str, int], default: ImageId) -> ImageId:
    """Where a page begins in a data set, as a box (`set:number`) with previous and next, in the address as `start`.

    `sizes` says how many images each data set on offer has; where nothing usable is chosen it is the image that is
    open in the inspector, else the default.
    """
    key = "start"
    looked_at = state.chosen("image") or "".join(state.asked("image")[-1:])
    if looked_at and _parsed(looked_at, sizes):
        default = _parsed(looked_at, sizes) or default

    def usable(text: object) -> bool:
        return isinstance(text, str) and (_parsed(text, sizes) is not None or state.is_drawn(key))

    def go(image: ImageId) -> None:
        st.session_state[key] = str(image)

    state.settle(key, lambda asked: "".join(asked[-1:]) or None, usable, str(default))
    with state.shared():
        about = f"Type a set and a number, such as `{default}`."
        text = st.text_input("First image (set:number)", key=key, bind="query-params", width=200, help=about)
    found = _parsed(text, sizes) or default
    size = sizes[found.slug]
    for label, step in (("Previous", -1), ("Next", 1)):
        target = ImageId(found.slug, (found.index + step) % size)
        st.button(label, key=f"_start{step}", on_click=go, args=(target,))
    if text and _parsed(text, sizes) is None:
        offer = ", ".join(f"`{slug}:0` to `{slug}:{size - 1}`" for slug, size in sizes.items())
        state.note(key, f"There is no image `{quoted(text)}` here; showing `{found}`. Available: {offer}.")
    else:
        state.unsay(key)
    state.kept(key, text or None, str(default))
    return found


def _parsed(text: str, sizes: Mapping[str, int]) -> ImageId | None:
    match = _IMAGE.fullmatch(text.strip())
    if match is None or not int(match["index"]) < sizes.get(match["slug"], 0):
        return None
    return ImageId(match["slug"], int(match["index"]))
