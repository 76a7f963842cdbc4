"""Runs of one configuration and several seeds on the Compare page: as one row, and the images that all of them miss."""

from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from app import notes
from app.compare.choosing import BUDGET, Compared, View
from app.frame import components
from app.frame.state import ImageId
from app.images.gallery import Shown, gallery
from app.looks.palette import look
from app.looks.wording import percent, significant
from app.reading import seeds
from hvae.report.line_ups import shared_rows
from hvae.report.seeds import group_name, group_of, missed

SHOWN = 24
"""Images in the gallery."""


def groups(view: View) -> list[list[Compared]]:
    """The runs of a comparison that differ in their seed alone, two at least each."""
    found: dict[str, dict[int, Compared]] = {}
    for one in view.runs:
        if one.run.config:
            found.setdefault(group_of(one.run.config), {}).setdefault(one.run.config.training.seed, one)
    return [list(group.values()) for group in found.values() if len(group) > 1]


def section(view: View, slug: str) -> None:
    """A row a group, and for each what all of its seeds miss of an OOD set."""
    components.section("Over seeds")
    found = [(components.escape(group_name([one.run.name for one in group])), group) for group in groups(view)]
    seeds.table(
        found,
        f"AUROC of {view.measure.symbol}, {view.setting}: one row for runs that differ in their seed alone",
        "groups-of-seeds",
        "runs",
    )
    for place, (name, group) in enumerate(found):
        _missed(view, name, group, slug, place)


def _missed(view: View, name: str, group: list[Compared], slug: str, place: int) -> None:
    """The images of an OOD set below the threshold of every seed, the most normal ones first."""
    title = look(slug).title
    there = [one.scored[slug] for one in group if slug in one.scored]
    rows = shared_rows([one.table for one in there]) if len(there) == len(group) else None
    if rows is None:
        st.info(f"The seeds of this group have not all scored the same images of {title}.")
        return
    pairs = zip(group, there, rows, strict=True)
    masks = [missed(one.inside.scores, outside.scores[shared], BUDGET) for one, outside, shared in pairs]
    every, alone = np.logical_and.reduce(masks), float(np.mean(masks))
    chance = float(np.prod([mask.mean() for mask in masks]))
    st.html(
        f'<p class="prose"><strong>{every.sum():,} of {len(every):,} images of {title}</strong> are missed by every '
        f"seed ({name}), {percent(float(every.mean()))} at {100 * BUDGET:.0f} % false alarms. One seed misses "
        f"{percent(alone)} on average. If the seeds missed images independently of each other, {percent(chance)} would "
        "be missed by all. What is above that comes from the model and not from chance.</p>"
    )
    first = there[0]
    order = np.argsort(first.scores[rows[0][every]], kind="stable")
    index = rows[0][every][order]
    scores = {
        f"{one.run.name} score": own.scores[at][every][order] for one, own, at in zip(group, there, rows, strict=True)
    }
    frame = pd.DataFrame({"image": [f"{slug}:{one}" for one in index]} | scores)
    shown = [Shown(ImageId(slug, int(one)), significant(float(first.scores[one]))) for one in index[:SHOWN]]
    heading = (
        f"{title} images that every seed misses, the most normal first; below each its {view.measure.symbol} by the "
        "first seed"
    )
    gallery(group[0].run, {slug: first.table}, shown, heading, frame.head(SHOWN), key=f"missed-{place}")
    saved = partial(notes.beside, group[0].run, frame, frame["image"])
    components.save(saved, f"missed-by-every-seed-{slug}", key=f"missed-{place}-every")
