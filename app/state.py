"""The one selection that every page follows, bound to the address.

Every value lives in a widget with `bind="query-params"`, and `settle` is the only way such a widget gets its value: on
arrival at a page from the address, else from what was chosen last on any page, else from the fallback. Two habits of
Streamlit make that necessary:

- A value that equals a widget's default is dropped from the address, and a link back to a default is then ignored. The
  widgets here have no default of their own, so whatever is chosen stays in the address.
- A bound widget discards a value it does not offer without a word. `begin` reads the address as the browser sent it,
  before any widget, so that the page can say what was asked for and cannot be had.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.scriptrunner import get_script_run_ctx

from app import loading
from app.scored import WHOLE_SPLITS
from hvae.datasets import names as data_set_names
from hvae.results import RunEntry

SELECTION_KEYS = ("run", "versus", "data", "ood")
PAGE_KEYS = {
    "overview": (),
    "scores": ("score", "k", "reading", "S", "R", "unit", "alarm", "image"),
    "reconstructions": ("source", "image", "show", "rows", "reading", "seed"),
    "features": ("kind", "on", "pair"),
}
"""Values of the address that a page knows beside the selection."""
KEYS = tuple(dict.fromkeys([*SELECTION_KEYS, *(key for keys in PAGE_KEYS.values() for key in keys)]))
NO_RUN = "none"

_IMAGE = re.compile(r"(?P<slug>[a-z0-9_-]+):(?P<index>\d{1,7})")


@dataclass(frozen=True)
class Selection:
    """What every page looks at.

    Attributes:
        run: run A; None where there is no run at all.
        versus: run B, None where none is chosen.
        data: slug of the in-distribution set.
        ood: slugs of the out-of-distribution sets, in the order chosen; may be empty.
    """

    run: RunEntry | None
    versus: RunEntry | None
    data: str
    ood: tuple[str, ...]


@dataclass(frozen=True)
class ImageId:
    """One image of a data set, `<slug>:<index>` in the address."""

    slug: str
    index: int

    def __str__(self) -> str:
        return f"{self.slug}:{self.index}"


def begin(page: str) -> None:
    """Remember what the address asks for. Call before any widget, once per run of the script.

    Args:
        page: address of the page about to run; on arrival the notes of the page before are dropped.
    """
    if st.session_state.get("_page") == page:
        return
    context = get_script_run_ctx()
    asked = parse_qs(context.query_string, keep_blank_values=True) if context else {}
    st.session_state["_page"] = page
    st.session_state["_asked"] = asked
    st.session_state["_drawn_before"] = st.session_state.get("_settled", set())
    st.session_state["_settled"] = set()
    st.session_state["_notes"] = {}
    for key in sorted(set(asked) - {*KEYS, "embed", "embed_options"}):
        note(key, f"The address has a value `{_quoted(key)}` that no page knows; it is ignored.")


def note(key: str, text: str) -> None:
    """Keep a line about a value of the address that could not be used, until another page is opened."""
    st.session_state["_notes"][key] = text


@contextmanager
def shared() -> Iterator[None]:
    """Draw a bound widget, or a container of some, as part of the entry point: the same widget on every page.

    One drawn by a page (or in a container of a page) belongs to that page: its parameter is filtered out of a link to
    another page, and every correction of the address costs one more press of Back.
    """
    context = get_script_run_ctx()
    if context is None:
        yield
        return
    with context.run_with_active_hash(context.pages_manager.main_script_hash):
        yield


def bar(key: str, **layout: Any) -> DeltaGenerator:
    """A row for bound widgets that wraps on narrow screens."""
    with shared():
        return st.container(key=key, horizontal=True, vertical_alignment="bottom", gap="medium", **layout)


def say_notes() -> None:
    """Say what the address asked for and could not have."""
    for text in st.session_state["_notes"].values():
        st.warning(text)


def selection() -> Selection:
    """The selection that the sidebar holds; for pages."""
    return st.session_state["_selection"]


def sidebar() -> Selection:
    """Draw the selection in the sidebar and return it."""
    found = loading.runs()
    with st.sidebar:
        chosen = _selection(found) if found else _nothing()
    st.session_state["_selection"] = chosen
    return chosen


def _nothing() -> Selection:
    for key in SELECTION_KEYS:
        for asked in st.session_state["_asked"].pop(key, []):
            note(key, f"The address asks for {key} `{_quoted(asked)}`, but there is no run here.")
    st.caption("No run found. Train one with `hvae train`, or point `HVAE_RUNS` at a folder of runs.")
    return Selection(None, None, "fashionmnist", ("mnist",))


def _selection(found: list[RunEntry]) -> Selection:
    by_name = {entry.name: entry for entry in found}
    names = list(by_name)
    sound = [entry.name for entry in found if entry.config is not None]
    run = by_name[
        choose(
            "Run A",
            "run",
            names,
            (sound or names)[0],
            select=True,
            on_change=_follow_run,
            help="The model whose scores, reconstructions and features the pages show.",
        )
    ]
    others = [NO_RUN, *(name for name in names if name != run.name)]
    versus = choose(
        "Run B", "versus", others, select=True, help="A second model, shown beside run A where a page compares two."
    )
    own, sets, scored = _sets(run)
    data = choose(
        "In-distribution set",
        "data",
        sets,
        own,
        select=True,
        help="The data set that counts as normal: usually the one run A was trained on.",
    )
    ood = _choose_many(
        "Out-of-distribution sets",
        "ood",
        [slug for slug in sets if slug != data],
        [slug for slug in scored if slug != data],
    )
    return Selection(run, by_name.get(versus), data, ood)


def _sets(run: RunEntry) -> tuple[str, list[str], list[str]]:
    """(own set, every set one may ask for, other sets with score tables) of a run, in the order of the registry."""
    scored = {key.slug for key in loading.tables(run) if key.split in WHOLE_SPLITS}
    known = data_set_names()
    unknown = sorted(scored - set(known))
    own = run.config.data.name if run.config else known[0]
    if own not in known:
        # A run trained on a folder or file: its slug carries a fingerprint that only its tables know.
        own = unknown[0] if unknown else known[0]
    sets = [own, *(slug for slug in (*known, *unknown) if slug != own)]
    return own, sets, [slug for slug in sets if slug in scored and slug != own] or [sets[1]]


def _follow_run() -> None:
    """Run A was changed by hand: the sets become those of the new run."""
    entry = next((entry for entry in loading.runs() if entry.name == st.session_state["run"]), None)
    if entry is not None:
        st.session_state["data"], _, st.session_state["ood"] = _sets(entry)


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
            note(
                key,
                f"The address asks for {_lowered(label)} `{_quoted(asked)}`, which is not available here; showing "
                f"`{fallback}`. Available: {_listed(options)}.",
            )
    settle(key, lambda asked: asked[-1] if asked and asked[-1] in options else None, options.__contains__, fallback)
    widget = st.selectbox if select else st.segmented_control
    empty: dict[str, Any] = {"index": None} if select else {}
    with shared():
        chosen = widget(
            label, options, key=key, required=True, bind="query-params", help=help, on_change=on_change, **empty
        )
    return kept(key, chosen if chosen in options else None, fallback)


def _choose_many(label: str, key: str, options: list[str], default: list[str]) -> tuple[str, ...]:
    unknown = [asked for asked in st.session_state["_asked"].get(key, []) if asked and asked not in options]
    if unknown:
        note(
            key,
            f"The address asks for {_lowered(label)} {_listed(map(_quoted, unknown))}, not available here. "
            f"Available: {_listed(options)}.",
        )
    settle(
        key,
        lambda asked: [slug for slug in dict.fromkeys(asked) if slug in options] or None,
        lambda chosen: set(chosen) <= set(options),
        default,
    )
    chosen = st.multiselect(label, options, key=key, bind="query-params", placeholder="None chosen")
    return tuple(kept(key, chosen, default))


def image_box(sizes: Mapping[str, int], default: ImageId) -> ImageId:
    """The pinned image as a box (`set:number`) with previous and next, bound to the address as `image`.

    Args:
        sizes: data sets on offer and how many images each has.
        default: taken where nothing (or nothing usable) is pinned.
    """
    settle(
        "image",
        lambda asked: asked[-1] if asked and asked[-1] else None,
        lambda text: isinstance(text, str) and (_parsed(text, sizes) is not None or "image" in _settled()),
        str(default),
    )
    with bar("image-box"):
        with shared():
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
            st.button(label, key=f"_image{step}", on_click=pin, args=(target,))
    if text and _parsed(text, sizes) is None:
        offer = ", ".join(f"`{slug}:0` to `{slug}:{size - 1}`" for slug, size in sizes.items())
        st.warning(f"There is no image `{_quoted(text)}` here; showing `{pinned}`. Available: {offer}.")
    kept("image", text or None, str(default))
    return pinned


def pin(image: ImageId) -> None:
    """Pin an image; for callbacks, and for pages before their `image_box` is drawn."""
    st.session_state["image"] = str(image)


def settle(
    key: str,
    read: Callable[[list[str]], object | None],
    usable: Callable[[Any], bool],
    fallback: object,
) -> None:
    """Put the value of the bound widget `key` into the session state before it is drawn.

    Args:
        key: of the widget.
        read: the value that the address asks for, None where it is not usable.
        usable: whether a value chosen before can still be shown.
        fallback: value where there is no other.
    """
    settled = _settled()
    current = st.session_state.get(key)
    if key in settled and current is not None and usable(current):
        return
    wanted = read(st.session_state["_asked"].pop(key, []))
    if wanted is None:
        chosen = st.session_state.get(f"_chosen_{key}")
        wanted = chosen if chosen is not None and usable(chosen) else fallback
    if current != wanted:
        st.session_state[key] = wanted
    elif key not in st.session_state["_drawn_before"]:
        # Streamlit kept the value of a widget that was away, and would push it into the address on its return: one
        # more press of Back for each. Set anew it is an initial value, which is not pushed.
        del st.session_state[key]
        st.session_state[key] = wanted
    settled.add(key)


def kept(key: str, value: Any, fallback: Any) -> Any:
    """Remember what a bound widget shows, for the next page; the fallback where a Back button left it empty.

    Streamlit empties a bound widget when Back leads to an address without its value. Drawn once more, it settles.
    """
    if value is None:
        _settled().discard(key)
        if not st.session_state.get(f"_emptied_{key}"):
            st.session_state[f"_emptied_{key}"] = True
            st.rerun()
        return fallback
    st.session_state.pop(f"_emptied_{key}", None)
    st.session_state[f"_chosen_{key}"] = value
    return value


def values(page: str, **changes: object) -> dict[str, str | list[str]]:
    """Parameters of a link to a page: the values it knows as they were chosen last, with changes.

    Streamlit appends them to those the address has. The last one counts, so single values may stand there twice; a
    list must not, so the out-of-distribution sets are left to the address where it has them.

    Args:
        page: a key of `PAGE_KEYS`.
        changes: values to set; None leaves one out.
    """
    wanted = {key: value for key, value in _chosen().items() if key in (*SELECTION_KEYS, *PAGE_KEYS[page])} | changes
    if "ood" in st.query_params:
        wanted.pop("ood", None)
    return {key: value if isinstance(value, list) else str(value) for key, value in wanted.items() if value is not None}


def address() -> str:
    """The full address of the current page with all its values spelled out."""
    here = {key: value for key, value in _chosen().items() if key in _settled()}
    return f"{(st.context.url or '').split('?')[0]}?{urlencode(here, doseq=True, safe=':')}"


def _chosen() -> dict[str, Any]:
    kept_values = {key: st.session_state.get(f"_chosen_{key}") for key in KEYS}
    return {key: value for key, value in kept_values.items() if value is not None}


def _settled() -> set[str]:
    return st.session_state["_settled"]


def _parsed(text: str, sizes: Mapping[str, int]) -> ImageId | None:
    match = _IMAGE.fullmatch(text.strip())
    if match is None or not int(match["index"]) < sizes.get(match["slug"], 0):
        return None
    return ImageId(match["slug"], int(match["index"]))


def _quoted(text: str) -> str:
    """A value of the address made safe to quote: short, no markup."""
    return re.sub(r"[^\w .:>=-]", "?", text)[:60]


def _listed(options: Any) -> str:
    shown = [f"`{option}`" for option in options]
    return ", ".join(shown[:12]) + (" ..." if len(shown) > 12 else "")


def _lowered(label: str) -> str:
    return label if label[:2].isupper() or label.startswith("Run") else label[0].lower() + label[1:]
