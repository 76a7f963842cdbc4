"""What the stored score tables say under one setting: numbers for pages and figures. Knows no Streamlit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from hvae.errors import TableError
from hvae.models.proposal import READINGS
from hvae.runs.score_tables import ScoreTable, TableKey
from hvae.stats.arrays import Floats

WHOLE_SPLITS = ("test", "all")
"""Splits that stand for a data set in reports, the preferred one first."""

RUG_MARKS = 400
"""Images drawn one by one in a figure, all its sets together, evenly spaced in rank so that the tails are there.

Each is an element of its own in the browser; a thousand of them take it half a second to draw."""

Unit = Literal["nats", "bits/dim", "ln(bits/dim)"]
UNITS: tuple[Unit, ...] = get_args(Unit)
"""Units on offer; the natural logarithm of bits per dimension is the axis of Havtorn et al. (2021), Fig. 5."""


@dataclass(frozen=True)
class Setting:
    """How the bounds of a table were estimated."""

    reading: str
    samples: int
    """S: importance samples."""
    draws: int
    """R: independent repeats."""

    def __str__(self) -> str:
        return f"reading {self.reading}, S = {self.samples}, R = {self.draws}"


@dataclass(frozen=True)
class Measure:
    """One OOD score of a table, higher = more out-of-distribution.

    Attributes:
        score: `L` for -L^{>k}, `LLR` for LLR^{>k}.
        k: number of lowest layers taken from the prior; `LLR` needs k >= 1.
        unit: one of `UNITS`: nats, nats / (D ln 2), or the natural logarithm of the latter.
    """

    score: str
    k: int
    unit: str = "nats"

    @property
    def symbol(self) -> str:
        """The score in HTML, for titles and tables."""
        return f"{'−L' if self.score == 'L' else 'LLR'}<sup>&gt;{self.k}</sup>"

    def of(self, table: ScoreTable) -> Floats:
        """The score of every image of a table, `(n,)` float64.

        Raises:
            TableError: k outside the layers of the model, or a logarithm of values that are not all positive.
        """
        nats = table.negative_bound(self.k) if self.score == "L" else table.likelihood_ratio(self.k)
        if self.unit == "nats":
            return nats
        bits = nats / (table.metadata.dimensions * np.log(2))
        if self.unit == "bits/dim":
            return bits
        if (absent := np.count_nonzero(bits <= 0)) > 0:
            raise TableError(
                f"{absent} images of {table.metadata.slug} have {'-L' if self.score == 'L' else 'LLR'}>{self.k} at or "
                "below 0, which has no logarithm: choose nats or bits/dim"
            )
        return np.log(bits)


def usable_unit(score: str, unit: str) -> str:
    """The unit that a score can be shown in: LLR^{>k} may be negative, so bits/dim stands in for its logarithm."""
    return "bits/dim" if score == "LLR" and unit == "ln(bits/dim)" else unit


@dataclass(frozen=True)
class Threshold:
    """A threshold on a score and what it does.

    Attributes:
        value: images at or above it are called OOD.
        false_alarms: share of in-distribution images at or above it.
    """

    value: float
    false_alarms: float

    def caught(self, scores: Floats) -> float:
        """Share of these images at or above the threshold."""
        return float(np.mean(scores >= self.value))


def find(
    keys: Iterable[TableKey], slug: str, setting: Setting, splits: Sequence[str] = WHOLE_SPLITS
) -> TableKey | None:
    """The table of a data set under a setting; the first of the splits that has one, the least seed."""
    fitting = [
        key
        for key in keys
        if (key.slug, key.reading, key.samples, key.draws) == (slug, setting.reading, setting.samples, setting.draws)
        and key.split in splits
    ]
    return min(fitting, key=lambda key: (splits.index(key.split), key.seed), default=None)


def stamp(keys: Iterable[TableKey]) -> str:
    """One string for tables as they are on disk, for caches: it changes when a file does, or is gone."""
    return "\n".join(f"{key.path}@{key.path.stat().st_mtime_ns if key.path.is_file() else None}" for key in keys)


def settings(keys: Iterable[TableKey], slug: str) -> list[Setting]:
    """Settings under which a whole data set is scored: readings in their own order, then S, then R."""
    found = {Setting(key.reading, key.samples, key.draws) for key in keys if _whole(key, slug)}
    order = {reading: place for place, reading in enumerate(READINGS)}
    return sorted(found, key=lambda one: (order.get(one.reading, len(order)), one.samples, one.draws))


def threshold(in_scores: Floats, budget: float) -> Threshold:
    """The least threshold that at most a share `budget` of the in-distribution images reaches, ties taken together."""
    ordered = np.sort(in_scores)
    allowed = int(np.floor(budget * len(ordered) + 1e-9))
    value = np.nextafter(ordered[-1], np.inf) if allowed == 0 else ordered[-allowed]
    if allowed and np.count_nonzero(ordered >= value) > allowed:
        above = ordered[ordered > value]
        value = above[0] if len(above) else np.nextafter(ordered[-1], np.inf)
    return Threshold(float(value), float(np.mean(ordered >= value)))


def rug(scores: Floats, most: int = RUG_MARKS) -> np.ndarray:
    """Indices of about `most` images, evenly spaced in rank, both extremes among them."""
    order = np.argsort(scores, kind="stable")
    if len(order) <= most:
        return order
    return order[np.unique(np.linspace(0, len(order) - 1, most).round().astype(int))]


def percentile(values: Floats, value: float) -> float:
    """Percentage of `values` at or below `value`."""
    return 100.0 * float(np.mean(values <= value))


def _whole(key: TableKey, slug: str) -> bool:
    return key.slug == slug and key.split in WHOLE_SPLITS
