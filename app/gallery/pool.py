"""Images of several sets as one table of ids, which keep their rows through filters, sorting and paging."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from app import notes
from app.figures.densities import Brush
from app.frame.caching import kept
from app.frame.state import ImageId
from app.reading.measures import Measure, Threshold
from app.reading.view import Scored, View
from hvae.errors import TableError
from hvae.report.slices import LABEL, statistic, statistics
from hvae.scores import everything

SHEET = 24
"""Images of a sheet: three rows of eight."""
MOST_SELECTED = 60
CALLED, PASSED, EITHER = "called OOD", "passes", "either"
EVERY = "passes every seed"
"""Below the threshold of every run that differs from this one in its seed alone."""
NUMBER, SCORE = "number in its set", "the score"
_ID = re.compile(r"[\w-]{1,120}:\d{1,7}")


@dataclass(frozen=True, eq=False)
class Pool:
    """Some images, one row each: `set`, `image` (its row in the set's table), `label`, `score` and `called` (OOD)."""

    frame: pd.DataFrame

    def __len__(self) -> int:
        """Number of images."""
        return len(self.frame)

    @property
    def ids(self) -> list[str]:
        """`<slug>:<index>` of every image, in order."""
        return [f"{slug}:{index}" for slug, index in zip(self.frame["set"], self.frame["image"], strict=True)]

    def images(self) -> list[ImageId]:
        """The same as ids of the selection."""
        return [ImageId(slug, int(index)) for slug, index in zip(self.frame["set"], self.frame["image"], strict=True)]

    def where(self, mask: np.ndarray) -> Pool:
        """Those of a mask `(n,)`."""
        return Pool(self.frame.iloc[np.flatnonzero(mask)].reset_index(drop=True))

    def filtered(self, verdict: str = EITHER, labels: Sequence[str] = (), brush: Brush = (None, None)) -> Pool:
        """Those of a verdict, of some labels (any if none is named) and of a range of scores, ends included."""
        mask = np.ones(len(self), bool)
        if verdict != EITHER:
            mask &= self.frame["called"].to_numpy() == (verdict == CALLED)
        if labels:
            mask &= self.frame["label"].astype(str).isin(labels).to_numpy()
        low, high = brush
        values = self.frame["score"].to_numpy()
        mask &= (values >= (-np.inf if low is None else low)) & (values <= (np.inf if high is None else high))
        return self.where(mask)

    def ordered(self, values: np.ndarray, rising: bool) -> Pool:
        """By values `(n,)`; those that have none come last, equal ones stay in their order."""
        keys = np.where(np.isfinite(values), values if rising else -values, np.inf)
        return Pool(self.frame.iloc[np.argsort(keys, kind="stable")].reset_index(drop=True))

    def sheets(self) -> int:
        """How many sheets they fill, at least one."""
        return max(1, -(-len(self) // SHEET))

    def sheet(self, number: int) -> Pool:
        """One sheet of them, from 1."""
        return Pool(self.frame.iloc[(number - 1) * SHEET : number * SHEET].reset_index(drop=True))


def pooled(sets: Sequence[Scored], threshold: Threshold, rows: Mapping[str, np.ndarray] | None = None) -> Pool:
    """Images of scored sets: all, or by slug those in some rows of its table."""

    def make() -> pd.DataFrame:
        frames = []
        for one in sets:
            index = np.arange(len(one.scores)) if rows is None else rows.get(one.slug, np.arange(0))
            scores = one.scores[index]
            frame = {"set": one.slug, "image": index, "label": one.table.frame["label"].to_numpy()[index]}
            frames.append(pd.DataFrame(frame | {"score": scores, "called": scores >= threshold.value}))
        return pd.concat(frames, ignore_index=True)

    if rows is not None:
        return Pool(make())
    return Pool(kept("pool", ([one.stamp for one in sets], threshold.value), make))


def sorts(view: View, slugs: Sequence[str]) -> dict[str, Callable[[Scored], np.ndarray]]:
    """What images may be sorted by: name -> the values of all images of a set."""
    sets = [one for one in view.sets if one.slug in slugs]
    found: dict[str, Callable[[Scored], np.ndarray]] = {
        SCORE: lambda one: one.scores,
        NUMBER: lambda one: np.arange(len(one.scores), dtype=float),
        LABEL: lambda one: one.table.frame["label"].to_numpy(np.float64),
    }
    about = view.inside.table.metadata
    for score in everything(about.depth, about.preprocessing, about.task):
        if score != view.measure.score:
            found[score.label] = lambda one, score=score: view.by(Measure(score), one).scores
    shared = set.intersection(*(set(statistics(one.table)) for one in sets)) if sets else set()
    for name in statistics(sets[0].table) if sets else ():
        if name in shared and name not in found:
            found[name] = lambda one, name=name: statistic(one.table, name)
    return found


def values_of(pool: Pool, view: View, by: Callable[[Scored], np.ndarray]) -> np.ndarray:
    """What the images of a pool have of a quantity that sets can be sorted by, `(n,)`. Raises a TableError."""
    found, slugs = np.full(len(pool), np.nan), pool.frame["set"].to_numpy()
    for one in view.sets:
        mine = slugs == one.slug
        if mine.any():
            found[mine] = np.asarray(by(one), np.float64)[pool.frame["image"].to_numpy()[mine]]
    return found


def everything_of(pool: Pool, view: View) -> pd.DataFrame:
    """The pool with every score and statistic as a column, for CSV, and what the run notes of its images.

    A score is empty where a set has none.
    """
    columns: dict[str, np.ndarray] = {}
    for name, by in sorts(view, list(dict.fromkeys(pool.frame["set"]))).items():
        if name in (SCORE, NUMBER, LABEL):
            continue
        try:
            columns[name] = values_of(pool, view, by)
        except TableError:
            continue
    frame = pool.frame.rename(columns={"score": view.measure.label, "called": CALLED})
    frame = pd.concat([frame, pd.DataFrame(columns, index=frame.index)], axis=1)
    return notes.beside(view.run, frame, pool.ids)


def parsed(text: object) -> list[str]:
    """Ids of a comma-separated list, each once, at most `MOST_SELECTED`."""
    words = str(text or "").split(",")
    return list(dict.fromkeys(word for word in words if _ID.fullmatch(word)))[:MOST_SELECTED]
