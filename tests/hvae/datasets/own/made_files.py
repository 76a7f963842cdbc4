"""Files from outside: images in odd forms, what only looks like one, and archives."""

import io
import stat
import struct
import warnings
import zipfile
import zlib

import numpy as np
from PIL import Image

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)


def encode(image: Image.Image | np.ndarray, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def one_bit(side: int) -> bytes:
    rows = zlib.compress(bytes((side // 8 + 1) * side), 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)) + chunk(
        b"IDAT", rows
    ) + chunk(b"IEND", b"")  # fmt: skip


def zipped(members: dict[str, bytes] | list[tuple[str | zipfile.ZipInfo, bytes]], method: int = 8) -> bytes:
    buffer = io.BytesIO()
    # Duplicate names are part of what is tested, and Python warns of them.
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members.items() if isinstance(members, dict) else members:
            archive.writestr(name, content)
    return buffer.getvalue()


def patched(data: bytes, *changes: tuple[bytes, int, bytes]) -> bytes:
    """Bytes with fields overwritten: (signature before it, offset from the last such signature, value)."""
    out = bytearray(data)
    for signature, offset, value in changes:
        at = data.rindex(signature) + offset
        out[at : at + len(value)] = value
    return bytes(out)


def linked(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


GOOD = encode(PIXELS)
FRAMES = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
WIDE = np.array([[0.0, 1.0], [0.5, 0.25]], np.float32)
LOCAL, CENTRAL = b"PK\3\4", b"PK\1\2"


def rotated() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def palette() -> Image.Image:
    image = Image.new("P", (2, 2), 1)
    image.putpalette([255, 0, 0, 0, 255, 0])
    return image


READ = {
    "grey.png": GOOD,
    "16 bits.png": encode(np.array([[0, 65_535]], np.uint16)),
    "float.tif": encode(WIDE, "TIFF"),
    "cmyk.jpg": encode(Image.new("CMYK", (9, 6), (9, 99, 0, 0)), "JPEG"),
    "palette.png": encode(palette(), transparency=0),
    "animated.png": encode(FRAMES[0], save_all=True, append_images=FRAMES[1:]),
    "animated.webp": encode(FRAMES[0], "WEBP", save_all=True, append_images=FRAMES[1:]),
    "turned.jpg": encode(PIXELS, "JPEG", exif=rotated()),
    "turned.tif": encode(PIXELS, "TIFF", exif=rotated()),
    "progressive.jpg": encode(PIXELS, "JPEG", progressive=True),
    "png and zip.png": GOOD + zipped({"x.png": GOOD}),
    "jpeg and html.jpg": encode(PIXELS, "JPEG") + b"<script>alert(1)</script>",
    "a jpeg called.png": encode(PIXELS, "JPEG"),
    "no suffix": GOOD,
    "thread.png": encode(Image.new("L", (5_000, 1))),
    "雪 ünï.png": GOOD,
    "<b>*bold*</b>.png": GOOD,
    "same once.png": GOOD,
    "same twice.png": GOOD,
}
"""Odd files that are images all the same."""

REFUSED = {
    **{f"cut {kind.lower()} {share}": encode(PIXELS, kind)[: share * len(encode(PIXELS, kind)) // 8]
       for kind in ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "PPM") for share in (1, 3)},
    "empty.png": b"",
    "page.png": b"<!doctype html><title>404</title>",
    "drawing.svg.png": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "moving.png": encode(FRAMES[0], "GIF", save_all=True, append_images=FRAMES[1:]),
    "huge.png": one_bit(12_000),
    "wide float.tif": encode(WIDE * 1e9, "TIFF"),
    "no number.tif": encode(WIDE * np.nan, "TIFF"),
    "zeros.jpg": bytes(5_000),
    "signature only.png": b"\x89PNG\r\n\x1a\n",
    "not a zip.zip": b"PK\3\4" + bytes(50),
}  # fmt: skip
