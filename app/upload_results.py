"""Scored uploads: what is kept of a job as a table with verdicts, and all of them in one sentence."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import streamlit as st

from app import components, controls, loading, upload_store
from app.upload_sources import counted, png
from app.upload_store import Settings, Stored
from hvae.results import RunEntry, ScoreTable

BUDGETS = ("0.001", "0.01", "0.05", "0.1")
ORDERS = ("most unusual first", "as given")
SHOWN = ("all", "alarms")
MOST_ROWS = 200
"""Rows sent to the browser; the CSV file has all."""
PARTIAL_ROWS = 8
NEWEST = 8
"""Batches looked at while a job runs."""
TABLE, LOOK = "uploaded-table", "uploaded-look"
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, eq=False)
class Judged:
    """Stored results under one false-alarm budget.

    Attributes:
        stored: what is there of the job.
        alpha: the budget.
        alarms: `(m,)` which images raise an alarm.
        words: the verdict on each.
        together: of `hvae.verdicts.summary`.
    """

    stored: Stored
    alpha: float
    alarms: np.ndarray
    words: list[str]
    together: dict[str, object]

    @property
    def frame(self) -> pd.DataFrame:
        """One row an image with its verdict."""
        return self.stored.frame.assign(alarm=self.alarms, verdict=self.words)

    @property
    def ratios(self) -> list[str]:
        """Columns of LLR^{>k} in order of k."""
        return [column for column in self.stored.frame.columns if column.startswith("LLR>")]


def kept(job: str) -> Stored | None:
    """What is kept of a job, read again only when there is more.

    Raises:
        TableError: damaged files.
    """
    found = _kept(job, upload_store.stamp(job))
    if found is None:
        return None
    # Plain values are cached: a dataclass would be of another class after a reload of its file.
    settings, frame, images, refused, complete = found
    return Stored(Settings.model_validate_json(settings), frame, images, refused, complete)


@st.cache_data(max_entries=6, show_spinner=False)
def _kept(
    job: str, stamp: tuple[str, ...]
) -> tuple[str, pd.DataFrame, np.ndarray, tuple[tuple[str, str], ...], bool] | None:
    found = upload_store.read(job)
    if found is None:
        return None
    return found.settings.model_dump_json(), found.frame, found.images, found.refused, found.complete


def judged(stored: Stored, alpha: float) -> Judged:
    """Verdicts under a budget; imports scipy."""
    from hvae import verdicts

    frame, n = stored.frame, stored.settings.n_calibration
    ranks = frame[[column for column in frame.columns if column.startswith("rank>")]].to_numpy()
    p, low, high = (frame[column].to_numpy() for column in ("p", "p_low", "p_high"))
    found = verdicts.Judgement(ranks, frame["differs_at"].to_numpy(), p, low, high, n)
    return Judged(stored, alpha, found.alarms(alpha), found.words(alpha), verdicts.summary(p, n, alpha))


def budget() -> float:
    """The false-alarm budget that is chosen."""
    return float(
        controls.choose(
            "False-alarm budget",
            "alpha",
            BUDGETS,
            "0.05",
            help="An alarm is p ≤ this. So large a share of in-distribution images raises one by mistake.",
        )
    )


def chosen_rows(found: Judged) -> np.ndarray:
    """Draw filter and order; the rows to show, most unusual first or as given."""
    only = controls.choose("Show", "only", SHOWN)
    order = controls.choose("Order", "order", ORDERS)
    rows = np.flatnonzero(found.alarms) if only == "alarms" else np.arange(len(found.stored))
    return rows if order == "as given" else rows[np.argsort(found.stored.frame["p"].to_numpy()[rows], kind="stable")]


def in_words(found: Judged) -> str:
    """All images together, in sentences."""
    together, settings = found.together, found.stored.settings
    share = f"{100 * found.alpha:g} %"
    n = counted(int(str(together["n"])), "image")
    text = (
        f"{together['alarms']:,} of {n} raise an alarm at a budget of {share}. If all were in-distribution, about "
        f"{together['expected']:.1f} would, and between {together['low']:,} and {together['high']:,} in 999 of 1,000 "
        f"such collections. The Benjamini-Hochberg procedure calls {together['discoveries']:,} of them OOD, of which "
        f"at most {share} are expected to be in-distribution."
    )
    least = int(str(together["least_rejections"]))
    if least > 1:
        text += (
            f" The smallest p there can be is 1 in {settings.n_calibration + 1:,}, so with {n} that procedure can call "
            f"none unless at least {least:,} are as far out as can be measured."
        )
    return text


def setting_in_words(settings: Settings) -> str:
    """How the images were scored."""
    return (
        f"{settings.run} · {settings.source} · {settings.fit}{', inverted' if settings.invert else ''} · statistic "
        f"{settings.statistic} · reading {settings.reading}, S = {settings.samples}, R = {settings.draws}, seed "
        f"{settings.seed} · {settings.n_reference:,} images to rank against, {settings.n_calibration:,} to calibrate"
    )


def grid(found: Judged, rows: np.ndarray) -> None:
    """The table of verdicts; choosing a row looks at its image, as the box below does."""
    shown = rows[:MOST_ROWS]
    if len(shown) < len(rows):
        st.caption(f"The first {len(shown):,} of {len(rows):,} images; the CSV file and the report have more.")

    def selected() -> None:
        picked = st.session_state[TABLE].selection.rows
        if picked and picked[0] < len(shown):
            st.session_state[LOOK] = int(shown[picked[0]])

    frame = found.frame.iloc[shown]
    st.dataframe(
        visible(frame, found.stored.images[shown], found.ratios),
        hide_index=True,
        key=TABLE,
        on_select=selected,
        selection_mode="single-row",
        row_height=44,
        column_config={
            "image": st.column_config.ImageColumn("image", width="small"),
            "p": st.column_config.NumberColumn("p", format="%.4f"),
            **{column: st.column_config.NumberColumn(f"{column}, nats", format="%.1f") for column in found.ratios},
        },
    )
    components.save(for_spreadsheets(found.frame.iloc[rows]), "verdicts", key="uploaded-csv")


def visible(frame: pd.DataFrame, images: np.ndarray, ratios: list[str]) -> pd.DataFrame:
    """The columns for people: thumbnail, name, verdict, p, the k at which it differs most, every ratio."""
    columns = {"name": "name", "verdict": "verdict", "p": "p", "differs at k": "differs_at"}
    columns |= {ratio: ratio for ratio in ratios}
    shown = {title: frame[column].to_numpy() for title, column in columns.items()}
    return pd.DataFrame({"image": [data_uri(image) for image in images]} | shown)


def data_uri(image: np.ndarray) -> str:
    """`(channel, height, width)` uint8 as the address of a picture that carries its own content."""
    return f"data:image/png;base64,{base64.b64encode(png(image)).decode()}"


def for_spreadsheets(frame: pd.DataFrame) -> pd.DataFrame:
    """With names that no spreadsheet takes for a formula."""
    return frame.assign(name=[f"'{name}" if name.startswith(FORMULA) else name for name in frame["name"]])


def partial(job: str) -> None:
    """The most unusual of the newest images of a job that still runs, in a few lines."""
    # It is drawn every other second: a long job must not be read from its start each time.
    stored = upload_store.read(job, NEWEST)
    if stored is None or not len(stored):
        return
    found = judged(stored, 0.05)
    rows = np.argsort(stored.frame["p"].to_numpy(), kind="stable")[:PARTIAL_ROWS]
    st.caption(f"The most unusual of the newest {counted(len(stored), 'image')}:")
    st.dataframe(
        visible(found.frame.iloc[rows], stored.images[rows], found.ratios),
        hide_index=True,
        key="uploaded-partial",
        column_config={"image": st.column_config.ImageColumn("image", width="small")},
    )


def reference(run: RunEntry, settings: Settings) -> ScoreTable | None:
    """Scores of the reference part that the images were ranked in; None where it is gone or was made anew."""
    for key in loading.tables(run):
        wanted = ("reference", settings.reading, settings.samples, settings.draws, settings.seed)
        if (key.split, key.reading, key.samples, key.draws, key.seed) == wanted:
            table = loading.table(key)
            return table if table.metadata.weights_sha256 == settings.weights_sha256 else None
    return None


def as_table(stored: Stored, like: ScoreTable) -> ScoreTable:
    """The scores of the images as a score table."""
    return replace(like, frame=stored.frame)
