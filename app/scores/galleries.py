"""The images behind the numbers of the Scores page: in the brush, most confusing, and fooled or caught."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import notes
from app.figures.densities import Brush
from app.frame import components, controls
from app.frame.caching import kept
from app.frame.state import ImageId
from app.images.gallery import Shown, gallery
from app.looks.palette import look
from app.looks.wording import percent, significant
from app.reading import measures
from app.reading.measures import Measure
from app.reading.view import Scored, View
from app.scores import figures
from app.scores.controls import GALLERIES, inside
from hvae.errors import TableError
from hvae.runs.notes import noted
from hvae.scores import everything
from hvae.stats.arrays import Floats

MOST = 24
"""Images in a gallery, at most; half of that where two stand side by side."""

CELLS = (
    ("fooled by likelihood, caught by the score", False, True),
    ("called OOD by both", True, True),
    ("passed by both", False, False),
    ("called OOD by likelihood only", True, False),
)
"""(name, called OOD by -L^{>0}, called OOD by the chosen score)."""


@dataclass(frozen=True)
class Pick:
    """Some images of one data set, in the order they are shown."""

    one: Scored
    index: np.ndarray


def galleries(view: View, brush: Brush, room: DeltaGenerator | None) -> None:
    """The section with the gallery that is chosen; that of a range stands in the room below the densities."""
    components.section(
        "The images themselves",
        "The images behind the numbers. Click one, or choose it in the box below its gallery, to inspect it beside "
        "the page.",
    )
    chosen = controls.choose("Images", "gallery", GALLERIES, GALLERIES[brush == (None, None)])
    drawn = partial(_in_the_brush, brush=brush, room=room), _most_confusing, _fooled_and_caught
    drawn[GALLERIES.index(chosen)](view)


def _in_the_brush(view: View, brush: Brush, room: DeltaGenerator | None) -> None:
    """Up to 24 images of the range over all sets, how many there are of each, and all of them as CSV."""
    if room is None:
        st.info(
            "No range of scores is chosen. Choose “Drag” above and drag over the densities, or type the ends of a "
            "range into the boxes below them."
        )
        return
    found = [Pick(one, inside(one.scores, brush)) for one in view.sets]
    sizes = [len(pick.index) for pick in found]
    total, symbol, unit = sum(sizes), view.measure.symbol, view.measure.unit
    low, high = (f"{end:g}" if end is not None else None for end in brush)
    span = f"from {low} to {high}" if low and high else f"of {low} and above" if low else f"up to {high}"
    components.table(
        ["images of", "in the range", "of all"],
        [
            [look(pick.one.slug).title, f"{size:,}", percent(size / len(pick.one.scores))]
            for pick, size in zip(found, sizes, strict=True)
        ],
        f"{total:,} images have {symbol} {span} {unit}",
        # Of every image, not of the counts.
        numbers=lambda: numbers(view, found),
        name="brush",
    )
    picks = [
        Pick(pick.one, pick.index[evenly(len(pick.index), room)])
        for pick, room in zip(found, rooms(sizes, MOST), strict=True)
    ]
    shown = sum(len(pick.index) for pick in picks)
    some = f"{shown} of the {total:,}, evenly over the range" if shown < total else f"All {total}"
    st.caption("They stand below the densities.")
    with room:
        _gallery(view, picks, f"{some}; below each its {symbol} in {unit}", "in-brush")


def _most_confusing(view: View) -> None:
    """The OOD images that look most normal beside the in-distribution images that look most OOD."""
    half, symbol, own = MOST // 2, view.measure.symbol, look(view.inside.slug).title

    def ends() -> tuple[list[tuple[int, int]], np.ndarray]:
        place = np.repeat(np.arange(len(view.outside)), [len(one.scores) for one in view.outside])
        index = np.concatenate([np.arange(len(one.scores)) for one in view.outside])
        least = np.argsort(np.concatenate([one.scores for one in view.outside]), kind="stable")[:half]
        highest = np.argsort(-view.inside.scores, kind="stable")[:half]
        return list(zip(place[least].tolist(), index[least].tolist(), strict=True)), highest.copy()

    lowest, highest = kept("most confusing", view.stamp, ends)
    picks = [Pick(view.outside[place], np.array([index])) for place, index in lowest]
    most = [Pick(view.inside, highest)]
    left, right = st.columns(2, gap="large")
    with left:
        _gallery(view, picks, f"OOD images of lowest {symbol}: they look most like {own}", "confusing-ood")
    with right:
        title = f"{own} images of highest {symbol}: they look least like their own set"
        _gallery(view, most, title, "confusing-own")


def _fooled_and_caught(view: View) -> None:
    """Images by what -L^{>0} and the chosen score call them, each at the chosen share of false alarms."""
    likelihood, score = figures.pair(view)
    own = likelihood.inside.scores, score.inside.scores
    cells = {
        one.slug: cells_of(own, (first.scores, one.scores), view.budget)
        for first, one in zip(likelihood.sets, score.sets, strict=True)
    }
    names = [name.replace(" ", "_").replace(",", "") for name, *_ in CELLS]
    counts = pd.DataFrame(
        [(one.slug, *map(len, cells[one.slug]), len(one.scores)) for one in score.sets], columns=["set", *names, "n"]
    )

    def title(row: Any) -> str:
        return look(row.set).title + " (own: both should pass)" * (row.set == view.inside.slug)

    def count(row: Any, place: int) -> str:
        return f'{row[place]:,} <span class="interval">{percent(row[place] / row.n)}</span>'

    components.listed(
        counts,
        {"images of": title} | {cell: partial(count, place=place) for place, (cell, *_) in enumerate(CELLS, start=1)},
        f"likelihood: {likelihood.measure.symbol}; score: {score.measure.symbol}; each with a threshold of its own at "
        f"{percent(view.budget)} false alarms",
        name="fooled-and-caught",
    )
    # OOD images first: a cell is about them, in-distribution ones are there to compare.
    order = (*score.outside, score.inside)
    places = [*st.columns(2, gap="large"), *st.columns(2, gap="large")]
    for cell, ((name, *_), place) in enumerate(zip(CELLS, places, strict=True)):
        sizes = [len(cells[one.slug][cell]) for one in order]
        picks = [
            Pick(one, cells[one.slug][cell][:room]) for one, room in zip(order, rooms(sizes, MOST // 2), strict=True)
        ]
        heading = f"{name[0].upper()}{name[1:]}: {sum(sizes):,} images"
        with place:
            if sum(sizes):
                _gallery(view, picks, f"{heading}, the clearest of each set", f"cell-{cell}")
            else:
                components.titled(heading)


def cells_of(inside: tuple[Floats, Floats], values: tuple[Floats, Floats], budget: float) -> list[np.ndarray]:
    """Indices of the images of a set in each of `CELLS`, the clearest first, from their values of both scores.

    Each score has its own threshold at the false-alarm budget. An image is clear in its cell where both scores are
    far on the cell's side, measured by rank among the in-distribution images.
    """
    both = list(zip(map(np.sort, inside), values, strict=True))
    called = np.stack([one >= measures.threshold(own, budget).value for own, one in both], axis=1)
    ranks = np.stack([np.searchsorted(own, one) / len(own) for own, one in both], axis=1)
    found = []
    for _, *cell in CELLS:
        clear = np.where(cell, ranks, -ranks).sum(axis=1)
        index = np.flatnonzero((called == cell).all(axis=1))
        found.append(index[np.argsort(-clear[index], kind="stable")])
    return found


def rooms(sizes: Sequence[int], most: int) -> list[int]:
    """How many of each group to show, `most` together: equal shares, what one cannot fill going to the others."""
    # One each in turn, as long as there are some.
    turns = sorted((turn, place) for place, size in enumerate(sizes) for turn in range(min(size, most)))
    given = [place for _, place in turns[:most]]
    return [given.count(place) for place in range(len(sizes))]


def evenly(count: int, room: int) -> np.ndarray:
    """`room` positions evenly spaced over `count`, both ends among them where there is room for two."""
    return np.unique(np.linspace(0, count - 1, room).round().astype(int)) if count and room else np.arange(0)


def numbers(view: View, picks: Sequence[Pick]) -> pd.DataFrame:
    """Set, number, label and every score of the registry in nats, one row an image; empty where a score has none."""
    frames, written = [], notes.of(view.run)
    for pick in picks:
        label = pick.one.table.frame["label"].to_numpy()[pick.index]
        columns: dict[str, object] = {"set": pick.one.slug, "image": pick.index, "label": label}
        for score in everything(view.depth, task=view.inside.table.metadata.task):
            try:
                columns[score.label] = view.by(Measure(score), pick.one).scores[pick.index]
            except TableError:
                continue
        keys = [f"{pick.one.slug}:{index}" for index in pick.index]
        frames.append(noted(pd.DataFrame(columns), written, keys))
    # Those of one set stand below those of another.
    return pd.concat(frames, ignore_index=True)


def _gallery(view: View, picks: Sequence[Pick], title: str, key: str) -> None:
    shown = [
        Shown(ImageId(pick.one.slug, int(index)), significant(float(pick.one.scores[index])))
        for pick in picks
        for index in pick.index
    ]
    gallery(view.run, {one.slug: one.table for one in view.sets}, shown, title, lambda: numbers(view, picks), key=key)
