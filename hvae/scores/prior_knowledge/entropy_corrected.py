"""-(L + H): the likelihood without the noise that binarising a grey image adds."""

from typing import ClassVar

from hvae.config import Preprocessing
from hvae.runs.score_tables import ScoreTable
from hvae.scores.base import Need, SingleScore
from hvae.stats.arrays import Floats


class EntropyCorrected(SingleScore):
    """-(L_S + H), H = the sum over pixels of the binary entropy of the grey value.

    A grey value g in [0, 1] is binarised to 1 with probability g, which no model can foresee: on average H nats of an
    image's likelihood are this noise alone, and images with many grey pixels look unlikely whatever they show.
    """

    name: ClassVar[str] = "entropy-corrected"
    title: ClassVar[str] = "Entropy-corrected likelihood"
    about: ClassVar[str] = "How unlikely is the image, apart from the noise of turning grey into black and white?"
    source: ClassVar[str] = "this project; H is the expected -log probability of the drawn pixels given the grey values"
    needs: ClassVar[tuple[Need, ...]] = ("prior knowledge",)
    preprocessings: ClassVar[tuple[Preprocessing, ...]] = ("binarise",)
    mark: ClassVar[tuple[str, str, str]] = ("-(L+H)", "−(L + H)", r"-(\mathcal{L} + H)")

    def columns(self, depth: int) -> tuple[str, ...]:
        """L_S, and the entropy of the binarisation."""
        return ("iw", "input_entropy")

    def _of(self, table: ScoreTable, reference: ScoreTable | None) -> Floats:
        return -(table.column("iw") + table.column("input_entropy"))
