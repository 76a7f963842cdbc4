"""Likelihood regret: how much better an encoder of the image's own does than the one that all images share."""

from collections.abc import Sequence
from typing import ClassVar

from hvae.runs.score_tables import ScoreTable
from hvae.scores.base import SingleScore
from hvae.stats.arrays import Floats

STEPS = 100
"""Steps of the fit, see `hvae.measuring.regret`."""


class LikelihoodRegret(SingleScore):
    """max_phi L(x; theta, phi) - L(x; theta, phi*), Xiao et al. (2020), "Likelihood Regret", eq. 6.

    The encoder phi is fitted to the image alone, from the shared phi* on; the decoder stays. The inference of images
    that a model was not trained on has the most to gain.
    """

    name: ClassVar[str] = "regret"
    title: ClassVar[str] = "Likelihood regret"
    about: ClassVar[str] = "How much likelihood is gained by an encoder fitted to the image alone?"
    source: ClassVar[str] = "Xiao et al. (2020), eq. 6"
    measured_apart: ClassVar[bool] = True
    of_single_images: ClassVar[bool] = False
    mark: ClassVar[tuple[str, str, str]] = ("regret", "regret", r"\mathrm{regret}")

    @classmethod
    def levels(cls, depth: int) -> tuple[None, ...]:
        """One value an image, in a model with latent layers."""
        return (None,) if depth else ()

    def columns(self, depth: int) -> tuple[str, ...]:
        """The regret itself."""
        return ("regret",)

    def passes(self, depth: int, samples: int = 1, draws: int = 1, taken: Sequence[str] | None = None) -> int:
        """One a step, each but the last with its derivatives, and the start."""
        return draws * (STEPS + 1)

    def _of(self, table: ScoreTable, reference: ScoreTable | None) -> Floats:
        return table.column("regret")
