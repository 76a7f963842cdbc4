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

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from app.looks.wording import quoted
from hvae.runs.folders import RunEntry

SELECTION_KEYS = ("run", "versus", "data", "ood")
_MEASURE_KEYS = ("score", "k", "reading", "S", "R", "unit")
PAGE_KEYS = {
    "overview": (),
    "how_it_works": ("example", "layers", "seed"),
    "reconstructions": ("source", "image", "show", "rows", "reading", "draws", "level", "levels", "seed"),
    "scores": (*_MEASURE_KEYS, "alarm", "panel", "from", "to", "part", "gallery", "image"),
    "features": ("kind", "between", "on", "pair", "match", "image", "job"),
    "compare": (*_MEASURE_KEYS, "also", "by", "set", "on", "image"),
    "score_images": (
        *("pictures", "fit", "invert", "score", "statistic", "sides", "reading", "S", "R", "also"),
        *("job", "alpha", "k", "order", "only", "page"),
    ),
    "runs": ("about", "quantity"),
}
"""Values of the address that a page knows beside the selection."""
KEYS = tuple(dict.fromkeys([*SELECTION_KEYS, *(key for keys in PAGE_KEYS.values() for key in keys)]))
LIST_KEYS = ("ood", "also", "levels")
"""Values of the address that are lists."""
NO_RUN = "none"


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
    # What a link asked for on a page that does not draw it waits for the page that does.
    st.session_state["_asked"] = {
        key: wanted for key, wanted in st.session_state.get("_asked", {}).items() if key in KEYS
    } | asked
    st.session_state["_drawn_before"] = st.session_state.get("_settled", set())
    st.session_state["_settled"] = set()
    st.session_state["_notes"] = {}
    for key in sorted(set(asked) - {*KEYS, "embed", "embed_options"}):
        note(key, f"The address has a value `{quoted(key)}` that no page knows; it is ignored.")


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


def say_notes() -> None:
    """Say what the address asked for and could not have."""
    for text in st.session_state["_notes"].values():
        st.warning(text)


def selection() -> Selection:
    """The selection that the sidebar holds; for pages."""
    return st.session_state["_selection"]


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
    drawn = settled()
    current = st.session_state.get(key)
    if key in drawn and current is not None and usable(current):
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
    drawn.add(key)


def kept(key: str, value: Any, fallback: Any) -> Any:
    """Remember what a bound widget shows, for the next page; the fallback where a Back button left it empty.

    Streamlit empties a bound widget when Back leads to an address without its value. Drawn once more, it settles.
    """
    if value is None:
        settled().discard(key)
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
    list must not, so those of `LIST_KEYS` are left to the address where it has them.

    Args:
        page: a key of `PAGE_KEYS`.
        changes: values to set; None leaves one out.
    """
    wanted = {key: value for key, value in _chosen().items() if key in (*SELECTION_KEYS, *PAGE_KEYS[page])} | changes
    for key in LIST_KEYS:
        if key in st.query_params:
            wanted.pop(key, None)
    return {key: value if isinstance(value, list) else str(value) for key, value in wanted.items() if value is not None}


def address() -> str:
    """The full address of the current page with all its values spelled out."""
    spelled = {key: "" if value == [] else value for key, value in _chosen().items()}
    return f"{(st.context.url or '').split('?')[0]}?{urlencode(spelled, doseq=True, safe=':')}"


def _chosen() -> dict[str, Any]:
    """Every value chosen on any page, or asked for by a link and waiting for its page."""
    found = {key: st.session_state.get(f"_chosen_{key}") for key in KEYS}
    found |= {key: wanted if key in LIST_KEYS else wanted[-1] for key, wanted in st.session_state["_asked"].items()}
    return {key: value for key, value in found.items() if value is not None and key in KEYS}


def settled() -> set[str]:
    """Keys of the bound widgets drawn since the page was opened."""
    return st.session_state["_settled"]
