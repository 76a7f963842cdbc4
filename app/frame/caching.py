"""What costs time is made once, and again only when what it depends on has changed: one helper for every page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import streamlit as st

T = TypeVar("T")


def kept(what: str, stamp: object, make: Callable[[], T]) -> T:
    """What `make` gives, kept under a name and a stamp of all that it depends on; shared, so nobody may change it."""
    return _kept(what, str(stamp), make)


# A resource, because copying tables and figures for every page costs more than most of what is done with them. Only
# the names are hashed: walking through the fields of tables takes longer than most of what is made of them.
@st.cache_resource(max_entries=2048, show_spinner=False)
def _kept(what: str, stamp: str, _make: Callable[[], Any]) -> Any:
    return _make()
