"""Where an image stands: under its score at every level, and under every score."""

import numpy as np
import pandas as pd
import streamlit as st

from app.figures import profile
from app.figures.layout import Figure
from app.figures.profile import PERCENTILES
from app.frame import components
from app.frame.caching import kept
from app.inspector.subject import Subject
from app.looks.palette import look
from app.looks.wording import literal, significant, spoken
from app.reading import measures
from app.reading.measures import Measure, usable_unit
from hvae.errors import TableError
from hvae.scores import offered

MOST = 12
"""Rows of a table that stand below one another in the panel."""


def every_level(subject: Subject) -> None:
    """A score of the image at every level that it has, against the in-distribution percentiles."""
    chosen, measure = subject.chosen, subject.measure
    assert chosen is not None and measure is not None
    score = measure.score
    levels = [type(score)(k) for k in score.levels(chosen.table.metadata.depth)]

    def draw() -> tuple[Figure, pd.DataFrame]:
        found = {one: chosen.values(Measure(one)) for one in levels}
        bands = {one.symbol: np.percentile(own, PERCENTILES) for one, (own, _) in found.items()}
        values = [float(every[chosen.index]) for _, every in found.values()]
        above = [str(one.k) for one, band, value in zip(found, bands.values(), values, strict=True) if value > band[-1]]
        verb = "is above" if above or levels[0].k is not None else "is not above"
        where = "every level" if len(above) == len(levels) else f"k = {spoken(above)}" if above else "no level"
        at = "" if levels[0].k is None else f" at {where}"
        title = f"{score.title} of {chosen.name} {verb} 95 % of {look(chosen.own).title}{at}"
        return profile.profile(bands, values, chosen.own, chosen.name, title), profile.table(bands, values)

    try:
        drawn = kept("profile drawn", (chosen.stamp, score.name), draw)
    except TableError as error:
        st.caption(literal(error))
        return
    components.chart(*drawn, "one-image", key="one-image")


def every_score(subject: Subject) -> None:
    """The image under every score of the registry, with the share of in-distribution images at or below it."""
    chosen = subject.chosen
    assert chosen is not None
    rows, obstacles, names = [], [], {}
    about = chosen.table.metadata
    kinds = offered(about.preprocessing, about.task).values()
    for kind in (kind for kind in kinds if kind.of_single_images or about.data_fingerprint):
        for k in kind.levels(about.depth):
            measure = Measure(kind(k), usable_unit(kind, subject.unit))
            try:
                own, every = chosen.values(measure)
            except TableError as error:
                obstacles.append(str(error))
                break
            value = float(every[chosen.index])
            row = {"score": measure.label, "value": value, "unit": measure.unit}
            rows.append(row | {"percentile": measures.percentile(own, value)})
            names[measure.label] = measure.hinted
    if rows:
        # Two tables side by side have no room for a unit in every row.
        same = {row["unit"] for row in rows} == {"nats"}
        components.listed(
            pd.DataFrame(rows),
            {
                "score": lambda row: names[row.score],
                "nats" if same else "value": lambda row: f"{significant(row.value, 4)}{'' if same else f' {row.unit}'}",
                "lower": lambda row: f"{row.percentile:.1f} %",
            },
            f"The image under every score, and how many {look(chosen.own).title} images score lower",
            name="image-scores",
            most=MOST,
        )
    components.left_out(obstacles)
