"""Images as pixels and as pictures a browser shows: the one way to draw an image, whatever shows it."""

import base64
import io
from typing import Any

import numpy as np
from PIL import Image


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
