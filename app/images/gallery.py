"""Scored images on a page: side by side, leading to the one that is clicked, or one; or why they are not here."""

import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from app import notes
from app.figures import gallery as figures
from app.frame import components, fetching, state
from app.frame.caching import kept
from app.frame.state import ImageId
from app.looks.palette import look
from app.looks.pictures import grey_or_colour
from app.reading import loading
from app.reading.loading import Seen
from hvae.datasets import available, is_known
from hvae.errors import HvaeError
from hvae.runs.folders import RunEntry
from hvae.runs.score_tables import ScoreTable


@dataclass(frozen=True)
class Shown:
    """One image of a gallery, and a few characters of plain text for below it, such as a score."""

    image: ImageId
    caption: str


def gallery(
    run: RunEntry,
    seen: Mapping[str, Seen],
    shown: Sequence[Shown],
    title: str,
    numbers: components.Numbers,
    *,
    key: str,
    on_click: Callable[[ImageId], None] | None = None,
    marked: Collection[str] = (),
) -> None:
    """Images that a run has seen (by the table of each set) in a mosaic; a click, or the box below it, pins one.

    `numbers` has a row an image, to which the run's notes are added; the key is of letters and hyphens.
    `on_click` is done in place of pinning; the `marked` ids are framed as well.
    """
    if not shown:
        return
    tiles, absent = _tiles(run, seen, shown)
    with_notes = partial(_with_notes, run, shown, numbers)
    pinned = st.session_state.get("image")
    place = next((number for number, one in enumerate(shown) if str(one.image) == pinned), None)
    here = [f"{one.image}{one.caption}{tile.pixels is None}" for one, tile in zip(shown, tiles, strict=True)]
    origins = [loading.about(one).data_fingerprint for one in seen.values()]
    # Nothing but grey tiles tells nobody anything: images that are away can be picked in the box below the others.
    seen_ones = [number for number, one in enumerate(shown) if one.image.slug not in absent]
    chosen = seen_ones.index(place) if place in seen_ones else None
    selected = [number for number, one in enumerate(seen_ones) if str(shown[one].image) in marked]
    drawn = [tiles[number] for number in seen_ones]
    stamp = run.path, origins, here, title, place, selected

    def pin(number: int | None) -> None:
        if number is not None:
            (on_click or state.inspect)(shown[number].image)

    def pin_tile(position: Any) -> None:
        if 0 <= int(position) < len(seen_ones):
            pin(seen_ones[int(position)])

    # The style sheet makes the frame as high as so many rows and columns of tiles are.
    rows, columns = figures.grid(max(1, len(drawn)))
    with st.container(key=f"tiles-{rows}-{columns}-{key}", gap="small"):
        # Other images under the same key would inherit what was selected among the ones before: a click on that
        # place would take the selection away instead of pinning the image.
        contents = zlib.crc32(" ".join([*(str(one.image) for one in shown), *map(str, selected)]).encode())
        if drawn:
            figure = kept("gallery", stamp, lambda: figures.gallery(drawn, title, chosen, selected), "large")
            components.chart(figure, with_notes, key, key=f"{key}-{contents:08x}", on_click=pin_tile)
        else:
            # What stands below each image goes without saying where there is none.
            components.titled(title.partition(";")[0])
            components.save(with_notes, key, key=f"{key}-csv")
        if drawn and len(drawn) < len(shown):
            st.caption(
                f"{len(shown) - len(drawn):,} of these {len(shown):,} images are not on this machine, so "
                "they are not shown."
            )
        if absent:
            fetching.offer(absent, key)
        _box(shown, place, key, pin)


def _with_notes(run: RunEntry, shown: Sequence[Shown], numbers: components.Numbers) -> pd.DataFrame:
    return notes.beside(run, components.made(numbers), (str(one.image) for one in shown))


def _box(shown: Sequence[Shown], place: int | None, key: str, pin: Callable[[int | None], None]) -> None:
    """What the keyboard picks an image with, those that are away among them."""
    st.session_state[f"{key}-look"] = place
    st.selectbox(
        "Inspect",
        range(len(shown)),
        key=f"{key}-look",
        format_func=lambda number: f"{number + 1}. {shown[number].image} · {shown[number].caption}",
        placeholder="An image of this gallery",
        on_change=lambda: pin(st.session_state[f"{key}-look"]),
        width=320,
    )


def _tiles(run: RunEntry, seen: Mapping[str, Seen], shown: Sequence[Shown]) -> tuple[list[figures.Tile], list[str]]:
    """Every image with its pixels where they can be had, and the data sets that could be fetched."""
    found: dict[str, np.ndarray] = {}
    absent = []
    for slug in dict.fromkeys(one.image.slug for one in shown):
        if is_known(slug) and not available(slug):
            absent.append(slug)
            continue
        try:
            found[slug] = loading.scored_images(run, seen[slug]).images
        except (HvaeError, OSError) as error:
            st.html(f'<p class="prose">No pictures of {look(slug).title}: {components.escape(error)}</p>')

    def tile(slug: str, index: int, caption: str) -> figures.Tile:
        pixels = grey_or_colour(found[slug][index]) if index < len(found.get(slug, ())) else None
        table = seen[slug]
        labels = table.frame["label"] if isinstance(table, ScoreTable) else ()
        about = f", label {labels[index]}" if index < len(labels) else ""
        return figures.Tile(slug, index, caption, pixels, about)

    return [tile(one.image.slug, one.image.index, one.caption) for one in shown], absent
