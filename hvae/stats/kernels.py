"""Kernel density estimates in one dimension, as a log-density that stays finite however far out a value is.

Not `scipy.stats.gaussian_kde`, which the tests compare with: it takes seconds a statistic, and the last digit of a
value depends on those beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hvae.errors import HvaeError
from hvae.stats.arrays import Floats, finite

LEAST_SPREAD = 1e-5
"""A statistic that varies by less of its own size is constant: the rest is the rounding of 32 bits."""
KNOTS_A_WIDTH, MOST_KNOTS = 4, 4096
BLOCK = 2**16
"""Pairs of knot and value at a time: what a core has near at hand."""


def is_constant(values: Floats, beside: float = 0.0) -> bool:
    """Whether values `(n,)` are all the same, up to the rounding of 32 bits of them or of values of size `beside`."""
    return float(values.std()) <= LEAST_SPREAD * max(float(np.abs(values).max()), beside)


@dataclass(frozen=True, eq=False)
class KernelDensity:
    """The log of a Gaussian kernel density estimate with the bandwidth of Scott (1992), sd n^(-1/5).

    It is computed at knots a quarter of the bandwidth apart (more where the sample has values very far out), and
    linear between them: within 1/128 of a nat, and in gaps of the sample within a hundredth of its own size. Beyond
    the sample it falls as the kernel of the last value does.

    Attributes:
        knots: ascending, in the unit of the values.
        logs: log-density at each knot, nats.
        ends: the least and the greatest value of the sample.
        width: the bandwidth.
    """

    knots: Floats
    logs: Floats
    ends: tuple[float, float]
    width: float

    @classmethod
    def fitted(cls, sample: ArrayLike, name: str = "the statistic") -> KernelDensity:
        """From values `(n,)`; a constant sample, or one that is not finite, is an `HvaeError`."""
        sample = finite(sample, name)
        if is_constant(sample):
            raise HvaeError(f"{name} is the same for all {len(sample):,} reference images, so it has no density")
        width = float(sample.std(ddof=1)) * len(sample) ** -0.2
        low, high = float(sample.min()), float(sample.max())
        count = min(MOST_KNOTS, int((high - low) / width * KNOTS_A_WIDTH) + 2)
        knots = np.linspace(low, high, count)
        size = max(1, BLOCK // len(sample))
        logs = [_log_density(knots[start : start + size], sample, width) for start in range(0, count, size)]
        return cls(knots, np.concatenate(logs), (low, high), width)

    def __call__(self, values: Floats) -> Floats:
        """Log-density of values `(n,)`, nats; of each value alone."""
        inner = np.interp(values, self.knots, self.logs)
        low, high = self.ends
        beyond = np.maximum(np.maximum(low - values, values - high), 0) / self.width
        return inner - beyond**2 / 2


def _log_density(at: Floats, sample: Floats, width: float) -> Floats:
    """Log-density at some points by all kernels, `(points,)`; one kernel at least is near enough not to vanish."""
    exponents = at[:, None] - sample
    exponents /= width
    np.square(exponents, out=exponents)
    exponents /= -2
    most = exponents.max(axis=1, keepdims=True)
    exponents -= most
    total = np.exp(exponents, out=exponents).sum(axis=1)
    return most[:, 0] + np.log(total) - np.log(len(sample) * width * np.sqrt(2 * np.pi))
