"""The likelihood beside that of a model which knows only what all images have in common."""

from typing import ClassVar

from hvae.runs.score_tables import ScoreTable
from hvae.scores.base import Need, SingleScore
from hvae.stats.arrays import Floats


class BackgroundRatio(SingleScore):
    """-(log p(x) - log p_background(x)), Ren et al. (2019), eq. 3, with the bounds L_S of latent variable models.

    The background model is trained as the other, on images in which a share of the pixels was replaced at random: what
    both find likely is background, what only one finds likely is meaning.
    """

    name: ClassVar[str] = "background-ratio"
    title: ClassVar[str] = "Background likelihood ratio"
    about: ClassVar[str] = "How unlikely is the image beside what a model of mutated images finds?"
    source: ClassVar[str] = "Ren et al. (2019), likelihood ratio of a background model"
    needs: ClassVar[tuple[Need, ...]] = ("prior knowledge", "several runs")
    of_single_images: ClassVar[bool] = False
    mark: ClassVar[tuple[str, str, str]] = (
        "-(L-L_bg)", "−(L − L<sub>bg</sub>)", r"-(\mathcal{L} - \mathcal{L}_\mathrm{bg})",
    )  # fmt: skip

    def columns(self, depth: int) -> tuple[str, ...]:
        """L_S of both models."""
        return ("iw", "iw@background")

    def _of(self, table: ScoreTable, reference: ScoreTable | None) -> Floats:
        return table.column("iw@background") - table.column("iw")
