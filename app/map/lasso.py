"""What is drawn around marks of one level, as it stands in the address: `2;1.5,0.2;...`. Knows no Streamlit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MOST_CORNERS = 48


@dataclass(frozen=True)
class Lasso:
    """A closed line at a level (from 1) through its corners."""

    level: int
    corners: tuple[tuple[float, float], ...]

    def __str__(self) -> str:
        """As in the address."""
        return ";".join([str(self.level), *(f"{x:.4g},{y:.4g}" for x, y in self.corners)])

    def holds(self, points: np.ndarray) -> np.ndarray:
        """Which points `(n, 2)` lie inside, `(n,)`: a line to the right crosses the outline an odd number of times."""
        x, y = points.T
        inside = np.zeros(len(points), bool)
        for (x0, y0), (x1, y1) in zip(self.corners, (*self.corners[1:], self.corners[0]), strict=True):
            if y0 != y1:
                crosses = (y0 > y) != (y1 > y)
                inside ^= crosses & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
        return inside


def drawn(level: int, x: Sequence[float], y: Sequence[float]) -> Lasso | None:
    """A lasso through some of the places that a hand passed; None where these are no area."""
    if not 3 <= len(x) == len(y):
        return None
    every = np.unique(np.linspace(0, len(x) - 1, min(len(x), MOST_CORNERS)).round().astype(int))
    return Lasso(level, tuple((float(x[place]), float(y[place])) for place in every))


def parsed(text: str, depth: int) -> Lasso | None:
    """The lasso that stands in the address, None for anything else."""
    first, *rest = text.split(";")
    if not (first.isdigit() and len(first) < 3 and 1 <= int(first) <= depth and 3 <= len(rest) <= MOST_CORNERS):
        return None
    try:
        corners = [tuple(map(float, one.split(","))) for one in rest]
    except ValueError:
        return None
    if any(len(one) != 2 or not all(map(math.isfinite, one)) for one in corners):
        return None
    return Lasso(int(first), tuple((x, y) for x, y in corners))
