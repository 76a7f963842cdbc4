"""Reconstructions as pictures, numbers and words. No torch (until there are reconstructions) and no Streamlit."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from plotly.colors import sample_colorscale

from app.images.mosaic import CELL, MIDDLE_CELL, SMALL_CELL, Cell, Row, Scale, table_html, through_scale
from app.looks.palette import HEAT_MAP
from app.looks.pictures import grey_or_colour
from app.looks.wording import nats, subscript

if TYPE_CHECKING:
    from hvae.measuring.reconstructions import RepeatedReconstructions, Shown

PICTURE: Shown = "pictures"
DIFFERENCE: Shown = "differences"
LOG_LIKELIHOOD: Shown = "log p(x|z)"
SPREAD: Shown = "standard deviation"
SINGLE: Shown = "single samples"
SHOWN: tuple[Shown, ...] = (PICTURE, DIFFERENCE, LOG_LIKELIHOOD, SPREAD, SINGLE)
"""`hvae.measuring.reconstructions.SHOWN`, repeated here so that a page knows it before torch is imported."""

_COLOURS = {DIFFERENCE: "RdBu_r", LOG_LIKELIHOOD: f"{HEAT_MAP}_r", SPREAD: HEAT_MAP}
_ENDS = {
    DIFFERENCE: ("−1: black where the image is white", "+1: white where it is black"),
    LOG_LIKELIHOOD: ("{low:.0f} nats or less: did not expect this pixel", "0: was certain of it"),
    SPREAD: ("0: the same in every draw", "0.25 or more: changes with the draw"),
}
FEW_COLUMNS, MANY_COLUMNS = 6, 9
"""Pictures beside one another that are shown large, and in the middle size."""

MOST_LEVELS = 6
"""Levels that are shown without being asked for: those of a model of five layers."""

_MEANS = ("log p(x|z)", "L>k, nats")


def usual_levels(depth: int) -> tuple[int, ...]:
    """Values of k that are shown without being asked for: all, or some, closest at the low ones, which matter most."""
    if depth < MOST_LEVELS:
        return tuple(range(depth + 1))
    steps = np.linspace(0, 1, MOST_LEVELS - 1) ** 1.5
    return (0, *(round(1 + step * (depth - 1)) for step in steps))


def left_out(depth: int) -> str:
    """Where the levels are that `usual_levels` leaves out, as one more sentence; empty where it leaves out none."""
    return " The Reconstructions page shows the levels between them." if depth >= MOST_LEVELS else ""


def cell(columns: int) -> int:
    """Most pixels of the screen that each of so many pictures beside one another takes."""
    return CELL if columns <= FEW_COLUMNS else MIDDLE_CELL if columns <= MANY_COLUMNS else SMALL_CELL


def headings(depth: int, levels: Sequence[int] | None = None) -> list[str]:
    """Column headings: the image, what the model sees of it, then one level a column (every one if None)."""
    return ["Image", "What the model sees", *(level_name(k) for k in _all(depth, levels))]


def strip(walked: RepeatedReconstructions, original: np.ndarray, label: str) -> str:
    """One image `(1, channel, height, width)` and what is left of it at the usual levels, as HTML."""
    levels = usual_levels(walked.depth)
    columns = headings(walked.depth, levels)
    shown = rows(walked, original, [label], PICTURE, walked.depth, levels=levels)
    return table_html(columns, shown, "rebuilt", cell(len(columns)))


def single_headings(draws: int) -> list[str]:
    """Column headings of single samples: the image, then one draw a column."""
    return ["Image", *(f"Draw {number}" for number in range(1, draws + 1))]


def level_name(k: int) -> str:
    """Where the latent variables of level k come from, in words."""
    if k == 0:
        return "Every z from q"
    last = f"z{subscript(k)}"
    return f"{last if k == 1 else f'z₁, {last}' if k == 2 else f'z₁ to {last}'} from the prior"


def rows(
    walked: RepeatedReconstructions,
    originals: np.ndarray,
    labels: Sequence[str],
    shown: str,
    depth: int,
    second: str | None = None,
    levels: Sequence[int] | None = None,
) -> list[Row]:
    """One row of pictures an image `(n, channel, height, width)` uint8, averaged over the draws, a column a level.

    `depth` is that of the deepest model of the table: the columns a shallower one lacks stay empty. `second` is the
    label of rows that stand below those of another model; the images are not repeated there.
    """
    pictures = _pictures(walked, shown)
    lines, (upper, lower) = _lines(walked, shown)
    found = []
    for number, label in enumerate(labels):
        inputs: tuple[Cell | None, ...] = (None, None)
        if second is None:
            seen = walked.seen[:, number].mean(0)
            inputs = (_input(originals[number], label), Cell(grey_or_colour(seen), f"{label}, as the model sees it"))
        cells = [
            Cell(
                pictures[k][number],
                f"{label}, {level_name(k)}, {shown}: {lines[0]} {upper[k][number]}",
                (upper[k][number], lower[k][number]),
            )
            if k <= walked.depth
            else None
            for k in _all(depth, levels)
        ]
        found.append(Row(second or label, (*inputs, *cells), lines))
    return found


def single_rows(
    walked: RepeatedReconstructions, originals: np.ndarray, labels: Sequence[str], level: int, second: str | None = None
) -> list[Row]:
    """One row an image with every draw of one level side by side; arguments as of `rows`."""
    found = []
    for number, label in enumerate(labels):
        cells: list[Cell | None] = [None] * walked.draws
        for draw in range(walked.draws if level <= walked.depth else 0):
            log_px, bound = (nats(values[draw, level, number]) for values in (walked.log_px, walked.bounds))
            words = f"{label}, {level_name(level)}, draw {draw + 1}: log p(x|z) {log_px} nats"
            cells[draw] = Cell(grey_or_colour(walked.levels[draw, level, number]), words, (log_px, bound))
        image = None if second else _input(originals[number], label)
        found.append(Row(second or label, (image, *cells), _MEANS))
    return found


def scale(walked: RepeatedReconstructions, shown: str) -> Scale | None:
    """What the colours of the reconstructions mean; None where they are pictures."""
    if shown not in _COLOURS:
        return None
    low, high = _ENDS[shown]
    ends = low.format(low=walked.range_of(shown)[0]).replace("-", "−", 1), high
    return Scale(*ends, _colours(_COLOURS[shown]))


def below(shown: str, draws: int) -> str:
    """What the two numbers below each picture are."""
    if shown == SPREAD:
        return (
            f"Below each picture: the mean of its standard deviations over {draws} draws and, under it, the standard "
            "deviation of L>k over the draws, in nats."
        )
    if shown == SINGLE or draws == 1:
        return "Below each picture: log p(x|z) and, under it, one draw of L>k, both in nats."
    return f"Below each picture: log p(x|z) and, under it, L>k, both in nats and averaged over {draws} draws."


def numbers(
    walked: RepeatedReconstructions, labels: Sequence[str], run: str, levels: Sequence[int] | None = None
) -> pd.DataFrame:
    """`RepeatedReconstructions.numbers` of the levels that are shown, with the name of the run."""
    shown = [k for k in _all(walked.depth, levels) if k <= walked.depth]
    frame = walked.numbers(labels, shown)
    frame.insert(0, "run", run)
    return frame


def single_numbers(walked: RepeatedReconstructions, labels: Sequence[str], run: str, level: int) -> pd.DataFrame:
    """`RepeatedReconstructions.single_numbers` with the name of the run; none for a level it does not have."""
    frame = walked.single_numbers(labels, min(level, walked.depth))
    frame.insert(0, "run", run)
    return frame if level <= walked.depth else frame.iloc[:0]


def what_to_see(walked: RepeatedReconstructions, shown: str, trained: str, own: bool) -> str:
    """What these rows show, in words; `shown` and `trained` are titles, `own` images the model knows."""
    before, after = (float(walked.log_px[:, k].mean()) for k in (0, 1))
    ratio = float((walked.bounds[:, 0] - walked.bounds[:, 1]).mean())
    fall = f"On average log p(x|z) then goes from {nats(before)} to {nats(after)} nats; LLR>1 is {nats(ratio)} nats."
    if own:
        return (
            f"This model knows {shown}: what z₂ and above have kept should still be recognisable once z₁ comes from "
            f"the prior, and fade only further right. {fall}"
        )
    return (
        f"This model was trained on {trained}, not on {shown}. With every z from q it may redraw these images well, "
        f"because z₁ copies low-level detail of any image. Once z₁ comes from the prior, only what the model knows is "
        f"left: look for {trained} in the columns to the right. {fall}"
    )


def _input(image: np.ndarray, label: str) -> Cell:
    return Cell(grey_or_colour(image), f"{label}, the image")


def _all(depth: int, levels: Sequence[int] | None) -> Sequence[int]:
    return range(depth + 1) if levels is None else levels


def _pictures(walked: RepeatedReconstructions, shown: str) -> list[list[np.ndarray]]:
    """Pixels `(height, width, 3)` by level and image."""
    if shown == PICTURE:
        return [[grey_or_colour(image) for image in level] for level in walked.pictures()]
    low, high = walked.range_of(shown)
    colours = _colours(_COLOURS[shown])
    return [[through_scale(values, low, high, colours) for values in level] for level in walked.maps(shown)]


def _lines(walked: RepeatedReconstructions, shown: str) -> tuple[tuple[str, str], tuple[list[list[str]], ...]]:
    """Names of the two numbers below a picture, and both of them by level and image."""

    def texts(values: np.ndarray) -> list[list[str]]:
        return [[nats(value) for value in level] for level in values]

    if shown == SPREAD:
        spread = [[f"{one:.3f}" for one in level] for level in walked.maps(SPREAD).mean((2, 3))]
        return ("pixel s.d.", "s.d. of L>k"), (spread, texts(walked.bounds.std(0, ddof=1)))
    return _MEANS, (texts(walked.log_px.mean(0)), texts(walked.bounds.mean(0)))


@cache
def _colours(name: str) -> np.ndarray:
    """A named colour scale as `(256, 3)` uint8."""
    colours = sample_colorscale(name, np.linspace(0, 1, 256).tolist(), colortype="tuple")
    return np.rint(np.array(colours) * 255).astype(np.uint8)
