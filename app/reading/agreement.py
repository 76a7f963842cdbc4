"""What two runs, or two scores, say about the same images. Knows no Streamlit."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from hvae.stats.arrays import Floats, Indices

MARKS = 240
"""Images of a data set drawn one by one."""


@dataclass(frozen=True, eq=False)
class Agreement:
    """Scores of the images of one data set twice, all `(n,)`: by two runs, or by two scores.

    A rank is the percentage of the in-distribution test images that the same run or score has at or below it.
    """

    slug: str
    first: Floats
    second: Floats
    first_rank: Floats
    second_rank: Floats

    @cached_property
    def correlation(self) -> float:
        """Spearman's rank correlation of the two scores; NaN where one of them is constant."""
        return float(pd.DataFrame({"first": self.first, "second": self.second}).corr("spearman").to_numpy()[0, 1])

    @property
    def likeness(self) -> str:
        """How alike the two order the images, in words."""
        if np.isnan(self.correlation):
            return "all scores are equal"
        for least, words in ((0.9, "nearly"), (0.7, "mostly"), (0.4, "loosely"), (-0.2, "hardly")):
            if self.correlation >= least:
                return words
        return "mostly in reverse"

    @cached_property
    def difference(self) -> Floats:
        """First percentile minus second, in percentage points: > 0 where the first finds the image stranger."""
        return self.first_rank - self.second_rank

    def furthest(self, most: int) -> tuple[Indices, Indices]:
        """Images that (the first, the second) finds stranger than the other does, the largest difference first."""
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


def agreement(slug: str, first: tuple[Floats, Floats], second: tuple[Floats, Floats]) -> Agreement:
    """The images of a set under both: (their scores, those of the in-distribution images that rank them)."""
    ranks = [ranked(*pair) for pair in (first, second)]
    return Agreement(slug, first[0], second[0], *ranks)


def ranked(scores: Floats, inside: Floats) -> Floats:
    """Percentage of the in-distribution scores at or below each of some scores, `(n,)`."""
    return 100 * np.searchsorted(np.sort(inside), scores, "right") / len(inside)
