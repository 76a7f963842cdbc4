"""How far out a value is in a sample of reference values, in nats: unbounded, monotone, of each value alone."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri_exp

from hvae.errors import HvaeError
from hvae.stats.arrays import Floats, finite

LEAST_SPREAD = 1e-290
"""Values that differ by less are the same: a difference in units of it would not be finite."""
LEAST_TAIL = 10
"""Reference values that the exponential tail is fitted to, at least; a twentieth of them where that is more."""


@dataclass(frozen=True, eq=False)
class UpperTail:
    """E(s) = -log of the share of a distribution above s, in nats, from a sample of it.

    Within the sample -log of the mid-rank share, interpolated. Beyond u, its (m + 1)-th largest value, E goes on as
    -log P(u) + (s - u) / (mean excess over u), the exponential tail; a cap at log(n + 1) would make all images beyond
    the sample equally far out. Below the least value E falls exponentially towards 0, so that no two values tie.

    Attributes:
        values: the distinct reference values up to u, ascending.
        nats: E at each of them.
        excess: mean excess over u, in units of the values.
        deficit: the same below the (m + 1)-th least value.
    """

    values: Floats
    nats: Floats
    excess: float
    deficit: float

    @classmethod
    def fitted(cls, sample: ArrayLike, name: str = "the statistic") -> UpperTail:
        """From reference values `(n,)`, n > 1; a constant sample, or one that is not finite, is an `HvaeError`."""
        sample = finite(sample, name)
        values, counts = np.unique(sample, return_counts=True)
        if np.ptp(values) < LEAST_SPREAD:
            raise HvaeError(
                f"{name} is the same for all {len(sample):,} reference images, so no image stands out in it"
            )
        above = len(sample) - np.cumsum(counts) + counts / 2
        m = max(LEAST_TAIL, math.ceil(len(sample) / 20))
        # Where ties reach the end of the sample there is no excess over them: the value before them serves.
        beyond = np.cumsum(counts[::-1])[::-1]
        last = min(max(int(np.count_nonzero(beyond > m)) - 1, 0), len(values) - 2)
        first = max(min(len(values) - int(np.count_nonzero(np.cumsum(counts) > m)), len(values) - 1), 1)
        return cls(
            values[: last + 1],
            -np.log(above[: last + 1] / len(sample)),
            max(float(np.mean(sample[sample > values[last]] - values[last])), LEAST_SPREAD),
            max(float(np.mean(values[first] - sample[sample < values[first]])), LEAST_SPREAD),
        )

    def __call__(self, s: Floats) -> Floats:
        """E of values of any shape, in nats, above 0."""
        least, u = self.values[0], self.values[-1]
        above, below = s > u, s < least
        e = np.asarray(np.interp(s, self.values, self.nats))
        e[above] = self.nats[-1] + (s[above] - u) / self.excess
        e[below] = self.nats[0] * np.exp((s[below] - least) / self.deficit)
        return e


@dataclass(frozen=True, eq=False)
class TwoTails:
    """The upper tails of a statistic and of its negative."""

    upper: UpperTail
    lower: UpperTail

    @classmethod
    def fitted(cls, sample: ArrayLike, name: str = "the statistic") -> TwoTails:
        """From reference values `(n,)`; see `UpperTail.fitted`."""
        sample = finite(sample, name)
        return cls(UpperTail.fitted(sample, name), UpperTail.fitted(-sample, name))

    def normal_scores(self, s: Floats) -> Floats:
        """What a standard normal variable would be if it were as far out: the nearer tail decides."""
        up, down = self.upper(s), self.lower(-s)
        near = ndtri_exp(-np.maximum(up, down))
        return np.where(up >= down, -near, near)

    def share(self, s: Floats) -> Floats:
        """Share of the distribution as far out on either side: twice the nearer tail, in (0, 1]."""
        return np.minimum(1.0, 2 * np.exp(-np.maximum(self.upper(s), self.lower(-s))))
