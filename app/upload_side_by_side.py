"""The same images judged by several runs: their p-values side by side, and which run knows each image best."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from app import components, upload_grid, upload_rows
from app.upload_results import Judged
from app.upload_sources import counted
from hvae import verdicts

TABLE = "side-by-side"


def compared(found: Judged) -> pd.DataFrame | None:
    """`name` and the columns of `hvae.verdicts.side_by_side`; None where one run judged alone.

    One row for each image that every run has judged: those from the first on, all once the job is complete.
    """
    frames = (found.stored.frame, *found.stored.others)
    judged = min(map(len, frames))
    if len(frames) == 1 or not judged:
        return None
    p = [frame["p"].to_numpy()[:judged] for frame in frames]
    table = verdicts.side_by_side(found.stored.settings.runs, p, found.alpha)
    table.insert(0, "name", found.stored.frame["name"].to_numpy()[:judged])
    return table


def in_words(found: Judged, table: pd.DataFrame) -> str:
    """How many images each run knows best, and what that means."""
    return f"{verdicts.best_in_words(found.stored.settings.runs, table)} {verdicts.COMPARABLE}"


def cells(found: Judged, table: pd.DataFrame) -> pd.DataFrame:
    """The columns for people: name, the run that knows it best, how many call it typical, every p with its alarm."""
    runs = found.stored.settings.runs
    shown: dict[str, object] = {
        "name": table["name"].to_numpy(),
        "knows it best": table["knows_best"].to_numpy(),
        "typical for": [f"{count} of {len(runs)}" for count in table["typical_for"]],
    }
    for run in runs:
        judged = zip(table[f"p {run}"], table[f"alarm {run}"], strict=True)
        shown[f"p, {run}"] = [f"{p:.4f}{' alarm' if alarm else ''}" for p, alarm in judged]
    return pd.DataFrame(shown)


def section(found: Judged, rows: np.ndarray, here: np.ndarray) -> None:
    """The table of the page, where several runs judged.

    Args:
        found: the verdicts.
        rows: all that filter and order leave; the CSV file has them.
        here: those on this page.
    """
    if not found.stored.settings.also:
        return
    components.section("Which run knows it best")
    table = compared(found)
    if table is None:
        st.info("No image was judged by every run.")
        return
    st.html(f'<p class="prose">{components.escape(in_words(found, table))}</p>')
    if len(table) < len(found.stored):
        st.caption(
            f"Every run has judged the first {counted(len(table), 'image')} of {len(found.stored):,}; the others are "
            "left out here."
        )
    rows, here = rows[rows < len(table)], here[here < len(table)]
    if not len(here):
        return
    if place := upload_rows.place_in_words(rows, here):
        st.caption(place)
    frame = cells(found, table.iloc[here])
    frame.insert(0, "image", upload_grid.thumbnails(found.stored.images[here]))
    st.html('<p class="chart-title">p-values side by side</p>')
    upload_grid.choosable(frame, here, TABLE, {})
    components.save(lambda: upload_grid.for_spreadsheets(table.iloc[rows]), TABLE, key="side-by-side-csv")
