"""Typicality: how far the likelihood of an image, or of a batch, is from that of the model's own data."""

from typing import ClassVar

import numpy as np

from hvae.runs.score_tables import ScoreTable
from hvae.scores.base import Level, Need, Score, SingleScore
from hvae.stats.arrays import Floats

SIZES = (2, 10, 25)
"""M: images in a batch."""


class Typicality(SingleScore):
    """|L_S - mean of L_S over the reference part|, Nalisnick et al. (2019), "Detecting Out-of-Distribution Inputs".

    Their test for a single image: the distance from the empirical entropy of the training data.
    """

    name: ClassVar[str] = "typicality"
    title: ClassVar[str] = "Typicality"
    about: ClassVar[str] = "How far is the image's likelihood from that of the training images, either way?"
    source: ClassVar[str] = "Nalisnick et al. (2019), typicality test with one image"
    needs_reference: ClassVar[bool] = True
    mark: ClassVar[tuple[str, str, str]] = ("typicality", "|L − mean L|", r"|\mathcal{L} - \overline{\mathcal{L}}|")

    def columns(self, depth: int) -> tuple[str, ...]:
        """L_S."""
        return ("iw",)

    def _of(self, table: ScoreTable, reference: ScoreTable | None) -> Floats:
        assert reference is not None
        return np.abs(table.column("iw") - reference.column("iw").mean())


class BatchTypicality(Score):
    """|mean of L_S over M images - its mean over the reference part|, Nalisnick et al. (2019): one value a batch.

    The images of a set are dealt to disjoint batches of M by one fixed shuffle, since many sets are sorted by class;
    those left over are in none.
    """

    name: ClassVar[str] = "batch-typicality"
    title: ClassVar[str] = "Typicality of a batch"
    about: ClassVar[str] = (
        "How far is the mean likelihood of M images together from that of the training images, either way?"
    )
    source: ClassVar[str] = "Nalisnick et al. (2019), typicality test, M = 2, 10, 25"
    needs: ClassVar[tuple[Need, ...]] = ("a batch",)
    needs_reference: ClassVar[bool] = True
    per_image: ClassVar[bool] = False
    of_single_images: ClassVar[bool] = False

    @classmethod
    def levels(cls, depth: int) -> tuple[Level, ...]:
        """M, images in a batch, instead of a level: those of the paper."""
        return SIZES

    @property
    def label(self) -> str:
        """`typicality of 10`."""
        return f"typicality of {self.k}"

    @property
    def symbol(self) -> str:
        """In HTML, with a real minus sign."""
        return f"|mean<sub>{self.k}</sub> L − mean L|"

    @property
    def latex(self) -> str:
        """With the size of the batch below the mean."""
        return rf"|\overline{{\mathcal{{L}}}}_{{{self.k}}} - \overline{{\mathcal{{L}}}}|"

    def columns(self, depth: int) -> tuple[str, ...]:
        """L_S."""
        return ("iw",)

    def obstacle(self, table: ScoreTable, reference: ScoreTable | None = None) -> str | None:
        """As of every score; besides, there have to be images for one batch."""
        if self.k in SIZES and len(table) < self.k:
            about = table.metadata
            return f"{self.label} takes batches of {self.k} images, {about.slug} ({about.split}) has {len(table)}"
        return super().obstacle(table, reference)

    def _of(self, table: ScoreTable, reference: ScoreTable | None) -> Floats:
        assert reference is not None and self.k is not None
        dealt = np.random.default_rng(0).permutation(len(table))[: len(table) // self.k * self.k]
        means = table.column("iw")[dealt].reshape(-1, self.k).mean(axis=1)
        return np.abs(means - reference.column("iw").mean())
