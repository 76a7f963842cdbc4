"""The raw likelihood beside the likelihood ratio: why the ratio is needed at all, in one glance."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import pandas as pd
import streamlit as st

from app.figures import densities
from app.figures.densities import IDS_PER_SET, Series
from app.figures.layout import Figure
from app.frame import components, state
from app.frame.state import ImageId
from app.looks.palette import look
from app.reading import measures as score_measures
from app.reading import numbers
from app.reading.measures import Measure
from app.reading.view import View

MARKS = 200
"""Images drawn one by one in each panel, all sets together; the main figure has more."""


def likelihood_beside_ratio(view: View) -> None:
    """Densities of -L^{>0} and of LLR^{>k} on the same images; a click on a mark pins its image."""
    sets = (view.inside, *view.outside)
    k = max(view.measure.k, 1)
    stamp = f"{k}{view.unit}{score_measures.stamp([one.key for one in sets])}"
    figure, table = _drawn(stamp, view, k)

    def pin(mark: int) -> None:
        place, index = divmod(int(mark), IDS_PER_SET)
        if place < len(sets):
            state.pin(ImageId(sets[place].slug, index))

    with st.container(key="contrast"):
        # A new key forgets the mark that was chosen in the figure before, which a click there would take back.
        key = f"contrast-{zlib.crc32(stamp.encode()):08x}"
        components.chart(figure, table, "contrast", key=key, on_click=pin)


# A resource, because drawing costs as much as the rest of a page that follows a click: nobody may change what it holds.
@st.cache_resource(max_entries=24, show_spinner=False)
def _drawn(stamp: str, _view: View, k: int) -> tuple[Figure, pd.DataFrame]:
    measures = (Measure("L", 0, _view.unit), Measure("LLR", k, score_measures.usable_unit("LLR", _view.unit)))
    left, right = (_panel(_view, measure) for measure in measures)
    title = what_to_see(look(_view.inside.slug).title, measures[1].symbol, *(_aurocs(_view, one) for one in measures))
    return densities.contrast(left, right, title), densities.contrast_table(left, right)


def what_to_see(own: str, symbol: str, likelihood: Mapping[str, float], ratio: Mapping[str, float]) -> str:
    """The two panels in a sentence.

    Args:
        own: title of the in-distribution set.
        symbol: of the ratio in HTML.
        likelihood: AUROC of -L^{>0} by slug.
        ratio: AUROC of the ratio, of the same sets.
    """
    fooled = [slug for slug, value in likelihood.items() if value < 0.45]
    if not fooled:
        return f"Likelihood: no set sits left of {own} here; {symbol} beside it, on the same images"
    names = _listed([look(slug).title for slug in fooled])
    verb = "sits" if len(fooled) == 1 else "sit"
    said = f"Likelihood: {names} {verb} left of {own}, as if more normal than its own data"
    caught = [slug for slug in fooled if ratio[slug] > 0.55]
    if not caught:
        return f"{said}; {symbol} does not mend it"
    if len(caught) == len(fooled):
        return f"{said}; {symbol} moves {'it' if len(fooled) == 1 else 'them'} to the right"
    return f"{said}; {symbol} moves {_listed([look(slug).title for slug in caught])} to the right"


def _panel(view: View, measure: Measure) -> densities.Panel:
    sets = (view.inside, *view.outside)
    series = []
    for one, density in zip(sets, numbers.densities([one.key for one in sets], measure), strict=True):
        scores = measure.of(one.table)
        marks = score_measures.rug(scores, MARKS // len(sets))
        series.append(Series(one.slug, density, marks, scores[marks]))
    name = "likelihood" if measure.score == "L" else "likelihood ratio"
    return densities.Panel(measure.symbol, measure.unit, f"{name}, {measure.symbol}", series)


def _aurocs(view: View, measure: Measure) -> dict[str, float]:
    return {other.slug: numbers.auroc(view.inside.key, other.key, measure).value for other in view.outside}


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
