"""Figures after those of Havtorn et al. (2021) from stored tables, at the width of a column, as PDF and SVG.

One file a figure, or two of a kind; each takes an `Asked` and gives a `Drawn`: the figure and its numbers. Only
reconstructions load a model.
"""

from hvae.report.figures import correlations, densities, reconstructions, roc, style
from hvae.report.figures.asking import Asked as Asked
from hvae.report.figures.drawn import SUFFIXES as SUFFIXES
from hvae.report.figures.drawn import Drawn as Drawn
from hvae.report.figures.drawn import suffix as suffix

FIGURES = {
    "1": reconstructions.ends,
    "2": correlations.by_layer,
    "3": reconstructions.levels,
    "5": densities.bounds,
    "6": densities.ratios,
    "7": roc.curves,
}
"""By their numbers in the paper."""
NAMES = {"forgotten": "1", "correlations": "2", "levels": "3", "bounds": "5", "ratios": "6", "roc": "7"}
"""The same by what they show."""


def draw(name: str, asked: Asked) -> Drawn:
    """A figure by its number or name, drawn as for a paper; `KeyError` for one that is not there.

    Raises:
        HvaeError: tables, weights or images that are missing, or a level that the model has not.
    """
    with style.printed():
        return FIGURES[NAMES.get(name, name)](asked)
