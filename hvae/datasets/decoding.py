"""Decoding image files from outside: everything is checked before a pixel is decoded, and failures have one type."""

import io
import os
import stat
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from hvae.errors import DataError

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "PPM")
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm")
MAX_BYTES = 32 * 2**20
MAX_PIXELS = 50_000_000

_GREY_MODES = {"1", "L", "LA", "La", "I", "F"}


@dataclass(frozen=True)
class DecodedImage:
    """One image as 8-bit pixels.

    Attributes:
        pixels: ``(height, width, channels)`` uint8 with 1 channel (grey) or 3 (RGB).
        changes: In words, what decoding did beyond reading: rotation, rescaling, alpha, frames left out.
    """

    pixels: np.ndarray
    changes: tuple[str, ...] = ()


def decode(source: Path | bytes) -> DecodedImage:
    """Decode one PNG, JPEG, WebP, BMP, TIFF or PPM image.

    Byte size, format (by content, not by name) and pixel count are checked before decoding: a PNG of a few kB can
    claim gigabytes. EXIF rotation is applied, 16-bit values are rescaled to 8, alpha is composited on black, and of
    several frames the first is taken.

    Args:
        source: A file, or the bytes of one.

    Returns:
        The pixels and what was done to them.

    Raises:
        DataError: With a reason fit for a list of skipped files; it does not repeat the file's name.
    """
    data = source if isinstance(source, bytes) else _read(source)
    _check_bytes(len(data))
    try:
        # Pillow warns of large sizes, which are checked here, and of damaged metadata, which does not matter.
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _check_pixels(*image.size)
            return _to_pixels(image)
    except DataError:
        raise
    except UnidentifiedImageError:
        raise DataError(f"not an image in a format this program reads ({', '.join(FORMATS)})") from None
    except Image.DecompressionBombError:
        raise DataError(f"claims more than {MAX_PIXELS:,} pixels") from None
    # Damaged files surface from Pillow's parsers as almost any exception (struct.error, SyntaxError, IndexError, ...).
    except Exception as error:
        raise DataError(f"damaged image ({error})") from error


def _read(path: Path) -> bytes:
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise DataError("not a regular file")
        _check_bytes(status.st_size)
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror or error})") from error


def _check_bytes(size: int) -> None:
    if size == 0:
        raise DataError("the file is empty")
    if size > MAX_BYTES:
        raise DataError(f"{size:,} bytes, more than the {MAX_BYTES:,} allowed")


def _check_pixels(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise DataError(f"claims {width:,} x {height:,} pixels, more than the {MAX_PIXELS:,} allowed")
    if width * height == 0:
        raise DataError("has no pixels")


def _to_pixels(image: Image.Image) -> DecodedImage:
    changes = []
    if getattr(image, "is_animated", False):
        changes.append("only the first frame used")
    if image.getexif().get(ExifTags.Base.Orientation, 1) in range(2, 9):
        changes.append("rotated by EXIF")
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        changes.append("rescaled to 8 bits")
        return DecodedImage(_to_8_bits(np.asarray(image), image.mode)[..., None], tuple(changes))
    grey = image.mode in _GREY_MODES
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if image.getchannel("A").getextrema() != (255, 255):
            changes.append("alpha composited on black")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image)
    pixels = np.asarray(image.convert("L" if grey else "RGB"))
    return DecodedImage(pixels[..., None] if grey else pixels, tuple(changes))


def _to_8_bits(values: np.ndarray, mode: str) -> np.ndarray:
    if mode == "F":
        if not np.isfinite(values).all() or values.min() < 0 or values.max() > 255:
            raise DataError("floating-point values outside [0, 255]: save it with 8 or 16 bits")
        return np.rint(values * 255 if values.max() <= 1 else values).astype(np.uint8)
    if values.min() < 0 or values.max() > 65_535:
        raise DataError("integer values outside 16 bits: save it with 8 or 16 bits")
    return np.rint(values.astype(np.float32) / 257).astype(np.uint8)
