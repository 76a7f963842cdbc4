"""Small pictures in a table: one PNG shown in pieces, every label text of the page.

A browser smooths what it enlarges and `st.image` offers no way out, so the pieces are table cells whose background is
the one picture, enlarged by whole numbers with `image-rendering: pixelated`. Labels stay outside the picture: they
can be read aloud, selected and searched.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

CELL = 128
"""Most pixels of the screen a picture takes; on a phone half of it."""
MIDDLE_CELL, SMALL_CELL = 100, 64
"""The same where several, and where many, stand side by side."""


@dataclass(frozen=True, eq=False)
class Cell:
    """One picture.

    Attributes:
        pixels: `(height, width, 3)` uint8.
        alt: what it shows, for those who cannot see it.
        lines: short lines below it.
    """

    pixels: np.ndarray
    alt: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Row:
    """Pictures side by side.

    Attributes:
        label: of the row.
        cells: as many as there are columns; None leaves a gap.
        lines: names of the lines below the pictures.
    """

    label: str
    cells: tuple[Cell | None, ...]
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Scale:
    """What colours mean.

    Attributes:
        low: words for the first colour.
        high: words for the last one.
        colours: `(256, 3)` uint8.
    """

    low: str
    high: str
    colours: np.ndarray


def grey_or_colour(image: np.ndarray) -> np.ndarray:
    """`(channel, height, width)` in [0, 1], or uint8 in 0..255, as `(height, width, 3)` uint8 pixels."""
    values = image if image.dtype == np.uint8 else np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
    return np.broadcast_to(values.transpose(1, 2, 0), (*values.shape[1:], 3))


def through_scale(values: np.ndarray, low: float, high: float, colours: np.ndarray) -> np.ndarray:
    """`(height, width)` values as `(height, width, 3)` uint8 pixels of a colour scale.

    Args:
        values: clipped to [low, high].
        low: value of the first colour.
        high: value of the last colour.
        colours: `(256, 3)` uint8.
    """
    position = np.clip((values - low) / (high - low), 0, 1)
    return colours[np.rint(position * 255).astype(np.intp)]


def scale_html(scale: Scale) -> str:
    """A colour scale between the words for its ends, as HTML."""
    stops = ", ".join(f"rgb({r}, {g}, {b})" for r, g, b in scale.colours[::32])
    return (
        f'<p style="display:flex;flex-wrap:wrap;gap:.6rem;align-items:center;font-size:.85rem;margin:0">'
        f'{html.escape(scale.low)}<span style="width:9rem;height:.8rem;'
        f'background:linear-gradient(90deg, {stops})"></span>{html.escape(scale.high)}</p>'
    )


def table_html(headings: Sequence[str], rows: Sequence[Row], name: str, cell: int = CELL) -> str:
    """The pictures as an HTML table with its style sheet.

    Args:
        headings: one a column.
        rows: at least one, with at least one picture among them.
        name: a word of letters that no other mosaic of the page has.
        cell: most pixels of the screen a picture takes.
    """
    height, width = _size(rows)
    scale = max(1, cell // max(height, width))
    picture = base64.b64encode(_png(_sheet(headings, rows))).decode()
    across, down = len(headings), len(rows)
    style = (
        f".{name} .side{{min-height:calc({height * scale}px*var(--zoom) + 3px)}}"
        f".{name} .px{{background-image:url(data:image/png;base64,{picture});"
        f"width:calc({width * scale}px*var(--zoom));height:calc({height * scale}px*var(--zoom));"
        f"background-size:calc({width * scale * across}px*var(--zoom)) calc({height * scale * down}px*var(--zoom))}}"
    )
    style += "".join(
        f".{name} .c{column}{{background-position-x:calc({-column * width * scale}px*var(--zoom))}}"
        for column in range(across)
    )
    style += "".join(
        f".{name} .r{row}{{background-position-y:calc({-row * height * scale}px*var(--zoom))}}" for row in range(down)
    )
    head = "".join(f'<th scope="col">{html.escape(heading)}</th>' for heading in headings)
    body = "".join(_row_html(number, row) for number, row in enumerate(rows))
    return (
        f"<div></div><style>{_STYLE}{style}</style>"
        f'<div class="mosaic {name}" tabindex="0" role="region" aria-label="Pictures: {name}">'
        f"<table><thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def sheet_png(
    headings: Sequence[str],
    rows: Sequence[Row],
    scale: int = 4,
    colours: Scale | None = None,
    notes: Sequence[str] = (),
) -> bytes:
    """The pictures with their headings, labels and lines as one PNG on white, for a slide or a paper.

    Args:
        headings: one a column.
        rows: at least one, with at least one picture among them.
        scale: pixels of the PNG for one of the picture.
        colours: what the colours mean, drawn below the pictures.
        notes: lines below everything.
    """
    height, width = (side * scale for side in _size(rows))
    font = _font(11)
    gap, line_height = 8, 15
    measured = ImageDraw.Draw(Image.new("RGB", (1, 1)))
    labels = [(row.label, *row.lines) for row in rows]
    left = 12 + int(max(measured.textlength(line, font) for lines in labels for line in lines))
    wrapped = [_wrapped(heading, width, font, measured) for heading in headings]
    top = gap + line_height * max(len(lines) for lines in wrapped)
    below = line_height * max(len(cell.lines) for row in rows for cell in row.cells if cell)
    step_x, step_y = width + gap, height + below + gap
    bottom = top + step_y * len(rows)
    right = [12 + measured.textlength(note, font) for note in notes]
    bar = 0
    if colours is not None:
        bar = 16 + int(measured.textlength(colours.low, font))
        right.append(bar + len(colours.colours) + 20 + measured.textlength(colours.high, font))
    across = int(max(left + step_x * len(headings), *right, 0))
    sheet = Image.new("RGB", (across, bottom + line_height * (len(notes) + 2 * bool(bar)) + gap), "white")
    draw = ImageDraw.Draw(sheet)
    for column, lines in enumerate(wrapped):
        draw.multiline_text((left + column * step_x, 2), "\n".join(lines), "black", font)
    for number, row in enumerate(rows):
        y = top + number * step_y
        draw.text((4, y), row.label, "black", font)
        draw.multiline_text((4, y + height + 1), "\n".join(row.lines), "#555", font, spacing=2)
        for column, cell in enumerate(row.cells):
            if cell is not None:
                x = left + column * step_x
                picture = Image.fromarray(np.ascontiguousarray(cell.pixels))
                sheet.paste(picture.resize((width, height), Image.Resampling.NEAREST), (x, y))
                draw.multiline_text((x, y + height + 1), "\n".join(cell.lines), "#555", font, spacing=2)
    if colours is not None:
        draw.text((4, bottom), colours.low, "black", font)
        sheet.paste(Image.fromarray(colours.colours[None].repeat(line_height - 3, 0)), (bar, bottom))
        draw.text((bar + len(colours.colours) + 8, bottom), colours.high, "black", font)
        bottom += 2 * line_height
    draw.multiline_text((4, bottom), "\n".join(notes), "#555", font, spacing=2)
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans from matplotlib's wheel: Pillow's own font has neither subscripts nor a minus sign."""
    import matplotlib

    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", size)


