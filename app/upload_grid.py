"""Scored uploads as a table with thumbnails whose rows can be chosen."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import streamlit as st

from app import components, upload_rows, upload_store
from app.pictures import data_uri
from app.upload_results import Judged, judged
from app.upload_sources import counted

PARTIAL_ROWS = 8
NEWEST = 8
"""Batches looked at while a job runs."""
TABLE, LOOK = "uploaded-table", "uploaded-look"
ROW_HEIGHT = 44
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def grid(found: Judged, rows: np.ndarray, here: np.ndarray) -> None:
    """The table of verdicts; choosing a row looks at its image, as the box below does.

    Args:
        found: the verdicts.
        rows: all that filter and order leave; the CSV file has them.
        here: those on this page.
    """
    if place := upload_rows.place_in_words(rows, here):
        st.caption(place)
    whole = found.frame
    frame = visible(whole.iloc[here], found.stored.images[here], found.ratios)
    numbers = {
        "p": st.column_config.NumberColumn("p", format="%.4f"),
        **{column: st.column_config.NumberColumn(f"{column}, nats", format="%.1f") for column in found.ratios},
    }
    choosable(frame, here, TABLE, numbers)
    components.save(lambda: for_spreadsheets(whole.iloc[rows]), "verdicts", key="uploaded-csv")


def choosable(frame: pd.DataFrame, here: np.ndarray, key: str, columns: dict) -> None:
    """A table of images; choosing a row looks at its image.

    Args:
        frame: one row an image, `image` among the columns.
        here: the images.
        key: unique on the page.
        columns: how other columns are shown.
    """
    # Another page is another table: a row chosen on the page before is none of it.
    key = f"{key}-{hash(here.tobytes())}"
    st.dataframe(
        frame,
        hide_index=True,
        key=key,
        on_select=_looking(key, here),
        selection_mode="single-row",
        row_height=ROW_HEIGHT,
        column_config={"image": st.column_config.ImageColumn("image", width="small"), **columns},
    )


def visible(frame: pd.DataFrame, images: np.ndarray, ratios: list[str]) -> pd.DataFrame:
    """The columns for people: thumbnail, name, verdict, p, the k at which it differs most, every ratio."""
    columns = {"name": "name", "verdict": "verdict", "p": "p", "differs at k": "differs_at"}
    columns |= {ratio: ratio for ratio in ratios}
    return pd.DataFrame(
        {"image": thumbnails(images)} | {title: frame[column].to_numpy() for title, column in columns.items()}
    )


def thumbnails(images: np.ndarray) -> list[str]:
    """`(m, channel, height, width)` uint8 as addresses of pictures."""
    return [data_uri(image) for image in images]


def for_spreadsheets(frame: pd.DataFrame) -> pd.DataFrame:
    """With names that no spreadsheet takes for a formula."""
    return frame.assign(name=[f"'{name}" if name.startswith(FORMULA) else name for name in frame["name"]])


def partial(job: str) -> None:
    """The most unusual of the newest images of a job that still runs, in a few lines."""
    # It is drawn every other second: a long job must not be read from its start each time.
    stored = upload_store.read(job, NEWEST)
    if stored is None or not len(stored):
        return
    found = judged(stored, float(upload_rows.BUDGET))
    rows = np.argsort(stored.frame["p"].to_numpy(), kind="stable")[:PARTIAL_ROWS]
    st.caption(f"The most unusual of the newest {counted(len(stored), 'image')}:")
    st.dataframe(
        visible(found.frame.iloc[rows], stored.images[rows], found.ratios),
        hide_index=True,
        key="uploaded-partial",
        column_config={"image": st.column_config.ImageColumn("image", width="small")},
    )


def _looking(key: str, here: np.ndarray) -> Callable[[], None]:
    def selected() -> None:
        picked = st.session_state[key].selection.rows
        if picked and picked[0] < len(here):
            st.session_state[LOOK] = int(here[picked[0]])

    return selected
