"""A mosaic of images, each of which can be clicked: one picture under invisible square markers."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from app.figures.layout import Figure, laid_out
from app.looks.palette import Look, look
from app.looks.pictures import data_uri
from hvae.datasets.looks import BLUE, VERMILION

FEW = 12
"""So many tiles stand six in a row, which is half a page; more stand eight in a row."""

TILE = 96
"""Most pixels of the screen a tile takes, three quarters of it where they are few; narrow screens give it less."""

ASPECT = 1.34
"""Height of a tile with its caption over its width."""

LEGEND = 34
"""Pixels above and below the tiles."""

_GAP = 0.05
_SHARPNESS = 112
_GREY = 160


@dataclass(frozen=True, eq=False)
class Tile:
    """One image of a data set, a few characters of plain text for below it, and its `(height, width, 3)` uint8 pixels.

    There are none where they are not on this machine. `about` is plain text for hovering.
    """

    slug: str
    index: int
    caption: str
    pixels: np.ndarray | None
    about: str = ""


def gallery(tiles: Sequence[Tile], title: str, pinned: int | None = None, marked: Sequence[int] = ()) -> Figure:
    """A mosaic whose marks carry the position in `tiles` as customdata; the mark of its set stands below each image.

    There is at least one tile; the pinned one is framed, those that are `marked` in another colour.
    """
    rows, columns = grid(len(tiles))
    tile_size = TILE * 3 // 4 if len(tiles) <= FEW else TILE
    row, column = np.divmod(np.arange(len(tiles)), columns)
    figure = Figure()
    figure.add_layout_image(
        source=data_uri(sprite(tiles), compress_level=4),
        **{"xref": "x", "yref": "y", "x": 0, "y": 0, "sizex": columns, "sizey": rows * ASPECT},
        **{"sizing": "stretch", "layer": "below"},
    )
    figure.add(
        Look("", "rgba(0, 0, 0, 0)", "", "square"),
        column + 0.5,
        row * ASPECT + 0.5,
        "%{text}<br>click to look at it",
        # As large as a tile can get: where tiles are smaller the marks overlap, and the nearest centre is meant.
        size=tile_size,
        clicked=(tile_size, 1),
        marker={"line": {"width": 0}},
        customdata=np.arange(len(tiles)),
        text=[_words(tile) for tile in tiles],
        showlegend=False,
    )
    for slug in dict.fromkeys(tile.slug for tile in tiles):
        style = look(slug)
        own = np.array([place for place, tile in enumerate(tiles) if tile.slug == slug])
        captions = [html.escape(tiles[place].caption) for place in own]
        written = {"mode": "markers+text", "text": captions, "textposition": "middle right", "textfont": {"size": 11}}
        x, y = column[own] + 0.1, row[own] * ASPECT + 1.1
        figure.add(style, x, y, size=7, name=html.escape(style.title), **written)
    framed = [(place, BLUE) for place in marked] + ([] if pinned is None else [(pinned, VERMILION)])
    for place, colour in framed:
        x, y = column[place], row[place] * ASPECT
        frame = {"color": colour, "width": 3}
        figure.add_shape(type="rect", x0=x, x1=x + 1 - _GAP, y0=y, y1=y + 1 - _GAP, line=frame)
    laid_out(figure, title, height=round(rows * ASPECT * tile_size) + LEGEND, mouse="click")
    down = {"range": [rows * ASPECT, 0], "constraintoward": "top", "scaleanchor": "x"}
    figure.update_layout(
        xaxis={"visible": False, "constrain": "domain", "range": [0, columns], "constraintoward": "left"},
        yaxis={"visible": False, "constrain": "domain"} | down,
        margin={"l": 0, "r": 0, "t": 30, "b": 4},
        legend={"itemclick": False, "itemdoubleclick": False},
        showlegend=True,
    )
    return figure


def _words(tile: Tile) -> str:
    """What hovering says of a tile, in HTML."""
    caption = f"<br>{html.escape(tile.caption)}" if tile.caption else ""
    return f"{html.escape(look(tile.slug).title)} {tile.index}{html.escape(tile.about)}{caption}"


def grid(count: int) -> tuple[int, int]:
    """(rows, columns) for so many tiles: on a phone each is still as wide as a finger."""
    columns = 6 if count <= FEW else 8
    return -(-count // columns), columns


def sprite(tiles: Sequence[Tile]) -> Image.Image:
    """All tiles in one picture, enlarged without smoothing; a missing one is grey and names its image."""
    down, inner = round(_SHARPNESS * ASPECT), round(_SHARPNESS * (1 - _GAP))
    rows, columns = grid(len(tiles))
    sheet = Image.new("RGBA", (columns * _SHARPNESS, rows * down), (0, 0, 0, 0))
    for place, tile in enumerate(tiles):
        known = _absent(tile, inner) if tile.pixels is None else Image.fromarray(np.ascontiguousarray(tile.pixels))
        picture = known.resize((inner, inner), Image.Resampling.NEAREST)
        sheet.paste(picture, (place % columns * _SHARPNESS, place // columns * down))
    grey = all(tile.pixels is None or np.ptp(tile.pixels, axis=-1).max() == 0 for tile in tiles)
    return sheet.convert("LA") if grey else sheet


def _absent(tile: Tile, side: int) -> Image.Image:
    """A grey tile with the set and number of an image, as large as they fit."""
    picture = Image.new("RGB", (side, side), (_GREY,) * 3)
    draw = ImageDraw.Draw(picture)
    for text, height in ((tile.slug, 0.35), (str(tile.index), 0.65)):
        size = 22
        while size > 8 and draw.textlength(text, ImageFont.load_default(size)) > side - 8:
            size -= 1
        draw.text((side / 2, side * height), text, "black", ImageFont.load_default(size), anchor="mm")
    return picture
