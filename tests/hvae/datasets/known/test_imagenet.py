"""Batches of downsampled ImageNet."""

import os
import pickle
import zipfile

import numpy as np
import pytest

from hvae.datasets import available, fetch, load
from hvae.datasets.known import imagenet32
from hvae.errors import DataError

GENERATOR = np.random.default_rng(0)
ROWS = GENERATOR.integers(0, 256, (9, 3_072), dtype=np.uint8)
LABELS = np.array([1, 1_000, 5, 5, 17, 3, 2, 999, 500])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(
        imagenet32, "BATCHES", {"train": ("train_data_batch_1", "train_data_batch_2"), "test": ("val",)}
    )
    monkeypatch.setattr(imagenet32, "IMAGES", {"train": 9, "test": 4})
    place = tmp_path / "imagenet32"
    place.mkdir()
    for name, rows in (("train_data_batch_1", slice(5)), ("train_data_batch_2", slice(5, 9)), ("val", slice(4))):
        np.savez(place / f"{name}.npz", data=ROWS[rows], labels=LABELS[rows], mean=ROWS.mean(axis=0))
    return place


def test_batches_in_order(tmp_path, folder):
    assert available("imagenet32", tmp_path)
    train = load("imagenet32", "train", tmp_path, (3, 32, 32))
    np.testing.assert_array_equal(train.images.reshape(9, -1), ROWS)
    np.testing.assert_array_equal(train.labels, LABELS - 1)
    np.testing.assert_array_equal(load("imagenet32", "test", tmp_path).labels, LABELS[:4] - 1)


def test_missing_batch(tmp_path, folder):
    (folder / "train_data_batch_2.npz").unlink()
    assert not available("imagenet32", tmp_path)
    for call in (lambda: load("imagenet32", "train", tmp_path), lambda: fetch("imagenet32", tmp_path)):
        with pytest.raises(DataError, match="register at image-net.org.*HVAE_DATA"):
            call()


class Hostile:
    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_pickled_batches_are_refused_without_executing_them(tmp_path, folder):
    hostile = pickle.dumps({"data": ROWS[5:], "labels": Hostile(tmp_path / "executed")}, protocol=4)
    (folder / "train_data_batch_2.npz").write_bytes(hostile)
    with pytest.raises(DataError, match="train_data_batch_2.npz: File is not a zip file"):
        load("imagenet32", "train", tmp_path)
    (folder / "train_data_batch_2.npz").rename(folder / "train_data_batch_2")
    assert not available("imagenet32", tmp_path)
    for call in (lambda: load("imagenet32", "train", tmp_path), lambda: fetch("imagenet32", tmp_path)):
        with pytest.raises(
            DataError, match=r"download Imagenet32_train_npz.zip .*pickled, .* not read\), put .*10.npz"
        ):
            call()
    np.savez(folder / "train_data_batch_1.npz", data=np.array([Hostile(tmp_path / "executed")]), labels=LABELS[:5])
    with pytest.raises(DataError, match="pickled Python objects, which are never loaded"):
        load("imagenet32", "train", tmp_path)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ({"data": ROWS[5:], "labels": LABELS[4:].tolist()}, r"`labels` is \(5,\) int64; needed is \(4,\)"),
        ({"data": ROWS[5:], "labels": [0, 1, 2, 3]}, "no classes from 1 to 1,000"),
        ({"data": ROWS[5:], "labels": [1, 2, 3, 0.5]}, r"`labels` is \(4,\) float64"),
        ({"data": ROWS[5:], "labels": [1, 2, 3, 1_001]}, "no classes from 1 to 1,000"),
        ({"data": ROWS[5:, :300], "labels": [1, 2, 3, 4]}, r"`data` is \(4, 300\) uint8"),
        ({"data": ROWS[5:] / 255, "labels": [1, 2, 3, 4]}, "float64; needed"),
        ({"data": ROWS[5:]}, "no item named 'labels.npy'"),
        ({"data": ROWS[5:8], "labels": [1, 2, 3]}, "holds 8 images of train, not 9"),
        ({"data": ROWS, "labels": LABELS}, "more images than the 9 of train"),
    ],
)
def test_other_batches(tmp_path, folder, batch, message):
    np.savez(folder / "train_data_batch_2.npz", **batch)
    with pytest.raises(DataError, match=message):
        load("imagenet32", "train", tmp_path)


def test_truncated_batch(tmp_path, folder):
    path = folder / "train_data_batch_2.npz"
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(DataError, match="train_data_batch_2.npz"):
        load("imagenet32", "train", tmp_path)


def test_damaged_compression(tmp_path, folder):
    path = folder / "train_data_batch_1.npz"
    np.savez_compressed(path, data=ROWS[:5], labels=LABELS[:5])
    content = bytearray(path.read_bytes())
    # The first deflate block of the first member: 0xff is no kind of block.
    content[30 + content[26] + content[28]] = 0xFF
    path.write_bytes(content)
    with pytest.raises(DataError, match="train_data_batch_1.npz: .*invalid block type"):
        load("imagenet32", "train", tmp_path)


def test_size_limit(tmp_path, folder, monkeypatch):
    monkeypatch.setattr(imagenet32, "_MAX_BATCH_BYTES", 100)
    with pytest.raises(DataError, match="more than the 100 bytes it may have"):
        load("imagenet32", "train", tmp_path)


def test_archive_without_arrays(tmp_path, folder):
    with zipfile.ZipFile(folder / "train_data_batch_1.npz", "w"):
        pass
    with pytest.raises(DataError, match="train_data_batch_1.npz: .*data.npy"):
        load("imagenet32", "train", tmp_path)
