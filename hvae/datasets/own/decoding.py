"""Decoding image files from outside: everything is checked before a pixel is decoded, and failures have one type."""

import ctypes
import logging
import math
import os
import struct
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image, PngImagePlugin, UnidentifiedImageError

from hvae.datasets.own.caveats import Caveat
from hvae.datasets.own.metadata import pixels_alone
from hvae.datasets.own.values import DARK, Scale, of_floats, of_integers
from hvae.errors import DataError
from hvae.inputs import NotRegular, opened

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "PPM")
SUFFIXES = (
    ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".dib", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm"
)  # fmt: skip
"""What a browser offers to upload; a file is known by its content, whatever it is called."""
MAX_BYTES = 32 * 2**20
MAX_PIXELS = 50_000_000
MAX_SIDE = 1_000_000
"""Threads cost more than their pixels: Pillow keeps pointers to each row, its decoders two rows beside the image."""
MAX_DECODED_BYTES = 100 * 2**20
"""What one decoder may hold at once, as estimated before it starts."""
MOST_PIXELS_KEPT = 4_000_000
"""Larger images are averaged over whole blocks of pixels: no model here takes more than 1,024 x 1,024."""
MAX_SCANS = 64
"""Of a progressive JPEG: encoders write about 10, and each of some 50 bytes costs a pass over the whole image."""

_TILE, _PLAIN = 1_024, 3  # grey values that nobody tells apart
_GREY_MODES = {"1", "L", "LA", "La", "I", "F"}
_PIXEL_BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}
# libwebp keeps two RGBA canvases, and Pillow copies the result twice.
_WEBP_PIXEL_BYTES = 16
# None, CCITT, LZW, JPEG, deflate, PackBits: the others (LZMA, Zstandard, WebP) unpack with memory that the file names.
_TIFF_COMPRESSIONS = {1, 2, 3, 4, 5, 7, 8, 32_773, 32_946}
_OTHERS = {
    b"GIF8": "it is a GIF: save it as PNG",
    b"%PDF": "it is a PDF: save its page as PNG",
    b"ftyp": "it is a HEIC, AVIF or video file: save it as PNG or JPEG",
    b"PK\3\4": "it is an archive, which is opened where it is named itself",
    b"\x93NUMPY": "it is an array, which is read where it is named itself",
    b"\x1f\x8b": "it is packed: unpack it, or name it itself if it holds an array",
}
"""What files begin with that people take for images, and what to do with them."""
# Pillow's own limits let the comments of one PNG unpack to 64 Mi characters.
PngImagePlugin.MAX_TEXT_MEMORY = 4 * 2**20
# What is wrong with a file is said once, by who reads it: Pillow would log some of it to the terminal as well.
logging.getLogger("PIL").addHandler(logging.NullHandler())
# Keeps libtiff from writing what is wrong with a file to the terminal, past Python. It is found through Pillow, as it
# comes with it; a Pillow that hides it (on Windows) leaves it as it is.
if _handler := getattr(ctypes.CDLL(Image.core.__file__), "TIFFSetErrorHandler", None):
    _handler.argtypes, _handler.restype = [ctypes.c_void_p], ctypes.c_void_p
    _handler(None)


@dataclass(frozen=True)
class DecodedImage:
    """One image as pixels ``(height, width, 1 or 3 channels)`` uint8, grey or RGB.

    ``changes`` say in words what decoding did beyond reading: rotation, rescaling, alpha, frames left out. The ``size``
    ``(height, width)`` is that of the image in the file, after rotation: that of ``pixels`` unless it was reduced.
    ``caveats`` are what the file alone does not settle.
    """

    pixels: np.ndarray
    changes: tuple[str, ...]
    size: tuple[int, int]
    caveats: tuple[Caveat, ...] = ()


