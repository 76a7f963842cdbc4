"""What costs time is made once, and again only when what it depends on has changed: one helper for every page."""

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any, Literal, TypeVar

import streamlit as st

T = TypeVar("T")

MOST_SMALL = 2048
small: OrderedDict[tuple[str, str], Any] = OrderedDict()
"""What is small, those last asked for at the end. A page asks for more than a hundred of them every time it is drawn,
and to find one through Streamlit's own caches takes longer than most pages need for all the rest."""
_turn = Lock()


def kept(what: str, stamp: object, make: Callable[[], T], size: Literal["small", "large", "huge"] = "small") -> T:
    """What `make` gives, kept under a name and a stamp of all that it depends on; shared, so nobody may change it.

    Numbers, tables and charts are small, pictures large, and huge what a model gives of many images at every level.
    """
    if size != "small":
        return {"large": _large, "huge": _huge}[size](what, str(stamp), make)
    key = what, str(stamp)
    with _turn:
        if key in small:
            small.move_to_end(key)
            return small[key]
    made = _first(*key, make)
    with _turn:
        small[key] = made
        while len(small) > MOST_SMALL:
            small.popitem(last=False)
    return made


def of_file(what: str, path: Path, make: Callable[[Path], T]) -> T | None:
    """What `make` gives of a file, kept until it changes; None where there is none."""
    if not path.is_file():
        return None
    status = path.stat()
    return kept(what, (path, status.st_mtime_ns, status.st_size), lambda: make(path))


# Resources, because copying tables and figures for every page costs more than most of what is done with them. Only
# the names are hashed: walking through the fields of tables takes longer than most of what is made of them.
# This one keeps a few only: whoever asks at the same moment waits here for what another visitor has made.
@st.cache_resource(max_entries=16, show_spinner=False)
def _first(what: str, stamp: str, _make: Callable[[], Any]) -> Any:
    return _make()


@st.cache_resource(max_entries=48, show_spinner=False)
def _large(what: str, stamp: str, _make: Callable[[], Any]) -> Any:
    return _make()


# 40 MB for grey images and 350 MB for the deepest colour model with every row and draw.
@st.cache_resource(max_entries=12, show_spinner=False)
def _huge(what: str, stamp: str, _make: Callable[[], Any]) -> Any:
    return _make()
