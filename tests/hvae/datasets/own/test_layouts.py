"""Arrays as people have them: MedMNIST, Keras, .npy, idx, and numbers of every type."""

import gzip
import io
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hvae.datasets import info, load
from hvae.datasets.own.arrays import read_arrays
from hvae.datasets.own.decoding import MAX_BYTES
from hvae.datasets.own.outside import Named, Picture, Refusal, Treatment, collect
from hvae.errors import DataError
from hvae.runs.images.training_set import training_set

RANDOM = np.random.default_rng(0)
GREY = RANDOM.integers(0, 256, (6, 8, 8), dtype=np.uint8)
GREY[0, 0, :2] = 0, 255
SHAPE = (1, 8, 8)


def read(path: Path, split: str = "all"):
    return load(f"npz:{path}", split, image_shape=SHAPE)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "set.npz"


LAYOUTS = {
    "medmnist": ("{}_images", "{}_labels", ("train", "val", "test")),
    "keras": ("x_{}", "y_{}", ("train", "test")),
}


@pytest.mark.parametrize("form", LAYOUTS)
def test_splits_that_a_file_keeps_apart(path, form):
    images, labels, splits = LAYOUTS[form]
    arrays = {}
    for number, split in enumerate(splits):
        arrays[images.format(split)] = GREY[2 * number : 2 * number + 2]
        arrays[labels.format(split)] = np.array([[number], [number + 1]], np.uint8)
    np.savez(path, **arrays)
    assert info(f"npz:{path}").splits == (*splits, "all")
    for number, split in enumerate(splits):
        one = read(path, split)
        np.testing.assert_array_equal(one.images[:, 0], GREY[2 * number : 2 * number + 2])
        assert one.labels.tolist() == [number, number + 1] and one.note == ""
    assert len(read(path)) == 2 * len(splits)
    assert training_set(f"npz:{path}", SHAPE).fingerprint == read(path, "train").fingerprint, (
        "test images are not fitted"
    )
    with pytest.raises(DataError, match="has no split 'fitted'"):
        read(path, "fitted")


