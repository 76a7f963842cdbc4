"""The likelihood path: how unlike the sufficient statistics between image and likelihood are."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from hvae.errors import HvaeError
from hvae.runs.score_tables import ScoreTable
from hvae.scores.base import SingleScore
from hvae.scores.fits import fitted
from hvae.stats.arrays import Floats
from hvae.stats.copula import GaussianCopula


class LikelihoodPath(SingleScore):
    """Half the squared Mahalanobis distance of |x - E[x|z]|, |mu_l| and |sigma_l|, Huang et al. (2024), "LPath".

    Published with COPOD, which joins the images under test to those it was fitted to, so that a value depends on its
    company. Here the distance is one of normal scores, all of it fitted to the reference part and frozen.
    """

    name: ClassVar[str] = "lpath"
    title: ClassVar[str] = "Likelihood path"
    about: ClassVar[str] = "How unlike are the reconstruction error and the size of mean and spread of every latent?"
    source: ClassVar[str] = "Huang et al. (2024), with a frozen Mahalanobis distance instead of COPOD"
    needs_reference: ClassVar[bool] = True
    measured_apart: ClassVar[bool] = True
    of_single_images: ClassVar[bool] = False
    mark: ClassVar[tuple[str, str, str]] = ("LPath", "LPath", r"\mathrm{LPath}")

    @classmethod
    def levels(cls, depth: int) -> tuple[None, ...]:
        """One value an image, in a model with latent layers."""
        return (None,) if depth else ()

    def columns(self, depth: int) -> tuple[str, ...]:
        """The norms along the path."""
        layers = range(1, depth + 1)
        return ("path_error", *(f"path_{name}_{layer}" for name in ("mean", "sd") for layer in layers))

    def passes(self, depth: int, samples: int = 1, draws: int = 1, taken: Sequence[str] | None = None) -> int:
        """One a draw, every latent at its mean."""
        return draws

    def _unfit(self, reference: ScoreTable) -> str | None:
        try:
            self._fit(reference)
        except HvaeError as error:
            about = reference.metadata
            return f"{self.label} cannot be fitted to {about.slug} ({about.split}): {error}"
        return None

    def _of(self, table: ScoreTable, reference: ScoreTable | None) -> Floats:
        assert reference is not None
        return np.sum(self._fit(reference).squares(self._path(table)), axis=0) / 2

    def _fit(self, reference: ScoreTable) -> GaussianCopula:
        return fitted(reference, LikelihoodPath, lambda: GaussianCopula(self._path(reference)))

    def _path(self, table: ScoreTable) -> dict[str, Floats]:
        return {name: table.column(name) for name in self.columns(table.metadata.depth)}
