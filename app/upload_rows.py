"""Which images of a scored upload are shown: at which budget, which of them, in which order, which page of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from app import controls, state

if TYPE_CHECKING:
    from app.upload_results import Judged

BUDGETS = ("0.001", "0.01", "0.05", "0.1")
BUDGET = "0.05"
"""Where nobody chose another."""
ORDERS = ("most unusual first", "as given")
SHOWN = ("all", "alarms")
MOST_ROWS = 200
"""Rows sent to the browser at once."""
PAGE = "page"


def budget() -> float:
    """Draw the false-alarm budget; the one that is chosen."""
    return float(
        controls.choose(
            "False-alarm budget",
            "alpha",
            BUDGETS,
            BUDGET,
            help="An alarm is p ≤ this. So large a share of in-distribution images raises one by mistake.",
        )
    )


def budget_in_address() -> str:
    """The budget last chosen or asked for by a link, also where no results are shown yet."""
    asked = state.values("score_images").get("alpha")
    return asked if isinstance(asked, str) and asked in BUDGETS else BUDGET


def chosen(found: Judged) -> np.ndarray:
    """Draw filter and order; all rows that they leave, most unusual first or as given."""
    only = controls.choose("Show", "only", SHOWN, on_change=_from_the_start)
    order = controls.choose("Order", "order", ORDERS, on_change=_from_the_start)
    rows = np.flatnonzero(found.alarms) if only == "alarms" else np.arange(len(found.stored))
    return rows if order == "as given" else rows[np.argsort(found.stored.frame["p"].to_numpy()[rows], kind="stable")]


def page(rows: np.ndarray) -> np.ndarray:
    """Draw a box that turns pages where there is more than one; the rows of the page."""
    pages = -(-len(rows) // MOST_ROWS)
    if pages <= 1:
        return rows
    number = controls.number("Page", PAGE, 1, pages, 1, f"Of {pages:,}, with {MOST_ROWS} images each.")
    return rows[(number - 1) * MOST_ROWS : number * MOST_ROWS]


def place_in_words(rows: np.ndarray, here: np.ndarray) -> str:
    """Which of all rows are on the page; empty where all are."""
    if len(here) == len(rows):
        return ""
    first = int(np.flatnonzero(rows == here[0])[0]) + 1
    return f"Images {first:,} to {first + len(here) - 1:,} of {len(rows):,} in this order; the CSV file has all."


def _from_the_start() -> None:
    if PAGE in st.session_state:
        st.session_state[PAGE] = 1
