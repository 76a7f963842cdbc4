"""Scored images under two runs or two scores: one against the other, a mark an image, and who calls which OOD."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from app.figures.layout import Figure
from app.figures.scattered import agreement as figures
from app.frame import components, state
from app.frame.caching import kept
from app.images import served
from app.looks.palette import look
from app.looks.wording import percent
from app.reading.agreement import Agreement
from hvae.runs.folders import RunEntry
from hvae.runs.score_tables import ScoreTable
from hvae.stats.arrays import Indices


@dataclass(frozen=True)
class Axis:
    """One of the two: in short for corners and as the title of an axis (HTML), as a column of a CSV file."""

    short: str
    name: str
    title: str
    threshold: float


def scatter(
    run: RunEntry,
    tables: Mapping[str, ScoreTable],
    found: Sequence[Agreement],
    axes: Sequence[Axis],
    rows: Mapping[str, Indices] | None = None,
    *,
    stamp: object,
) -> None:
    """Image sets, the in-distribution one first, whose images a run has in these tables; a click pins the image.

    `rows` are by slug the numbers of the images, default in order from 0; the stamp names all of these for caches.
    """

    def draw() -> tuple[Figure, pd.DataFrame]:
        first, second = axes
        frames, words = [], []
        for one in found:
            numbers = np.arange(len(one.first)) if rows is None else rows[one.slug]
            scores = {f"{first.name} score": one.first, f"{second.name} score": one.second}
            frames.append(pd.DataFrame({"data": one.slug, "image": numbers, **scores}).iloc[one.marks()])
            words += served.words(tables[one.slug], frames[-1]["image"].tolist())
        drawn = pd.concat(frames, ignore_index=True)
        spoken = [f"{look(one.slug).title}: {one.likeness} (Spearman {one.correlation:.2f})" for one in found]
        title = f"Do {first.short} and {second.short} put images in the same order? {'; '.join(spoken)}"
        limits, shorts, titles = zip(*((one.threshold, one.short, one.title) for one in axes), strict=True)
        return figures.agreement(drawn, limits, shorts, titles, title, words), drawn  # type: ignore[arg-type]

    slugs = [one.slug for one in found]
    components.chart(
        *kept("agreement drawn", (stamp, axes, slugs), draw),
        "agreement",
        key="agreement",
        on_click=state.inspect_mark(slugs),
        pictures=[served.address(run, tables[slug]) for slug in slugs],
    )


def quadrants(found: Sequence[Agreement], limits: Sequence[float], shorts: Sequence[str], budget: str) -> None:
    """The shares of images that both call OOD, one of them does, or neither; the budget in words."""
    a, b = shorts
    called = (f"both {a} and {b}", f"only {a}", f"only {b}", "neither")
    columns = ["data", "both", *map(components.plain, called[1:3]), "neither", "spearman"]
    shares = [(one.slug, *one.quadrants(*limits), one.correlation) for one in found]
    components.listed(
        pd.DataFrame(shares, columns=columns),
        {
            "images": lambda row: look(row.data).title,
            **{name: lambda row, place=place: percent(row[place]) for place, name in enumerate(called, start=1)},
            "Spearman": lambda row: f"{row.spearman:.3f}",
        },
        f"Which of the two scores calls an image OOD, {budget}",
        name="quadrants",
    )
