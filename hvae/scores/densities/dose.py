"""Density of states: how rare an image's statistics are among those that the model's own images have."""

from typing import ClassVar

import numpy as np

from hvae.errors import HvaeError
from hvae.runs.columns import is_standard_error, is_sweep_column
from hvae.runs.score_tables import ScoreTable
from hvae.scores.base import SingleScore
from hvae.scores.fits import fitted
from hvae.stats.arrays import Floats, finite
from hvae.stats.kernels import KernelDensity, is_constant


class DensityOfStates(SingleScore):
    """-sum over statistics T of log q_T(T(x)), q_T a kernel density of T over the reference part.

    Morningstar et al. (2021), "Density of States Estimation for Out of Distribution Detection", DoSE_KDE. Statistics
    are those that the model measures, such as log p(x), log p(z) and log|det| of a flow, or the terms of the ELBO and
    the bounds of a hierarchy. One that repeats another or is the same for every reference image has no part.
    """

    name: ClassVar[str] = "dose"
    title: ClassVar[str] = "Density of states"
    about: ClassVar[str] = "How rare is each statistic of the image among those of the training images, in all?"
    source: ClassVar[str] = "Morningstar et al. (2021), DoSE with kernel density estimates"
    needs_reference: ClassVar[bool] = True
    mark: ClassVar[tuple[str, str, str]] = ("DoSE", "DoSE", r"\mathrm{DoSE}")

    def columns(self, depth: int) -> tuple[str, ...]:
        """L_S, log p(x|z), every log-ratio and every bound; a kind of model may have more."""
        levels = range(1, depth + 1)
        return ("iw", "log_px", *(f"log_ratio_{level}" for level in levels), *(f"L>{k}" for k in levels))

    def obstacle(self, table: ScoreTable, reference: ScoreTable | None = None) -> str | None:
        """As of every score; besides, the table has to have all that was measured of the reference part."""
        if (known := super().obstacle(table, reference)) is not None or reference is None:
            return known
        for name in statistics(reference):
            if (missing := table.missing(name)) is not None:
                return f"{self.label} needs `{name}`: {missing}"
        return None

    def _unfit(self, reference: ScoreTable) -> str | None:
        about = reference.metadata
        try:
            told = bool(informative(reference))
        except HvaeError as error:
            return f"{self.label} cannot be fitted to {about.slug} ({about.split}): {error}"
        return None if told else f"{self.label} cannot be fitted to {about.slug} ({about.split}): nothing varies there"

    def _of(self, table: ScoreTable, reference: ScoreTable | None) -> Floats:
        assert reference is not None
        known = fitted(reference, KernelDensity, lambda: _densities(reference))
        # One after the other, in their order: no image is rounded differently in other company.
        logs = (density(table.column(name)) for name, density in known.items())
        return -sum(logs, np.zeros(len(table)))


def _densities(reference: ScoreTable) -> dict[str, KernelDensity]:
    return {name: KernelDensity.fitted(values, name) for name, values in informative(reference).items()}


def statistics(table: ScoreTable) -> list[str]:
    """Names of what the model measured of a table's images; not the ELBO, which is the sum of its terms."""
    return [name for name in table.frame if is_sweep_column(name) and name != "elbo" and not is_standard_error(name)]


def informative(reference: ScoreTable) -> dict[str, Floats]:
    """Those statistics of the reference part, `(n,)` each, that vary, and that no earlier one repeats.

    Raises:
        HvaeError: values that are not finite.
    """
    kept: dict[str, Floats] = {}
    for name in statistics(reference):
        values = finite(reference.column(name), name)
        size = float(np.abs(values).max())
        if not is_constant(values) and not any(is_constant(values - one, size) for one in kept.values()):
            kept[name] = values
    return kept
