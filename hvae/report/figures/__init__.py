"""Figures after those of Havtorn et al. (2021) from stored tables, at the width of a column, as PDF and SVG.

One file a figure, or two of a kind; each takes an `Asked` and gives a `Drawn`: the figure and its numbers. Only
reconstructions load a model.
"""

from hvae.errors import ConfigError
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
PAIRED = "2"
"""The figure that compares two runs."""


def draw(name: str, asked: Asked) -> Drawn:
    """A figure by its number or name, drawn as for a paper; `KeyError` for one that is not there.

    Raises:
        ConfigError: more runs than it is drawn of: it must not leave one out without a word.
        HvaeError: tables, weights or images that are missing, or a level that the model has not.
    """
    number = NAMES.get(name, name)
    most = 2 if number == PAIRED else 1
    if len(asked.runs) > most:
        given = ", ".join(run.name for run in asked.runs)
        drawn, instead = ("two runs", "name two") if most == 2 else ("one run", "draw one of each")
        raise ConfigError(f"figure {name} is drawn of {drawn}, not of {given}: {instead}")
    with style.printed():
        return FIGURES[number](asked)
