"""The images behind the numbers of the Scores page: in the brush, most confusing, and fooled or caught."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from app.figures.densities import Brush
from app.frame import components, controls
from app.frame.state import ImageId
from app.images.gallery import Shown, gallery
from app.looks.palette import look
from app.looks.wording import percent, significant
from app.reading import measures
from app.reading.measures import Measure
from app.reading.view import Scored, View
from app.scores import brush as score_brush
from app.scores.brush import GALLERIES
from hvae.runs.folders import RunEntry
from hvae.runs.score_tables import ScoreTable
from hvae.stats.arrays import Floats

MOST = 24
"""Images in a gallery, at most; half of that where two stand side by side."""

CELLS = (
    ("fooled by likelihood, caught by the ratio", False, True),
    ("called OOD by both", True, True),
    ("passed by both", False, False),
    ("called OOD by likelihood only", True, False),
)
"""(name, called OOD by -L^{>0}, called OOD by LLR^{>k})."""


@dataclass(frozen=True)
class Pick:
    """Some images of one data set.

    Attributes:
        one: the data set.
        index: of the images, in the order they are shown.
    """

    one: Scored
    index: np.ndarray


def galleries(view: View, run: RunEntry, brush: Brush) -> None:
    """The section with the gallery that is chosen."""
    components.section(
        "The images themselves",
        "Which images are why? A click, or the box below a gallery, takes an image further down this page.",
    )
    chosen = controls.choose("Images", "gallery", GALLERIES, GALLERIES[1] if brush == (None, None) else GALLERIES[0])
    if chosen == GALLERIES[0]:
        _in_the_brush(view, run, brush)
    elif chosen == GALLERIES[1]:
        _most_confusing(view, run)
    else:
        _fooled_and_caught(view, run)


def _in_the_brush(view: View, run: RunEntry, brush: Brush) -> None:
    """Up to 24 images of the range over all sets, how many there are of each, and all of them as CSV."""
    if brush == (None, None):
        st.info(
            "No range is brushed. Choose “Brush a range” above the densities and drag over them, or type its ends into "
            "“Brush from” and “to”."
        )
        return
    sets = (view.inside, *view.outside)
    found = [Pick(one, score_brush.inside(view.measure.of(one.table), brush)) for one in sets]
    total = sum(len(pick.index) for pick in found)
    symbol, unit = view.measure.symbol, view.measure.unit
    low, high = (f"{end:g}" if end is not None else None for end in brush)
    span = f"from {low} to {high}" if low and high else f"of {low} and above" if low else f"up to {high}"
    components.table(
        ["images of", "in the brush", "of all"],
        [
            [
                components.escape(look(pick.one.slug).title),
                f"{len(pick.index):,}",
                percent(len(pick.index) / len(pick.one.table)),
            ]
            for pick in found
        ],
        f"{total:,} images have {symbol} {span} {unit}",
        # The numbers of one set are stacked below those of another, so every column is there in each.
        numbers=lambda: pd.concat([numbers(pick) for pick in found], ignore_index=True),
        name="brush",
    )
    picks = [
        Pick(pick.one, pick.index[evenly(len(pick.index), room)])
        for pick, room in zip(found, rooms([len(pick.index) for pick in found], MOST), strict=True)
    ]
    shown = sum(len(pick.index) for pick in picks)
    some = f"{shown} of the {total:,}, evenly over the range" if shown < total else f"All {total}"
    _gallery(view, run, picks, f"{some}; below each its {symbol} in {unit}", "in-brush")


def _most_confusing(view: View, run: RunEntry) -> None:
    """The OOD images that look most normal beside the in-distribution images that look most OOD."""
    half, symbol = MOST // 2, view.measure.symbol
    own = look(view.inside.slug).title
    left, right = st.columns(2, gap="large")
    if view.outside:
        values = [view.measure.of(other.table) for other in view.outside]
        place = np.repeat(np.arange(len(values)), [len(one) for one in values])
        index = np.concatenate([np.arange(len(one)) for one in values])
        least = np.argsort(np.concatenate(values), kind="stable")[:half]
        picks = [Pick(view.outside[p], np.array([i])) for p, i in zip(place[least], index[least], strict=True)]
        with left:
            _gallery(view, run, picks, f"OOD images of lowest {symbol}: they look most like {own}", "confusing-ood")
    most = np.argsort(-view.measure.of(view.inside.table), kind="stable")[:half]
    with right:
        _gallery(
            view,
            run,
            [Pick(view.inside, most)],
            f"{own} images of highest {symbol}: they look least like their own set",
            "confusing-own",
        )


def _fooled_and_caught(view: View, run: RunEntry) -> None:
    """Images by what -L^{>0} and LLR^{>k} call them, each at the chosen share of false alarms."""
    likelihood, ratio = Measure("L", 0), Measure("LLR", max(1, view.measure.k))
    sets = (view.inside, *view.outside)
    cells = {one.slug: cells_of(view.inside.table, one.table, likelihood, ratio, view.budget) for one in sets}
    rows, counts = [], []
    for one in sets:
        sizes = [len(index) for index in cells[one.slug]]
        title = components.escape(look(one.slug).title)
        rows.append(
            [
                title if one is not view.inside else f"{title} (own: both should pass)",
                *(f'{size:,} <span class="interval">{percent(size / len(one.table))}</span>' for size in sizes),
            ]
        )
        names = [name.replace(" ", "_").replace(",", "") for name, *_ in CELLS]
        counts.append({"set": one.slug} | dict(zip(names, sizes, strict=True)) | {"n": len(one.table)})
    components.table(
        ["images of", *(name for name, *_ in CELLS)],
        rows,
        f"likelihood: {likelihood.symbol}; ratio: {ratio.symbol}; each with a threshold of its own at "
        f"{percent(view.budget)} false alarms",
        numbers=pd.DataFrame(counts),
        name="fooled-and-caught",
    )
    places = [*st.columns(2, gap="large"), *st.columns(2, gap="large")]
    for cell, ((name, *_), place) in enumerate(zip(CELLS, places, strict=True)):
        # OOD images first: the cell is about them, in-distribution ones are there to compare.
        order = (*view.outside, view.inside)
        room = rooms([len(cells[one.slug][cell]) for one in order], MOST // 2)
        picks = [Pick(one, cells[one.slug][cell][:most]) for one, most in zip(order, room, strict=True)]
        count = sum(len(cells[one.slug][cell]) for one in order)
        with place:
            title = f"{name[0].upper()}{name[1:]}: {count:,} images"
            if count:
                _gallery(view, run, picks, f"{title}, the clearest of each set", f"cell-{cell}", ratio)
            else:
                st.html(f'<p class="chart-title">{title}</p>')


def cells_of(
    inside: ScoreTable, table: ScoreTable, likelihood: Measure, ratio: Measure, budget: float
) -> list[np.ndarray]:
    """Indices of the images of a table in each of `CELLS`, the clearest first.

    Each score has its own threshold at the false-alarm budget. An image is clear in its cell where both scores are
    far on the cell's side, measured by rank among the in-distribution images.

    Args:
        inside: in-distribution images.
        table: images to sort into cells; may be `inside` itself.
        likelihood: the first score.
        ratio: the second score.
        budget: share of in-distribution images each score may call OOD, in [0, 1].
    """
    called, ranks = [], []
    for measure in (likelihood, ratio):
        own, values = np.sort(measure.of(inside)), measure.of(table)
        called.append(values >= measures.threshold(own, budget).value)
        ranks.append(np.searchsorted(own, values) / len(own))
    found = []
    for _, first, second in CELLS:
        clear = ranks[0] * (1 if first else -1) + ranks[1] * (1 if second else -1)
        index = np.flatnonzero((called[0] == first) & (called[1] == second))
        found.append(index[np.argsort(-clear[index], kind="stable")])
    return found


def rooms(sizes: Sequence[int], most: int) -> list[int]:
    """How many of each group to show, `most` together: equal shares, what one cannot fill going to the others."""
    shares = [0] * len(sizes)
    while sum(shares) < most and any(share < size for share, size in zip(shares, sizes, strict=True)):
        for place, size in enumerate(sizes):
            if shares[place] < size and sum(shares) < most:
                shares[place] += 1
    return shares


def evenly(count: int, room: int) -> np.ndarray:
    """`room` positions evenly spaced over `count`, both ends among them where there is room for two."""
    return np.unique(np.linspace(0, count - 1, room).round().astype(int)) if count and room else np.arange(0)


def numbers(pick: Pick) -> pd.DataFrame:
    """Set, number, label and every L^{>k} and LLR^{>k} in nats, one row an image."""
    table = pick.one.table
    columns: dict[str, Floats] = {}
    for k in range(table.metadata.depth + 1):
        columns[f"L>{k}"] = -table.negative_bound(k)
    for k in range(1, table.metadata.depth + 1):
        columns[f"LLR>{k}"] = table.likelihood_ratio(k)
    frame = pd.DataFrame({name: values[pick.index] for name, values in columns.items()})
    frame.insert(0, "set", pick.one.slug)
    frame.insert(1, "image", pick.index)
    frame.insert(2, "label", table.frame["label"].to_numpy()[pick.index])
    return frame


def _gallery(
    view: View, run: RunEntry, picks: Sequence[Pick], title: str, key: str, measure: Measure | None = None
) -> None:
    """A gallery with the score of each image below it, the chosen one where no other is named."""
    measure = measure or view.measure
    shown = []
    for pick in picks:
        values = measure.of(pick.one.table)
        shown += [Shown(ImageId(pick.one.slug, int(index)), significant(float(values[index]))) for index in pick.index]
    if shown:
        keys = {one.slug: one.key for one in (view.inside, *view.outside)}
        gallery(
            run,
            keys,
            shown,
            title,
            lambda: pd.concat([numbers(pick) for pick in picks if len(pick.index)], ignore_index=True),
            key=key,
        )
