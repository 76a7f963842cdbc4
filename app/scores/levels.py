"""AUROC of every score of the registry at every level, and against the number of samples S and of draws R."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import pandas as pd
import streamlit as st

from app.figures import aurocs
from app.figures.aurocs import Panel
from app.figures.layout import Figure
from app.frame import components
from app.frame.caching import kept
from app.looks.palette import look
from app.looks.wording import estimate, literal, rate
from app.reading import loading
from app.reading import view as views
from app.reading.measures import Measure
from app.reading.view import View
from app.scores.figures import LIKELIHOOD
from hvae.runs.settings import Setting
from hvae.scores import SCORES, everything

WHAT = {
    "S": ("samples", "S (importance samples)", "More importance samples S tighten L, and every score made of it."),
    "R": ("draws", "R (draws)", "More draws R take noise out of every value: they are means over independent repeats."),
}
"""What a number is called, in sentences and below an axis, and what more of it does."""


def by_level(view: View) -> None:
    """AUROC of every score at every level, one panel a score; those without levels share one. And the best levels."""
    found, problems = views.tried(partial(view.under, Measure(score)) for score in everything(view.depth))
    kinds = [[one for one in found if one.measure.score.name == name] for name in SCORES]
    panels = [_levels(kind, view) for kind in kinds if kind and kind[0].measure.score.k is not None]
    if single := [one for one in found if one.measure.score.k is None]:
        panels.append(_levels(single, view, "Scores without levels"))
    title = "Below .5 a score points the wrong way; the band marks what is chosen above"
    stamp = view.measure.label, [one.stamp for one in found]
    figure = kept("levels drawn", stamp, lambda: aurocs.aurocs(panels, title))
    components.chart(figure, aurocs.table(panels), "auroc-by-k", key="levels")
    left_out(problems)
    _best([kind for kind in kinds if kind and kind[0].measure.score.paper_chooses_level])


def _levels(found: Sequence[View], chosen: View, heading: str = "") -> Panel:
    """One score at its levels, or under a heading several scores without levels."""
    scores = [view.measure.score for view in found]
    ticks = [score.symbol if heading else str(score.k) for score in scores]
    place = scores.index(chosen.measure.score) if chosen.measure.score in scores else None
    rows = [{"score": score.label} for score in scores]
    return Panel(heading or scores[0].title, "" if heading else "k", ticks, rows, views.against(found), place)


def _best(kinds: Sequence[Sequence[View]]) -> None:
    """Which level of a score has the highest AUROC: it takes OOD images to know."""
    rows = []
    for found in kinds:
        for slug, line in views.against(found).items():
            best = max(line, key=lambda place: line[place].value)
            score = found[best].measure.score
            row = {"ood": slug, "score": score.label, "symbol": score.symbol}
            rows.append(row | views.spread("auroc", line[best]))
    if rows:
        components.listed(
            pd.DataFrame(rows),
            {
                "OOD set": lambda row: look(row.ood).title,
                "best k": lambda row: row.symbol,
                "AUROC ↑": lambda row: estimate(views.estimate_of(row, "auroc")),
            },
            "Best k (as in the paper; uses OOD data)",
            name="best-k",
        )


def more_samples(view: View) -> None:
    """AUROC of -L^{>0} and of the chosen score against S and against R, where two settings of the reading exist."""
    tables = [loading.stamp(one) for one in view.catalogue.entries if one.slug in view.slugs]
    charts, problems = kept("samples drawn", (view.stamp, view.setting, tables), lambda: _by_samples(view))
    if not charts:
        return
    text = " ".join(
        [*(WHAT[what][2] for what in charts), "Each panel has a scale of its own; the numbers name the setting."]
    )
    components.section("More samples, more draws", text)
    for what, (figure, table) in charts.items():
        components.chart(figure, table, f"auroc-by-{what}", key=f"by-{what}")
    left_out(problems)


def _by_samples(view: View) -> tuple[dict[str, tuple[Figure, pd.DataFrame]], list[str]]:
    """Figure and numbers by what grows, and why tables could not be read."""
    charts: dict[str, tuple[Figure, pd.DataFrame]] = {}
    problems: list[str] = []
    for what, (field, axis, _) in WHAT.items():
        ladder = _ladder(view, field)
        panels = []
        for measure in dict.fromkeys([Measure(LIKELIHOOD), replace(view.measure, unit="nats")]):
            found, obstacles = views.tried(partial(view.at, setting=one, measure=measure) for one in ladder)
            problems += obstacles
            numbers = [getattr(one.setting, field) for one in found]
            if lines := {slug: line for slug, line in views.against(found).items() if len(line) > 1}:
                rows = [
                    {"score": measure.label, what: getattr(one.setting, field), "setting": one.setting} for one in found
                ]
                place = next((at for at, one in enumerate(found) if one.setting == view.setting), None)
                panels.append(Panel(measure.symbol, axis, [*map(str, numbers)], rows, lines, place))
        if panels:
            charts[what] = aurocs.aurocs(panels, _change(panels[-1], what), zoomed=True), aurocs.table(panels)
    return charts, problems


def _ladder(view: View, field: str) -> list[Setting]:
    """Settings of the same reading that differ in S (`samples`) or R (`draws`), in their order.

    Many samples are often measured in another precision: where there is a choice, the one that is nearest counts.
    """
    now, rungs = view.setting, {}
    settings = view.catalogue.settings(view.inside.slug)
    for one in sorted(settings, key=lambda one: (one.precision == now.precision, one.seed == now.seed)):
        if replace(one, seed=now.seed, precision=now.precision, **{field: getattr(now, field)}) == now:
            rungs[getattr(one, field)] = one
    return [rungs[number] for number in sorted(rungs)]


def _change(panel: Panel, what: str) -> str:
    """The greatest change of a score's AUROC, in a sentence."""
    ends = {slug: (line[min(line)].value, line[max(line)].value) for slug, line in panel.lines.items()}
    slug = max(ends, key=lambda one: abs(ends[one][1] - ends[one][0]))
    low, high = ends[slug]
    few, many = (panel.ticks[end(panel.lines[slug])] for end in (min, max))
    more = f"{many} {WHAT[what][0]} rather than {few}"
    if abs(high - low) < 0.0005:
        return f"{more} leave AUROC of {panel.heading} where it was"
    verb = "raise" if high > low else "lower"
    return f"{more} {verb} AUROC of {panel.heading} against {look(slug).title} from {rate(low)} to {rate(high)}"


def left_out(problems: Sequence[str]) -> None:
    """Say why something is not among what is shown."""
    for text in dict.fromkeys(problems):
        st.caption(f"Left out: {literal(text)}")
