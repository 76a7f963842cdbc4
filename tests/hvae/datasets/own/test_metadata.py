"""Metadata is not pixels: however long or damaged it is, the picture is read."""

import io
import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from hvae.datasets.own.decoding import decode

PIXELS = np.random.default_rng(0).integers(0, 256, (9, 7), dtype=np.uint8)
SIGNATURE = 8
"""Bytes before the first chunk."""


def chunk(name: bytes, data: bytes, checksum: int | None = None) -> bytes:
    found = zlib.crc32(name + data) if checksum is None else checksum
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", found)


def png(*chunks: bytes, **options: object) -> bytes:
    """A PNG with chunks behind its header."""
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).save(buffer, "PNG", **options)
    data = buffer.getvalue()
    at = SIGNATURE + 25
    return data[:at] + b"".join(chunks) + data[at:]


def packed(size: int) -> bytes:
    return zlib.compress(bytes(size), 9)


@pytest.mark.parametrize(
    "chunks",
    [
        [chunk(b"eXIf", b"II*\0\xff\xff\xff\xff" + bytes(3))],
        [chunk(b"eXIf", b"not exif at all")],
        [chunk(b"eXIf", b"II*\0\x08\0\0\0\1\0", checksum=0)],
        [chunk(b"tEXt", b"Comment\0" + b"x" * 2**21)],
        [chunk(b"zTXt", b"Comment\0\0" + packed(2**21))],
        [chunk(b"zTXt", b"Comment\0\0" + packed(2**28))],
        [chunk(b"iTXt", b"Comment\0\1\0\0\0" + packed(2**21))],
        [chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + b"<x/>" * 2**19)],
        [chunk(b"iCCP", b"profile\0\0" + packed(2**21))],
        [chunk(b"iCCP", b"profile\0\7" + b"x")],
        [chunk(b"tEXt", b"Comment\0x", checksum=1)],
        [chunk(b"quIz", bytes(100)), chunk(b"tIME", b"x"), chunk(b"pHYs", b"x"), chunk(b"gAMA", b"")],
        [chunk(b"tEXt", b"a\0b")] * 20_000,
    ],
    ids=["exif ends early", "no exif", "exif checksum", "text", "packed text", "text bomb", "long iTXt", "long XMP",
         "profile", "odd profile", "text checksum", "short chunks", "many"],
)  # fmt: skip
def test_a_png_with_odd_metadata_is_read(chunks):
    started = time.process_time()
    decoded = decode(png(*chunks))
    np.testing.assert_array_equal(decoded.pixels[..., 0], PIXELS)
    assert decoded.changes == () and time.process_time() - started < 2


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "TIFF"])
def test_others_with_a_broken_exif_block_are_read(kind):
    exif = Image.Exif()
    exif[0x0112] = 6
    block = exif.tobytes()
    plain, broken = io.BytesIO(), io.BytesIO()
    colour = Image.fromarray(PIXELS).convert("RGB")
    colour.save(plain, kind)
    if kind == "TIFF":
        colour.save(broken, kind, tiffinfo={34_665: 2**31})
    else:
        colour.save(broken, kind, exif=block[:12] + b"\xff" * (len(block) - 12))
    np.testing.assert_array_equal(decode(broken.getvalue()).pixels, decode(plain.getvalue()).pixels)


def test_a_long_profile_of_a_jpeg_is_no_pixel():
    plain, profiled = io.BytesIO(), io.BytesIO()
    Image.fromarray(PIXELS).save(plain, "JPEG")
    Image.fromarray(PIXELS).save(profiled, "JPEG", icc_profile=bytes(2**21), comment=b"x" * 60_000)
    np.testing.assert_array_equal(decode(profiled.getvalue()).pixels, decode(plain.getvalue()).pixels)


def test_how_a_picture_is_turned_is_still_read():
    exif = Image.Exif()
    exif[0x0112] = 3
    xmp = b'<x:xmpmeta><rdf:Description tiff:Orientation="3"/></x:xmpmeta>'
    long = chunk(b"tEXt", b"Comment\0" + b"x" * 2**21)
    for data in (png(long, exif=exif), png(long, chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp))):
        decoded = decode(data)
        np.testing.assert_array_equal(decoded.pixels[..., 0], PIXELS[::-1, ::-1])
        assert decoded.changes == ("rotated by EXIF",)


def test_transparency_and_frames_are_still_read():
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "x" * 100)
    palette = Image.fromarray(PIXELS % 4 * 60).convert("P")
    buffer = io.BytesIO()
    palette.save(buffer, "PNG", transparency=0, pnginfo=text)
    assert decode(buffer.getvalue()).changes == ("alpha composited on black",)
    frames, buffer = [Image.new("L", (4, 4), value) for value in (10, 200)], io.BytesIO()
    frames[0].save(buffer, "PNG", save_all=True, append_images=frames[1:], pnginfo=text)
    decoded = decode(buffer.getvalue())
    assert (decoded.pixels == 10).all() and decoded.changes == ("only the first frame used",)


@pytest.mark.parametrize("cut", [40, 60, 100])
def test_a_png_that_ends_early_is_still_damaged(cut):
    from hvae.errors import DataError

    data = png(chunk(b"tEXt", b"Comment\0x"))
    with pytest.raises(DataError, match="damaged image|not an image"):
        decode(data[: -cut if cut < len(data) else 12])
