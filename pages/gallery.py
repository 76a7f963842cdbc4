"""Slices: which kinds of images does a score miss, and what do they look like?"""

from functools import partial

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.frame import components, controls, state
from app.frame.controls import decimal_or_none
from app.frame.state import ImageId
from app.gallery import measured, pool, tiles
from app.inspector import panel
from app.inspector.subject import of_view
from app.looks.palette import look
from app.looks.wording import score_command
from app.reading import presence, seeds
from app.reading.measures import Threshold
from app.reading.view import View
from app.slices import drawn
from hvae.errors import TableError

SEEDS_HELP = (
    f"{pool.EVERY}: below the threshold of this run and of every run that differs from it in its seed alone. What all "
    "of them miss is the model, not chance."
)


def filters(labels: list[str], several: bool) -> tuple[str, tuple[str, ...], tuple[float | None, float | None]]:
    """Verdict, labels and range of scores that are asked for, in a fold beside the other controls.

    With `several` seeds, what every one of them misses can be asked for.
    """
    with state.shared():
        fold = st.popover("Filters")
    with fold:
        verdicts = [pool.EITHER, pool.CALLED, pool.PASSED, *[pool.EVERY] * several]
        verdict = controls.choose("Verdict", "verdict", verdicts, help=SEEDS_HELP if several else None)
        chosen = controls.choose_many("Labels", "labels", labels, []) if len(labels) > 1 else ()
        low = decimal_or_none("Score from", "from", help="Leave empty for no lower limit.")
        high = decimal_or_none("to", "to", help="Leave empty for no upper limit.")
    return verdict, chosen, (low, high)


def shown(view: View, threshold: Threshold, room: DeltaGenerator) -> None:
    """Bars beside the images of the slice that is chosen."""
    first = view.outside[0] if view.outside else view.inside
    panel.inspect({one.slug: len(one.scores) for one in view.sets}, ImageId(first.slug, 0), partial(of_view, view))
    for text in view.problems:
        components.problem(text)
    with room:
        one = drawn.choose_set(view)
        along = drawn.choose_along(one)
        slices = drawn.cut(one, along)
        chosen = drawn.choose_slice(slices)
        labels = [str(label) for label in np.unique(one.table.frame["label"])]
        verdict, kept, brush = filters(labels if len(labels) <= 200 else [], seeds.are_several(view.run))
    rows = np.arange(len(one.scores)) if chosen is None else slices.rows(chosen)
    left, right = st.columns(2, gap="large")
    with left:
        drawn.figure(view, one, slices, threshold, chosen)
    with right:
        here = rows[seeds.passed_by_all(view, one)[rows]] if verdict == pool.EVERY else rows
        every = pool.pooled([one], threshold, {one.slug: here})
        found = every.filtered(pool.EITHER if verdict == pool.EVERY else verdict, kept, brush)
        part = "" if chosen is None else f", {components.escape(chosen)}"
        part += ", passed by every seed" * (verdict == pool.EVERY)
        title = f"{len(found):,} image{'s' * (len(found) != 1)} of {look(one.slug).title}{part}"
        # The missed first: unlike its own images, others are missed where their score is small.
        order = tiles.FALLING if one.slug == view.inside.slug else tiles.RISING
        tiles.tiles(view, found, title, "slice-images", order)
    # Below both: where they stand below one another, the images of a bar follow it.
    drawn.terms(view, one, threshold, rows)
    components.footer("\n".join(score_command(view.run.name, scored.entry) for scored in view.sets))


def page() -> None:
    """The page."""
    opened = presence.opened(
        "Slices",
        "Which kinds of images does the score miss? Click a bar to see its images, and an image to inspect it.",
    )
    if opened is None:
        return
    selection, found = opened
    if not presence.has(found, selection.data, selection.ood):
        return
    try:
        shown(*measured.choose_view(found, selection.data, selection.ood))
    except TableError as error:
        # The controls stay, so another score can be chosen.
        components.problem(str(error))


page()
