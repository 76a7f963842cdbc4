"""Images side by side that lead to the one that is clicked; grey tiles where a data set is not on this machine."""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from app.figures import gallery as figures
from app.figures.layout import Figure
from app.frame import components, state
from app.frame.state import ImageId
from app.images.mosaic import grey_or_colour
from app.looks.palette import look
from app.reading import loading
from hvae.datasets import available, is_known
from hvae.errors import HvaeError
from hvae.runs.catalogue import TableEntry
from hvae.runs.folders import RunEntry


@dataclass(frozen=True)
class Shown:
    """One image of a gallery.

    Attributes:
        image: which one.
        caption: a few characters of plain text for below it, such as a score.
    """

    image: ImageId
    caption: str


def gallery(
    run: RunEntry,
    keys: Mapping[str, TableEntry],
    shown: Sequence[Shown],
    title: str,
    numbers: components.Numbers,
    *,
    key: str,
) -> None:
    """Images in a mosaic; a click, or the box below it, pins one.

    Args:
        run: the model they are scored by, for the shape of its images and the split of its training set.
        keys: score table of each data set by slug; its metadata name the data set.
        shown: the images in their order; nothing is drawn where there are none.
        title: what to see.
        numbers: what is known of the images, one row each, as a table and as CSV.
        key: unique on the page, of letters and hyphens.
    """
    if not shown:
        return
    tiles, absent = _tiles(run, keys, shown)
    pinned = st.session_state.get("image")
    place = next((number for number, one in enumerate(shown) if str(one.image) == pinned), None)
    here = [f"{one.image}{one.caption}{tile.pixels is None}" for one, tile in zip(shown, tiles, strict=True)]
    figure = _drawn(f"{run.path}{os.environ.get('HVAE_DATA')}{here}", tiles, title, place)

    def pin(position: int) -> None:
        if 0 <= int(position) < len(shown):
            state.pin(shown[int(position)].image)

    def pin_chosen() -> None:
        if (chosen := st.session_state[f"{key}-look"]) is not None:
            pin(chosen)

    rows, columns = figures.grid(len(shown))
    # As high as the tiles are at the width there is; a figure itself has one height at every width.
    height = f"calc(100cqw * {rows * figures.ASPECT / columns:.3f} + {figures.LEGEND + 4}px)"
    layers = (".stPlotlyChart", "[data-testid=stFullScreenFrame]", ".stElementContainer:has(.stPlotlyChart)")
    parts = ", ".join(f".st-key-{key}-frame {layer}" for layer in layers)
    with st.container(key=f"{key}-frame", gap="small"):
        st.html(
            f"<style>.st-key-{key}-frame {{ container-type: inline-size }} "
            f"{parts} {{ max-height: {height}; overflow: hidden }}</style>"
        )
        # Other images under the same key would inherit what was selected among the ones before: a click on that
        # place would take the selection away instead of pinning the image.
        contents = zlib.crc32(" ".join(str(one.image) for one in shown).encode())
        components.chart(figure, numbers, key, key=f"{key}-{contents:08x}", on_click=pin)
        if absent:
            commands = ", ".join(f"<code>hvae data fetch {components.escape(name)}</code>" for name in absent)
            st.html(f'<p class="prose">Grey tiles: the data set is not on this machine. {commands}</p>')
        st.session_state[f"{key}-look"] = place
        st.selectbox(
            "Look at",
            range(len(shown)),
            key=f"{key}-look",
            format_func=lambda number: f"{number + 1}. {shown[number].image} · {shown[number].caption}",
            placeholder="An image of this gallery",
            on_change=pin_chosen,
            width=320,
        )


# A resource, because drawing takes most of the time of a page that is warm: nobody may change what it holds.
@st.cache_resource(max_entries=48, show_spinner=False)
def _drawn(stamp: str, _tiles: list[figures.Tile], title: str, place: int | None) -> Figure:
    return figures.gallery(_tiles, title, place)


def _tiles(
    run: RunEntry, keys: Mapping[str, TableEntry], shown: Sequence[Shown]
) -> tuple[list[figures.Tile], list[str]]:
    """Every image with its pixels where they can be had, and the data sets that could be fetched."""
    found: dict[str, np.ndarray] = {}
    absent = []
    for slug in dict.fromkeys(one.image.slug for one in shown):
        try:
            if is_known(slug) and not available(slug):
                absent.append(slug)
                continue
            found[slug] = loading.scored_images(run, slug, keys[slug].split).images
        except (HvaeError, OSError, KeyError) as error:
            st.html(f'<p class="prose">No pictures of {look(slug).title}: {components.escape(error)}</p>')
    tiles = []
    for one in shown:
        slug, index = one.image.slug, one.image.index
        pixels = grey_or_colour(found[slug][index]) if index < len(found.get(slug, ())) else None
        tiles.append(figures.Tile(slug, index, one.caption, pixels))
    return tiles, absent
