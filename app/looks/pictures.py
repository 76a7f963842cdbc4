"""Images as pixels and as pictures a browser shows: the one way to draw an image, whatever shows it."""

import base64
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

LARGE, SMALL, FEW = 48, 32, 200
"""Most pixels of a side on a sheet of few pictures and of more, and how many are few."""


@dataclass(frozen=True)
class Sheet:
    """Many small pictures as one, row by row, that carries its content: nobody else can ask the server for it."""

    source: str
    columns: int
    rows: int


def sheet(images: Sequence[np.ndarray] | np.ndarray) -> Sheet:
    """Images `(channel, height, width)` uint8 in squares, in their order; there is at least one."""
    columns = math.ceil(math.sqrt(len(images)))
    rows, side = -(-len(images) // columns), min(LARGE if len(images) <= FEW else SMALL, max(images[0].shape[1:]))
    whole = Image.new("RGB", (columns * side, rows * side), (128, 128, 128))
    for place, image in enumerate(images):
        picture = Image.fromarray(np.ascontiguousarray(grey_or_colour(image)))
        picture.thumbnail((side, side))
        left, top = ((side - one) // 2 for one in picture.size)
        whole.paste(picture, (place % columns * side + left, place // columns * side + top))
    whole.save(buffer := io.BytesIO(), "WEBP", quality=80, method=4)
    return Sheet(f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}", columns, rows)


def grey_or_colour(image: np.ndarray) -> np.ndarray:
    """`(channel, height, width)` in [0, 1], or uint8 in 0..255, as `(height, width, 3)` uint8 pixels."""
    values = image if image.dtype == np.uint8 else np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
    return np.broadcast_to(values.transpose(1, 2, 0), (*values.shape[1:], 3))


def png(image: np.ndarray | Image.Image, **options: Any) -> bytes:
    """`(channel, height, width)` uint8, or a picture of Pillow, as a PNG file; the options are those of Pillow."""
    if isinstance(image, np.ndarray):
        grey = bool((image == image[:1]).all())
        image = Image.fromarray(np.ascontiguousarray(image[0] if grey else np.moveaxis(image, 0, -1)))
    image.save(buffer := io.BytesIO(), "PNG", **options)
    return buffer.getvalue()


def data_uri(image: np.ndarray | Image.Image, **options: Any) -> str:
    """A picture as an address that carries its content; arguments as of `png`."""
    return f"data:image/png;base64,{base64.b64encode(png(image, **options)).decode()}"
