"""Images as PNG: lossless, and carried by the page itself, so that nothing is left to fetch when it is left."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image


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
