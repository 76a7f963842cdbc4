"""What the pixels alone say, compared with the reference part: no model takes part."""

from typing import Any, ClassVar

import numpy as np

from hvae.errors import HvaeError
from hvae.runs.score_tables import ScoreTable
from hvae.scores.base import SingleScore
from hvae.scores.fits import fitted
from hvae.stats.arrays import Floats
from hvae.stats.copula import GaussianCopula
from hvae.stats.tails import TwoTails


class Baseline(SingleScore):
    """How far out an image is, on either side, in one statistic of its pixels: -log of the share as far out, nats."""

    source: ClassVar[str] = "this project, as a baseline"
    needs_reference: ClassVar[bool] = True
    model_free: ClassVar[bool] = True
    statistics: ClassVar[tuple[str, ...]]

    def columns(self, depth: int) -> tuple[str, ...]:
        """Its statistics of the pixels."""
        return self.statistics

    def _unfit(self, reference: ScoreTable) -> str | None:
        try:
            self._fit(reference)
        except HvaeError as error:
            about = reference.metadata
            return f"{self.label} cannot be fitted to {about.slug} ({about.split}): {error}"
        return None

    def _of(self, table: ScoreTable, reference: ScoreTable | None) -> Floats:
        assert reference is not None
        return self._far(table, reference)

    def _fit(self, reference: ScoreTable) -> Any:
        """What it knows of the reference part."""
        (name,) = self.statistics
        return fitted(reference, (TwoTails, name), lambda: TwoTails.fitted(reference.column(name, reference), name))

    def _far(self, table: ScoreTable, reference: ScoreTable) -> Floats:
        (name,) = self.statistics
        tails, own = self._fit(reference), table.column(name, reference)
        return np.maximum(tails.upper(own), tails.lower(-own))


class PixelEntropy(Baseline):
    """H, the noise that binarising the grey values adds."""

    name: ClassVar[str] = "pixel-entropy"
    title: ClassVar[str] = "Entropy of the binarisation"
    about: ClassVar[str] = "How unusual is the amount of grey, as the noise that turning it black and white adds?"
    mark: ClassVar[tuple[str, str, str]] = ("H", "H", "H")
    statistics: ClassVar[tuple[str, ...]] = ("input_entropy",)


class GreyShare(Baseline):
    """The share of values that are neither 0 nor 255."""

    name: ClassVar[str] = "grey-share"
    title: ClassVar[str] = "Share of grey pixels"
    about: ClassVar[str] = "How unusual is the share of pixels that are neither black nor white?"
    mark: ClassVar[tuple[str, str, str]] = ("grey", "grey share", r"\mathrm{grey}")
    statistics: ClassVar[tuple[str, ...]] = ("grey_share",)


class ZlibSize(Baseline):
    """The bytes that zlib needs."""

    name: ClassVar[str] = "zlib"
    title: ClassVar[str] = "Size under zlib"
    about: ClassVar[str] = "How unusual is the size of the compressed pixels?"
    mark: ClassVar[tuple[str, str, str]] = ("zlib", "zlib", r"\mathrm{zlib}")
    statistics: ClassVar[tuple[str, ...]] = ("zlib_bytes",)


class PngSize(Baseline):
    """The bytes of an optimised PNG."""

    name: ClassVar[str] = "png"
    title: ClassVar[str] = "Size as PNG"
    about: ClassVar[str] = "How unusual is the size of the image as a PNG file?"
    mark: ClassVar[tuple[str, str, str]] = ("PNG", "PNG", r"\mathrm{PNG}")
    statistics: ClassVar[tuple[str, ...]] = ("png_bytes",)


class PpcaDensity(Baseline):
    """The log density of the pixels under a probabilistic PCA of the reference part's."""

    name: ClassVar[str] = "ppca"
    title: ClassVar[str] = "PPCA density of the pixels"
    about: ClassVar[str] = "How unusual is the density of the pixels under 50 principal components of the reference's?"
    source: ClassVar[str] = "this project, as a baseline; Tipping & Bishop (1999), eq. 7 and 8"
    of_single_images: ClassVar[bool] = False
    mark: ClassVar[tuple[str, str, str]] = ("PPCA", "PPCA", r"\mathrm{PPCA}")
    statistics: ClassVar[tuple[str, ...]] = ("ppca_log_density",)


class PixelStatistics(Baseline):
    """Mean, contrast, both sizes and total variation together: the squared Mahalanobis distance of normal scores."""

    name: ClassVar[str] = "pixel-statistics"
    title: ClassVar[str] = "Five pixel statistics"
    about: ClassVar[str] = "How unusual are brightness, contrast, roughness and compressed size together?"
    mark: ClassVar[tuple[str, str, str]] = ("pixels", "pixel statistics", r"\mathrm{pixels}")
    statistics: ClassVar[tuple[str, ...]] = ("mean", "sd", "zlib_bytes", "png_bytes", "total_variation")

    def _fit(self, reference: ScoreTable) -> GaussianCopula:
        return fitted(reference, self.statistics, lambda: GaussianCopula(self._together(reference)))

    def _far(self, table: ScoreTable, reference: ScoreTable) -> Floats:
        return np.sum(self._fit(reference).squares(self._together(table)), axis=0) / 2

    def _together(self, table: ScoreTable) -> dict[str, Floats]:
        return {name: table.column(name) for name in self.statistics}
