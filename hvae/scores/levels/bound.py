"""-L^{>k}: the negative bound. With k = 0 this is the likelihood that fails (Nalisnick et al., 2019)."""

from typing import ClassVar

from hvae.runs.score_tables import ScoreTable
from hvae.scores.base import POSITIVE, Level, LeveledScore
from hvae.stats.arrays import Floats


class Bound(LeveledScore):
    """-L^{>k}, Havtorn et al. (2021), eq. 5; for k = 0 -L_S (eq. 9), or -log p(x) of a density without latents."""

    name: ClassVar[str] = "bound"
    title: ClassVar[str] = "Likelihood bound"
    about: ClassVar[str] = (
        "How unlikely is the image, by log p(x) or a bound of it, with the k lowest latents from the prior?"
    )
    source: ClassVar[str] = "Havtorn et al. (2021), eq. 5"
    units: ClassVar[tuple[str, ...]] = POSITIVE
    letter: ClassVar[str] = "-L"

    @classmethod
    def levels(cls, depth: int) -> tuple[Level, ...]:
        """0 ... L."""
        return tuple(range(depth + 1))

    def columns(self, depth: int) -> tuple[str, ...]:
        """The bound of its level."""
        return ("iw" if self.k == 0 else f"L>{self.k}",)

    def _of(self, table: ScoreTable, reference: ScoreTable | None) -> Floats:
        return -table.column(self.columns(table.metadata.depth)[0])
