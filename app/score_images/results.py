"""Scored uploads: what is kept of a job with verdicts under a budget, and all of them in sentences."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import streamlit as st

from app.reading import loading
from app.score_images import store
from app.score_images.sources import counted
from app.score_images.store import Settings, Stored
from hvae.runs.folders import RunEntry
from hvae.runs.score_tables import ScoreTable


@dataclass(frozen=True, eq=False)
class Judged:
    """Stored results under one false-alarm budget.

    Attributes:
        stored: what is there of the job.
        alpha: the budget.
        alarms: `(m,)` which images raise an alarm.
        words: the verdict on each.
        together: of `hvae.verdicts.words.summary`.
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
    found = _kept(job, store.stamp(job))
    if found is None:
        return None
    # Plain values are cached: a dataclass would be of another class after a reload of its file.
    settings, frame, images, refused, complete, others = found
    return Stored(Settings.model_validate_json(settings), frame, images, refused, complete, others)


@st.cache_data(max_entries=6, show_spinner=False)
def _kept(
    job: str, stamp: tuple[str, ...]
) -> tuple[str, pd.DataFrame, np.ndarray, tuple[tuple[str, str], ...], bool, tuple[pd.DataFrame, ...]] | None:
    found = store.read(job)
    if found is None:
        return None
    return found.settings.model_dump_json(), found.frame, found.images, found.refused, found.complete, found.others


def judged(stored: Stored, alpha: float) -> Judged:
    """Verdicts under a budget; imports scipy."""
    from hvae.verdicts import rule
    from hvae.verdicts import words as verdict_words

    frame, n = stored.frame, stored.settings.n_calibration
    ranks = frame[[column for column in frame.columns if column.startswith("rank>")]].to_numpy()
    p, low, high = (frame[column].to_numpy() for column in ("p", "p_low", "p_high"))
    found = rule.Judgement(ranks, frame["differs_at"].to_numpy(), p, low, high, n)
    return Judged(stored, alpha, found.alarms(alpha), found.words(alpha), verdict_words.summary(p, n, alpha))


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
    done = f"{settings.fit}, inverted" if settings.invert else settings.fit
    statistic = f"{settings.statistic}, two-sided" if settings.two_sided else settings.statistic
    parts = [
        ", ".join(settings.runs),
        settings.source,
        done,
        f"statistic {statistic}",
        f"reading {settings.reading}, S = {settings.samples}, R = {settings.draws}, seed {settings.seed}",
        f"{settings.n_reference:,} images to rank against, {settings.n_calibration:,} to calibrate",
    ]
    return " · ".join(parts)


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
