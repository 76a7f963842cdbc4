"""Several statistics together: normal scores by their own tails, and how they go together in a reference sample."""

from collections.abc import Mapping

import numpy as np

from hvae.stats.arrays import Floats
from hvae.stats.tails import TwoTails


class GaussianCopula:
    """Normal scores of named statistics and their covariance (Ledoit & Wolf, 2004), frozen once fitted.

    Attributes:
        tails: of each statistic alone, by its name, in the order given.
    """

    def __init__(self, sample: Mapping[str, Floats]) -> None:
        """From reference values `(n,)` of each statistic; one that is constant or not finite is an `HvaeError`."""
        self.tails = {name: TwoTails.fitted(values, name) for name, values in sample.items()}
        normal = np.column_stack(self._normal(sample))
        self._mean = normal.mean(axis=0)
        # The rows of the inverse factor whiten one statistic after the other, each given those before it.
        self._whitening = np.linalg.inv(np.linalg.cholesky(shrunk_covariance(normal)))

    def squares(self, values: Mapping[str, Floats]) -> list[Floats]:
        """The squared Mahalanobis distance as a sum: each statistic's share given those before it, `(n,)` each."""
        centred = [one - mean for one, mean in zip(self._normal(values), self._mean, strict=True)]
        # Column by column: a matrix product rounds an image differently in other company.
        return [
            np.square(sum(weight * one for weight, one in zip(row, centred[: place + 1], strict=False)))
            for place, row in enumerate(self._whitening)
        ]

    def shares(self, values: Mapping[str, Floats]) -> dict[str, Floats]:
        """Share of the reference as far out in each statistic alone, on either side, `(n,)` each in (0, 1]."""
        return {name: tails.share(values[name]) for name, tails in self.tails.items()}

    def _normal(self, values: Mapping[str, Floats]) -> list[Floats]:
        return [tails.normal_scores(values[name]) for name, tails in self.tails.items()]


def shrunk_covariance(sample: Floats) -> Floats:
    """Covariance `(p, p)` of a sample `(n, p)`, shrunk towards a multiple of the identity (Ledoit & Wolf, 2004).

    It is never singular, also where columns repeat one another or n is small. That of scikit-learn is the same, and
    takes a page a second to import.
    """
    centred = sample - sample.mean(axis=0)
    n, p = centred.shape
    plain = centred.T @ centred / n
    scale = np.trace(plain) / p
    distance = np.square(plain - scale * np.eye(p)).sum() / p
    noise = (np.square(centred).T @ np.square(centred) / n - np.square(plain)).sum() / (p * n)
    weight = min(noise, distance) / distance if distance > 0 else 1.0
    return (1 - weight) * plain + weight * scale * np.eye(p)
