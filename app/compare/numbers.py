"""What two runs say about the same images: numbers for the Compare page."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from app.looks.palette import Look
from app.reading.view import Scored, View
from hvae.runs.folders import RunEntry
from hvae.runs.score_tables import ScoreTable
from hvae.stats.arrays import Floats, Indices

MARKS = 240
"""Images of a data set drawn one by one."""

QUADRANTS = ("both", "only A", "only B", "neither")
"""Which of two runs calls an image OOD, in the order of `Agreement.quadrants`."""


@dataclass(frozen=True, eq=False)
class Compared:
    """One run of a comparison: its letter (all others are compared with A), its look, and what it has scored."""

    letter: str
    look: Look
    view: View

    @property
    def run(self) -> RunEntry:
        """The run."""
        return self.view.run

    @property
    def inside(self) -> Scored:
        """The in-distribution set."""
        return self.view.inside

    @cached_property
    def sets(self) -> dict[str, Scored]:
        """All sets by slug."""
        return {one.slug: one for one in self.view.sets}


@dataclass(frozen=True, eq=False)
class Agreement:
    """Scores of the images of one data set by two runs, all `(n,)`.

    A rank is the percentage of the same run's in-distribution test images at or below the score.
    """

    slug: str
    first: Floats
    second: Floats
    first_rank: Floats
    second_rank: Floats

    @cached_property
    def correlation(self) -> float:
        """Spearman's rank correlation of the two scores; NaN where one of them is constant."""
        if np.ptp(self.first) == 0 or np.ptp(self.second) == 0:
            return float("nan")
        first, second = (pd.Series(scores).rank().to_numpy() for scores in (self.first, self.second))
        return float(np.corrcoef(first, second)[0, 1])

    @cached_property
    def difference(self) -> Floats:
        """First percentile minus second, in percentage points: > 0 where the first run finds the image stranger."""
        return self.first_rank - self.second_rank

    def furthest(self, most: int) -> tuple[Indices, Indices]:
        """Images that (the first, the second) run finds stranger than the other does, the largest difference first."""
        order = np.argsort(-self.difference, kind="stable")
        up, down = order[:most], order[::-1][:most]
        return up[self.difference[up] > 0], down[self.difference[down] < 0]

    def marks(self, most: int = MARKS, ends: int = 12, seed: int = 0) -> Indices:
        """About `most` images: both ends of either score, the largest differences both ways, others at random."""
        if len(self.first) <= most:
            return np.arange(len(self.first))
        tips = [
            order[part] for order in map(np.argsort, (self.first, self.second)) for part in (slice(2), slice(-2, None))
        ]
        chosen = np.unique(np.concatenate([*self.furthest(ends), *tips]))
        others = np.setdiff1d(np.arange(len(self.first)), chosen)
        drawn = np.random.default_rng(seed).choice(others, most - len(chosen), replace=False)
        return np.sort(np.concatenate([chosen, drawn]))

    def quadrants(self, first: float, second: float) -> tuple[float, float, float, float]:
        """Shares of the images at or above (both thresholds, the first's only, the second's only, neither)."""
        a, b = self.first >= first, self.second >= second
        return float(np.mean(a & b)), float(np.mean(a & ~b)), float(np.mean(b & ~a)), float(np.mean(~a & ~b))


def same_images(one: ScoreTable, other: ScoreTable) -> bool:
    """Whether two tables hold the same images in the same order: only then are their scores paired."""
    a, b = one.metadata, other.metadata
    return (a.slug, a.split, a.data_fingerprint, len(one)) == (b.slug, b.split, b.data_fingerprint, len(other)) and (
        bool(np.array_equal(one.frame["example"], other.frame["example"]))
    )


def paired(one: Compared, other: Compared, *slugs: str) -> bool:
    """Whether two runs have scored the same images of these sets."""
    return all(
        slug in one.sets and slug in other.sets and same_images(one.sets[slug].table, other.sets[slug].table)
        for slug in slugs
    )


def agreement(slug: str, first: Compared, second: Compared) -> Agreement:
    """The images of a set as two runs score them, `paired`, ranked among each run's own in-distribution scores."""
    scores = [one.sets[slug].scores for one in (first, second)]
    ranks = [
        100 * np.searchsorted(np.sort(one.inside.scores), own, "right") / len(one.inside.scores)
        for one, own in zip((first, second), scores, strict=True)
    ]
    return Agreement(slug, scores[0], scores[1], ranks[0], ranks[1])
