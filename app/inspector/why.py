"""Why an image has its score: the parts of the score as a waterfall, the terms of the likelihood, odd statistics."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import streamlit as st

from app.figures import profile
from app.figures.layout import Figure
from app.frame import components
from app.frame.caching import kept
from app.inspector.standing import MOST
from app.inspector.subject import Subject
from app.inspector.waterfalls import Chosen, explanation, layers_below, obstacle, odd_step, part_steps, steps
from app.looks.palette import look
from app.looks.wording import literal, lowered, significant
from app.reading.choosing import PARTED
from hvae.errors import TableError
from hvae.scores import Score, find, offered

Drawn = tuple[Figure, pd.DataFrame, pd.DataFrame]
"""The waterfall, its numbers, one row a statistic."""


def is_scored(subject: Subject) -> bool:
    """Whether the image stands in a score table."""
    return subject.chosen is not None


def parts(subject: Subject) -> None:
    """The parts of the page's score, else of the joint one; the terms of the likelihood where neither has any."""
    chosen, problems = _of(subject), []
    for score in _parted(subject):
        try:
            found = _explained(chosen, score)
        except TableError as error:
            problems.append(str(error))
            continue
        if found is not None:
            components.chart(found[0], found[1], "image-parts", key="image-parts")
            st.caption(f"Orange: this image. Blue: 90 % and 50 % of {look(chosen.own).title}.")
            return
    components.left_out(problems)
    bound(subject)


def statistics(subject: Subject) -> None:
    """What the score is made of, the most unusual first."""
    chosen = _of(subject)
    for score in _parted(subject):
        try:
            found = _explained(chosen, score)
        except TableError:
            continue
        if found is None:
            continue
        own = look(chosen.own).title
        components.listed(
            found[2],
            {
                "statistic": lambda row: layers_below(row.statistic),
                "value": lambda row: significant(row.value, 4),
                "usually": lambda row: significant(row.median, 4),
                "as far out": lambda row: _share(row.share),
            },
            f"Its statistics, the most unusual first, and how many {own} images are as far out in that one alone",
            name="image-statistics",
            most=MOST,
        )
        if score.legend:
            _read(layers_below(score.legend))
        return
    st.caption("No score of this run is made of several statistics.")


def bound(subject: Subject) -> None:
    """From log p(x|z) over the log-ratio of every layer to the bound, and from there to L^{>k}."""
    chosen = _of(subject)
    k = (subject.measure.score.k if subject.measure else None) or 1
    if why := obstacle((chosen.inside, chosen.table), k):
        st.caption(f"Its bound is not taken apart here: {literal(why)}.")
        return

    def draw() -> tuple[Figure, pd.DataFrame]:
        bars = steps(chosen.inside, chosen.table, chosen.index, k)
        title = odd_step(bars, chosen, "step to its bound")
        return profile.waterfall(bars, chosen.own, chosen.name, title), profile.steps_table(bars)

    components.chart(*kept("waterfall drawn", (chosen.stamp, k), draw), "image-waterfall", key="image-waterfall")
    _read(explanation(chosen.table, k))


def _read(words: str) -> None:
    """How to read what stands above (HTML), for who asks."""
    with st.popover("How to read this", type="tertiary"):
        components.prose(words)


def _of(subject: Subject) -> Chosen:
    assert subject.chosen is not None
    return subject.chosen


def _parted(subject: Subject) -> Iterator[Score]:
    """The score of the page, then the one that is made of parts where the model has it."""
    about = _of(subject).table.metadata
    first = subject.measure.score if subject.measure else None
    if first is not None:
        yield first
    known = offered(about.preprocessing, about.task)
    if PARTED in known and (first is None or first.name != PARTED) and known[PARTED].levels(about.depth):
        yield find(PARTED)()


def _explained(chosen: Chosen, score: Score) -> Drawn | None:
    return kept("explained", (chosen.stamp, score.label), lambda: _drawn(chosen, score))


def _drawn(chosen: Chosen, score: Score) -> Drawn | None:
    # No value depends on other images, so only one is explained, and the in-distribution ones once for all of them.
    tables = [one and one.metadata.content_sha256 for one in (chosen.inside, chosen.reference)]
    own = kept("explained own", (tables, score.label), lambda: score.explain(chosen.inside, chosen.reference))
    here = score.explain(chosen.table.take(np.array([chosen.index])), chosen.reference)
    if own is None or here is None:
        return None
    bars = part_steps(own, here, score)
    title = odd_step(bars, chosen, f"part of the {lowered(score.title)}")
    found = pd.DataFrame(
        {
            "statistic": list(here.shares),
            "value": here.statistics.iloc[0].to_numpy(),
            "median": own.statistics.median().to_numpy(),
            "share": here.shares.iloc[0].to_numpy(),
        }
    ).sort_values("share", ignore_index=True)
    return profile.waterfall(bars, chosen.own, chosen.name, title), profile.steps_table(bars), found


def _share(part: float) -> str:
    """A share of images as a percentage to two digits, never zero."""
    return "under 0.01\N{NO-BREAK SPACE}%" if part < 1e-4 else f"{100 * part:.2g}\N{NO-BREAK SPACE}%"
