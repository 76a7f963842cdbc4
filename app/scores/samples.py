"""What more importance samples S, or more draws R, do for the scores: from every table of the same reading."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from app.figures import aurocs
from app.figures.layout import Figure
from app.frame import components
from app.looks.palette import look
from app.looks.wording import rate
from app.reading import measures
from app.reading import numbers as score_numbers
from app.reading.measures import Measure, Setting
from app.reading.view import View
from hvae.errors import TableError
from hvae.stats import Estimate

WHAT = {
    "S": "More importance samples S tighten L, so LLR grows with them on average.",
    "R": "More draws R take noise out of every value: they are means over independent repeats.",
}


def more_samples(view: View) -> None:
    """AUROC of -L^{>0} and LLR^{>k} against S and against R, where at least two settings of the reading exist."""
    k = max(view.measure.k, 1)
    slugs = [one.slug for one in (view.inside, *view.outside)]
    keys = [key for key in view.keys if key.reading == view.setting.reading and key.slug in slugs]
    charts, unreadable = _drawn(f"{slugs}{view.setting}{k}{measures.stamp(keys)}", view, k)
    if not charts:
        return
    text = " ".join([*(WHAT[what] for what in charts), "Each panel has a scale of its own."])
    components.section("More samples, more draws", text)
    for what, (figure, table) in charts.items():
        components.chart(figure, table, f"auroc-by-{what}", key=f"by-{what}")
    for text in unreadable:
        st.caption(f"Left out: {text}")


# A resource, because drawing costs as much as the rest of a page that follows a click: nobody may change what it holds.
@st.cache_resource(max_entries=24, show_spinner=False)
def _drawn(stamp: str, _view: View, k: int) -> tuple[dict[str, tuple[Figure, pd.DataFrame]], list[str]]:
    """Figure and numbers by what grows, and why tables could not be read."""
    now, unreadable = _view.setting, []
    settings = [one for one in measures.settings(_view.keys, _view.inside.slug) if one.reading == now.reading]
    ladders = {
        "S": {one.samples: one for one in settings if one.draws == now.draws},
        "R": {one.draws: one for one in settings if one.samples == now.samples},
    }
    charts = {}
    for what, ladder in ladders.items():
        curves = _curves(_view, k, ladder, unreadable)
        if curves:
            chosen = now.samples if what == "S" else now.draws
            figure = aurocs.by_samples(curves, what, chosen, _title(curves, what))
            charts[what] = figure, aurocs.sample_table(curves, what)
    return charts, list(dict.fromkeys(unreadable))


def _curves(view: View, k: int, ladder: dict[int, Setting], unreadable: list[str]) -> aurocs.BySamples:
    """AUROC by score, set and number, of those sets that are scored under two settings at least."""
    curves: dict[str, dict[str, dict[int, Estimate]]] = {}
    for measure in (Measure("L", 0), Measure("LLR", k)):
        for other in view.outside:
            line = {}
            for number, setting in ladder.items():
                pair = [measures.find(view.keys, slug, setting) for slug in (view.inside.slug, other.slug)]
                if pair[0] is None or pair[1] is None:
                    continue
                try:
                    line[number] = score_numbers.auroc(pair[0], pair[1], measure)
                except (TableError, OSError) as error:
                    unreadable.append(components.escape(error))
            if len(line) > 1:
                curves.setdefault(measure.symbol, {})[other.slug] = line
    return curves


def _title(curves: aurocs.BySamples, what: str) -> str:
    """The greatest change of the ratio's AUROC, in a sentence."""
    symbol, sets = list(curves.items())[-1]
    slug = max(sets, key=lambda one: abs(_change(sets[one])))
    numbers = list(sets[slug])
    first, last = sets[slug][numbers[0]], sets[slug][numbers[-1]]
    kind = "samples" if what == "S" else "draws"
    if abs(_change(sets[slug])) < 0.0005:
        return f"{numbers[-1]} {kind} rather than {numbers[0]} leave AUROC of {symbol} where it was"
    verb = "raise" if last.value > first.value else "lower"
    return (
        f"{numbers[-1]} {kind} rather than {numbers[0]} {verb} AUROC of {symbol} against {look(slug).title} from "
        f"{rate(first.value)} to {rate(last.value)}"
    )


def _change(line: Mapping[int, Estimate]) -> float:
    found = list(line.values())
    return found[-1].value - found[0].value
