import zipfile

import numpy as np
import pytest

from hvae.datasets import available, fetch, load
from hvae.errors import DataError

GREY = np.random.default_rng(0).integers(0, 256, (6, 28, 28), dtype=np.uint8)


def save(path, **arrays) -> str:
    np.savez(path, **arrays)
    return f"npz:{path}"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "letters.npz"


@pytest.mark.parametrize(
    "images",
    [
        GREY,
        GREY[..., None],
        GREY[:, None],
        GREY / 255,
        (GREY / 255).astype(np.float16),
        GREY.astype(np.float32),
        GREY.copy(order="F"),
    ],
    ids=["nhw", "nhwc", "nchw", "unit", "half", "bytes as floats", "fortran"],
)
def test_layouts_and_types(path, images):
    loaded = load(save(path, images=images))
    np.testing.assert_array_equal(loaded.images[:, 0], GREY)
    assert loaded.labels.tolist() == [0] * 6
    assert loaded.slug == f"letters-{loaded.fingerprint[:8]}"
    assert bool(loaded.note) == (images.dtype != np.uint8)


def test_compressed_archive_with_labels(path):
    np.savez_compressed(path, images=GREY, labels=np.arange(6, dtype=np.uint8))
    loaded = load(f"npz:{path}")
    assert loaded.labels.tolist() == list(range(6))
    assert loaded.labels.dtype == np.int64


def test_names_of_the_images(path):
    names = ["a.png", "训练/b.png", "line\nbreak", "", "x" * 999, "f"]
    loaded = load(save(path, images=np.random.default_rng(0).integers(0, 256, (6, 9, 9), np.uint8), names=names))
    assert loaded.names[:4] == ("a.png", "训练/b.png", "line\N{REPLACEMENT CHARACTER}break", "(no name)")
    assert len(loaded.names[4]) == 400
    assert load(save(path, images=GREY)).names == ()


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["a"] * 5, "one text for each of the 6"),
        ("a", "one text for each of the 6"),
        ([["a"]] * 6, "one text for each of the 6"),
        (np.arange(6), "not text"),
        (np.array(["a"] * 6, object), "pickled Python objects"),
    ],
    ids=["short", "one", "nested", "numbers", "objects"],
)
def test_names_that_are_no_names(path, names, said):
    with pytest.raises(DataError, match=said):
        load(save(path, images=GREY, names=names))


def test_names_that_no_character_stands_for(path):
    name = save(path, images=GREY, names=np.full(6, 0x7FFFFFFF, np.uint32).view("<U1"))
    with pytest.raises(DataError, match="letters.npz is damaged"):
        load(name)


def test_colour_images_of_another_size(path):
    colour = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    name = save(path, images=colour)
    np.testing.assert_array_equal(load(name, image_shape=(3, 32, 32)).images, colour.transpose(0, 3, 1, 2))
    grey = load(name)
    assert grey.images.shape == (4, 1, 28, 28)
    assert "converted to grey, resized from 32x32 to 28x28" in grey.note


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"pixels": GREY}, "no array `images`.*pixels.npy"),
        ({"images": GREY.astype(np.int32) * 300}, "integer values outside 16 bits"),
        ({"images": GREY.astype(np.int32) - 1}, "integer values outside 16 bits"),
        ({"images": GREY.astype(complex)}, "holds complex128, not numbers"),
        ({"images": GREY.astype(object)}, "pickled Python objects"),
        ({"images": GREY.astype(str)}, "not numbers"),
        ({"images": GREY[0]}, r"has shape \(28, 28\)"),
        ({"images": np.zeros((2, 4, 4, 4), np.uint8)}, "c = 1 or 3"),
        ({"images": np.zeros((2, 3, 4, 3), np.uint8)}, "on one side only"),
        ({"images": GREY[:0]}, "is empty"),
        ({"images": GREY / 255 - 1}, "reaches from -1 to 0"),
        ({"images": GREY * 2.0}, "reaches from 0 to 510"),
        ({"images": np.full((1, 2, 2), np.nan)}, "reaches from nan"),
        ({"images": GREY, "labels": np.arange(5)}, r"`labels` is \(5,\)"),
        ({"images": GREY, "labels": np.ones(6)}, "integers"),
        ({"images": GREY, "labels": np.array(["a"] * 6, dtype=object)}, "pickled Python objects"),
    ],
)
def test_other_contents_are_refused(path, arrays, message):
    with pytest.raises(DataError, match=message) as raised:
        load(save(path, **arrays))
    assert str(path) in str(raised.value)


@pytest.mark.parametrize("damage", ["text", "cut npy", "cut", "flipped", "no npy inside", "encrypted"])
def test_damaged_archives(path, damage):
    save(path, images=GREY)
    data = bytearray(path.read_bytes())
    if damage == "text":
        path.write_text("images")
    elif damage == "cut npy":
        with path.open("wb") as file:
            np.save(file, GREY)
            file.truncate(1_000)
    elif damage == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif damage == "flipped":
        data[len(data) // 2] ^= 255
        path.write_bytes(data)
    elif damage == "no npy inside":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("images.npy", b"no magic string")
    else:
        # The encryption flag of the one member, in its local header and in the directory.
        data[6] |= 1
        data[data.index(b"PK\1\2") + 8] |= 1
        path.write_bytes(data)
    with pytest.raises(DataError) as raised:
        load(f"npz:{path}")
    assert str(path) in str(raised.value)


def header(shape: str) -> bytes:
    text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}}}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


@pytest.mark.parametrize(
    ("shape", "message"),
    [("(10**6,)", "damaged"), ("(1000000000, 28, 28)", "more than the"), ("(100, 28, 28)", "truncated")],
)
def test_header_is_checked_before_anything_is_allocated(path, shape, message):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images.npy", header(shape) + bytes(1_000))
    with pytest.raises(DataError, match=message):
        load(f"npz:{path}")


def test_missing_file(path):
    assert not available(f"npz:{path}")
    with pytest.raises(DataError, match="there is no file"):
        load(f"npz:{path}")
    with pytest.raises(DataError, match="nothing to download"):
        fetch(f"npz:{path}")


def test_damaged_compression(path):
    np.savez_compressed(path, images=GREY)
    content = bytearray(path.read_bytes())
    # The first deflate block of the first member: 0xff is no kind of block.
    content[30 + content[26] + content[28]] = 0xFF
    path.write_bytes(content)
    with pytest.raises(DataError, match="damaged or encrypted .*invalid block type"):
        load(f"npz:{path}")


def test_a_header_that_is_no_sentence_of_python(path):
    """numpy gives an odd header to Python's tokenizer, whose error is no `ValueError`."""
    text = b"{'descr': '|u1', 'fortran_order': False, 'shape': ((6, 8L, 8), }\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(400))
    with pytest.raises(DataError, match="letters.npz is damaged"):
        load(f"npz:{path}")
