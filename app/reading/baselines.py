"""Model-free baselines beside a model's scores: one line on what they reach, and their table in a fold."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from app.frame import components
from app.looks.palette import look
from app.looks.wording import estimate, lowered, rate
from app.reading import loading
from app.reading import view as views
from app.reading.measures import Measure
from app.reading.view import View
from hvae.scores import SCORES
from hvae.stats import Estimate

ABOUT = (
    "These scores use no model. They ask how unusual the pixels themselves are, too high or too low, compared with "
    "the reference part of the training set. A model is worth its cost where it beats them."
)


def measured(view: View) -> tuple[list[View], list[str]]:
    """(the sets of a view under every baseline, why the rest is not there, one line each)."""
    entry = view.catalogue.find(view.catalogue.own, view.setting, ("reference",)) if view.catalogue.own else None
    reference = loading.table(view.catalogue, entry) if entry else None
    tables = [*(one.table for one in view.sets), *([reference] if reference else [])]
    found: list[View] = []
    absent: list[str] = []
    for score in (kind() for kind in SCORES.values() if kind.model_free):
        made, problems = views.tried([partial(view.under, Measure(score))])
        if problems:
            # Of all sets at once: who runs one command should not be asked for the next.
            obstacles, damaged = views.tried(partial(score.obstacle, table, reference) for table in tables)
            absent += [*problems, *filter(None, obstacles), *damaged]
        found += made
    return found, absent


def fold(found: Sequence[View], absent: Sequence[str], rivals: Mapping[str, View]) -> None:
    """The best of the baselines on each OOD set and whether a rival beats it; all of them where it is opened.

    `found` and `absent` are as of `measured`; `rivals` are sets under the model's scores, by their name in HTML.
    """
    line = summary(found, rivals) or "not measured yet; the fold below says how"
    components.prose(f"<strong>Best AUROC without any model:</strong> {line}.")
    details = st.expander("Model-free baselines", key="baselines", on_change="rerun")
    if not details.open:
        return
    with details:
        st.html(f'<p class="prose">{ABOUT}</p>')
        if any(one.outside for one in found):
            auroc_table(found, "AUROC of the model-free baselines, with 95 % intervals", "baselines", titles=True)
        components.left_out(absent)


def summary(found: Sequence[View], rivals: Mapping[str, View]) -> str:
    """For each OOD set its best baseline and whether the best rival beats it, in HTML; empty without a baseline."""
    said = []
    for slug, line in views.against(found).items():
        place = max(line, key=lambda place: line[place].value)
        best, measure = line[place].value, found[place].measure
        symbol, title = measure.symbol, lowered(measure.score.title)
        text = f"{look(slug).title} {rate(best)} ({title if symbol in title else f'{symbol}: {title}'}"
        reached = {
            name: views.auroc(one.inside, other).value
            for name, one in rivals.items()
            for other in one.outside
            if other.slug == slug
        }
        if reached:
            name = max(reached, key=reached.__getitem__)
            word = components.mark("beaten", "good") if reached[name] > best else components.mark("not beaten")
            text += f", {word} by {name}, {rate(reached[name])}"
        said.append(f"{text})")
    return "; ".join(said)


def auroc_table(
    found: Sequence[View],
    caption: str,
    name: str,
    published: Mapping[str, tuple[float | None, str]] | None = None,
    titles: bool = False,
) -> None:
    """AUROC of every score against each OOD set of some views, and below it what was `published` of a set.

    `published` has a figure and the symbol of its score; with `titles` the scores are named in words as well.
    """
    lines, stated = views.against(found), published or {}
    rows: list[dict[str, Any]] = []
    for place, one in enumerate(found):
        rows.append({"score": one.measure.label, "model_free": one.measure.score.model_free})
        for slug, line in lines.items():
            rows[-1] |= views.spread(slug, line[place]) if place in line else {}
    if published is not None:
        rows.append(
            {"score": "published (ICML talk)", "model_free": False} | {slug: stated[slug][0] for slug in stated}
        )
    ends = (slug + end for slug in lines for end in ("", "_low", "_high"))
    symbols: dict[str, str] = {}
    for one in found:
        named = f"{one.measure.score.title} ({one.measure.symbol})" if titles else one.measure.hinted
        symbols[one.measure.label] = components.leads(named, "scores", **one.choices)

    def cell(place: int, slug: str, row: Any) -> str:
        value, low, high = row[3 * place + 2 : 3 * place + 5]
        if pd.isna(value):
            return "–"
        return estimate(Estimate(value, low, high)) if pd.notna(low) else f"{rate(value)} ({stated[slug][1]})"

    shown: dict[str, Callable[[Any], str]] = {"score": lambda row: symbols.get(row.score, str(row.score))}
    shown |= {look(slug).title: partial(cell, place, slug) for place, slug in enumerate(lines)}
    components.listed(pd.DataFrame(rows, columns=["score", "model_free", *ends]), shown, caption, name=name)
