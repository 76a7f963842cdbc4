import io
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

from hvae.datasets.own import decoding
from hvae.datasets.own.decoding import FORMATS, MAX_BYTES, decode
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


def gradient(width: int, height: int) -> np.ndarray:
    return np.add.outer(np.arange(height), 2 * np.arange(width)).astype(np.uint8)


@pytest.mark.parametrize("kind", ["RGB", "L", "RGBA", "P", "1", "I;16", "I", "F", "CMYK"])
def test_large_images_are_averages_of_blocks(kind, monkeypatch):
    shape = (301, 450)
    grey = Image.fromarray(np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8))
    wide = np.asarray(grey).astype(np.uint16) * 257
    images = {
        "RGBA": Image.merge("RGBA", [grey, grey.transpose(Image.Transpose.ROTATE_180), grey, grey]),
        "P": grey.convert("P"),
        "I;16": Image.fromarray(wide),
        "I": Image.fromarray(wide.astype(np.int32)),
        "F": Image.fromarray(np.asarray(grey).astype(np.float32)),
    }
    options = {"transparency": 7} if kind == "P" else {}
    data = encode(images.get(kind) or grey.convert(kind), "TIFF" if kind in ("I", "F", "CMYK") else "PNG", **options)
    whole = decode(data)
    assert whole.size == shape == whole.pixels.shape[:2]
    monkeypatch.setattr(decoding, "MOST_PIXELS_KEPT", 20_000)
    monkeypatch.setattr(decoding, "_TILE", 100)
    small = decode(data)
    assert small.size == shape and small.pixels.shape[:2] == (101, 150) and small.changes == whole.changes
    # Pillow's fixed-point division is off by a little more than rounding, at the edge by up to one.
    means = whole.pixels[:300].reshape(100, 3, 150, 3, -1).mean((1, 3))
    np.testing.assert_allclose(small.pixels[:100], means, atol=0.6)
    np.testing.assert_allclose(small.pixels[100], whole.pixels[300].reshape(150, 3, -1).mean(1), atol=1)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG"])
def test_large_images_are_turned_like_small_ones(kind, orientation, monkeypatch):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(Image.fromarray(gradient(30, 20).repeat(8, 0).repeat(8, 1)), kind, exif=exif)
    whole = decode(data)
    monkeypatch.setattr(decoding, "MOST_PIXELS_KEPT", 30 * 20 * 4)
    small = decode(data)
    assert small.size == whole.size == whole.pixels.shape[:2] and small.changes == whole.changes
    assert small.pixels.shape[:2] == (whole.size[0] // 4, whole.size[1] // 4)
    np.testing.assert_allclose(small.pixels, whole.pixels[2::4, 2::4], atol=8 if kind == "JPEG" else 0)


def scans(count: int) -> bytes:
    data = encode(Image.fromarray(PIXELS), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * count + data[-2:]


def tiff_with(tag: int, kind: int, value: int) -> bytes:
    """A TIFF of 8 x 8 whose entry for one tag is replaced; tiles of 16 x 16 where the tag is about tiles."""
    directory = {256: (3, 8), 257: (3, 8), 258: (3, 8), 259: (3, 5), 262: (3, 1), 277: (3, 1), 322: (3, 16),
                 323: (3, 16), 324: (4, 200), 325: (4, 20), tag: (kind, value)}  # fmt: skip
    entries = b"".join(struct.pack("<HHII", name, *(form, 1, number)) for name, (form, number) in directory.items())
    return (b"II*\0" + struct.pack("<IH", 8, len(directory)) + entries + bytes(4)).ljust(200, b"\0") + bytes(20)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (png_claiming(50_000_000, 1), "along one side"),
        (encode(Image.new("RGB", (5_200, 5_200))), "5,200 x 5,200 pixels take 103 MiB to decode as an image"),
        (encode(Image.new("RGB", (3_000, 2_500)), "WEBP", method=0), "take 114 MiB to decode as a WebP image"),
        (encode(Image.new("RGB", (6_000, 5_000)), "JPEG", progressive=True), "to decode as a progressive JPEG"),
        (scans(100), "more than 64 scans"),
        (tiff_with(322, 4, 2**24), "MiB to decode"),
        (tiff_with(259, 3, 34_925), "TIFF compressed by a method"),
    ],
    ids=["thread", "colour", "webp", "progressive", "scans", "tile", "lzma"],
)
def test_what_would_take_much_memory_is_refused(data, reason):
    with pytest.raises(DataError, match=reason):
        decode(data)


