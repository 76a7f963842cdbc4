"""WAIC: what several models of one kind disagree about is unlike what they were all trained on."""

from typing import ClassVar

import numpy as np

from hvae.runs.score_tables import ScoreTable
from hvae.scores.base import Need, SingleScore
from hvae.stats.arrays import Floats

RUNS = 5
"""Models in the ensemble, as in the paper."""


class Waic(SingleScore):
    """-(E_theta[log p] - Var_theta[log p]), Choi et al. (2019), "WAIC, but Why?", over five runs of other seeds.

    The variance is that of the population, the noise of the evaluation common to all runs, so that five times the same
    run is its likelihood.
    """

    name: ClassVar[str] = "waic"
    title: ClassVar[str] = "WAIC"
    about: ClassVar[str] = "How unlikely is the image under five runs, and how much do they disagree about it?"
    source: ClassVar[str] = "Choi et al. (2019), with five runs"
    needs: ClassVar[tuple[Need, ...]] = ("several runs",)
    of_single_images: ClassVar[bool] = False
    mark: ClassVar[tuple[str, str, str]] = ("WAIC", "WAIC", r"\mathrm{WAIC}")

    def columns(self, depth: int) -> tuple[str, ...]:
        """L_S of every run."""
        return ("iw", *(f"iw@seed{number}" for number in range(1, RUNS)))

    def _of(self, table: ScoreTable, reference: ScoreTable | None) -> Floats:
        # Sorted, so that the five give one value whichever of them stands first.
        likelihoods = np.sort([table.column(name) for name in self.columns(table.metadata.depth)], axis=0)
        return likelihoods.var(axis=0) - likelihoods.mean(axis=0)