def decode(source: Path | bytes) -> DecodedImage:
    """Decode one PNG, JPEG, WebP, BMP, TIFF or PPM image: a file, or the bytes of one.

    Byte size, format (by content, not by name) and pixel count are checked before decoding: a PNG of a few kB can
    claim gigabytes. EXIF rotation is applied, other values than 8 bits are rescaled (`hvae.datasets.own.values`), alpha
    is composited on black (on white where black would hide it all), and of several frames the first is taken. Other
    metadata is not read: no damage to it, and no length of it, keeps an image from being read.

    Images of more than `MOST_PIXELS_KEPT` are reduced below it by averaging blocks of k x k pixels, JPEG while it is
    decoded (its scaled inverse transform, which is close to the average); that is a part of resizing and no entry of
    ``changes``. Memory beside the input stays below about `MAX_DECODED_BYTES` and 30 MiB: RGB of more than 26 million
    pixels (WebP 6, progressive JPEG 26) is refused, baseline JPEG and grey are read up to `MAX_PIXELS`.

    The reason that a `DataError` gives is fit for a list of skipped files: it does not repeat the file's name.
    """
    data = source if isinstance(source, bytes) else _read(source)
    _check_bytes(len(data))
    try:
        # Pillow warns of large sizes, which are checked here, and of damaged metadata, which does not matter.
        with warnings.catch_warnings(action="ignore"), Image.open(pixels_alone(data), formats=FORMATS) as image:
            _check_pixels(*image.size)
            size = image.size
            _shrink_on_load(image)
            _check_memory(image, data, size)
            return _to_pixels(image, size)
    except DataError:
        raise
    except UnidentifiedImageError:
        hint = next((f"; {said}" for found, said in _OTHERS.items() if found in data[:12]), "")
        raise DataError(f"not an image in a format this program reads ({', '.join(FORMATS)}){hint}") from None
    except Image.DecompressionBombError:
        raise DataError(f"claims more than {MAX_PIXELS:,} pixels") from None
    # Damaged files surface from Pillow's parsers as almost any exception (struct.error, SyntaxError, IndexError, ...).
    except Exception as error:
        raise DataError(f"damaged image ({error})") from error


def _read(path: Path) -> bytes:
    try:
        with opened(path) as file:
            _check_bytes(os.fstat(file.fileno()).st_size)
            # One byte too many shows that the file grew after it was measured.
            return file.read(MAX_BYTES + 1)
    except NotRegular as error:
        raise DataError(error.strerror) from None
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
    if max(width, height) > MAX_SIDE:
        raise DataError(f"claims {width:,} x {height:,} pixels, more than {MAX_SIDE:,} along one side")
    if width * height == 0:
        raise DataError("has no pixels")


def _block_side(width: int, height: int) -> int:
    """Side of the blocks of pixels whose averages stay within `MOST_PIXELS_KEPT`."""
    return max(1, math.ceil(math.sqrt(width * height / MOST_PIXELS_KEPT)))