def test_all_splits_are_scaled_alike(path):
    np.savez(path, x_train=GREY / np.float32(255), x_test=GREY * np.float32(0.004 / 255))
    assert read(path, "test").images.max() <= 1, "its train images reach 1"
    np.savez(path, train_images=(GREY.astype(np.uint16) * 16), test_images=(GREY // 9).astype(np.uint16))
    assert read(path, "test").images.max() <= 2


def test_several_labels_an_image_are_left_out_and_it_is_said(path):
    np.savez(path, test_images=GREY, test_labels=np.ones((6, 14), np.uint8))
    images = read(path, "test")
    assert set(images.labels) == {0} and "14 labels an image left out" in images.note


def test_splits_of_other_sizes_and_volumes_are_refused(path):
    np.savez(path, train_images=GREY, test_images=GREY[:, :7])
    with pytest.raises(DataError, match="set.npz: its splits have images of"):
        read(path)
    np.savez(path, train_images=np.zeros((2, 8, 8, 8), np.uint8))
    with pytest.raises(DataError, match="`train_images` has shape"):
        read(path)


def test_one_array_without_a_name(path):
    np.savez(path, GREY)
    np.testing.assert_array_equal(read(path).images[:, 0], GREY)


@pytest.mark.parametrize(
    ("values", "expected", "said"),
    [
        (GREY > 127, 255 * (GREY > 127), "bool taken as black and white"),
        (GREY % 2, 255 * (GREY % 2), "0 and 1 taken as black and white"),
        ((GREY % 2).astype(np.int64), 255 * (GREY % 2), "0 and 1 taken as black and white"),
        (GREY.astype(np.int64), GREY, "int64 from 0 to 255 taken as 8 bits"),
        (GREY.astype(np.int32), GREY, "int32 from 0 to 255 taken as 8 bits"),
        (GREY.astype(np.uint16) * 257, GREY, "uint16 from 0 to 65,535 rescaled to 8 bits"),
        (np.rint(GREY * (4095 / 255)).astype(np.uint16), GREY, "uint16 from 0 to 4,095 taken as 12 bits"),
        (GREY.astype(np.uint16), GREY, "uint16 from 0 to 255 taken as 8 bits"),
        (np.where(GREY == 255, 255.0001, GREY), GREY, "floats in [0, 255]"),
        (np.where(GREY == 255, 1.0000002, GREY / 255), GREY, "floats in [0, 1]"),
    ],
    ids=["bool", "0/1", "0/1 int64", "int64", "int32", "16 bits", "12 bits", "8 in 16", "hair 255", "hair 1"],
)
def test_numbers_of_every_type_with_their_range_said(path, values, expected, said):
    np.savez(path, images=values)
    images = read(path)
    np.testing.assert_array_equal(images.images[:, 0], expected)
    assert said in images.note


def test_what_is_doubtful_is_in_the_note(path):
    np.savez(path, images=np.rint(GREY * (4095 / 255)).astype(np.uint16))
    assert "it is taken as a picture of 12 bits" in read(path).note


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
def test_a_npy_file(tmp_path, packed):
    path = tmp_path / ("set.npy.gz" if packed else "set.npy")
    with (gzip.open if packed else open)(path, "wb") as file:
        np.save(file, GREY)
    np.testing.assert_array_equal(read(path).images[:, 0], GREY)


def idx(values: np.ndarray, kind: int = 8) -> bytes:
    return struct.pack(f">BBBB{values.ndim}I", 0, 0, kind, values.ndim, *values.shape) + values.tobytes()


@pytest.mark.parametrize("packed", [(False, False), (True, True), (True, False)], ids=["plain", "gz", "labels plain"])
@pytest.mark.parametrize("marks", ["--", "..", "-.", ".-"])
def test_idx_files_under_either_spelling(tmp_path, packed, marks):
    images, labels = (
        tmp_path / f"t10k-{what}{mark}idx{axes}-ubyte{'.gz' * gz}"
        for what, axes, mark, gz in zip(("images", "labels"), (3, 1), marks, packed, strict=True)
    )
    for path, values, gz in ((images, GREY, packed[0]), (labels, np.arange(6, dtype=np.uint8), packed[1])):
        path.write_bytes(gzip.compress(idx(values)) if gz else idx(values))
    found = read(images)
    np.testing.assert_array_equal(found.images[:, 0], GREY)
    assert found.labels.tolist() == list(range(6)) and found.note == ""


def test_idx_files_of_other_types_and_alone(tmp_path):
    path = tmp_path / "anything"
    path.write_bytes(idx((GREY / 255).astype(">f4"), 13))
    np.testing.assert_array_equal(read(path).images[:, 0], GREY)
    path.write_bytes(idx(GREY)[:-1])
    with pytest.raises(DataError, match="truncated"):
        read(path)
    path.write_bytes(idx(GREY) + b"x")
    with pytest.raises(DataError, match="longer than its header says"):
        read(path)
    path.write_bytes(gzip.compress(idx(GREY)[:-1]))
    with pytest.raises(DataError, match="truncated"):
        read(path)
    path.write_bytes(struct.pack(">BBBB3I", 0, 0, 8, 3, 2**20, 2**12, 2**12))
    with pytest.raises(DataError, match="more than the"):
        read(path)


def test_arrays_are_judged_image_by_image_like_files(path):
    np.savez(path, images=GREY, names=[f"letter {n}" for n in range(6)])
    bare = path.with_name("bare")
    with bare.open("wb") as file:
        np.save(file, GREY)
    for source, names in ((path, [f"letter {n}" for n in range(6)]), (bare, [f"{n:06d}" for n in range(6)])):
        found = list(collect([source], Treatment(SHAPE)))
        assert [one.name for one in found] == [f"{source}/{name}" for name in names]
        np.testing.assert_array_equal(np.stack([one.image[0] for one in found if isinstance(one, Picture)]), GREY)


@given(st.lists(st.tuples(st.integers(0, 9_999), st.integers(0, 255)), min_size=1, max_size=4), st.integers(0, 3))
@settings(max_examples=80, derandomize=True, deadline=None)
def test_changed_arrays_are_read_or_refused(tmp_path_factory, changes, kind):
    path = tmp_path_factory.getbasetemp() / "changed"
    if kind == 0:
        np.savez(path.with_suffix(".npz"), train_images=GREY, train_labels=np.zeros((6, 1), int))
        path.with_suffix(".npz").rename(path)
    elif kind == 1:
        with path.open("wb") as file:
            np.save(file, GREY)
    else:
        path.write_bytes(idx(GREY) if kind == 2 else gzip.compress(idx(GREY)))
    damaged = bytearray(path.read_bytes())
    for position, value in changes:
        damaged[position % len(damaged)] = value
    path.write_bytes(bytes(damaged))
    try:
        assert read_arrays(path).images.dtype == np.uint8
    except DataError as error:
        assert str(path) in str(error) and "\n" not in str(error)
    assert all(isinstance(one, Picture | Refusal) for one in collect([path], Treatment(SHAPE)))


def packed(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


IDX = bytes((0, 0, 8, 3)) + struct.pack(">3I", *GREY.shape) + GREY.tobytes()
UPLOADS = {
    "npz": packed(images=GREY), "medmnist": packed(train_images=GREY[:4], test_images=GREY[4:]), "npy": npy(GREY),
    "floats": npy(GREY / 255), "idx": IDX, "idx.gz": gzip.compress(IDX), "npy.gz": gzip.compress(npy(GREY)),
}  # fmt: skip


@pytest.mark.parametrize("kind", UPLOADS)
def test_uploads_are_read_as_files_are(tmp_path, kind):
    (tmp_path / "set").write_bytes(UPLOADS[kind])
    how = Treatment(SHAPE)
    uploaded, stored = list(collect([Named("set", UPLOADS[kind])], how)), list(collect([tmp_path / "set"], how))
    assert [one.name for one in uploaded] == [f"set/{number:06d}" for number in range(6)]
    for one, other, image in zip(uploaded, stored, GREY, strict=True):
        assert isinstance(one, Picture) and isinstance(other, Picture)
        np.testing.assert_array_equal(one.image[0], image)
        np.testing.assert_array_equal(other.image[0], image)
        assert (one.changes, one.caveats) == (other.changes, other.caveats)


def test_uploads_are_bounded_as_they_unpack(tmp_path):
    many = np.zeros((MAX_BYTES // 3_072 // 2 + 1, 32, 32, 3), np.uint8)
    for name, content, reason in (
        ("one", packed(images=np.zeros((MAX_BYTES // 64 + 1, 8, 8), np.uint8)), "`images` has 33,554,496 bytes, more"),
        ("two", packed(train_images=many, test_images=many), "`test_images` has 16,779,264 bytes with those before it"),
        ("gz", gzip.compress(IDX[:4] + struct.pack(">3I", 2**20, 8, 8) + bytes(99)), "`images` has 67,108,864 bytes"),
        ("words.gz", gzip.compress(b"words"), "it is packed and holds no array"),
        ("objects", npy(np.array([None])), "pickled Python objects"),
        ("cut", npy(GREY)[:-9], "expected 384 bytes got 375"),
    ):
        (refusal,) = collect([Named(name, content)], Treatment(SHAPE))
        assert isinstance(refusal, Refusal) and reason in refusal.reason and refusal.name == name
    (tmp_path / "many.npz").write_bytes(packed(images=many, test_images=many))
    assert len(read_arrays(tmp_path / "many.npz").images) == len(many), "files of this computer may be larger"


def test_what_a_browser_sends_of_a_folder_is_hidden_where_the_folder_has_it_hidden():
    names = ("set/one.npy", "set/.DS_Store", "set/deep/Thumbs.db", ".chosen.npy")
    passed: list[Refusal] = []
    found = list(collect([Named(name, npy(GREY[:1])) for name in names], Treatment(SHAPE), passed=passed))
    assert [one.name for one in found] == ["set/one.npy/000000", ".chosen.npy/000000"]
    assert [(one.name, one.reason) for one in passed] == [("2 hidden", "set/.DS_Store, set/deep/Thumbs.db")]
