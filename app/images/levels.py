"""Reconstructions as pictures, numbers and words. No torch (until there are reconstructions) and no Streamlit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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


def headings(shown: str, levels: Sequence[int], draws: int) -> list[str]:
    """Column headings: the image, then what the model sees of it and one level a column, or every single sample."""
    if shown == SINGLE:
        return ["Image", *(f"Draw {number}" for number in range(1, draws + 1))]
    return ["Image", "What the model sees", *map(level_name, levels)]


def strip(walked: RepeatedReconstructions, original: np.ndarray, label: str) -> str:
    """One image `(1, channel, height, width)` and what is left of it at the usual levels, as HTML."""
    levels = usual_levels(walked.depth)
    columns = headings(PICTURE, levels, walked.draws)
    return table_html(columns, rows(walked, original, [label], PICTURE, levels), "rebuilt", cell(len(columns)))


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
    levels: Sequence[int],
    second: str | None = None,
) -> list[Row]:
    """One row of pictures an image `(n, channel, height, width)` uint8, averaged over the draws, a column a level.

    Single samples have a column a draw of the only level instead. The columns of levels that a shallower model lacks,
    the last ones, stay empty. `second` is the label of rows below those of another model: they repeat no image.
    """
    here = [k for k in levels if k <= walked.depth]
    titles, names, unit = [f"{level_name(k)}, {shown}" for k in here], ("log p(x|z)", "L>k, nats"), ""
    paint = _paint(walked, shown)
    if shown == SINGLE:
        values = walked.levels, walked.log_px, walked.bounds
        pictures, upper, lower = (one[:, here].reshape(-1, *one.shape[2:]) for one in values)
        titles, unit = [f"{level_name(k)}, draw {draw}" for draw in range(1, walked.draws + 1) for k in here], " nats"
    else:
        pictures = walked.maps(shown)[here] if shown in _COLOURS else walked.pictures()[here]
        upper, lower = walked.log_px.mean(0)[here], walked.bounds.mean(0)[here]
    if shown == SPREAD:
        names = "pixel s.d.", "s.d. of L>k"
        upper, lower = pictures.mean((2, 3)), walked.bounds.std(0, ddof=1)[here]
    columns = walked.draws if shown == SINGLE else len(levels)
    found = []
    for number, label in enumerate(labels):
        seen = Cell(grey_or_colour(walked.seen[:, number].mean(0)), f"{label}, as the model sees it")
        inputs = [Cell(grey_or_colour(originals[number]), f"{label}, the image"), seen][: 1 if shown == SINGLE else 2]
        cells: list[Cell | None] = [None] * columns
        for column, title in enumerate(titles):
            lines = nats(upper[column][number], 3 if shown == SPREAD else 1), nats(lower[column][number])
            words = f"{label}, {title}: {names[0]} {lines[0]}{unit}"
            cells[column] = Cell(paint(pictures[column][number]), words, lines)
        found.append(Row(second or label, (*([None] * len(inputs) if second else inputs), *cells), names))
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
    walked: RepeatedReconstructions, labels: Sequence[str], run: str, shown: str, levels: Sequence[int]
) -> pd.DataFrame:
    """The numbers of `RepeatedReconstructions` that are shown, with the name of the run; none for levels it lacks."""
    here = [k for k in levels if k <= walked.depth]
    frame = walked.single_numbers(labels, *here or [0]) if shown == SINGLE else walked.numbers(labels, here)
    frame.insert(0, "run", run)
    return frame if here else frame.iloc[:0]


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


def _paint(walked: RepeatedReconstructions, shown: str) -> Callable[[np.ndarray], np.ndarray]:
    """What makes pixels `(height, width, 3)` of a picture, or of a map by its colours."""
    if shown not in _COLOURS:
        return grey_or_colour
    low, high = walked.range_of(shown)
    return lambda values: through_scale(values, low, high, _colours(_COLOURS[shown]))


@cache
def _colours(name: str) -> np.ndarray:
    """A named colour scale as `(256, 3)` uint8."""
    colours = sample_colorscale(name, np.linspace(0, 1, 256).tolist(), colortype="tuple")
    return np.rint(np.array(colours) * 255).astype(np.uint8)