def _size(rows: Sequence[Row]) -> tuple[int, int]:
    height, width, _ = next(cell.pixels.shape for row in rows for cell in row.cells if cell is not None)
    return height, width


def _sheet(headings: Sequence[str], rows: Sequence[Row]) -> np.ndarray:
    """All pictures edge to edge, gaps black."""
    height, width = _size(rows)
    sheet = np.zeros((len(rows), height, len(headings), width, 3), np.uint8)
    for number, row in enumerate(rows):
        for column, cell in enumerate(row.cells):
            if cell is not None:
                sheet[number, :, column] = cell.pixels
    return sheet.reshape(len(rows) * height, len(headings) * width, 3)


def _png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _row_html(number: int, row: Row) -> str:
    names = "".join(f"<span>{html.escape(line)}</span>" for line in row.lines)
    cells = "".join(_cell_html(number, column, cell) for column, cell in enumerate(row.cells))
    return f'<tr><th scope="row"><div class="side"><b>{html.escape(row.label)}</b></div>{names}</th>{cells}</tr>'


def _cell_html(row: int, column: int, cell: Cell | None) -> str:
    if cell is None:
        return "<td></td>"
    lines = "".join(f"<span>{html.escape(line)}</span>" for line in cell.lines)
    return f'<td><div class="px c{column} r{row}" role="img" aria-label="{html.escape(cell.alt)}"></div>{lines}</td>'


def _wrapped(text: str, width: int, font: ImageFont.FreeTypeFont, draw: ImageDraw.ImageDraw) -> list[str]:
    """Lines of whole words that fit `width` pixels."""
    lines = [""]
    for word in text.split():
        candidate = f"{lines[-1]} {word}".strip()
        if draw.textlength(candidate, font) <= width or not lines[-1]:
            lines[-1] = candidate
        else:
            lines.append(word)
    return lines


_STYLE = """
.mosaic { --zoom: 1; overflow-x: auto; padding: 2px; }
.mosaic table { border-collapse: collapse; font-size: .8rem; line-height: 1.35; }
.mosaic th, .mosaic td { padding: 0 7px 10px 0; text-align: left; vertical-align: top; border: 0; }
.mosaic thead th { font-weight: 600; vertical-align: bottom; padding-bottom: 6px; max-width: 0; }
.mosaic tbody th { font-weight: 400; padding-right: 10px; min-width: 5.7rem; max-width: 10rem; }
.mosaic b { display: block; font-weight: 600; overflow-wrap: anywhere; }
.mosaic span { display: block; font-variant-numeric: tabular-nums; white-space: nowrap; opacity: .85; }
.mosaic .px { image-rendering: pixelated; background-repeat: no-repeat; margin-bottom: 3px;
  outline: 1px solid rgba(128, 128, 128, .45); }
@media (max-width: 640px) {
  .mosaic { --zoom: .5; }
  .mosaic table { font-size: .7rem; }
  .mosaic tbody th { min-width: 4rem; max-width: 5rem; padding-right: 4px; }
  .mosaic th, .mosaic td { padding-right: 4px; }
}
"""


def png(image: np.ndarray) -> bytes:
    """`(channel, height, width)` uint8 as a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image[0] if len(image) == 1 else np.moveaxis(image, 0, -1))).save(
        buffer, "PNG"
    )
    return buffer.getvalue()


def data_uri(image: np.ndarray) -> str:
    """`(channel, height, width)` uint8 as the address of a picture that carries its own content."""
    return f"data:image/png;base64,{base64.b64encode(png(image)).decode()}"