def damaged_deflate() -> bytes:
    data = bytearray(encode(Image.fromarray(PIXELS), "TIFF", compression="tiff_adobe_deflate"))
    at = data.index(b"\x78\x9c") if b"\x78\x9c" in data else data.index(b"\x78")
    data[at + 2 : at + 12] = bytes(10)
    return bytes(data)


def test_nothing_is_said_past_the_reason(tmp_path):
    """libtiff writes to the terminal past Python, and Pillow's log goes there where nobody has set one up."""
    damaged = {
        "deflate": damaged_deflate(),
        "tag": tiff_with(65_000, 1, 7),
        "planes": tiff_with(284, 3, 51_201),
        "samples": tiff_with(277, 3, 122),
    }
    for name, data in damaged.items():
        (tmp_path / name).write_bytes(data)
    program = """
import sys
from hvae.datasets.own.outside import Treatment, collect
from pathlib import Path
for one in collect([Path(sys.argv[1])], Treatment((1, 8, 8))):
    print(Path(one.name).name, one.reason)
"""
    run = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True)
    assert [line.split()[0] for line in run.stdout.splitlines()] == sorted(damaged)
    assert run.stderr == ""


def test_a_large_photo_of_odd_sides_is_decoded_small(monkeypatch):
    monkeypatch.setattr(decoding, "_check_memory", lambda image, data, size: asked.append(image.size))
    asked: list[tuple[int, int]] = []
    decode(encode(Image.new("RGB", (2_501, 2_001)), "JPEG"))
    assert asked == [(1_251, 1_001)]


def test_a_large_photo_is_decoded_small():
    photo = Image.fromarray(gradient(50, 40)).resize((5_000, 4_000)).convert("RGB")
    decoded = decode(encode(photo, "JPEG"))
    assert decoded.size == (4_000, 5_000) and decoded.pixels.shape[0] * decoded.pixels.shape[1] <= 4_000_000
    means = np.asarray(photo.reduce(100)).astype(int)
    found = np.asarray(Image.fromarray(decoded.pixels).resize((50, 40), Image.Resampling.BOX)).astype(int)
    assert np.abs(found - means).max() <= 3


# getrusage would do elsewhere, but it starts from the peak of the process that started this one.
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_peak_memory(tmp_path):
    """The largest images that are still read, each in the same process: the peak is that of the worst."""
    worst = {
        "rgba.png": (Image.new("RGBA", (5_100, 5_100), (1, 2, 3, 4)), {"compress_level": 1}),
        "wide.png": (Image.new("I;16", (7_000, 7_000)), {"compress_level": 1}),
        "photo.jpg": (Image.new("RGB", (8_000, 6_000)), {}),
        "progressive.jpg": (Image.new("RGB", (6_000, 4_300)), {"progressive": True}),
    }
    for name, (image, options) in worst.items():
        image.save(tmp_path / name, **options)
    program = """
import re, sys
from pathlib import Path
from hvae.datasets.own.decoding import decode
def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
before = peak()
for path in sys.argv[1:]:
    decode(Path(path))
print((peak() - before) / 1024)
"""
    paths = [str(tmp_path / name) for name in worst]
    run = subprocess.run([sys.executable, "-c", program, *paths], capture_output=True, text=True, check=True)
    assert 50 < float(run.stdout) < 150