def _shrink_on_load(image: Image.Image) -> None:
    """Have a large JPEG decoded at 1/2, 1/4 or 1/8, never below what `_block_side` would leave."""
    side = _block_side(*image.size)
    if image.format in ("JPEG", "MPO") and side > 1:
        scale = 2 ** min(3, int(math.log2(side)))
        # Rounded down: Pillow takes the largest scale that leaves at least this.
        image.draft(None, (image.width // scale, image.height // scale))


def _check_memory(image: Image.Image, data: bytes, size: tuple[int, int]) -> None:
    """Refuse what would take more than `MAX_DECODED_BYTES` to decode; ``size`` is the full (width, height)."""
    kind, needed = "an image", image.width * image.height * _PIXEL_BYTES.get(image.mode, 4)
    if image.format == "WEBP":
        kind, needed = "a WebP image", image.width * image.height * _WEBP_PIXEL_BYTES
    # Coefficients are all kept until the last scan: of a progressive JPEG, or one with a scan for each channel.
    elif image.format in ("JPEG", "MPO") and (
        "progressive" in image.info or _components_of_first_scan(data) != len(image.getbands())
    ):
        kind = "a progressive JPEG"
        needed += _coefficient_bytes(image, size)
        if data.count(b"\xff\xda") > MAX_SCANS:
            raise DataError(f"a JPEG of more than {MAX_SCANS} scans")
    elif image.format == "TIFF":
        needed += _tiff_bytes(image)
    elif getattr(image, "tile", [("raw",)])[0][0] in ("ppm", "ppm_plain", "bmp_rle"):
        # Gathered in a buffer, which is copied before it becomes an image.
        kind, needed = "text or run lengths", 4 * needed
    if needed > MAX_DECODED_BYTES:
        most, taken = f"{MAX_DECODED_BYTES / 2**20:,.0f}", f"{needed / 2**20:,.0f} MiB to decode as {kind}"
        raise DataError(f"{size[0]:,} x {size[1]:,} pixels take {taken}, more than the {most} allowed: save it smaller")


def _components_of_first_scan(data: bytes) -> int:
    """0 where the markers of a JPEG do not lead to a scan."""
    position = 2
    while position + 5 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:
            position += 1
        elif marker == 0xDA:
            return data[position + 4]
        else:
            position += 2 + struct.unpack_from(">H", data, position + 2)[0]
    return 0


def _coefficient_bytes(image: Image.Image, size: tuple[int, int]) -> int:
    """Two bytes a coefficient, of channels sampled as the header says."""
    layers: list[tuple[int, int, int, int]] = getattr(image, "layer", [])
    across, down = max(layer[1] for layer in layers), max(layer[2] for layer in layers)
    share = sum(layer[1] * layer[2] for layer in layers) / max(across * down, 1)
    return math.ceil(2 * share * size[0] * size[1])


def _tiff_bytes(image: Image.Image) -> int:
    """What a TIFF takes beside its pixels: its largest strip or tile is unpacked as a whole, and it is turned."""
    tags = getattr(image, "tag_v2", {})
    compression = int(tags.get(259, 1))
    if compression not in _TIFF_COMPRESSIONS:
        raise DataError("a TIFF compressed by a method this program does not read: save it with LZW or deflate")
    # A TIFF that is stored sideways has its sides exchanged by now, hence the longer one.
    longer = max(image.size)
    across, down = (tags[322], tags.get(323, 1)) if 322 in tags else (longer, min(tags.get(278, longer), longer))
    depth = max(1, max(tags.get(258, (8,))) // 8)
    block = int(across) * int(down) * max(1, int(tags.get(277, 1))) * depth
    turned = image.width * image.height * _PIXEL_BYTES.get(image.mode, 4) if tags.get(274, 1) != 1 else 0
    # JPEG within it may keep its coefficients, of two bytes each.
    return turned + (3 * block if compression == 7 else block)


_TURNED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 (upright) to 8; 1 where the block is damaged, for it is not about the pixels."""
    try:
        found = image.getexif().get(ExifTags.Base.Orientation, 1)
    # Damage surfaces as almost any exception of the parser.
    except Exception:
        return 1
    return found if found in _TURNED else 1


def _to_pixels(image: Image.Image, size: tuple[int, int]) -> DecodedImage:
    changes = []
    if getattr(image, "is_animated", False):
        changes.append("only the first frame used")
    if _orientation(image) != 1:
        changes.append("rotated by EXIF")
    # Pillow keeps the high bytes of colours of 16 bits as it reads them.
    halved = image.mode == "RGB" and any("16" in str(tile[3]) for tile in getattr(image, "tile", ()))
    image.load()
    # Asked again: a TIFF is turned while it is loaded.
    orientation = _orientation(image)
    width, height = size
    small, done, caveats = _reduced(image, _block_side(*image.size))
    changes += ["rescaled to 8 bits"] * halved + done
    if orientation != 1:
        small = small.transpose(_TURNED[orientation])
        width, height = (height, width) if orientation >= 5 else (width, height)
    pixels = np.asarray(small)
    return DecodedImage(pixels[..., None] if small.mode == "L" else pixels, tuple(changes), (height, width), caveats)


def _tiles(image: Image.Image, block: int) -> Iterator[tuple[tuple[int, int], Image.Image]]:
    """Parts of a million pixels and their place in the reduced image: the whole would be held in several copies."""
    step = _TILE // block * block
    for top in range(0, image.height, step):
        for left in range(0, image.width, step):
            box = (left, top, min(left + step, image.width), min(top + step, image.height))
            yield (left // block, top // block), image.crop(box)


def _is_wide(image: Image.Image) -> bool:
    return image.mode.startswith("I;16") or image.mode in ("I", "F")


def _reduced(image: Image.Image, block: int) -> tuple[Image.Image, list[str], tuple[Caveat, ...]]:
    """Grey or RGB averages over blocks, what was done to the pixels before, in words, and what is not certain."""
    mode = "L" if _is_wide(image) or image.mode in _GREY_MODES else "RGB"
    canvas = Image.new(mode, (math.ceil(image.width / block), math.ceil(image.height / block)))
    ground = _ground(image, mode, block)
    scale, seen_through = _scale(image, mode, block, ground), False
    for place, tile in _tiles(image, block):
        if not _is_wide(image):
            tile, through = _flat(tile, image, mode, ground)
            seen_through |= through
        if scale.white != 255 or _is_wide(image):
            tile = Image.fromarray(scale(_stored(tile, image)))
        canvas.paste(tile.reduce(block), place)
    changes = [f"alpha composited on {'white' if ground else 'black'}"] * seen_through
    return canvas, changes + [scale.words] * bool(scale.words), scale.caveats


def _ground(image: Image.Image, mode: str, block: int) -> int:
    """What a transparent image lies on: 0, black, and 255 where nothing could be seen of it on black, but on white."""
    if not image.has_transparency_data:
        return 0

    def is_plain(ground: int) -> bool:
        tiles = (np.asarray(_flat(tile, image, mode, ground)[0]) for _, tile in _tiles(image, block))
        low, high = zip(*((tile.min((0, 1)), tile.max((0, 1))) for tile in tiles), strict=True)
        return bool((np.max(high, 0) - np.min(low, 0) <= _PLAIN).all())

    return 255 if is_plain(0) and not is_plain(255) else 0


def _flat(tile: Image.Image, image: Image.Image, mode: str, ground: int) -> tuple[Image.Image, bool]:
    """A tile of an image as 8 bits of `mode` on a grey ground, and whether anything was seen through it."""
    through = False
    if image.has_transparency_data:
        tile = tile.convert("RGBA")
        through = tile.getchannel("A").getextrema() != (255, 255)
        tile = Image.alpha_composite(Image.new("RGBA", tile.size, (ground, ground, ground, 255)), tile)
    return tile.convert(mode), through


def _stored(tile: Image.Image, image: Image.Image) -> np.ndarray:
    """The numbers in the file: where 0 is white, Pillow has turned those of 8 bits over, and nothing wider."""
    values = np.asarray(tile)
    return 255 - values if _white_is_0(image) and not _is_wide(image) else values


def _white_is_0(image: Image.Image) -> bool:
    return getattr(image, "tag_v2", {}).get(262) == 0


def _scale(image: Image.Image, mode: str, block: int, ground: int) -> Scale:
    """How the values of an image become 0..255, from what they span and what its header says of them."""
    wide, tags = _is_wide(image), getattr(image, "tag_v2", {})
    low, high = math.inf, -math.inf
    for _, tile in _tiles(image, block):
        values = _stored(tile if wide else _flat(tile, image, mode, ground)[0], image)
        low, high = np.minimum(low, values.min()), np.maximum(high, values.max())
        if not wide and high > DARK:
            return Scale(255)
    if image.mode == "F":
        scale = replace(of_floats(float(low), float(high)), words="rescaled to 8 bits")
    elif not wide:
        scale = of_integers(int(low), int(high), 8)
    else:
        bits = 32 if image.mode == "I" and 32 in tags.get(258, ()) else 16
        scale = of_integers(int(low), int(high), bits, _declared_white(image, tags), usual=8 if bits == 32 else None)
    return replace(scale, inverted=_white_is_0(image))


def _declared_white(image: Image.Image, tags: Mapping[int, Any]) -> int | None:
    """The value that the header calls white: of a PPM, which Pillow has rescaled by it, and of some TIFFs."""
    if image.format == "PPM":
        return 65_535
    if tags.get(258) == (12,):
        return 4_095
    found = tags.get(281)
    found = found[0] if isinstance(found, tuple) and found else found
    return found if isinstance(found, int) and found in (255, 1_023, 4_095, 16_383, 65_535) else None
