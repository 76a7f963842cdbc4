"""Scored uploads: what is kept of a job with verdicts under a budget, and all of them in sentences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from app.reading import loading, view
from app.reading.measures import Measure
from app.score_images import store
from app.score_images.sources import counted
from app.score_images.store import Settings, Stored
from hvae.runs.catalogue import Catalogue, TableEntry
from hvae.runs.score_tables import ScoreTable
from hvae.scores import Score, computable, find
from hvae.stats.arrays import Floats
from hvae.verdicts import words


@dataclass(frozen=True, eq=False)
class Judged:
    """Stored results under a budget `alpha`: which images raise an alarm, the verdict on each, and all together."""

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
    def levels(self) -> list[Score]:
        """The score that judges, at every level."""
        return self.stored.settings.levels


@dataclass(frozen=True, eq=False)
class Reference:
    """The reference part that images were ranked in, among the tables of the run that judged them."""

    found: Catalogue
    entry: TableEntry

    @property
    def table(self) -> ScoreTable:
        """Its statistics."""
        return loading.table(self.found, self.entry)

    def values(self, measure: Measure) -> Floats:
        """A score of all its images, computed once."""
        return view.scored(self.found, self.entry, measure).scores


# Images of up to 10,000 uploads each: only the last few jobs stay in memory.
@st.cache_resource(max_entries=6, show_spinner=False)
def kept(job: str, stamp: tuple[str, ...]) -> Stored | None:
    """What is kept of a job as `store.stamp` has it; raises as `store.read` does. Shared, so nobody may change it."""
    return store.read(job)


def judged(stored: Stored, alpha: float) -> Judged:
    """Verdicts under a budget."""
    n = stored.settings.n_calibration
    p, low, high = (stored.frame[column].to_numpy() for column in ("p", "p_low", "p_high"))
    alarms = p <= alpha
    said = [words.in_words(*one, n) for one in zip(alarms, p, low, high, strict=True)]
    return Judged(stored, alpha, alarms, said, words.summary(p, n, alpha))


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
    if (least := int(str(together["least_rejections"]))) > 1:
        text += (
            f" The smallest p there can be is 1 in {settings.n_calibration + 1:,}, so with {n} that procedure can call "
            f"none unless at least {least:,} are as far out as can be measured."
        )
    return text


def setting_in_words(settings: Settings) -> str:
    """How the images were scored."""
    statistic = f"{settings.statistic}, two-sided" if settings.two_sided else settings.statistic
    parts = [
        ", ".join(settings.runs),
        settings.source,
        f"{settings.fit}, inverted" if settings.invert else settings.fit,
        f"judged by {settings.score} ({find(settings.score).title}), statistic {statistic}",
        str(settings.setting),
        f"{settings.n_reference:,} images to rank against, {settings.n_calibration:,} to calibrate",
    ]
    return " · ".join(parts)


def reference(settings: Settings) -> Reference | None:
    """The reference part that the images were ranked in; None where it is gone or was made anew."""
    run = next((one for one in loading.runs() if one.name == settings.run), None)
    found = loading.catalogue(run) if run else None
    entry = found.find(found.own or "", settings.setting, ("reference",)) if found else None
    if found is None or entry is None or entry.metadata.weights_sha256 != settings.weights_sha256:
        return None
    like = Reference(found, entry)
    return None if computable(settings.levels, (like.table,), like.table)[1] else like
