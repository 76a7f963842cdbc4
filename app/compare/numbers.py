"""What two runs say about the same images: numbers for the Compare page. Knows no Streamlit."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from app.looks.palette import Look
from app.reading.measures import Measure
from hvae.config import RunConfig
from hvae.runs.folders import RunEntry
from hvae.runs.score_tables import ScoreTable, TableKey
from hvae.stats.arrays import Floats, Indices

MARKS = 240
"""Images of a data set drawn one by one."""

QUADRANTS = ("both", "only A", "only B", "neither")
"""Which of two runs calls an image OOD, in the order of `Agreement.quadrants`."""


@dataclass(frozen=True, eq=False)
class Compared:
    """One run of a comparison.

    Attributes:
        run: as found on disk.
        letter: its short name; `A` is the run that all others are compared with.
        look: how it is drawn.
        keys: score tables under the setting, by slug.
        tables: the same, read.
    """

    run: RunEntry
    letter: str
    look: Look
    keys: Mapping[str, TableKey]
    tables: Mapping[str, ScoreTable]


@dataclass(frozen=True, eq=False)
class Agreement:
    """Scores of the images of one data set by two runs, all `(n,)`.

    Attributes:
        slug: of the data set.
        first: score by the first run.
        second: score by the second run.
        first_rank: percentage of the first run's in-distribution test images at or below the score.
        second_rank: the same for the second run.
    """

    slug: str
    first: Floats
    second: Floats
    first_rank: Floats
    second_rank: Floats

    @property
    def correlation(self) -> float:
        """Spearman's rank correlation of the two scores; NaN where one of them is constant."""
        if np.ptp(self.first) == 0 or np.ptp(self.second) == 0:
            return float("nan")
        first, second = (pd.Series(scores).rank().to_numpy() for scores in (self.first, self.second))
        return float(np.corrcoef(first, second)[0, 1])

    @property
    def difference(self) -> Floats:
        """First percentile minus second, in percentage points: > 0 where the first run finds the image stranger."""
        return self.first_rank - self.second_rank

    def furthest(self, most: int) -> tuple[Indices, Indices]:
        """Images that (the first, the second) run finds stranger than the other does, the largest difference first."""
        order = np.argsort(-self.difference, kind="stable")
        up, down = order[:most], order[::-1][:most]
        return up[self.difference[up] > 0], down[self.difference[down] < 0]

    def marks(self, most: int = MARKS, ends: int = 12, seed: int = 0) -> Indices:
        """About `most` images: both ends of either score, the `ends` largest differences both ways, others at random.

        Args:
            most: images to draw.
            ends: how many of the largest differences; a tenth of them of each end of a score.
            seed: of the random ones.
        """
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


def agreement(slug: str, data: str, measure: Measure, first: Compared, second: Compared) -> Agreement:
    """The images of `slug` as two runs score them, ranked among each run's own scores of the set `data`.

    Args:
        slug: of a data set that both runs have scored, `same_images`.
        data: slug of the in-distribution set.
        measure: the score.
        first: one run.
        second: another.
    """
    scores = [measure.of(one.tables[slug]) for one in (first, second)]
    ranks = [
        100 * np.searchsorted(np.sort(measure.of(one.tables[data])), own, "right") / len(one.tables[data])
        for one, own in zip((first, second), scores, strict=True)
    ]
    return Agreement(slug, scores[0], scores[1], ranks[0], ranks[1])


def flattened(config: RunConfig) -> dict[str, str]:
    """Every field of a `config.json` under its dotted name; stages and blocks are counted from 0, as in the file."""
    found: dict[str, str] = {}

    def walk(name: str, value: object) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(f"{name}.{key}" if name else str(key), inner)
        elif isinstance(value, list) and any(isinstance(inner, dict | list) for inner in value):
            for place, inner in enumerate(value):
                walk(f"{name}.{place}", inner)
        else:
            found[name] = value if isinstance(value, str) else json.dumps(value)

    walk("", json.loads(config.to_json()))
    return found


def differing(configs: Sequence[RunConfig]) -> dict[str, list[str | None]]:
    """Fields that are not the same in all configurations: dotted name -> value in each, None where it has none."""
    flat = [flattened(config) for config in configs]
    names = dict.fromkeys(name for one in flat for name in one)
    rows = {name: [one.get(name) for one in flat] for name in names}
    return {name: values for name, values in rows.items() if len(set(values)) > 1}
