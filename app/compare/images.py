"""Images of two runs on the Compare page: score against score, where the runs disagree, and one image in all runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from app.compare.choosing import BUDGET, View
from app.compare.numbers import QUADRANTS, Agreement, Compared, agreement, paired
from app.figures import agreement as figures
from app.figures.agreement import Cloud
from app.frame import components, controls, state
from app.frame.caching import kept
from app.frame.state import ImageId
from app.images.gallery import Shown, gallery, link, picture
from app.looks.palette import look
from app.looks.wording import percent, significant
from app.reading import measures

SHOWN = 12
"""Images in a gallery."""

CALLED, PASSED = components.mark("called OOD"), components.mark("passes", "good")


def pairs(view: View, slug: str | None) -> tuple[list[Agreement], list[str]]:
    """(the in-distribution set and the OOD set `slug` as the first two runs score them, sets that are not paired)."""
    first, second = view.runs[:2]
    found, unpaired = [], []
    for name in dict.fromkeys(filter(None, (view.data, slug))):
        if name not in second.sets:
            unpaired.append(f"{second.run.name} has not scored {look(name).title} under this setting")
        elif not paired(first, second, name):
            unpaired.append(f"the tables of {look(name).title} are not paired: they hold different images")
        else:
            stamps = [one.sets[slug].stamp for one in (first, second) for slug in (name, view.data)]
            found.append(kept("agreement", stamps, lambda name=name: agreement(name, first, second)))
    return found, unpaired


def scatter(view: View, found: list[Agreement]) -> None:
    """The score of the first run against that of the second, with the shares of images in each quadrant."""
    first, second = view.runs[:2]
    limits = tuple(measures.threshold(one.inside.scores, BUDGET).value for one in (first, second))
    letters = (first.letter, second.letter)
    clouds = []
    for one in found:
        marks = one.marks()
        clouds.append(Cloud(one.slug, marks, one.first[marks], one.second[marks]))
    axes = tuple(f"{view.measure.symbol} of {one.look.title} ({view.measure.unit})" for one in (first, second))
    components.chart(
        figures.agreement(clouds, limits, letters, axes, _title(found, *letters)),  # type: ignore[arg-type]
        figures.table(clouds, (first.run.name, second.run.name)),
        "agreement",
        key="agreement",
        on_click=state.pin_mark([one.slug for one in found]),
    )
    frame = pd.DataFrame(
        [
            {"data": one.slug, **dict(zip(QUADRANTS, one.quadrants(*limits), strict=True)), "spearman": one.correlation}
            for one in found
        ]
    )
    called = (f"both {letters[0]} and {letters[1]}", f"only {letters[0]}", f"only {letters[1]}", "neither")
    components.listed(
        frame,
        {
            "images": lambda row: look(row.data).title,
            **{name: lambda row, place=place: percent(row[place]) for place, name in enumerate(called, start=1)},
            "Spearman": lambda row: f"{row.spearman:.3f}",
        },
        f"Who calls an image OOD, at {100 * BUDGET:.0f} % false alarms of each run",
        name="quadrants",
    )


def _title(found: list[Agreement], first: str, second: str) -> str:
    """How alike the two runs order each set, in a sentence."""
    spoken = [f"{look(one.slug).title}: {_likeness(one.correlation)} (Spearman {one.correlation:.2f})" for one in found]
    return f"Do {first} and {second} put images in the same order? {'; '.join(spoken)}"


def _likeness(correlation: float) -> str:
    if np.isnan(correlation):
        return "all scores are equal"
    for least, words in ((0.9, "nearly"), (0.7, "mostly"), (0.4, "loosely"), (-0.2, "hardly")):
        if correlation >= least:
            return words
    return "rather the reverse"


def disagreements(view: View, one: Agreement) -> None:
    """The images that one run finds far stranger than the other does, both ways."""
    first, second = view.runs[:2]
    frame = every_image(view, one)
    seen = {one.slug: first.sets[one.slug].table}
    name = look(one.slug).title
    ways = (("up", first, second), ("down", second, first))
    for column, (way, high, low), images in zip(st.columns(2, gap="large"), ways, one.furthest(SHOWN), strict=True):
        shown = [
            Shown(ImageId(one.slug, int(index)), f"{one.first_rank[index]:.0f} | {one.second_rank[index]:.0f}")
            for index in images
        ]
        title = (
            f"{name} that {high.letter} finds stranger than {low.letter} does (percentile for {first.letter} | for "
            f"{second.letter})"
        )
        with column:
            if not shown:
                st.html(f'<p class="prose">{high.letter} finds no image of {name} stranger than {low.letter} does.</p>')
            gallery(first.run, seen, shown, title, frame.iloc[images], key=f"stranger-{way}")
    st.caption(
        f"The CSV has every image of {name} with both scores and percentiles, the largest difference first. "
        f"A percentile is the share of {look(view.data).title} test images that the same run scores no higher."
    )
    order = np.argsort(-np.abs(one.difference), kind="stable")
    components.save(frame.iloc[order], f"every-image-{one.slug}", key="every-image")


def every_image(view: View, one: Agreement) -> pd.DataFrame:
    """Every image of a set: scores, percentiles and their difference by the first two runs."""
    first, second = view.runs[:2]
    table = first.sets[one.slug].table
    columns = {
        "image": [f"{one.slug}:{index}" for index in range(len(table))],
        "label": table.frame["label"].to_numpy(),
        f"{first.run.name} score": one.first,
        f"{second.run.name} score": one.second,
        f"{first.run.name} percentile": one.first_rank,
        f"{second.run.name} percentile": one.second_rank,
        "percentile difference": one.difference,
    }
    return pd.DataFrame(columns)


def one_image(view: View, found: list[Agreement]) -> None:
    """One image in every run: its score, its percentile, and whether it is called OOD."""
    components.section(
        "One image in every run", "Click a mark or an image above, or type a set and a number. It stays on other pages."
    )
    own = view.runs[0]
    last = found[-1]
    sizes = {one.slug: len(one.first) for one in found[::-1]}
    up, down = last.furthest(1)
    image = controls.image_box(sizes, ImageId(last.slug, int(next(iter([*up, *down]), 0))))
    looks = {one.run.name: one.look.title for one in view.runs}
    left, right = st.columns([1, 3], gap="large")
    with left:
        images = picture(own.run, image, own.sets[image.slug].table, 160)
    with right:
        cells: dict[str, Callable[[Any], str]] = {
            f"score ({view.measure.unit})": lambda row: significant(row.score, 4),
            f"above so many {look(view.data).title} images": lambda row: f"{row.percentile:.1f} %",
            f"at {100 * BUDGET:.0f} % false alarms": lambda row: CALLED if row.called_ood else PASSED,
        }
        components.listed(
            pd.DataFrame([_judged(one, own, image) for one in view.runs]),
            {"run": lambda row: looks[row.run]}
            | {
                head: lambda row, cell=cell: "not scored" if pd.isna(row.score) else cell(row)
                for head, cell in cells.items()
            },
            f"{view.measure.symbol} of {look(image.slug).title} {image.index} in every run",
            name="image-in-every-run",
        )
        st.page_link(
            "../pages/scores.py",
            label="See its place on Scores →",
            query_params=state.values("scores", image=str(image)),
        )
        link(image, images, "See its reconstructions by A and B →", versus=view.runs[1].run.name)


def _judged(one: Compared, own: Compared, image: ImageId) -> dict[str, object]:
    """An image in one run; nothing but the run where it has scored other images than run A."""
    if not paired(one, own, image.slug):
        return {"run": one.run.name, "score": np.nan, "percentile": np.nan, "called_ood": None}
    inside, score = one.inside.scores, float(one.sets[image.slug].scores[image.index])
    return {
        "run": one.run.name,
        "score": score,
        "percentile": measures.percentile(inside, score),
        "called_ood": score >= measures.threshold(inside, BUDGET).value,
    }
