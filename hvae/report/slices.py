"""Slices of an image set: which kinds of its images a score misses, and at which level these differ from the others.

Slices part the images: their counts add up to the set's, and their AUROCs, weighted by count, have its AUROC as mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from hvae import stats
from hvae.errors import HvaeError
from hvae.runs.columns import COLUMNS, PIXEL_COLUMNS, find
from hvae.runs.score_tables import KEYS, NAME, ScoreTable
from hvae.stats.arrays import Floats, Indices

LABEL = "label"
COUNT = 5
"""Slices by quantiles of a statistic."""
MOST_LABELS = 200
UNMEASURED = "not measured"


@dataclass(frozen=True, eq=False)
class Slices:
    """Which slice each image is in.

    Attributes:
        by: `label`, or the statistic.
        names: of the slices, by rising label or statistic.
        place: `(n,)`, in 0 to the number of slices.
        low: least value of each slice, NaN where there is none.
        high: greatest value of each slice.
    """

    by: str
    names: tuple[str, ...]
    place: Indices
    low: Floats
    high: Floats

    def rows(self, name: str) -> Indices:
        """Images of the slice of that name, ascending; `HvaeError` where there is none."""
        if name not in self.names:
            raise HvaeError(f"there is no slice '{name[:60]}' by {self.by}; there are {', '.join(self.names[:12])}")
        return np.flatnonzero(self.place == self.names.index(name))


def statistics(table: ScoreTable) -> list[str]:
    """What the images of a table can be sliced by: their label, what their pixels say, and the columns of the model."""
    labels = np.unique(table.frame["label"].to_numpy())
    found = [LABEL] if 1 < len(labels) <= MOST_LABELS else []
    found += [column.name for column in PIXEL_COLUMNS if table.missing(column.name) is None]
    taken = {*KEYS, NAME, *found}
    own = [name for name in table.frame if name not in taken and find(name) and not name.endswith("_se")]
    return found + sorted(own, key=lambda name: next(n for n, one in enumerate(COLUMNS) if one.matches(name)))


def sliced(table: ScoreTable, by: str, count: int = COUNT) -> Slices:
    """The images of a table by `label`, or by a statistic in so many slices of equally many images.

    Images of one value are never parted, so there may be fewer slices; those without a value have one of their own.

    Raises:
        TableError: a statistic that the table has not.
    """
    if by == LABEL:
        labels, place = np.unique(table.frame["label"].to_numpy(), return_inverse=True)
        ends = labels.astype(np.float64)
        return Slices(by, tuple(f"label {label}" for label in labels), place, ends, ends)
    return by_quantiles(statistic(table, by), by, count)


def statistic(table: ScoreTable, name: str) -> Floats:
    """A statistic of each image of a table, `(n,)`, NaN where one has none; `TableError` where the table has not."""
    # Some images may have none: `ScoreTable.column` refuses those.
    return table.frame[name].to_numpy(np.float64) if name in table.frame else table.column(name)


def by_quantiles(values: Floats, by: str, count: int = COUNT) -> Slices:
    """Values `(n,)` in `count` slices of equally many, or fewer: see `sliced`."""
    there = np.isfinite(values)
    place = np.full(len(values), -1)
    if there.any():
        edges = np.unique(np.quantile(values[there], np.linspace(0, 1, count + 1)[1:-1], method="lower"))
        place[there] = np.searchsorted(edges, values[there], side="left")
    # What nothing lies in is no slice.
    used, place = np.unique(place, return_inverse=True)
    ends = [(values[place == one].min(), values[place == one].max()) for one in range(len(used))]
    names = [UNMEASURED if old < 0 else f"{low:.4g} to {high:.4g}" for old, (low, high) in zip(used, ends, strict=True)]
    if len(set(names)) < len(names):
        names = [f"{place + 1}: {name}" for place, name in enumerate(names)]
    low, high = np.array(ends, np.float64).T if len(ends) else np.zeros((2, 0))
    return Slices(by, tuple(names), place, low, high)


def slice_table(slices: Slices, scores: Floats, inside: Floats, threshold: float) -> pd.DataFrame:
    """One row a slice of images with `scores` `(n,)`: how many there are, are called OOD at the threshold, and are not.

    `auroc` with its 95 % interval is that of the slice against the in-distribution scores `inside`.
    """
    if len(scores) != len(slices.place):
        raise HvaeError(f"{len(scores)} scores do not fit {len(slices.place)} images")
    rows = []
    for number, name in enumerate(slices.names):
        own = scores[slices.place == number]
        called, area = int(np.count_nonzero(own >= threshold)), stats.auroc(inside, own)
        rows.append(
            {
                "slice": name, "low": slices.low[number], "high": slices.high[number], "n": len(own),
                "called": called, "passed": len(own) - called, "called_share": called / len(own),
                "passed_share": 1 - called / len(own), "auroc": area.value, "auroc_low": area.low,
                "auroc_high": area.high,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def term_table(table: ScoreTable, called: np.ndarray) -> pd.DataFrame:
    """The terms of the bound of images that are called OOD, and of those that are not, one row a term.

    Means in nats, and their difference in standard deviations of all images of the table, the largest first: the
    first row is the level at which the images of one kind differ most from the other's. Empty where either is missing,
    or the model has no levels.
    """
    names = [name for name in ("log_px", *(f"log_ratio_{one}" for one in range(1, table.metadata.depth + 1)))]
    if not called.any() or called.all() or not table.metadata.depth:
        return pd.DataFrame(columns=["term", "called", "passed", "difference", "in_sd"])
    rows = []
    for name in names:
        values = table.column(name)
        means = values[called].mean(), values[~called].mean()
        difference, spread = means[0] - means[1], values.std()
        in_sd = difference / spread if spread > 0 else 0.0
        rows.append({"term": name, "called": means[0], "passed": means[1], "difference": difference, "in_sd": in_sd})
    found = pd.DataFrame(rows)
    return found.iloc[np.argsort(-np.abs(found["in_sd"].to_numpy()), kind="stable")].reset_index(drop=True)
