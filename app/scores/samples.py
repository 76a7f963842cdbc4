"""What more importance samples S, or more draws R, do for the scores: from every table of the same reading."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import streamlit as st

from app.figures import aurocs
from app.figures.aurocs import Panel
from app.figures.layout import Figure
from app.frame import components
from app.frame.caching import kept
from app.looks.palette import look
from app.looks.wording import literal, rate
from app.reading import loading
from app.reading import view as views
from app.reading.measures import Measure
from app.reading.view import View
from app.scores.contrast import LIKELIHOOD
from hvae.errors import TableError
from hvae.stats import Estimate

WHAT = {
    "S": ("samples", "S (importance samples)", "More importance samples S tighten L, and every score made of it."),
    "R": ("draws", "R (draws)", "More draws R take noise out of every value: they are means over independent repeats."),
}
"""What a number is called, in sentences and below an axis, and what more of it does."""


def more_samples(view: View) -> None:
    """AUROC of -L^{>0} and of the chosen score against S and against R, where two settings of the reading exist."""
    tables = [loading.stamp(one) for one in view.catalogue.entries if one.slug in view.slugs]
    charts, unreadable = kept("samples drawn", (view.stamp, view.setting, tables), lambda: _drawn(view))
    if not charts:
        return
    text = " ".join([*(WHAT[what][2] for what in charts), "Each panel has a scale of its own."])
    components.section("More samples, more draws", text)
    for what, (figure, table) in charts.items():
        components.chart(figure, table, f"auroc-by-{what}", key=f"by-{what}")
    for text in unreadable:
        st.caption(f"Left out: {literal(text)}")


def _drawn(view: View) -> tuple[dict[str, tuple[Figure, pd.DataFrame]], list[str]]:
    """Figure and numbers by what grows, and why tables could not be read."""
    charts: dict[str, tuple[Figure, pd.DataFrame]] = {}
    unreadable: list[str] = []
    measures = [Measure(LIKELIHOOD), replace(view.measure, unit="nats")]
    for what, field in (("S", "samples"), ("R", "draws")):
        # Settings that differ in nothing else.
        chosen = getattr(view.setting, field)
        settings = view.catalogue.settings(view.inside.slug)
        numbers = [getattr(one, field) for one in settings if replace(one, **{field: chosen}) == view.setting]
        found = [_panel(view, measure, what, field, numbers, unreadable) for measure in dict.fromkeys(measures)]
        if panels := [panel for panel in found if panel.lines]:
            charts[what] = aurocs.aurocs(panels, _title(panels[-1], what), zoomed=True), aurocs.table(panels)
    return charts, list(dict.fromkeys(unreadable))


def _panel(view: View, measure: Measure, what: str, field: str, numbers: list[int], unreadable: list[str]) -> Panel:
    """AUROC of a score at every number, of those sets that are scored with two of them at least."""
    lines: dict[str, dict[int, Estimate]] = {}
    for other in view.outside:
        line = {}
        for place, number in enumerate(numbers):
            setting = replace(view.setting, **{field: number})
            pair = [view.catalogue.find(slug, setting) for slug in (view.inside.slug, other.slug)]
            try:
                scored = [views.scored(view.catalogue, entry, measure) for entry in pair if entry]
            except (TableError, OSError) as error:
                unreadable.append(str(error))
                continue
            if len(scored) == 2:
                line[place] = views.auroc(*scored)
        if len(line) > 1:
            lines[other.slug] = line
    chosen = numbers.index(getattr(view.setting, field))
    rows = [{"score": measure.label, what: number} for number in numbers]
    return Panel(measure.symbol, WHAT[what][1], [str(number) for number in numbers], rows, lines, chosen)


def _title(panel: Panel, what: str) -> str:
    """The greatest change of a score's AUROC, in a sentence."""
    ends = {slug: (min(line), max(line)) for slug, line in panel.lines.items()}

    def change(slug: str) -> float:
        first, last = (panel.lines[slug][place].value for place in ends[slug])
        return last - first

    slug = max(ends, key=lambda one: abs(change(one)))
    first, last = (panel.ticks[place] for place in ends[slug])
    if abs(change(slug)) < 0.0005:
        return f"{last} {WHAT[what][0]} rather than {first} leave AUROC of {panel.heading} where it was"
    verb = "raise" if change(slug) > 0 else "lower"
    low, high = (rate(panel.lines[slug][place].value) for place in ends[slug])
    return (
        f"{last} {WHAT[what][0]} rather than {first} {verb} AUROC of {panel.heading} against {look(slug).title} from "
        f"{low} to {high}"
    )
