"""Slices of one set as bars that choose, and the level at which caught and missed images differ most."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from app.figures.layout import Figure
from app.figures.slices import bars
from app.frame import components, controls
from app.frame.caching import kept
from app.looks.palette import look
from app.looks.wording import nats, percent, rate
from app.reading import view as views
from app.reading.measures import Threshold
from app.reading.view import Scored, View
from hvae.report.slices import LABEL, Slices, slice_table, sliced, statistics, term_table
from hvae.runs.columns import find

ALL = "all"
WORDS = {"sd": "contrast", "mean": "brightness", "ink": "ink", "sharpness": "sharpness", LABEL: "label"}
"""Statistics that have a name people use, which stands in the address, too."""
TITLES = {
    "input_entropy": "noise of binarising (H)", "grey_share": "share of grey pixels", "zlib_bytes": "size by zlib",
    "png_bytes": "size as PNG", "total_variation": "total variation", "elbo": "ELBO", "iw": "importance-weighted bound",
    "log_px": "log p(x|z)", "log_pz": "log p(z)", "log_det": "log-determinant", "path_error": "reconstruction error",
    "ppca_log_density": "density under PPCA",
}  # fmt: skip
"""What people call others."""


def choose_set(view: View) -> Scored:
    """Which of the sets is sliced: an OOD set unless another is asked for."""
    sets = {one.slug: one for one in (*view.outside, view.inside)}
    return sets[controls.choose_set("Images of", "among", sets)]


def choose_along(one: Scored) -> str:
    """By what the set is sliced; the words that people use come first."""
    offered = statistics(one.table)
    order = sorted(offered, key=lambda name: (name not in WORDS, name != LABEL))
    named = {WORDS.get(name, name): name for name in order}
    about = (
        "Groups the images by their label, or into five equally large groups by a statistic of their pixels or "
        "of the model."
    )
    said = {word: titled(name) for word, name in named.items()}
    return named[controls.choose("Sliced by", "along", list(named), width=170, help=about, named=said)]


def titled(name: str) -> str:
    """What people call a statistic."""
    bound, _, layer = name.rpartition("_")
    if bound == "log_ratio":
        return f"log p(z) − log q(z), layer {layer}"
    return WORDS.get(name) or TITLES.get(name, name.replace("_", " "))


def choose_slice(slices: Slices) -> str | None:
    """One slice, None for all; a click on a bar sets it, too."""
    chosen = controls.choose("Slice", "slice", [ALL, *slices.names], select=True, width=150)
    return None if chosen == ALL else chosen


def cut(one: Scored, along: str) -> Slices:
    """The images of a set by a statistic."""
    return kept("slices", (one.stamp, along), lambda: sliced(one.table, along))


def figure(view: View, one: Scored, slices: Slices, threshold: Threshold, chosen: str | None) -> None:
    """The bars: what is missed of an OOD set, what is falsely called OOD of the own one."""
    own = one.slug == view.inside.slug
    share, words = ("called_share", "falsely called OOD") if own else ("passed_share", "missed")

    def draw() -> tuple[Figure, pd.DataFrame]:
        table = slice_table(slices, one.scores, view.inside.scores, threshold.value)
        whole = np.average(table[share], weights=table["n"])
        title = f"{percent(float(whole))} of {look(one.slug).title} are {words}{_most(table, share, slices.by)}"
        return bars(table, share, words, look(one.slug), title, chosen), table

    def choose(name: str) -> None:
        st.session_state["slice"] = ALL if name == chosen else name

    stamp = one.stamp, view.inside.stamp, slices.by, threshold.value, chosen
    drawn = kept("slices drawn", stamp, draw)
    # A new key forgets the bar that was clicked: a second click has to take the choice back.
    components.chart(*drawn, f"slices-{one.slug}", key=f"slices-{one.slug}-{slices.by}-{chosen}", on_click=choose)
    if not own:
        components.prose(f"AUROC of the whole set: {rate(views.auroc(view.inside, one).value)}")


def _most(table: pd.DataFrame, share: str, by: str) -> str:
    """In which slice the share is the largest, as it is printed; of those that are alike the first is named."""
    shares = table[share].map(percent)
    alike = np.flatnonzero(shares == shares[table[share].idxmax()])
    if len(alike) == len(table):
        return f", whatever the {titled(by)}"
    worst, more = components.escape(table["slice"].iloc[int(alike[0])]), len(alike) - 1
    where = f"with {worst}" if by == LABEL else f"where {titled(by)} is {worst}"
    return f", most often {where}" + (f" (and {more} more alike)" if more else "")


def terms(view: View, one: Scored, threshold: Threshold, rows: np.ndarray) -> None:
    """Which term of the bound sets the caught images among some rows of a set apart from the others."""
    called = one.scores[rows] >= threshold.value
    table = one.table.take(rows) if len(rows) < len(one.scores) else one.table
    found = term_table(table, called)
    if found.empty:
        if view.depth:
            alone = len(rows) == 1
            these = "This one image" if alone else f"All of these {len(rows):,} images"
            said = f"{'is' if alone else 'are'} called OOD" if called.all() else f"pass{'es' * alone}"
            st.caption(f"{these} {said}, so there is nothing to compare.")
        return
    first = found.iloc[0]
    kinds = "Falsely called and passed" if one.slug == view.inside.slug else "Caught and missed"
    components.listed(
        found,
        {
            "term": lambda row: _spelt(row.term),
            "called OOD": lambda row: nats(row.called),
            "passes": lambda row: nats(row.passed),
            "gap (s.d.)": lambda row: nats(row.in_sd, 2),
        },
        f"{kinds} images of {look(one.slug).title} differ most in {_spelt(first.term)}, by "
        f"{nats(abs(first.in_sd), 2)} standard deviations (below: means in nats)",
        name="terms",
    )


def _spelt(term: str) -> str:
    """A term of the bound in HTML."""
    column = find(term)
    layer = term.rpartition("_")[2]
    if layer.isdigit():
        return f"log p(z<sub>{layer}</sub>) − log q(z<sub>{layer}</sub>)"
    return "log p(x|z)" if column is not None else components.escape(term)
