"""Single images under all scores: those that one score alone catches, and one image with its rank under each."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from app import notes
from app.baselines.choosing import BUDGET, Rivals
from app.frame import components, controls
from app.frame.state import ImageId
from app.images.gallery import Shown, gallery
from app.inspector import panel
from app.inspector.sections import COMPARED, Section
from app.inspector.subject import Subject, of_view, usual
from app.looks.palette import look
from app.looks.wording import literal, percent, significant
from app.reading.view import view
from hvae.report.rivals import Column

SHOWN = 12
"""Images in the gallery."""


def caught_alone(shown: Rivals, picked: Sequence[Column]) -> None:
    """How many images of the OOD set one of the chosen scores alone catches, and those of one score."""
    slug, title = shown.slug, look(shown.slug).title
    if len(picked) < 2:
        st.info("Choose two or more scores above to see which images one of them alone catches.")
        return
    called = np.array([shown.called(one, slug) for one in picked])
    alone = called & (called.sum(axis=0) == 1)
    frame = pd.DataFrame(
        {
            "score": [one.title for one in picked],
            "caught": called.mean(axis=1),
            "alone": alone.mean(axis=1),
            "images": alone.sum(axis=1),
        }
    )

    def opening(name: str) -> dict[str, object]:
        """What shows the images that a score alone catches, and opens the first of them."""
        places = np.flatnonzero(alone[[one.title for one in picked].index(name)])
        first = f"{slug}:{shown.rows[slug][places[0]]}" if len(places) else None
        return {"caught": name, "image": first}

    components.listed(
        frame,
        {
            "score": lambda row: components.leads(components.escape(row.score), "baselines", **opening(row.score)),
            f"catches of {title}": lambda row: percent(row.caught),
            "alone": lambda row: f"{percent(row.alone)} ({row.images:,})",
        },
        f"At {100 * BUDGET:.0f} % false alarms all of them together catch {percent(called.any(axis=0).mean())} of "
        f"{title}",
        name="caught-alone",
    )
    names = [one.title for one in picked]
    default = names[int(np.argmax(alone.sum(axis=1)))]
    name = controls.choose("Caught only by", "caught", names, default, select=True)
    places = np.flatnonzero(alone[names.index(name)])
    if not len(places):
        st.html(f'<p class="prose">{components.escape(name)} alone catches no image of {title}.</p>')
        return
    ranks = {each.title: shown.ranks(each, slug)[places] for each in picked}
    own, highest = ranks[name], np.max([ranks[other] for other in names if other != name], axis=0)
    order = np.argsort(highest - own, kind="stable")
    numbers = shown.rows[slug][places][order].tolist()
    listed = pd.DataFrame({"image": [f"{slug}:{number}" for number in numbers]})
    for each, values in ranks.items():
        listed[f"{each} percentile"] = values[order]
    captions = [f"{mine:.0f} | {other:.0f}" for mine, other in zip(own[order], highest[order], strict=True)]
    tiles = [Shown(ImageId(slug, number), text) for number, text in zip(numbers, captions, strict=True)][:SHOWN]
    only = f"{title} images that only {components.escape(name)} catches"
    caption = f"{only}; below each its percentile | the highest of the others"
    gallery(shown.run, shown.tables, tiles, caption, listed.iloc[:SHOWN], key="caught-images")
    saved = partial(notes.beside, shown.run, listed, listed["image"])
    components.save(saved, f"only-{slug}", key="caught-every")


def inspect(shown: Rivals) -> None:
    """The inspector: an image under every score, and taken apart by the first run."""
    rows, tables = shown.rows, shown.tables
    first = shown.slug if shown.slug in rows else shown.found.in_data
    sizes = {slug: len(tables[slug]) for slug in reversed(shown.sets)}
    among = {slug: rows[slug].tolist() for slug in rows}
    section = Section(COMPARED, partial(_under_every_score, shown))
    panel.inspect(sizes, ImageId(first, int(rows[first][0])), partial(_subject, shown), among=among, extra=[section])


def _subject(shown: Rivals, image: ImageId) -> Subject:
    """The image as the first run has scored it."""
    entrant, slugs = shown.found.entrants[0], [slug for slug in shown.sets if slug != shown.found.in_data]
    measure = usual(shown.tables[image.slug].metadata)
    made = view(entrant.catalogue, shown.found.in_data, slugs, entrant.setting, measure, BUDGET, "nats")
    return of_view(made, image)


def _under_every_score(shown: Rivals, subject: Subject) -> None:
    """The share of in-distribution images at or below it under every score, and whether that calls it OOD."""
    image, own = subject.image, look(shown.found.in_data).title
    rows = shown.rows[image.slug]
    place = int(np.searchsorted(rows, image.index))
    if place == len(rows) or rows[place] != image.index:
        st.caption(
            f"{subject.title} is not among the {len(rows):,} images of {look(image.slug).title} that all of these runs "
            f"have scored, so it has no rank here; the other sections tell what {literal(shown.run.name)} makes of it. "
            "Next and Previous lead to images that have one."
        )
        return
    columns = list(shown.by_name.values())
    frame = pd.DataFrame(
        {
            "score": [one.score.called for one in columns],
            "run": [one.run or "no model" for one in columns],
            "value": [shown.values(one, image.slug)[place] for one in columns],
            "unit": [one.score.units[0] for one in columns],
            "rank": [shown.ranks(one, image.slug)[place] for one in columns],
            "called OOD": [bool(shown.called(one, image.slug)[place]) for one in columns],
        }
    ).sort_values("rank", ascending=False, kind="stable")
    calls = sum(frame["called OOD"].tolist())
    title = f"{calls} of {len(frame)} scores call {subject.title} OOD"
    with st.container(key="inspector-many-scores", gap="small"):
        components.listed(
            frame.rename(columns={"called OOD": "called"}),
            {
                "score": lambda row: f"{components.escape(row.score)}<br><small>{components.escape(row.run)}</small>",
                "value": lambda row: f"{significant(row.value, 4)}<br><small>{row.unit}</small>",
                "rank": lambda row: f"{row.rank:.1f} %",
                "": lambda row: components.mark("OOD") if row.called else components.mark("passes", "good"),
            },
            f"{title} at {100 * BUDGET:.0f} % false alarms; its rank among {own} images",
        )
    components.save(frame, f"image-{image.slug}-{image.index}", key="image-ranks-csv", quiet=True)
