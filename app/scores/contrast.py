"""The chosen score beside the likelihood that fails: why another score is needed at all, in one glance."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import pandas as pd
import streamlit as st

from app.figures import densities
from app.figures.layout import Figure
from app.frame import components
from app.frame.caching import kept
from app.images.scored import pinning
from app.looks.palette import look
from app.reading import view as views
from app.reading.choosing import USUAL
from app.reading.measures import Measure, usable_unit
from app.reading.view import View
from app.scores.figures import series
from hvae.errors import TableError
from hvae.scores import find

MARKS = 200
"""Images drawn one by one in each panel, all sets together; the main figure has more."""
LIKELIHOOD = find("bound")(0)


def pair(view: View) -> tuple[View, View]:
    """The sets under the likelihood, and under the chosen score (the usual one where that is the likelihood itself)."""
    likelihood = view.under(Measure(LIKELIHOOD, usable_unit(type(LIKELIHOOD), view.unit)))
    if view.measure.score != LIKELIHOOD:
        return likelihood, view
    usual = find(USUAL)
    if not usual.levels(view.depth):
        raise TableError("this is the likelihood itself, and the model has no layers to compare it with")
    other = view.under(Measure(usual(usual.usual_level(view.depth)), usable_unit(usual, view.unit)))
    return likelihood.only(other.slugs), other


def beside_likelihood(view: View) -> None:
    """Densities of -L^{>0} and of the chosen score on the same images; a click on a mark pins its image."""
    both = pair(view)
    stamp = f"{both[0].stamp}\n{both[1].stamp}"

    def draw() -> tuple[Figure, pd.DataFrame]:
        left, right = map(_panel, both)
        own, symbol = look(view.inside.slug).title, both[1].measure.symbol
        title = what_to_see(own, symbol, *map(_aurocs, both))
        return densities.contrast(left, right, title), densities.contrast_table(left, right)

    with st.container(key="contrast"):
        figure, table = kept("contrast drawn", stamp, draw)
        # A new key forgets the mark that was chosen in the figure before, which a click there would take back.
        key = f"contrast-{zlib.crc32(stamp.encode()):08x}"
        components.chart(figure, table, "contrast", key=key, on_click=pinning(both[1].slugs))


def what_to_see(own: str, symbol: str, likelihood: Mapping[str, float], other: Mapping[str, float]) -> str:
    """The two panels in a sentence, from the title of the in-distribution set and the AUROCs of either score."""
    fooled = [slug for slug, value in likelihood.items() if value < 0.45]
    if not fooled:
        return f"Likelihood: no set sits left of {own} here; {symbol} beside it, on the same images"
    names = _listed([look(slug).title for slug in fooled])
    verb = "sits" if len(fooled) == 1 else "sit"
    said = f"Likelihood: {names} {verb} left of {own}, as if more normal than its own data"
    caught = [slug for slug in fooled if other[slug] > 0.55]
    if not caught:
        return f"{said}; {symbol} does not mend it"
    if len(caught) == len(fooled):
        return f"{said}; {symbol} moves {'it' if len(fooled) == 1 else 'them'} to the right"
    return f"{said}; {symbol} moves {_listed([look(slug).title for slug in caught])} to the right"


def _panel(view: View) -> densities.Panel:
    measure = view.measure
    heading = f"{measure.score.title}, {measure.symbol}"
    return densities.Panel(measure.symbol, measure.unit, heading, series(view.sets, MARKS))


def _aurocs(view: View) -> dict[str, float]:
    return {other.slug: views.auroc(view.inside, other).value for other in view.outside}


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
