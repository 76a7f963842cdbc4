"""Every score of the registry at every level, and which level would be the best one."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from app.figures import aurocs
from app.figures.aurocs import Panel
from app.frame import components
from app.frame.caching import kept
from app.looks.palette import look
from app.looks.wording import estimate, literal
from app.reading import view as views
from app.reading.measures import Measure
from app.reading.view import View
from hvae.errors import TableError
from hvae.scores import SCORES
from hvae.stats import Estimate


def by_level(view: View) -> None:
    """AUROC of every score at every level, one panel a score; those without levels share one. And the best levels."""
    found, problems = _under_every_score(view)
    leveled = [one for one in found if one.measure.score.k is not None]
    panels = [_panel(under, view) for name in SCORES if (under := _of_kind(leveled, name))]
    if single := [one for one in found if one.measure.score.k is None]:
        panels.append(_panel(single, view, "Scores without levels"))
    stamp = view.measure.label, [one.stamp for one in found]
    title = "Below .5 a score points the wrong way; the band marks what is chosen above"
    figure = kept("levels drawn", stamp, lambda: aurocs.aurocs(panels, title))
    components.chart(figure, aurocs.table(panels), "auroc-by-k", key="levels")
    for text in problems:
        st.caption(f"Left out: {literal(text)}")
    _best([under for name in SCORES if SCORES[name].paper_chooses_level and (under := _of_kind(found, name))])


def _under_every_score(view: View) -> tuple[list[View], list[str]]:
    """(the sets under every score at every level, one line for each score that some of them lack what it needs for)."""
    found, problems = [], []
    for kind in SCORES.values():
        for k in kind.levels(view.depth):
            try:
                found.append(view.under(Measure(kind(k))))
            except TableError as error:
                problems.append(str(error))
                break
            problems += found[-1].problems
    return found, list(dict.fromkeys(problems))


def _of_kind(found: list[View], name: str) -> list[View]:
    return [view for view in found if view.measure.score.name == name]


def _aurocs(found: list[View]) -> dict[str, dict[int, Estimate]]:
    """OOD set -> place of the score -> AUROC."""
    lines: dict[str, dict[int, Estimate]] = {}
    for place, view in enumerate(found):
        for other in view.outside:
            lines.setdefault(other.slug, {})[place] = views.auroc(view.inside, other)
    return lines


def _panel(found: list[View], chosen: View, heading: str = "") -> Panel:
    """One score at its levels, or under a heading several scores without levels."""
    scores = [view.measure.score for view in found]
    ticks = [score.symbol if heading else str(score.k) for score in scores]
    place = scores.index(chosen.measure.score) if chosen.measure.score in scores else None
    rows = [{"score": score.label} for score in scores]
    return Panel(heading or scores[0].title, "" if heading else "k", ticks, rows, _aurocs(found), place)


def _best(kinds: list[list[View]]) -> None:
    """Which level of a score has the highest AUROC: it takes OOD images to know."""
    rows = []
    for found in kinds:
        for slug, line in _aurocs(found).items():
            best = max(line, key=lambda place: line[place].value)
            score = found[best].measure.score
            row = {"ood": slug, "score": score.label, "symbol": score.symbol}
            rows.append(row | views.spread("auroc", line[best]))
    if rows:
        components.listed(
            pd.DataFrame(rows),
            {
                "OOD set": lambda row: components.escape(look(row.ood).title),
                "best k": lambda row: row.symbol,
                "AUROC ↑": lambda row: estimate(views.estimate_of(row, "auroc")),
            },
            "Best k (as in the paper; uses OOD data)",
            name="best-k",
        )
