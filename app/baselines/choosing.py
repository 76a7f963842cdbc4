"""What the Baselines page compares: which runs, on which set, which of their scores, and against which of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.frame import components, controls, state
from app.frame.caching import kept
from app.frame.state import Selection
from app.reading import loading
from app.reading.agreement import ranked
from app.reading.measures import threshold
from app.reading.view import reference_part
from hvae.report import LineUp, line_up, rivals
from hvae.report.rivals import Absent, Column
from hvae.runs.catalogue import Catalogue
from hvae.runs.folders import RunEntry
from hvae.runs.score_tables import ScoreTable
from hvae.stats.arrays import Floats, Indices

BUDGET = 0.05
"""False alarms at which an image is called OOD on this page."""
PICKED = ("joint", "llr", "bound", "complexity", "background-ratio", "waic")
"""Scores that are drawn unasked, of the first run that has each, and the first in which no model takes part."""
USUAL, EVERY = "the usual level", "every level"


@dataclass(frozen=True, eq=False)
class Rivals:
    """Runs on the same images of two sets, their scores, and what all of it is named by in caches."""

    found: LineUp
    slug: str
    """Of the OOD set."""
    columns: tuple[Column, ...]
    absent: tuple[Absent, ...]
    """Scores of runs that are not among them, and why."""
    stamp: str

    @property
    def run(self) -> RunEntry:
        """The first run: images are numbered as in its tables."""
        return self.found.entrants[0].catalogue.run

    @property
    def tables(self) -> dict[str, ScoreTable]:
        """Its tables, by slug."""
        return dict(self.found.entrants[0].tables)

    @property
    def sets(self) -> tuple[str, str]:
        """The in-distribution set and the other."""
        return self.found.in_data, self.slug

    @property
    def rows(self) -> dict[str, Indices]:
        """Numbers of the common images of both sets, ascending."""
        return dict(self.found.entrants[0].rows)

    @property
    def by_name(self) -> dict[str, Column]:
        """The scores that have a value for each image."""
        return {one.title: one for one in self.columns if one.per_image}

    def table(self, against: Column | None, n_boot: int = 0) -> pd.DataFrame:
        """`hvae.report.rivals.table`; unasked without the intervals that take resamples, of which none is shown."""
        stamp = self.stamp, [one.name for one in self.columns], against and against.name, n_boot
        return kept("rivals", stamp, lambda: rivals.table(self.found, self.columns, against, n_boot=n_boot))

    def values(self, column: Column, slug: str) -> Floats:
        """The values of the common images of one of both sets."""
        return column.inside if slug == self.found.in_data else column.outside[slug]

    def ranks(self, column: Column, slug: str) -> Floats:
        """Percentage of the in-distribution images at or below each image of one of both sets."""
        return ranked(self.values(column, slug), column.inside)

    def called(self, column: Column, slug: str) -> np.ndarray:
        """Which images of one of both sets are at or above the threshold of the budget."""
        return self.values(column, slug) >= threshold(column.inside, BUDGET).value


def choose_runs(selection: Selection, run: RunEntry, toolbar: DeltaGenerator) -> list[RunEntry]:
    """Run A, and others chosen here: of those trained on the same set, all unasked."""
    others = {entry.name: entry for entry in loading.runs() if entry.name != run.name and entry.config}
    own = run.config and run.config.data.name
    alike = [name for name, one in others.items() if one.config and one.config.data.name == own]
    if not alike:
        return [run]
    with toolbar, state.shared():
        fold = st.popover("Runs", key="compared-runs", width="content")
    with fold:
        beside = controls.choose_many(
            "Runs beside run A", "beside", alike, alike,
            help="Runs trained on the same data set. Each has to have scored the same images.",
        )  # fmt: skip
    return [run, *(others[name] for name in beside)]


def choose_set(found: Catalogue, ood: Sequence[str]) -> str | None:
    """One of the OOD sets of the sidebar that run A has scored, of all it has scored where it has none of them."""
    scored = [slug for slug in found.sets() if slug != found.own]
    offered = [slug for slug in ood if slug in scored] or scored
    return controls.choose_set("OOD set", "set", offered) if offered else None


def choose_levels() -> bool:
    """Whether every level of each score is shown."""
    about = "A score with levels stands once for each run, at its usual level, or once for every level."
    return controls.choose("Levels shown", "every", (USUAL, EVERY), help=about) == EVERY


def gathered(catalogues: Sequence[Catalogue], slug: str, every: bool) -> Rivals:
    """Every score of some runs on the images that all have scored. Raises a TableError where run A lacks a set."""
    stamps = [
        loading.stamp(entry, reference_part(found, entry.setting)) for found in catalogues for entry in found.entries
    ]
    stamp = f"{[str(found.run.path) for found in catalogues]} {slug} {stamps}"
    found = kept("line-up", stamp, lambda: line_up(catalogues, [slug]), "large")
    made, absent = kept("rival columns", f"{stamp} {every}", lambda: rivals.columns(found, every=every), "large")
    return Rivals(found, slug, tuple(made), tuple(absent), stamp)


def choose_against(shown: Rivals) -> Column | None:
    """The score whose AUROC is taken off the others."""
    usual = rivals.against([one for one in shown.columns if one.per_image])
    if usual is None:
        return None
    about = "The column “difference” says how much better or worse each score is than this one, on the same images."
    name = controls.choose("Difference from", "against", list(shown.by_name), usual.title, select=True, help=about)
    return shown.by_name[name]


def pick(shown: Rivals) -> list[Column]:
    """The scores whose curves are drawn, and that may be the only one to catch an image."""
    first = {one.score.name: name for name, one in reversed(shown.by_name.items())}
    usual = [first[name] for name in PICKED if name in first]
    usual += [name for name, one in shown.by_name.items() if one.score.model_free][:1]
    about = "Their curves are drawn below, and so are the images that only one of them catches."
    chosen = controls.choose_many("Scores to look at", "picked", list(shown.by_name), usual, help=about)
    return [shown.by_name[name] for name in chosen]


def what_is_missing(shown: Rivals) -> None:
    """Runs that cannot be set beside run A; in a fold the scores that some lack, and how backgrounds were chosen."""
    components.left_out(shown.found.refused)
    reasons: dict[str, list[Absent]] = {}
    for one in shown.absent:
        reasons.setdefault(one.score.label, []).append(one)
    if not reasons:
        return
    titles = ", ".join(dict.fromkeys(one.score.title for one in shown.absent))
    details = st.expander(f"Scores that some runs lack: {titles}", key="absent", on_change="rerun")
    if details.open:
        with details:
            for line in shown.found.choices:
                st.html(f'<p class="prose">{components.escape(line)}.</p>')
            for several in reasons.values():
                runs = ", ".join(components.escape(one.run) for one in several)
                st.html(f'<p class="prose">{components.escape(several[0].why)}. Runs: {runs}</p>')
