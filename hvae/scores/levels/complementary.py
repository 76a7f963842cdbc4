"""-L^{<l}: the complementary bound, in which only the lowest latents may look at the image."""

from typing import ClassVar

from hvae.runs.score_tables import ScoreTable
from hvae.scores.base import Level, LeveledScore
from hvae.stats.arrays import Floats


class Complementary(LeveledScore):
    """-L^{<l}, the l lowest latents from q and those above from the prior: what L^{>k} leaves out.

    Low-level features are common to all images (Havtorn et al., 2021), so it is expected to fail where LLR^{>k} works.
    """

    name: ClassVar[str] = "complementary"
    title: ClassVar[str] = "Complementary bound"
    about: ClassVar[str] = "How unlikely is the image where only the l lowest latents may look at it?"
    source: ClassVar[str] = "Havtorn et al. (2021), the complement of eq. 5"
    measured_apart: ClassVar[bool] = True
    of_single_images: ClassVar[bool] = False
    letter: ClassVar[str] = "-L"

    @classmethod
    def levels(cls, depth: int) -> tuple[Level, ...]:
        """1 ... L - 1: with all L latents it is the ELBO."""
        return tuple(range(1, depth))

    @property
    def label(self) -> str:
        """`-L<1`."""
        return f"{self.letter}<{self.k}"

    @property
    def symbol(self) -> str:
        """`−L<sup>&lt;1</sup>`, with a real minus sign."""
        return f"−L<sup>&lt;{self.k}</sup>"

    @property
    def latex(self) -> str:
        r"""`-\mathcal{L}^{<1}`."""
        return rf"-\mathcal{{L}}^{{<{self.k}}}"

    def columns(self, depth: int) -> tuple[str, ...]:
        """The bound of its level."""
        return (f"L<{self.k}",)

    def _of(self, table: ScoreTable, reference: ScoreTable | None) -> Floats:
        return -table.column(f"L<{self.k}")
