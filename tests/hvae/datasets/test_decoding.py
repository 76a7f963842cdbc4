import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from hvae.datasets.decoding import FORMATS, MAX_BYTES, decode
from hvae.errors import DataError


def encode(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_claiming(width: int, height: int) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


PIXELS = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)


@pytest.mark.parametrize("kind", FORMATS)
def test_formats(kind):
    options = {"lossless": True} if kind == "WEBP" else {"quality": 100, "subsampling": 0} if kind == "JPEG" else {}
    decoded = decode(encode(Image.fromarray(PIXELS), kind, **options))
    assert decoded.pixels.shape == PIXELS.shape
    assert np.abs(decoded.pixels.astype(int) - PIXELS).max() <= (4 if kind == "JPEG" else 0)
    assert decoded.changes == ()


def test_grey_stays_grey(tmp_path):
    path = tmp_path / "grey.png"
    Image.fromarray(PIXELS[..., 0]).save(path)
    np.testing.assert_array_equal(decode(path).pixels, PIXELS[..., :1])


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_16_bits_are_rescaled(kind):
    values = np.array([[0, 128, 257, 0x8000, 65_535]], dtype=np.uint16)
    decoded = decode(encode(Image.fromarray(values), kind))
    assert decoded.pixels.ravel().tolist() == [0, 0, 1, 128, 255]
    assert decoded.changes == ("rescaled to 8 bits",)


@pytest.mark.parametrize(
    ("values", "expected"),
    [([0.0, 0.5, 1.0], [0, 128, 255]), ([0.0, 100.4, 255.0], [0, 100, 255]), ([0, 1, 65535], [0, 0, 255])],
)
def test_wide_tiff(values, expected):
    array = np.array([values], dtype=np.int32 if isinstance(values[0], int) else np.float32)
    assert decode(encode(Image.fromarray(array), "TIFF")).pixels.ravel().tolist() == expected


@pytest.mark.parametrize("values", [[-1.0, 0.0], [0.0, 256.0], [0.0, np.nan], [0, 65_536], [-1, 0]])
def test_wide_tiff_out_of_range(values):
    array = np.array([values], dtype=np.int32 if isinstance(values[0], int) else np.float32)
    with pytest.raises(DataError, match="outside"):
        decode(encode(Image.fromarray(array), "TIFF"))


def test_alpha_is_composited_on_black():
    rgba = np.dstack([PIXELS, np.full(PIXELS.shape[:2], 255, np.uint8)])
    assert decode(encode(Image.fromarray(rgba))).changes == ()
    rgba[0, 0, 3], rgba[0, 1, 3] = 0, 128
    decoded = decode(encode(Image.fromarray(rgba)))
    assert decoded.changes == ("alpha composited on black",)
    assert decoded.pixels[0, 0].tolist() == [0, 0, 0]
    np.testing.assert_allclose(decoded.pixels[0, 1], PIXELS[0, 1] * (128 / 255), atol=1)
    np.testing.assert_array_equal(decoded.pixels[1:], PIXELS[1:])


def test_grey_with_alpha_stays_grey():
    grey = Image.merge("LA", [Image.new("L", (2, 1), 200), Image.fromarray(np.array([[255, 0]], np.uint8))])
    assert decode(encode(grey)).pixels.tolist() == [[[200], [0]]]


def test_palette_with_transparency():
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.putpixel((1, 0), 1)
    decoded = decode(encode(image, transparency=0))
    assert decoded.pixels.tolist() == [[[0, 0, 0], [0, 255, 0]]]
    assert decoded.changes == ("alpha composited on black",)


@pytest.mark.parametrize("mode", ["1", "CMYK", "YCbCr"])
def test_other_modes(mode):
    kind = "TIFF"
    decoded = decode(encode(Image.fromarray(PIXELS).convert(mode), kind))
    assert decoded.pixels.shape == (5, 7, 1 if mode == "1" else 3)


@pytest.mark.parametrize(("orientation", "turns"), [(3, 2), (6, 3), (8, 1)])
def test_exif_rotation(orientation, turns):
    exif = Image.Exif()
    exif[0x0112] = orientation
    decoded = decode(encode(Image.fromarray(PIXELS), exif=exif))
    np.testing.assert_array_equal(decoded.pixels, np.rot90(PIXELS, turns))
    assert decoded.changes == ("rotated by EXIF",)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_first_frame_only(kind):
    frames = [Image.new("L", (4, 4), value).convert("RGB") for value in (10, 200)]
    options = {"lossless": True} if kind == "WEBP" else {}
    decoded = decode(encode(frames[0], kind, save_all=True, append_images=frames[1:], **options))
    assert (decoded.pixels == 10).all()
    assert decoded.changes == ("only the first frame used",)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"<html><body>404</body></html>", "not an image in a format"),
        (b"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\1\0\1\0\0\2\2D\1\0;", "not an image in a format"),
        (png_claiming(12_000, 12_000), "claims 12,000 x 12,000 pixels"),
        (png_claiming(2**31 - 1, 2**31 - 1), "claims more than 50,000,000 pixels"),
        (png_claiming(100, 100), "damaged image"),
        (encode(Image.fromarray(PIXELS))[:60], "damaged image"),
        (encode(Image.fromarray(PIXELS), "JPEG")[:-200], "damaged image"),
        (bytes(MAX_BYTES + 1), "bytes, more than"),
    ],
    ids=["empty", "html", "gif", "144 Mpixel", "bomb", "short data", "short png", "short jpeg", "too long"],
)
def test_unreadable_bytes_get_a_reason(data, reason):
    with pytest.raises(DataError, match=reason):
        decode(data)


def test_flipped_bytes_never_raise_anything_else():
    generator = np.random.default_rng(0)
    for kind in FORMATS:
        original = encode(Image.fromarray(PIXELS), kind)
        for _ in range(40):
            damaged = bytearray(original)
            for position in generator.integers(0, len(damaged), 3):
                damaged[position] = generator.integers(0, 256)
            try:
                decode(bytes(damaged))
            except DataError as error:
                assert str(error)


def test_files_that_are_no_files(tmp_path):
    with pytest.raises(DataError, match="not a regular file"):
        decode(tmp_path)
    with pytest.raises(DataError, match="cannot be read"):
        decode(tmp_path / "none.png")
    large = tmp_path / "large.png"
    with large.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(DataError, match="bytes, more than"):
        decode(large)
