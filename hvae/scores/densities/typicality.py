"""Typicality: how far the likelihood of an image is from the likelihood that the model's own data have."""

from typing import ClassVar

import numpy as np

from hvae.runs.score_tables import ScoreTable
from hvae.scores.base import SingleScore
from hvae.stats.arrays import Floats


class Typicality(SingleScore):
    """|L_S - mean of L_S over the reference part|, Nalisnick et al. (2019), "Detecting Out-of-Distribution Inputs".

    Their test for a single image: the distance from the empirical entropy of the training data.
    """

    name: ClassVar[str] = "typicality"
    title: ClassVar[str] = "Typicality"
    about: ClassVar[str] = "How far is the image's likelihood from that of the model's own images, either way?"
    source: ClassVar[str] = "Nalisnick et al. (2019), typicality test with one image"
    needs_reference: ClassVar[bool] = True
    mark: ClassVar[tuple[str, str, str]] = ("typicality", "|L − mean L|", r"|\mathcal{L} - \overline{\mathcal{L}}|")

    def columns(self, depth: int) -> tuple[str, ...]:
        """L_S."""
        return ("iw",)

    def _of(self, table: ScoreTable, reference: ScoreTable | None) -> Floats:
        assert reference is not None
        return np.abs(table.column("iw") - reference.column("iw").mean())
