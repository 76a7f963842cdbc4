"""The likelihood beside a code that knows no model: what is left of it after the complexity of the image."""

from typing import ClassVar

import numpy as np

from hvae.config import Preprocessing
from hvae.runs.score_tables import ScoreTable
from hvae.scores.base import Need, SingleScore
from hvae.stats.arrays import Floats

BYTE = 8 * np.log(2)
"""Nats in a byte."""
CODES = ("png_bytes", "zlib_bytes")
"""Columns with the sizes of both codes."""


class Complexity(SingleScore):
    """S(x) = -log2 p(x) - bits(x), Serrà et al. (2020), eq. 1, with the least of several codes as there; in nats here.

    Simple images are likely under any model. The shortest of lossless codes of the very pixels whose likelihood it is,
    PNG and zlib, says how simple they are; the difference is the log-ratio of that code and the model.
    """

    name: ClassVar[str] = "complexity"
    title: ClassVar[str] = "Input complexity"
    about: ClassVar[str] = "How unlikely is the image, apart from what its compressed size explains?"
    source: ClassVar[str] = "Serrà et al. (2020), eq. 1, with the least of PNG and zlib"
    needs: ClassVar[tuple[Need, ...]] = ("prior knowledge",)
    preprocessings: ClassVar[tuple[Preprocessing, ...]] = ("integer",)
    mark: ClassVar[tuple[str, str, str]] = ("complexity", "−L − code", r"-\mathcal{L} - \mathrm{code}")

    def columns(self, depth: int) -> tuple[str, ...]:
        """L_S, and the sizes of both codes."""
        return ("iw", *CODES)

    def _of(self, table: ScoreTable, reference: ScoreTable | None) -> Floats:
        return -table.column("iw") - code_length(table)


def code_length(table: ScoreTable) -> Floats:
    """Length of the shortest of the lossless `CODES` of each image, `(n,)` in nats. A TableError where they lack."""
    return BYTE * np.min([table.column(name) for name in CODES], axis=0)
