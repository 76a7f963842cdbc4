"""A score in a unit, and what a threshold on it does. Knows no Streamlit."""

import html
from dataclasses import dataclass

import numpy as np

from hvae.runs.score_tables import ScoreTable
from hvae.scores import Score, in_unit
from hvae.stats.arrays import Floats

RUG_MARKS = 400
"""Images drawn one by one in a figure, all its sets together, evenly spaced in rank so that the tails are there.

Each is an element of its own in the browser; a thousand of them take it half a second to draw."""


@dataclass(frozen=True)
class Measure:
    """A score at one level, in a unit that it may be shown in."""

    score: Score
    unit: str = "nats"

    @property
    def symbol(self) -> str:
        """In HTML, for titles and tables."""
        return self.score.symbol

    @property
    def hinted(self) -> str:
        """The symbol (HTML) with what the score is called and asks, on hovering."""
        about = html.escape(f"{self.score.title}: {self.score.about}")
        return f'<span title="{about}">{self.symbol}</span>'

    @property
    def label(self) -> str:
        """In plain text, for CSV files and the names of caches."""
        return self.score.label

    def of(self, table: ScoreTable, reference: ScoreTable | None = None) -> Floats:
        """The score of every image of a table, in the unit. Raises a TableError that says what is missing."""
        return self.shown(self.score.of(table, reference), table)

    def shown(self, values: Floats, table: ScoreTable) -> Floats:
        """Values of the score in the unit. Raises a TableError where one of them has no logarithm."""
        return in_unit(values, self.unit, table.metadata.dimensions, self.label)


def usable_unit(score: type[Score], unit: str) -> str:
    """The unit that a score can be shown in: one that may be negative has no logarithm of its bits/dim."""
    return unit if unit in score.units else score.units[-1]


@dataclass(frozen=True)
class Threshold:
    """A threshold on a score, and the share of in-distribution images at or above it: those are called OOD."""

    value: float
    false_alarms: float

    def caught(self, scores: Floats) -> float:
        """Share of these images at or above the threshold."""
        return float(np.mean(scores >= self.value))


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
