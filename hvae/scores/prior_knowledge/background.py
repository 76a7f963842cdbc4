"""The likelihood beside that of a model which knows only what all images have in common."""

from typing import ClassVar

from hvae.runs.score_tables import ScoreTable
from hvae.scores.base import Level, Need, Score
from hvae.stats.arrays import Floats

RATES = (10, 20, 30)
"""Percentages of the pixels that a background model may have seen replaced, as searched in the paper."""


class BackgroundRatio(Score):
    """-(log p(x) - log p_background(x)), Ren et al. (2019), eq. 3, with the bounds L_S of latent variable models.

    The background model is trained as the other, on images in which a share of the pixels was replaced at random: what
    both find likely is background, what only one finds likely is meaning. Its level is that share in percent, and None
    the model that the run's own images choose (`hvae.scores.backgrounds`).
    """

    name: ClassVar[str] = "background-ratio"
    title: ClassVar[str] = "Background likelihood ratio"
    about: ClassVar[str] = "How unlikely is the image beside what a model of mutated images finds?"
    source: ClassVar[str] = "Ren et al. (2019), likelihood ratio of a background model"
    needs: ClassVar[tuple[Need, ...]] = ("prior knowledge", "several runs")
    of_single_images: ClassVar[bool] = False

    @classmethod
    def levels(cls, depth: int) -> tuple[Level, ...]:
        """None for the background model that own images choose, then every share of the paper in percent."""
        return (None, *RATES)

    @property
    def label(self) -> str:
        """`-(L-L_bg)`, `-(L-L_bg) at 30 %`."""
        return f"-(L-L_bg){self._share}"

    @property
    def symbol(self) -> str:
        """In HTML, with real minus signs."""
        return f"−(L − L<sub>bg</sub>){self._share}"

    @property
    def latex(self) -> str:
        """The share of pixels, where it is one of the paper's, behind the ratio."""
        return r"-(\mathcal{L} - \mathcal{L}_\mathrm{bg})" + (rf"_{{{self.k}\,\%}}" if self.k else "")

    @property
    def _share(self) -> str:
        return f" at {self.k} %" if self.k else ""

    @property
    def _background(self) -> str:
        return f"iw@background{self.k or ''}"

    def columns(self, depth: int) -> tuple[str, ...]:
        """L_S of both models."""
        return ("iw", self._background)

    def _of(self, table: ScoreTable, reference: ScoreTable | None) -> Floats:
        return table.column(self._background) - table.column("iw")
