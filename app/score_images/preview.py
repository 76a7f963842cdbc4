"""What the model sees of the first images, before anything is scored."""

from __future__ import annotations

from itertools import islice

import numpy as np
import streamlit as st

from app.frame import components
from app.frame.caching import kept
from app.images import mosaic
from app.looks.pictures import grey_or_colour
from app.score_images.sources import Given
from hvae.datasets.own.outside import Picture, Refusal, Treatment, collect

MOST_SHOWN, MOST_LOOKED_AT = 12, 60
ACROSS = 6
LIGHT_ON_DARK = ("fashionmnist", "mnist", "notmnist", "kmnist", "digits", "glyphs")
"""Grey data sets whose paper is black."""
MOST_REFUSED, MOST_CHANGES = 50, 4


def preview(given: Given, how: Treatment, trained: str) -> bool:
    """Draw the first images as a model of the set `trained` takes them; whether there is an image to score."""
    with st.spinner("Reading the first images"):
        taken, refused = kept("first uploads", (given.stamp, how), lambda: _first(given, how))
    if taken:
        st.html('<p class="chart-title">What the model sees of the first images</p>')
        st.html(mosaic.table_html(*_mosaic(taken), "seen", mosaic.SMALL_CELL))
        # Grey files beside colour ones: each kind is named.
        done = "; ".join(list(dict.fromkeys(", ".join(one.changes) for one in taken if one.changes))[:MOST_CHANGES])
        grey = "Grey values, before they are drawn as black and white pixels."
        seen = grey if how.image_shape[0] == 1 else "Colours as the model takes them."
        st.caption(f"{seen} Done to the files: {done}." if done else seen)
        if words := suggestion([one.image for one in taken], how.invert, trained):
            st.info(words)
    refusals([(one.name, one.reason) for one in refused])
    if not taken:
        st.info("None of these files could be read as an image, so there is nothing to score.")
    return bool(taken)


def _first(given: Given, how: Treatment) -> tuple[list[Picture], list[Refusal]]:
    """The first images, and what could not be read before them."""
    taken, refused = [], []
    for one in islice(collect(given.sources, how), MOST_LOOKED_AT):
        (refused if isinstance(one, Refusal) else taken).append(one)
        if len(taken) == MOST_SHOWN:
            break
    return taken, refused


def suggestion(images: list[np.ndarray], invert: bool, trained: str) -> str:
    """One sentence where most images have a light ground and the model knows light strokes on black; else empty.

    `images` are `(channel, height, width)` uint8 as the model would take them, inverted or not.
    """
    if trained not in LIGHT_ON_DARK or sum(border(image) > 127 for image in images) * 2 <= len(images):
        return ""
    advice = ("These", "Try Invert") if not invert else ("Inverted, these", "Try without Invert")
    return f"{advice[0]} look like dark strokes on light paper; the model was trained on light on black. {advice[1]}."


def border(image: np.ndarray) -> float:
    """Mean of the border pixels in 0..255; of the lighter pair of sides, as padding makes the other one black."""
    top_and_bottom, sides = image[:, (0, -1), :], image[:, :, (0, -1)]
    return max(float(top_and_bottom.mean()), float(sides.mean()))


def refusals(refused: list[tuple[str, str]]) -> None:
    """List the files that could not be read."""
    if refused:
        rows = [[components.escape(name), components.escape(reason)] for name, reason in refused[:MOST_REFUSED]]
        more = f", the first {MOST_REFUSED} of {len(refused):,}" if len(refused) > MOST_REFUSED else ""
        components.table(["file", "reason"], rows, f"Could not be read{more}; the others are scored all the same")


def _mosaic(taken: list[Picture]) -> tuple[list[str], list[mosaic.Row]]:
    cells = [mosaic.Cell(grey_or_colour(one.image), one.name, (shortened(one.name),)) for one in taken]
    across = min(ACROSS, len(cells))
    rows = []
    for start in range(0, len(cells), across):
        chosen = cells[start : start + across]
        last = start + len(chosen)
        label = f"Image {last}" if last == start + 1 else f"Images {start + 1} to {last}"
        rows.append(mosaic.Row(label, (*chosen, *[None] * (across - len(chosen)))))
    return [str(number) for number in range(1, across + 1)], rows


def shortened(name: str, most: int = 14) -> str:
    """The end of a file name: what tells files apart."""
    return name if len(name) <= most else f"…{name[1 - most :]}"
