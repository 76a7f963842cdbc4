"""Small pictures in a table, every label text of the page: they can be read aloud, selected and searched."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from app.looks.pictures import data_uri, png

CELL = 128
"""Most pixels of the screen a picture takes; on a phone half of it."""
MIDDLE_CELL, SMALL_CELL = 100, 64
"""The same where several, and where many, stand side by side."""


@dataclass(frozen=True, eq=False)
class Cell:
    """One picture: `(height, width, 3)` uint8 pixels, words for those who cannot see it, short lines below it."""

    pixels: np.ndarray
    alt: str
    lines: tuple[str, ...] = ()


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


def through_scale(values: np.ndarray, low: float, high: float, colours: np.ndarray) -> np.ndarray:
    """`(height, width)` values, clipped to [low, high], as `(height, width, 3)` uint8 pixels of a colour scale."""
    position = np.clip((values - low) / (high - low), 0, 1)
    return colours[np.rint(position * 255).astype(np.intp)]


def scale_html(scale: Scale) -> str:
    """A colour scale between the words for its ends, as HTML."""
    stops = ", ".join(f"rgb({r}, {g}, {b})" for r, g, b in scale.colours[::32])
    return (
        f'<p class="colour-scale">{html.escape(scale.low)}<span style="--stops: {stops}"></span>'
        f"{html.escape(scale.high)}</p>"
    )


def table_html(headings: Sequence[str], rows: Sequence[Row], name: str, cell: int = CELL) -> str:
    """The pictures as an HTML table, enlarged by whole numbers to at most `cell` pixels.

    There is at least one picture; `name` is a word of letters that no other mosaic of the page has.
    """
    height, width = _size(rows)
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
    cells = "".join(f"<td>{_cell_html(cell) if cell else ''}</td>" for cell in row.cells)
    label = f'<div class="side"><b>{html.escape(row.label)}</b></div>{_spans(row.lines)}'
    return f'<tr><th scope="row">{label}</th>{cells}</tr>'


def _cell_html(cell: Cell) -> str:
    return f'<img alt="{html.escape(cell.alt)}" src="{data_uri(cell.pixels.transpose(2, 0, 1))}">{_spans(cell.lines)}'


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
