"""The one selection that every page follows, bound to the address.

Every value lives in a widget with `bind="query-params"`, and `settle` is the only way such a widget gets its value: on
arrival at a page from the address, else from what was chosen last on any page, else from the fallback. Two habits of
Streamlit make that necessary:

- A value that equals a widget's default is dropped from the address, and a link back to a default is then ignored. The
  widgets here have no default of their own, so whatever is chosen stays in the address.
- A bound widget discards a value it does not offer without a word. `begin` reads the address as the browser sent it,
  before any widget, so that the page can say what was asked for and cannot be had.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from app.figures.densities import IDS_PER_SET
from app.frame import registry
from app.frame.registry import PAGES
from app.looks.wording import quoted
from hvae.runs.folders import RunEntry

SELECTION_KEYS = ("run", "versus", "data", "ood")
PAGE_KEYS = {page.name: page.keys for page in PAGES}
"""Values of the address that a page knows beside the selection."""
JOB = "job"
"""In the address of every page: the job that the visitor follows."""
KEYS = tuple(dict.fromkeys([*SELECTION_KEYS, JOB, *(key for keys in PAGE_KEYS.values() for key in keys)]))
KNOWN = {page: [key for key in KEYS if key in (*SELECTION_KEYS, JOB, *own)] for page, own in PAGE_KEYS.items()}
"""Of them, those that a page knows."""
LIST_KEYS = ("ood", "also", "levels", "beside", "picked", "steps", "labels")
"""Values of the address that are lists."""
NO_RUN = "none"


@dataclass(frozen=True)
class Selection:
    """What every page looks at: runs A (None where there is no run at all) and B, and slugs of data sets."""

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
    """Remember what the address asks for, before any widget; on arrival at a page the notes of the one before go."""
    context = get_script_run_ctx()
    if st.session_state.get("_page") == page:
        if context and context.is_history_navigation:
            _go_back(parse_qs(context.query_string, keep_blank_values=True))
        return
    asked = parse_qs(context.query_string, keep_blank_values=True) if context else {}
    st.session_state["_page"] = page
    held = _held()
    arrived = {key: held.get(key) for key in KEYS}
    # An address that lacks a value is one from before anything was chosen, also when Back leads to its page again.
    first = st.session_state.setdefault("_arrivals", {}).setdefault(page, arrived)
    st.session_state["_arrived"] = first if context and context.is_history_navigation else arrived
    # What a link asked for on a page that does not draw it waits for the page that does.
    waiting = st.session_state.get("_asked", {})
    st.session_state["_asked"] = {key: waiting[key] for key in KEYS if key in waiting} | asked
    st.session_state["_drawn_before"] = st.session_state.get("_settled", set())
    st.session_state["_settled"] = set()
    st.session_state["_notes"] = {}
    for key in sorted(set(asked) - {*KEYS, "embed", "embed_options"}):
        note(key, f"The address has a value `{quoted(key)}` that no page knows, so it is ignored.")


def _go_back(asked: dict[str, list[str]]) -> None:
    """The Back button on the same page: what the address says holds, and else what held on arrival."""
    st.session_state["_asked"] = dict(asked)
    st.session_state["_settled"] = set()
    st.session_state["_notes"] = {}
    for key, value in st.session_state["_arrived"].items():
        hold(key, value)


def page() -> str:
    """The name of the page that is open."""
    return st.session_state["_page"] or registry.HOME


def note(key: str, text: str) -> None:
    """Keep a line about a value of the address that could not be used, until another page is opened."""
    st.session_state["_notes"][key] = text


def unsay(key: str) -> None:
    """Take a note back."""
    st.session_state["_notes"].pop(key, None)


@contextmanager
def shared() -> Iterator[None]:
    """Draw a bound widget, or a container of some, as part of the entry point: the same widget on every page.

    One drawn by a page (or in a container of a page) belongs to that page: its parameter is filtered out of a link to
    another page, and every correction of the address costs one more press of Back.
    """
    context = get_script_run_ctx()
    with context.run_with_active_hash(context.pages_manager.main_script_hash) if context else nullcontext():
        yield


def say_notes() -> None:
    """Say what the address asked for and could not have."""
    for text in st.session_state["_notes"].values():
        st.warning(text)


def selection() -> Selection:
    """The selection that the sidebar holds; for pages."""
    return st.session_state["_selection"]


def select(chosen: Selection) -> None:
    """Hold a selection; for the sidebar."""
    st.session_state["_selection"] = chosen


def inspect(image: ImageId | None) -> None:
    """Open an image in the inspector, or close it; for callbacks, and for pages before the inspector is drawn."""
    st.session_state["image"] = str(image or "")


def inspect_mark(slugs: Sequence[str]) -> Callable[[int], None]:
    """What a click does in figures that number the images of these sets by `IDS_PER_SET`: it opens one."""

    def inspected(mark: int) -> None:
        place, index = divmod(int(mark), IDS_PER_SET)
        if place < len(slugs):
            inspect(ImageId(slugs[place], index))

    return inspected


def asked(key: str) -> list[str]:
    """What the address asks for under a key, as long as no widget has taken it."""
    return st.session_state["_asked"].get(key, [])


def ask(key: str, value: str) -> None:
    """Ask for a value as a link does."""
    st.session_state["_asked"][key] = [value]


def take(key: str) -> list[str]:
    """What the address asks for under a key; from now on it does not any more."""
    return st.session_state["_asked"].pop(key, [])


def chosen(key: str) -> Any:
    """What was chosen last under a key on any page; None where nothing was."""
    return _held().get(key)


def _held() -> dict[str, Any]:
    """All that was chosen. One value of the session: some widgets of Streamlit walk through all there are."""
    return st.session_state.setdefault("_held", {})


def hold(key: str, value: Any) -> None:
    """Remember a value for the next page and for links."""
    _held()[key] = value


def empty(key: str) -> None:
    """Empty a box that may be; for callbacks, and before it is drawn."""
    st.session_state[key] = None
    hold(key, None)


def narrow(key: str, options: Sequence[str]) -> None:
    """Take what is gone out of a list chosen before, lest it takes the rest with it."""
    for place in (st.session_state, _held()):
        held = place.get(key) or []
        if (left := [one for one in held if one in options]) and left != held:
            place[key] = left


def settle(
    key: str,
    read: Callable[[list[str]], object | None],
    usable: Callable[[Any], bool],
    fallback: object,
    *,
    optional: bool = False,
) -> None:
    """Put the value of the bound widget `key` into the session state before it is drawn.

    `read` gives what the address asks for, None where it is not usable; `usable` whether a value chosen before can
    still be shown; `optional` is whether a person may leave the widget empty.
    """
    current = st.session_state.get(key)
    if is_drawn(key) and (optional if current is None else usable(current)):
        return
    wanted = read(take(key))
    if wanted is None:
        before = chosen(key)
        wanted = before if before is not None and usable(before) else fallback
    if current == wanted and key not in st.session_state["_drawn_before"]:
        # Streamlit kept the value of a widget that was away, and would push it into the address on its return: one
        # more press of Back for each. Set anew it is an initial value, which is not pushed.
        st.session_state.pop(key, None)
    # Said anew on every page: one in a fold that was never opened would else show nothing chosen.
    st.session_state[key] = wanted
    st.session_state["_settled"].add(key)


def kept(key: str, value: Any, fallback: Any) -> Any:
    """Remember what a bound widget shows, for the next page; the fallback where a Back button left it empty.

    Streamlit empties a bound widget when Back leads to an address without its value. Drawn once more, it settles.
    """
    if value is None:
        st.session_state["_settled"].discard(key)
        if not st.session_state.get(f"_emptied_{key}"):
            st.session_state[f"_emptied_{key}"] = True
            st.rerun()
        return fallback
    st.session_state.pop(f"_emptied_{key}", None)
    hold(key, value)
    return value


def values(page: str, **changes: object) -> dict[str, str | list[str]]:
    """Parameters of a link to a page: the values it knows as they were chosen last, with changes.

    Streamlit appends them to those the address has. The last one counts, so single values may stand there twice; a
    list must not, so those of `LIST_KEYS` are left to the address where it has them. A change to None leaves one out.
    """
    there = [key for key in LIST_KEYS if key in st.query_params]
    known = _chosen(page) | changes
    wanted = {key: value for key, value in known.items() if value is not None and key not in there}
    return {key: value if isinstance(value, list) else str(value) for key, value in wanted.items()}


def href(page: str, **changes: object) -> str:
    """The address of a page on this server with the values it knows as they were chosen last, with changes.

    A change to None leaves one out.
    """
    wanted = _chosen(page) | changes
    spelled = {key: "" if value == [] else value for key, value in wanted.items() if value is not None}
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"{base and f'/{base}'}{registry.address(page)}?{urlencode(spelled, doseq=True, safe=':')}"


def address() -> str:
    """The full address of the current page with all its values spelled out."""
    spelled = {key: "" if value == [] else value for key, value in _chosen().items()}
    return f"{(st.context.url or '').split('?')[0]}?{urlencode(spelled, doseq=True, safe=':')}"


def _chosen(page: str = "") -> dict[str, Any]:
    """Every value that was chosen, or asked for by a link and waits for its page; of one page, those that it knows."""
    keys = KNOWN[page] if page else KEYS
    held = _held()
    found = {key: held.get(key) for key in keys}
    asked = st.session_state["_asked"]
    found |= {key: asked[key] if key in LIST_KEYS else asked[key][-1] for key in keys if key in asked}
    return {key: value for key, value in found.items() if value is not None}


def is_drawn(key: str) -> bool:
    """Whether the bound widget was drawn since the page was opened."""
    return key in st.session_state["_settled"]
