"""Probabilistic principal component analysis: a Gaussian density whose covariance is a few directions and noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import eigh

from hvae.errors import HvaeError
from hvae.stats.arrays import Floats, finite


@dataclass(frozen=True, eq=False)
class ProbabilisticPCA:
    """N(mean, W W^T + noise I), Tipping & Bishop (1999), eq. 7 and 8, in closed form.

    Attributes:
        mean: `(d,)`.
        directions: orthonormal principal directions, `(d, q)`.
        variances: of the sample along each of them, `(q,)`, all above the noise.
        noise: variance in each of the other d - q directions, the mean of what is left.
    """

    mean: Floats
    directions: Floats
    variances: Floats
    noise: float

    @classmethod
    def fitted(cls, sample: ArrayLike, components: int) -> ProbabilisticPCA:
        """From `(n, d)` values, n > 1, with so many components, fewer than d.

        Raises:
            HvaeError: a sample that varies in no more directions than that, so that no noise is left.
        """
        values = finite(sample, "the sample", 2)
        n, d = values.shape
        mean = values.mean(axis=0)
        centred = values - mean
        if not 0 < components < min(n - 1, d):
            raise HvaeError(
                f"{n:,} examples of {d:,} values are too few for {components} components: needed are more than "
                f"{components + 1:,} examples of more than {components:,} values"
            )
        covariance = centred.T @ centred / (n - 1)
        variances, directions = eigh(covariance, subset_by_index=(d - components, d - 1))
        noise = float((np.trace(covariance) - variances.sum()) / (d - components))
        if noise <= d * np.finfo(np.float64).eps * variances[-1] or variances[-1] <= 0:
            raise HvaeError(f"the {n:,} examples vary in {components} directions at most, so no noise is left")
        return cls(mean, directions, variances, noise)

    def log_density(self, values: ArrayLike) -> Floats:
        """log N(x) of each row of `(m, d)` values, `(m,)` nats."""
        centred = finite(values, "the values", 2) - self.mean
        along = centred @ self.directions
        beside = np.maximum(np.square(centred).sum(axis=1) - np.square(along).sum(axis=1), 0)
        distance = np.square(along) @ (1 / self.variances) + beside / self.noise
        d, q = self.directions.shape
        log_determinant = np.log(self.variances).sum() + (d - q) * np.log(self.noise)
        return -0.5 * (distance + log_determinant + d * np.log(2 * np.pi))
