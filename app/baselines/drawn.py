"""Chosen scores drawn: their ROC curves in one figure, and any two of them image by image."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from app.baselines.choosing import BUDGET, Rivals
from app.figures import curves as figures
from app.figures.layout import Figure
from app.frame import components, controls
from app.frame.caching import kept
from app.images import scatters
from app.looks.palette import look, run_look
from app.looks.wording import rate
from app.reading.agreement import agreement
from app.reading.measures import threshold
from hvae import stats
from hvae.report.rivals import Column


def curves(shown: Rivals, picked: Sequence[Column]) -> None:
    """One ROC curve a chosen score."""
    if not picked:
        st.info("Choose scores above to draw their ROC curves.")
        return

    def make() -> tuple[Figure, pd.DataFrame]:
        pairs = {one.title: (one.inside, one.outside[shown.slug]) for one in picked}
        lines = {name: stats.roc_curve(*pair, points=300) for name, pair in pairs.items()}
        areas = {name: stats.auroc(*pair).value for name, pair in pairs.items()}
        best = max(areas, key=areas.__getitem__)
        title = f"{components.escape(best)} orders {look(shown.slug).title} best: {rate(areas[best])} of all pairs"
        styles = [run_look(place, components.escape(name)) for place, name in enumerate(lines)]
        return figures.overlay(lines, styles, title), figures.table(lines, "score")

    stamp = shown.stamp, [one.title for one in picked]
    components.chart(*kept("rival curves", stamp, make), f"roc-{shown.slug}", key="rival-roc")


def two_scores(shown: Rivals, picked: Sequence[Column]) -> None:
    """Any two scores of the same images, one against the other; the first two chosen unasked."""
    names = list(shown.by_name)
    first = [one.title for one in picked] + names
    if len(names) < 2:
        st.info("There is only one score here, and nothing to set it against.")
        return
    with controls.bar("two-scores"):
        across = controls.choose("Score across", "across", names, first[0], select=True)
        rest = [name for name in names if name != across]
        up = controls.choose("Score upwards", "up", rest, next(name for name in first if name != across), select=True)
    both = [shown.by_name[name] for name in (across, up)]
    found = [
        kept(
            "rival agreement",
            (shown.stamp, across, up, slug),
            lambda slug=slug: agreement(slug, *((shown.values(one, slug), one.inside) for one in both)),
        )
        for slug in dict.fromkeys(shown.sets)
    ]
    shorts = [one.score.symbol for one in both]
    if shorts[0] == shorts[1]:
        shorts = [components.escape(one.title) for one in both]
    axes = [
        scatters.Axis(short, one.title, f"{components.escape(one.title)} ({one.score.units[0]})",
                      threshold(one.inside, BUDGET).value)
        for short, one in zip(shorts, both, strict=True)
    ]  # fmt: skip
    scatters.scatter(shown.run, shown.tables, found, axes, shown.rows, stamp=shown.stamp)
    limits = [one.threshold for one in axes]
    scatters.quadrants(found, limits, shorts, f"at {100 * BUDGET:.0f} % false alarms of each score")
