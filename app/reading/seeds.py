"""Runs that differ in their seed alone, as one row: mean and spread of AUROC over them."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from app.frame import components
from app.looks.palette import look
from app.looks.wording import rate
from app.reading import loading, view
from app.reading.measures import Measure, threshold
from app.reading.view import Scored, View
from hvae.errors import TableError
from hvae.report.line_ups import shared_rows
from hvae.report.seeds import group_name, siblings
from hvae.runs.folders import RunEntry

ABOUT = (
    "Mean ± standard deviation over runs that differ only in their seed: the spread is how much of a result is chance."
)


def fold(of: View, measures: Sequence[Measure], name: str) -> None:
    """One row a score over the seeds of a run, in a fold; nothing where there is one seed. Made when it is opened."""
    group = siblings(of.run, loading.runs())
    if len(group) < 2:
        return
    details = st.expander(f"The same over {len(group)} seeds: mean ± spread", key=f"{name}-seeds", on_change="rerun")
    if not details.open:
        return
    with details:
        rows = [(one.symbol, seeds) for one in measures if len(seeds := under_seeds(of, one)) > 1]
        title = components.escape(group_name([one.name for one in group]))
        table(rows, f"{title}, AUROC, {of.setting}", f"{name}-over-seeds")


def under_seeds(of: View, measure: Measure) -> list[View]:
    """The sets of a view under a score, by every seed that has scored them so."""
    slugs = [one.slug for one in of.outside]
    makers = [
        partial(view.view, loading.catalogue(run), of.inside.slug, slugs, of.setting, measure, of.budget, of.unit)
        for run in siblings(of.run, loading.runs())
    ]
    return view.tried(makers)[0]


def are_several(run: RunEntry) -> bool:
    """Whether there are runs that differ from this one in their seed alone."""
    return len(siblings(run, loading.runs())) > 1


def passed_by_all(of: View, one: Scored) -> np.ndarray:
    """Which images of a set of a view `(n,)` lie below the threshold of every seed that has scored them."""
    there = [(seed, own) for seed in under_seeds(of, of.measure) for own in seed.sets if own.slug == one.slug]
    rows = shared_rows([own.table for _, own in there])
    if rows is None:
        raise TableError(f"The seeds of {of.run.name} have not all scored the same images of {one.slug}")
    found = np.ones(len(rows[0]), bool)
    for (seed, own), at in zip(there, rows, strict=True):
        found &= own.scores[at] < threshold(seed.inside.scores, of.budget).value
    place = [seed.run.name for seed, _ in there].index(of.run.name)
    mask = np.zeros(len(one.scores), bool)
    mask[rows[place]] = found
    return mask


def table(rows: Sequence[tuple[str, Sequence[View]]], caption: str, name: str, of: str = "score") -> None:
    """Rows (name in HTML, the same sets by several seeds) as mean ± spread of AUROC on each OOD set.

    `of` heads the names.
    """
    found: list[dict[str, Any]] = []
    slugs = list(dict.fromkeys(other.slug for _, seeds in rows for one in seeds for other in one.outside))
    for place, (_, seeds) in enumerate(rows):
        line: dict[str, Any] = {"row": place, "seeds": len(seeds), "score": seeds[0].measure.label}
        for slug in slugs:
            areas = [
                view.auroc(one.inside, other).value for one in seeds for other in one.outside if other.slug == slug
            ]
            line[f"{slug}_auroc"] = float(np.mean(areas)) if areas else np.nan
            line[f"{slug}_sd"] = float(np.std(areas, ddof=1)) if len(areas) > 1 else np.nan
        found.append(line)

    def cell(place: int, row: Any) -> str:
        mean, spread = row[3 + 2 * place], row[4 + 2 * place]
        return "–" if pd.isna(spread) else f"{rate(mean)} ± {rate(spread)}"

    shown: dict[str, Callable[[Any], str]] = {of: lambda row: rows[row.row][0]}
    shown["seeds"] = lambda row: str(row.seeds)
    shown |= {look(slug).title: partial(cell, place) for place, slug in enumerate(slugs)}
    components.listed(pd.DataFrame(found), shown, caption, name=name)
    st.caption(ABOUT)
