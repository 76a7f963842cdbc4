"""One scored image: the steps of its bound, its value under every score, the image where the data set is here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from app.figures import profile
from app.figures.layout import Figure
from app.frame import components, controls
from app.frame.caching import kept
from app.frame.state import ImageId
from app.images import steps as image_steps
from app.images.rebuild import rebuild
from app.images.scored import link, picture
from app.looks.palette import look
from app.looks.wording import literal, significant, spoken
from app.reading import measures
from app.reading.measures import Measure, usable_unit
from app.reading.view import Scored, View
from hvae.errors import TableError
from hvae.runs.score_tables import ScoreTable
from hvae.scores import SCORES, Score
from hvae.stats.arrays import Floats

Values = Callable[[Measure], tuple[Floats, Floats]]
"""A score -> its values of the in-distribution images, and of all images of the table; raises a TableError."""


@dataclass(frozen=True, eq=False)
class Chosen:
    """An image beside those of the in-distribution set.

    Attributes:
        name: in words, as HTML.
        table: of its set.
        index: its row.
        inside: of the in-distribution images.
        own: slug of their set.
        values: of any score.
        stamp: names both tables, for caches.
    """

    name: str
    table: ScoreTable
    index: int
    inside: ScoreTable
    own: str
    values: Values
    stamp: str

    @property
    def drawn(self) -> tuple[str, str, int]:
        """Names it, for caches."""
        return self.name, self.stamp, self.index


def one_image(view: View, threshold: measures.Threshold) -> None:
    """Pick an image by number, by previous/next or by clicking its mark, and see where it stands."""
    components.section(
        "One image",
        "Click a mark below the densities, or type a set and a number. The bands are what in-distribution images do.",
    )
    sets = {one.slug: one for one in view.sets}
    first = view.outside[0] if view.outside else view.inside
    image = controls.image_box({slug: len(one.scores) for slug, one in sets.items()}, ImageId(first.slug, 0))
    one = sets[image.slug]
    chosen = of_view(view, one, image.index)
    score = float(one.scores[image.index])
    rank = measures.percentile(view.inside.scores, score)
    left, right = st.columns([1, 3], gap="large")
    with left:
        images = picture(view.run, image, one.table, 196)
        word = (
            components.mark("above the threshold: called OOD")
            if score >= threshold.value
            else components.mark("below the threshold: passes", "good")
        )
        st.html(
            f"<p class='prose'>{view.measure.symbol} = {significant(score, 4)} {view.measure.unit}<br>"
            f"higher than {rank:.1f} % of {look(view.inside.slug).title}<br>{word}</p>"
        )
        link(image, images)
    with right:
        bound_in_steps(chosen, view.measure.score.k or 1)
    if images is not None:
        rebuild(view.run, one.table.metadata, images, image.index)
    left, right = st.columns(2, gap="large")
    with left:
        every_level(chosen, view.measure.score)
    with right:
        every_score(chosen, view.unit)


def of_view(view: View, one: Scored, index: int) -> Chosen:
    """An image of a set of a view."""

    def values(measure: Measure) -> tuple[Floats, Floats]:
        return view.by(measure).scores, view.by(measure, one).scores

    name, stamp = f"{look(one.slug).title} {index}", f"{view.inside.stamp}\n{one.stamp}"
    return Chosen(name, one.table, index, view.inside.table, view.inside.slug, values, stamp)


def bound_in_steps(chosen: Chosen, k: int, key: str = "image-waterfall") -> None:
    """From log p(x|z) over the log-ratio of every layer to the bound, and from there to L^{>k}, k from 1."""
    if obstacle := image_steps.obstacle((chosen.inside, chosen.table), k):
        st.caption(f"Its bound is not taken apart here: {literal(obstacle)}.")
        return

    def draw() -> tuple[Figure, pd.DataFrame]:
        steps = image_steps.steps(chosen.inside, chosen.table, chosen.index, k)
        title = _odd_step(steps, chosen)
        return profile.waterfall(steps, chosen.own, chosen.name, title), profile.steps_table(steps)

    components.chart(*kept("waterfall drawn", (chosen.drawn, k), draw), key, key=key)
    st.html(f'<p class="prose">{image_steps.explanation(chosen.table, k)}</p>')


def _odd_step(steps: list[profile.Step], chosen: Chosen) -> str:
    """Which step is unlike those of the in-distribution images, in a sentence."""
    odd = profile.furthest(steps)
    if odd is None:
        return f"{chosen.name}: every step to its bound lies within the middle 90 % of {look(chosen.own).title}"
    # The ratio itself is easier to say than what it takes away.
    sign = -1 if odd.label.startswith("−") else 1
    low, high = sorted((sign * float(odd.band[0]), sign * float(odd.band[-1])))
    what = odd.label.lstrip("+− ")
    return (
        f"{chosen.name}: {what} = {profile.number(sign * odd.value)} nats is the step furthest outside the middle "
        f"90 % of {look(chosen.own).title}, from {profile.number(low)} to {profile.number(high)}"
    )


def every_level(chosen: Chosen, score: Score, key: str = "one-image") -> None:
    """A score of the image at every level that it has, against the in-distribution percentiles."""
    levels = [type(score)(k) for k in score.levels(chosen.table.metadata.depth)]

    def draw() -> tuple[Figure, pd.DataFrame]:
        found = {one: chosen.values(Measure(one)) for one in levels}
        bands = {one.symbol: np.percentile(own, profile.PERCENTILES) for one, (own, _) in found.items()}
        values = [float(every[chosen.index]) for _, every in found.values()]
        above = [one.k for one, band, value in zip(found, bands.values(), values, strict=True) if value > band[-1]]
        at = "" if levels[0].k is None else f" at {_at(above, len(levels))}"
        verb = "is above" if above or at else "is not above"
        title = f"{score.title} of {chosen.name} {verb} 95 % of {look(chosen.own).title}{at}"
        return profile.profile(bands, values, chosen.own, chosen.name, title), profile.table(bands, values)

    try:
        drawn = kept("profile drawn", (chosen.drawn, score.name), draw)
    except TableError as error:
        st.caption(literal(error))
        return
    components.chart(*drawn, key, key=key)


def every_score(chosen: Chosen, unit: str = "nats", name: str = "image-scores") -> None:
    """The image under every score of the registry, with the share of in-distribution images at or below it."""
    rows, obstacles = [], []
    for kind in SCORES.values():
        for k in kind.levels(chosen.table.metadata.depth):
            measure = Measure(kind(k), usable_unit(kind, unit))
            try:
                own, every = chosen.values(measure)
            except TableError as error:
                obstacles.append(str(error))
                break
            value = float(every[chosen.index])
            about = {"score": measure.label, "symbol": measure.symbol, "value": value, "unit": measure.unit}
            rows.append(about | {"percentile": measures.percentile(own, value)})
    if rows:
        components.listed(
            pd.DataFrame(rows),
            {
                "score": lambda row: row.symbol,
                "its value": lambda row: f"{significant(row.value, 4)} {row.unit}",
                "above": lambda row: f"{row.percentile:.1f} %",
            },
            f"It under every score, and how many images of {look(chosen.own).title} it is above",
            name=name,
        )
    for text in obstacles:
        st.caption(f"Left out: {literal(text)}")


def _at(levels: list[int | None], of: int) -> str:
    """Where a score is high, in words."""
    if len(levels) in (0, of):
        return "every k" if levels else "no k"
    return f"k = {spoken(map(str, levels))}"
