"""Scored images as tables with thumbnails: which rows, the verdicts of one run, several runs side by side."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from app.frame import components, controls, state
from app.looks.pictures import data_uri
from app.score_images import store
from app.score_images.results import Judged, judged
from app.score_images.sources import counted
from hvae.verdicts import words

PARTIAL_ROWS, NEWEST = 8, 8
"""Rows shown, and batches looked at, while a job runs."""
LOOK = "uploaded-look"
"""Where the image stands that is looked at."""
BUDGETS = ("0.001", "0.01", "0.05", "0.1")
BUDGET = "0.05"
"""Where nobody chose another."""
ORDERS = ("most unusual first", "as given")
SHOWN = ("all", "alarms")
MOST_ROWS = 200
"""Rows sent to the browser at once."""
PAGE = "page"
COMPARED = "side-by-side"


def budget() -> float:
    """Draw the false-alarm budget; the one that is chosen."""
    about = "An alarm is p ≤ this. So large a share of in-distribution images raises one by mistake."
    return float(controls.choose("False-alarm budget", "alpha", BUDGETS, BUDGET, help=about))


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
    if (pages := -(-len(rows) // MOST_ROWS)) <= 1:
        return rows
    number = controls.number("Page", PAGE, 1, pages, 1, f"Of {pages:,}, with {MOST_ROWS} images each.")
    return rows[(number - 1) * MOST_ROWS : number * MOST_ROWS]


def _from_the_start() -> None:
    if PAGE in st.session_state:
        st.session_state[PAGE] = 1


def columns(found: Judged) -> dict[str, tuple[str, str]]:
    """The table of verdicts for people: heading -> (column, how it is written)."""
    differs = {"differs at k": ("differs_at", "%d")} if len(found.levels) > 1 else {}
    scores = {f"{one.label}, {one.units[0]}": (one.label, "%.1f") for one in found.levels}
    return {"name": ("name", "%s"), "verdict": ("verdict", "%s"), "p": ("p", "%.4f")} | differs | scores


def grid(found: Judged, rows: np.ndarray, here: np.ndarray) -> None:
    """The verdicts on the images `here`, a page of `rows`, which the CSV file has with every score and statistic."""
    _say_place(rows, here)
    _listed(found, visible(found, here), here, "uploaded-table")
    components.save(lambda: for_spreadsheets(found.frame.iloc[rows]), "verdicts", key="uploaded-csv")


def visible(found: Judged, rows: np.ndarray) -> pd.DataFrame:
    """The columns for people of some images, thumbnails first."""
    frame = found.frame.iloc[rows]
    shown = {heading: frame[column].to_numpy() for heading, (column, _) in columns(found).items()}
    return pd.DataFrame({"image": thumbnails(found, rows)} | shown)


def thumbnails(found: Judged, rows: np.ndarray) -> list[str]:
    """Some images as addresses of pictures."""
    return [data_uri(image) for image in found.stored.images[rows]]


def _listed(found: Judged, frame: pd.DataFrame, here: np.ndarray | None, key: str) -> None:
    """A table of images; choosing a row looks at its image, unless `here` does not say which they are."""
    formats = {
        heading: st.column_config.NumberColumn(heading, format=how)
        for heading, (_, how) in columns(found).items()
        if heading in frame and how not in ("%s", "%d")
    }
    # Another page is another table: a row chosen on the page before is none of it.
    key = key if here is None else f"{key}-{hash(here.tobytes())}"

    def look() -> None:
        picked = st.session_state[key].selection.rows
        if here is not None and picked and picked[0] < len(here):
            st.session_state[LOOK] = int(here[picked[0]])

    st.dataframe(
        frame,
        hide_index=True,
        key=key,
        on_select="ignore" if here is None else look,
        selection_mode="single-row",
        row_height=None if here is None else 44,
        column_config={"image": st.column_config.ImageColumn("image", width="small"), **formats},
    )


def _say_place(rows: np.ndarray, here: np.ndarray) -> None:
    """Which of all rows are on the page, where not all are."""
    if len(here) < len(rows):
        first = int(np.flatnonzero(rows == here[0])[0])
        place = f"Images {first + 1:,} to {first + len(here):,} of {len(rows):,}"
        st.caption(f"{place} in this order; the CSV file has all.")


def for_spreadsheets(frame: pd.DataFrame) -> pd.DataFrame:
    """With names that no spreadsheet takes for a formula."""
    return frame.assign(name=[f"'{name}" if name.startswith(tuple("=+-@\t\r")) else name for name in frame["name"]])


def partial(job: str) -> None:
    """The most unusual of the newest images of a job that still runs, in a few lines."""
    # It is drawn every other second: a long job must not be read from its start each time.
    stored = store.read(job, NEWEST)
    if stored is None or not len(stored):
        return
    found = judged(stored, float(BUDGET))
    rows = np.argsort(stored.frame["p"].to_numpy(), kind="stable")[:PARTIAL_ROWS]
    st.caption(f"The most unusual of the newest {counted(len(stored), 'image')}:")
    _listed(found, visible(found, rows), None, "uploaded-partial")


def compared(found: Judged) -> pd.DataFrame | None:
    """`words.side_by_side` with the names of the images that every run has judged; None where one judged alone."""
    frames = (found.stored.frame, *found.stored.others)
    judged = min(map(len, frames))
    if len(frames) == 1 or not judged:
        return None
    p = [frame["p"].to_numpy()[:judged] for frame in frames]
    table = words.side_by_side(found.stored.settings.runs, p, found.alpha)
    return pd.DataFrame({"name": found.stored.frame["name"].to_numpy()[:judged]}).join(table)


def compared_in_words(found: Judged, table: pd.DataFrame) -> str:
    """How many images each run knows best, and what that means."""
    return f"{words.best_in_words(found.stored.settings.runs, table)} {words.COMPARABLE}"


def cells(found: Judged, table: pd.DataFrame) -> pd.DataFrame:
    """The columns for people: name, the run that knows it best, how many call it typical, every p with its alarm."""
    runs = found.stored.settings.runs
    shown = table[["name"]].assign(**{"knows it best": table["knows_best"]})
    shown["typical for"] = [f"{count} of {len(runs)}" for count in table["typical_for"]]
    for run in runs:
        judged = zip(table[f"p {run}"], table[f"alarm {run}"], strict=True)
        shown[f"p, {run}"] = [f"{p:.4f}{' alarm' if alarm else ''}" for p, alarm in judged]
    return shown


def side_by_side(found: Judged, rows: np.ndarray, here: np.ndarray) -> None:
    """The same images under every run, where several judged."""
    if not found.stored.settings.also:
        return
    components.section("Which run knows it best")
    table = compared(found)
    if table is None:
        st.info("No image was judged by every run.")
        return
    st.html(f'<p class="prose">{components.escape(compared_in_words(found, table))}</p>')
    if len(table) < len(found.stored):
        first = f"the first {counted(len(table), 'image')} of {len(found.stored):,}"
        st.caption(f"Every run has judged {first}; the others are left out here.")
    rows, here = rows[rows < len(table)], here[here < len(table)]
    if not len(here):
        return
    _say_place(rows, here)
    frame = cells(found, table.iloc[here])
    frame.insert(0, "image", thumbnails(found, here))
    st.html('<p class="chart-title">p-values side by side</p>')
    _listed(found, frame, here, COMPARED)
    components.save(lambda: for_spreadsheets(table.iloc[rows]), COMPARED, key="side-by-side-csv")
