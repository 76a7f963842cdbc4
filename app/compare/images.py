"""What runs say about the same images: score against score, where two disagree, and one image in all."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from app import notes
from app.compare.choosing import BUDGET, Compared, View
from app.frame import components, controls, state
from app.frame.caching import kept
from app.frame.state import ImageId
from app.gallery import pool
from app.images import scatters
from app.images.gallery import Shown, gallery
from app.inspector.subject import Subject
from app.looks.palette import look
from app.looks.wording import significant
from app.reading import measures
from app.reading.agreement import Agreement, agreement
from hvae.runs.notes import noted
from hvae.stats.arrays import Indices

SHOWN = 12
"""Images in a gallery."""

CALLED, PASSED = components.mark("OOD"), components.mark("passes", "good")


def pairs(view: View, slug: str | None) -> tuple[dict[str, Indices], list[Agreement], list[str]]:
    """(by slug the rows of run A that the first two runs scored, their scores, sets not paired)."""
    first, second = view.runs[:2]
    rows, found, unpaired = {}, [], []
    for name in dict.fromkeys(filter(None, (view.data, slug))):
        if name not in second.scored:
            unpaired.append(f"{second.run.name} has not scored {look(name).title} under this setting")
        elif (both := first.rows_with(second, name)) is None:
            unpaired.append(f"the tables of {look(name).title} are not paired: they hold different images")
        else:
            rows[name] = both[0]
            stamps = [one.scored[slug].stamp for one in (first, second) for slug in (name, view.data)]
            scores = [
                (one.scored[name].scores[at], one.inside.scores) for one, at in zip((first, second), both, strict=True)
            ]
            found.append(kept("agreement", stamps, lambda name=name, scores=scores: agreement(name, *scores)))
    return rows, found, unpaired


def scatter(view: View, rows: dict[str, Indices], found: list[Agreement]) -> None:
    """The score of run A against that of run B."""
    first, _ = both = view.runs[:2]
    tables = {one.slug: first.scored[one.slug].table for one in found}
    symbol, unit, limits = view.measure.symbol, view.measure.unit, _limits(view)
    both_axes = [
        scatters.Axis(one.letter, one.run.name, f"{symbol} of {one.look.title} ({unit})", limit)
        for one, limit in zip(both, limits, strict=True)
    ]
    stamp = [one.scored[slug].stamp for one in both for slug in (*tables, view.data)]
    scatters.scatter(first.run, tables, found, both_axes, rows, stamp=stamp)


def quadrants(view: View, found: list[Agreement]) -> None:
    """Which share of images the first two runs call OOD: both, one of them, or neither."""
    letters = [one.letter for one in view.runs[:2]]
    scatters.quadrants(found, _limits(view), letters, f"at {100 * BUDGET:.0f} % false alarms of each run")


def _limits(view: View) -> list[float]:
    return [measures.threshold(one.inside.scores, BUDGET).value for one in view.runs[:2]]


def disagreements(view: View, rows: Indices, one: Agreement) -> None:
    """The images that one run finds far stranger; `rows` are those of `pairs`."""
    first, second = view.runs[:2]
    table, name = first.scored[one.slug].table, look(one.slug).title
    places, labels = [f"{one.slug}:{row}" for row in rows.tolist()], table.frame["label"].to_numpy()[rows]
    frame = pd.DataFrame({"image": places, "label": labels})
    for word, *both in (("score", one.first, one.second), ("percentile", one.first_rank, one.second_rank)):
        for run, values in zip((first, second), both, strict=True):
            frame[f"{run.run.name} {word}"] = values
    frame["percentile difference"] = one.difference
    a, b = first.letter, second.letter
    ways = (("up", a, b), ("down", b, a))
    for column, (way, high, low), images in zip(st.columns(2, gap="large"), ways, one.furthest(SHOWN), strict=True):
        ranks = zip(rows[images].tolist(), one.first_rank[images], one.second_rank[images], strict=True)
        shown = [Shown(ImageId(one.slug, index), f"{own:.0f} | {other:.0f}") for index, own, other in ranks]
        title = f"{name} that {high} finds stranger than {low} does (percentile for {a} | for {b})"
        with column:
            if not shown:
                st.html(f'<p class="prose">{high} finds no image of {name} stranger than {low} does.</p>')
            gallery(first.run, {one.slug: table}, shown, title, frame.iloc[images], key=f"stranger-{way}")
    st.caption(
        f"The CSV has every image of {name}, the largest difference first. A percentile is the share of "
        f"{look(view.data).title} test images that the same run scores no higher."
    )
    order = np.argsort(-np.abs(one.difference), kind="stable")
    frame = noted(frame, notes.of(first.run), places)
    components.save(frame.iloc[order], f"every-image-{one.slug}", key="every-image")


def in_every_run(view: View, subject: Subject) -> None:
    """The inspected image in every run: score, percentile, and whether it is called OOD."""
    image, own = subject.image, view.runs[0]
    cells: dict[str, tuple[Callable[[Any], str], str]] = {
        f"score ({view.measure.unit})": (lambda row: significant(row.score, 4), "not scored"),
        "higher than": (lambda row: f"{row.percentile:.1f} %", ""),
        f"at {100 * BUDGET:.0f} % false alarms": (lambda row: CALLED if row.called_ood else PASSED, ""),
    }
    led = {one.run.name: one.led for one in view.runs}
    shown: dict[str, Callable[[Any], str]] = {"run": lambda row: led[row.run]}
    for head, (cell, none) in cells.items():
        shown[head] = lambda row, cell=cell, none=none: none if pd.isna(row.score) else cell(row)
    with st.container(key="inspector-many-runs", gap="small"):
        components.listed(
            pd.DataFrame([_judged(one, own, image) for one in view.runs]),
            shown,
            f"{view.measure.symbol} of {subject.title} in every run",
            name="image-in-every-run",
        )


def selected(view: View) -> None:
    """The images selected elsewhere: where every run puts them among its own images."""
    ids = pool.parsed(controls.unseen("ids", lambda text: isinstance(text, str), ""))
    state.hold("ids", ",".join(ids) or None)
    own, rows = view.runs[0], []
    for slug, _, index in (one.partition(":") for one in ids):
        if slug in own.scored and int(index) < len(own.scored[slug].scores):
            image = ImageId(slug, int(index))
            judged = {each.run.name: _judged(each, own, image) for each in view.runs}
            rows.append({"image": str(image)} | {name: one["percentile"] for name, one in judged.items()})
    if not rows:
        return

    def cell(row: Any, place: int) -> str:
        return "not scored" if pd.isna(row[place]) else f"{row[place]:.1f} %"

    looks = {one.run.name: one.look.title for one in view.runs}
    shown: dict[str, Callable[[Any], str]] = {
        "image": lambda row: components.leads(components.escape(row[0]), "compare", image=row[0])
    }
    shown |= {looks[name]: partial(cell, place=place) for place, name in enumerate(list(rows[0])[1:], start=1)}
    which = "The selected image" if len(rows) == 1 else f"The {len(rows)} selected images"
    title = f"{which}: the share of {look(view.data).title} images of each run that score lower"
    components.listed(pd.DataFrame(rows), shown, title, name="selected")


def _judged(one: Compared, own: Compared, image: ImageId) -> dict[str, Any]:
    """An image of run A in one run that may have scored it."""
    row: dict[str, Any] = {"run": one.run.name, "score": np.nan, "percentile": np.nan, "called_ood": None}
    both = one.rows_with(own, image.slug)
    if both is None or image.index not in both[1]:
        return row
    place = both[0][np.searchsorted(both[1], image.index)]
    inside, score = one.inside.scores, float(one.scored[image.slug].scores[place])
    called = score >= measures.threshold(inside, BUDGET).value
    return row | {"score": score, "percentile": measures.percentile(inside, score), "called_ood": called}
