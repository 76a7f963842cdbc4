"""A figure with the numbers in it, and both as files."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from hvae.errors import ConfigError
from hvae.files import write_atomically
from hvae.report.figures.style import printed

SUFFIXES = (".pdf", ".svg")
_DATELESS = {".pdf": {"CreationDate": None}, ".svg": {"Date": None}}


@dataclass(frozen=True, eq=False)
class Drawn:
    """A figure and the table of all that is drawn in it, one row a point."""

    figure: Figure
    numbers: pd.DataFrame

    def write(self, out: Path) -> None:
        """Write the figure atomically; the same numbers give the same bytes."""
        kind = suffix(out)
        with printed():
            write_atomically(out, lambda part: self.figure.savefig(part, format=kind[1:], metadata=_DATELESS[kind]))

    def write_numbers(self, out: Path) -> None:
        """Write the table as CSV, atomically."""
        write_atomically(out, lambda part: self.numbers.to_csv(part, index=False))


def suffix(out: Path) -> str:
    """What the name of a figure's file ends in; `ConfigError` for another ending than `SUFFIXES`."""
    if (found := out.suffix.lower()) not in SUFFIXES:
        raise ConfigError(f"--out {out}: the name must end in {' or '.join(SUFFIXES)}")
    return found
