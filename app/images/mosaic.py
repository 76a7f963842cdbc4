"""Images and what a model makes of them as small pictures in a table, every label text that can be read and searched.

No torch (until there are reconstructions) and no Streamlit.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFont
from plotly.colors import sample_colorscale

from app.looks.palette import HEAT_MAP
from app.looks.pictures import data_uri, grey_or_colour, png
from app.looks.wording import nats, subscript
from hvae.report.judged.where import HIGH_END, LOW_END, diverging, through_scale

if TYPE_CHECKING:
    from hvae.measuring.reconstructions import RepeatedReconstructions, Shown

CELL, MIDDLE_CELL, SMALL_CELL = 128, 100, 64
"""Most pixels of the screen a picture takes (on a phone half of it), where several, and where many are side by side."""
FEW_COLUMNS, MANY_COLUMNS = 6, 9
"""Pictures beside one another that are shown large, and in the middle size."""

PICTURE: Shown = "pictures"
DIFFERENCE: Shown = "differences"
LOG_LIKELIHOOD: Shown = "log p(x|z)"
WHERE: Shown = "log p(x|z) lost"
SPREAD: Shown = "standard deviation"
SINGLE: Shown = "single samples"
SHOWN: tuple[Shown, ...] = (PICTURE, DIFFERENCE, LOG_LIKELIHOOD, WHERE, SPREAD, SINGLE)
"""`hvae.measuring.reconstructions.SHOWN`, repeated here so that a page knows it before torch is imported."""

_COLOURS = {DIFFERENCE: "RdBu_r", WHERE: "", LOG_LIKELIHOOD: f"{HEAT_MAP}_r", SPREAD: HEAT_MAP}
"""Scales of plotly by name; the maps of where an image is lost have the colours of the report."""
_ENDS = {
    DIFFERENCE: ("−1: black where the image is white", "+1: white where the image is black"),
    WHERE: (LOW_END, HIGH_END),
    LOG_LIKELIHOOD: ("{low:.0f} nats or less: did not expect this pixel", "0: was certain of this pixel"),
    SPREAD: ("0: the same in every draw", "0.25 or more: changes from draw to draw"),
}
MOST_LEVELS = 6
"""Levels that are shown without being asked for: those of a model of five layers."""


@dataclass(frozen=True)
class Way:
    """Where a click on a picture leads, and what the mouse on it says of the image."""

    href: str
    words: str


@dataclass(frozen=True, eq=False)
class Cell:
    """One picture: `(height, width, 3)` uint8 pixels, words for those who cannot see it, short lines below it."""

    pixels: np.ndarray
    alt: str
    lines: tuple[str, ...] = ()
    way: Way | None = None


@dataclass(frozen=True, eq=False)
class Row:
    """Pictures side by side, one a column (None leaves a gap), their label, and names of the lines below them."""

    label: str
    cells: tuple[Cell | None, ...]
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Scale:
    """What `(256, 3)` uint8 colours mean: words for the first and for the last one."""

    low: str
    high: str
    colours: np.ndarray


def scale_html(scale: Scale) -> str:
    """A colour scale between the words for its ends, as HTML."""
    stops = ", ".join(f"rgb({r}, {g}, {b})" for r, g, b in scale.colours[::32])
    return (
        f'<p class="colour-scale">{html.escape(scale.low)}<span style="--stops: {stops}"></span>'
        f"{html.escape(scale.high)}</p>"
    )


def table_html(headings: Sequence[str], rows: Sequence[Row], name: str, cell: int | None = None) -> str:
    """The pictures as an HTML table, enlarged by whole numbers to at most `cell` pixels, or what so many columns take.

    There is at least one picture; `name` is a word of letters that no other mosaic of the page has.
    """
    height, width = _size(rows)
    columns = len(headings)
    cell = cell or (CELL if columns <= FEW_COLUMNS else MIDDLE_CELL if columns <= MANY_COLUMNS else SMALL_CELL)
    scale = max(1, cell // max(height, width))
    head = "".join(f'<th scope="col">{html.escape(heading)}</th>' for heading in headings)
    return (
        f'<div class="mosaic {name}" style="--width: {width * scale}px; --height: {height * scale}px" '
        f'tabindex="0" role="region" aria-label="Pictures: {name}">'
        f"<table><thead><tr><td></td>{head}</tr></thead><tbody>{''.join(map(_row_html, rows))}</tbody></table></div>"
    )


def sheet_png(
    headings: Sequence[str],
    rows: Sequence[Row],
    scale: int = 4,
    colours: Scale | None = None,
    notes: Sequence[str] = (),
) -> bytes:
    """The pictures, enlarged by `scale`, with all that is said of them as one PNG on white, for a slide or a paper."""
    import matplotlib

    # DejaVu Sans from matplotlib's wheel: Pillow's own font has neither subscripts nor a minus sign.
    font = ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", 11)
    height, width = (side * scale for side in _size(rows))
    gap, line = 8, 15
    left = 12 + int(max(font.getlength(text) for row in rows for text in (row.label, *row.lines)))
    wrapped = [_wrapped(heading, width, font) for heading in headings]
    top = gap + line * max(map(len, wrapped))
    step_x, step_y = (
        width + gap,
        height + gap + line * max(len(cell.lines) for row in rows for cell in row.cells if cell),
    )
    bottom = top + step_y * len(rows)
    right, bar = [12 + font.getlength(note) for note in notes], 0
    if colours is not None:
        bar = 16 + int(font.getlength(colours.low))
        right.append(bar + len(colours.colours) + 20 + font.getlength(colours.high))
    across = int(max(left + step_x * len(headings), *right, 0))
    sheet = Image.new("RGB", (across, bottom + line * (len(notes) + 2 * bool(bar)) + gap), "white")
    draw = ImageDraw.Draw(sheet)

    def write(x: int, y: int, lines: Sequence[str], colour: str = "#555", spacing: int = 2) -> None:
        draw.multiline_text((x, y), "\n".join(lines), colour, font, spacing=spacing)

    for column, lines in enumerate(wrapped):
        write(left + column * step_x, 2, lines, "black", 4)
    for y, row in zip(range(top, bottom, step_y), rows, strict=True):
        write(4, y, [row.label], "black")
        write(4, y + height + 1, row.lines)
        for x, cell in zip(range(left, across, step_x), row.cells, strict=False):
            if cell is not None:
                picture = Image.fromarray(np.ascontiguousarray(cell.pixels))
                sheet.paste(picture.resize((width, height), Image.Resampling.NEAREST), (x, y))
                write(x, y + height + 1, cell.lines)
    if colours is not None:
        write(4, bottom, [colours.low], "black")
        sheet.paste(Image.fromarray(colours.colours[None].repeat(line - 3, 0)), (bar, bottom))
        write(bar + len(colours.colours) + 8, bottom, [colours.high], "black")
        bottom += 2 * line
    write(4, bottom, notes)
    return png(sheet, optimize=True)


def _size(rows: Sequence[Row]) -> tuple[int, int]:
    height, width, _ = next(cell.pixels.shape for row in rows for cell in row.cells if cell is not None)
    return height, width


def _row_html(row: Row) -> str:
    # The keyboard stops once at each image, however many pictures of it there are.
    ways = [cell and cell.way for cell in row.cells]
    cells = "".join(_cell_html(cell, ways[place] not in ways[:place]) for place, cell in enumerate(row.cells))
    label = f'<div class="side"><b>{html.escape(row.label)}</b></div>'
    return f'<tr><th scope="row">{label}{_spans(row.lines)}</th>{cells}</tr>'


def _cell_html(cell: Cell | None, stop: bool) -> str:
    if cell is None:
        return "<td></td>"
    picture = f'<img alt="{html.escape(cell.alt)}" src="{data_uri(cell.pixels.transpose(2, 0, 1))}">'
    if way := cell.way:
        where = f'href="{html.escape(way.href)}" title="{html.escape(way.words)}"{"" if stop else " tabindex=-1"}'
        picture = f'<a class="leads" {where}>{picture}</a>'
    return f"<td>{picture}{_spans(cell.lines)}</td>"


def _spans(lines: Sequence[str]) -> str:
    return "".join(f"<span>{html.escape(line)}</span>" for line in lines)


def _wrapped(text: str, width: int, font: ImageFont.FreeTypeFont) -> list[str]:
    """Lines of whole words that fit `width` pixels."""
    first, *rest = text.split() or [""]
    lines = [first]
    for word in rest:
        if font.getlength(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def usual_levels(depth: int) -> tuple[int, ...]:
    """Values of k that are shown without being asked for: all, or some, closest at the low ones, which matter most."""
    if depth < MOST_LEVELS:
        return tuple(range(depth + 1))
    steps = np.linspace(0, 1, MOST_LEVELS - 1) ** 1.5
    return (0, *(round(1 + step * (depth - 1)) for step in steps))


def left_out(depth: int) -> str:
    """Where the levels are that `usual_levels` leaves out, as one more sentence; empty where it leaves out none."""
    return " The Reconstructions page shows the levels between them." if depth >= MOST_LEVELS else ""


def headings(shown: str, levels: Sequence[int], draws: int) -> list[str]:
    """Column headings: the image, then what the model sees of it and one level a column, or every single sample."""
    if shown == SINGLE:
        return ["Image", *(f"Draw {number}" for number in range(1, draws + 1))]
    return ["Image", "What the model sees", *map(level_name, levels)]


def strip(
    walked: RepeatedReconstructions, original: np.ndarray, label: str, shown: str = PICTURE, name: str = "rebuilt"
) -> str:
    """What is left of one image `(1, channel, height, width)` at the usual levels, small, as HTML; named as a table."""
    levels = usual_levels(walked.depth)
    columns = headings(shown, levels, walked.draws)[1:]
    (row,) = rows(walked, original, [label], shown, levels)
    return table_html(columns, [replace(row, cells=row.cells[1:])], name, cell=SMALL_CELL)


def level_name(k: int) -> str:
    """Where the latent variables of level k come from, in words."""
    if k == 0:
        return "Every z from the image"
    last = f"z{subscript(k)}"
    return f"{last if k == 1 else f'z₁, {last}' if k == 2 else f'z₁ to {last}'} from the prior"


def rows(
    walked: RepeatedReconstructions,
    originals: np.ndarray,
    labels: Sequence[str],
    shown: str,
    levels: Sequence[int],
    second: str | None = None,
    ways: Sequence[Way] = (),
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
        way = ways[number] if ways else None
        seen = Cell(grey_or_colour(walked.seen[:, number].mean(0)), f"{label}, as the model sees it", way=way)
        image = Cell(grey_or_colour(originals[number]), f"{label}, the image", way=way)
        inputs = [image, seen][: 1 if shown == SINGLE else 2]
        cells: list[Cell | None] = [None] * columns
        for column, title in enumerate(titles):
            lines = nats(upper[column][number], 3 if shown == SPREAD else 1), nats(lower[column][number])
            words = f"{label}, {title}: {names[0]} {lines[0]}{unit}"
            cells[column] = Cell(paint(pictures[column][number]), words, lines, way)
        found.append(Row(second or label, (*([None] * len(inputs) if second else inputs), *cells), names))
    return found


def scale(walked: RepeatedReconstructions, shown: str) -> Scale | None:
    """What the colours of the reconstructions mean; None where they are pictures."""
    if shown not in _COLOURS:
        return None
    low, high = _ENDS[shown]
    least, most = walked.range_of(shown)
    ends = low.format(low=least).replace("-", "−", 1), high.format(high=most)
    return Scale(*ends, _colours(shown))


def below(shown: str, draws: int) -> str:
    """What the two numbers below each picture are."""
    if shown == SPREAD:
        spread = "the mean of its standard deviations over {} draws and, under it, the standard deviation of L>k"
        return f"Below each picture: {spread.format(draws)} over the draws, in nats."
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
        f"This model was trained on {trained}, not on {shown}. With every z from the image it may redraw them well, "
        f"because z₁ copies low-level detail of any image. Once z₁ comes from the prior, only what the model knows is "
        f"left: look for {trained} in the columns to the right. {fall}"
    )


def _paint(walked: RepeatedReconstructions, shown: str) -> Callable[[np.ndarray], np.ndarray]:
    """What makes pixels `(height, width, 3)` of a picture, or of a map by its colours."""
    if shown not in _COLOURS:
        return grey_or_colour
    low, high = walked.range_of(shown)
    return lambda values: through_scale(values, low, high, _colours(shown))


@cache
def _colours(shown: str) -> np.ndarray:
    """The colour scale of a map as `(256, 3)` uint8."""
    if shown == WHERE:
        return diverging()
    colours = sample_colorscale(_COLOURS[shown], np.linspace(0, 1, 256).tolist(), colortype="tuple")
    return np.rint(np.array(colours) * 255).astype(np.uint8)
