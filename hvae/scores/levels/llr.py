"""LLR^{>k}: how much likelihood the k lowest latents explain that the layers above do not."""

from typing import ClassVar

from hvae.runs.score_tables import ScoreTable
from hvae.scores.base import Level, LeveledScore
from hvae.stats.arrays import Floats


class LikelihoodRatio(LeveledScore):
    """LLR^{>k} = L_S - L^{>k}, Havtorn et al. (2021), eq. 6 (S = 1) and eq. 10 (S > 1).

    It can be negative for single images: both terms are estimates, and the reading `mean` is no bound.
    """

    name: ClassVar[str] = "llr"
    title: ClassVar[str] = "Likelihood ratio"
    about: ClassVar[str] = "How much likelihood is lost when the k lowest latents may not look at the image?"
    source: ClassVar[str] = "Havtorn et al. (2021), eqs 6 and 10"
    paper_chooses_level: ClassVar[bool] = True
    letter: ClassVar[str] = "LLR"

    @classmethod
    def levels(cls, depth: int) -> tuple[Level, ...]:
        """1 ... L: LLR^{>0} is zero for every image."""
        return tuple(range(1, depth + 1))

    def columns(self, depth: int) -> tuple[str, ...]:
        """L_S and the bound of its level."""
        return ("iw", f"L>{self.k}")

    def _of(self, table: ScoreTable, reference: ScoreTable | None) -> Floats:
        bound, lower = (table.column(name) for name in self.columns(table.metadata.depth))
        return bound - lower
