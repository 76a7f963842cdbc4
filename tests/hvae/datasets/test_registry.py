import dataclasses
import subprocess
import sys

import numpy as np
import pytest

from hvae.datasets import available, fetch, info, load, names
from hvae.datasets.known import mnist
from hvae.errors import DataError


def write_layout(root, folder, arrays, write_idx, only=""):
    for name, array in arrays.items():
        if name.startswith(only):
            write_idx(root / folder / "raw" / name, array)


def test_every_name_describes_itself():
    assert {"fashionmnist", "mnist", "notmnist", "digits", "glyphs"} <= set(names())
    for name in names():
        facts = info(name)
        assert facts.name == name
        assert all(getattr(facts, field) for field in ("title", "images", "licence", "citation", "preprocessing"))
        assert "test" in facts.splits


@pytest.mark.parametrize("name", ["FashionMNIST", "fashion", "fashionmist"])
def test_unknown_name_gets_the_closest(name):
    for call in (info, load, available, fetch):
        with pytest.raises(DataError, match="did you mean fashionmnist"):
            call(name)


@pytest.mark.parametrize(
    ("name", "message"), [("qqq", "known are fashionmnist"), ("folder:", "folder:PATH"), ("npz:", "npz:PATH")]
)
def test_name_without_a_close_one(name, message):
    with pytest.raises(DataError, match=message):
        load(name)


def test_unknown_split():
    with pytest.raises(DataError, match="no split 'validation'; it has train, test"):
        load("mnist", "validation")


@pytest.mark.parametrize("shape", [(2, 28, 28), (1, 0, 28), (1, 28, 100_000), (1, 28)])
def test_impossible_image_shape(shape):
    with pytest.raises(DataError, match="image shape"):
        load("digits", image_shape=shape)


@pytest.mark.parametrize(
    ("name", "folder"), [("fashionmnist", "FashionMNIST"), ("mnist", "MNIST"), ("kmnist", "KMNIST")]
)
def test_mnist_layout_is_read(tmp_path, idx_arrays, write_idx, name, folder):
    assert not available(name, tmp_path)
    write_layout(tmp_path, folder, idx_arrays, write_idx)
    assert available(name, tmp_path)
    for split, prefix in (("train", "train"), ("test", "t10k")):
        images = load(name, split, tmp_path)
        np.testing.assert_array_equal(images.images[:, 0], idx_arrays[f"{prefix}-images-idx3-ubyte"])
        np.testing.assert_array_equal(images.labels, idx_arrays[f"{prefix}-labels-idx1-ubyte"])
        assert (images.name, images.split, images.note) == (name, split, "")


def test_environment_names_the_root(tmp_path, idx_arrays, write_idx, monkeypatch):
    write_layout(tmp_path, "MNIST", idx_arrays, write_idx)
    monkeypatch.setenv("HVAE_DATA", str(tmp_path))
    assert len(load("mnist")) == 12


def test_missing_files_say_what_to_do(tmp_path):
    with pytest.raises(DataError, match="hvae data fetch mnist.*HVAE_DATA") as raised:
        load("mnist", root=tmp_path)
    assert str(tmp_path / "MNIST/raw") in str(raised.value)


def test_images_and_labels_must_match(tmp_path, idx_arrays, write_idx):
    idx_arrays["t10k-labels-idx1-ubyte"] = np.zeros(11, np.uint8)
    write_layout(tmp_path, "MNIST", idx_arrays, write_idx)
    with pytest.raises(DataError, match="12 images but .* 11 labels"):
        load("mnist", root=tmp_path)


def test_another_notmnist_is_refused(tmp_path, idx_arrays, write_idx):
    write_layout(tmp_path, "notMNIST", idx_arrays, write_idx, only="t10k")
    with pytest.raises(DataError, match="not the 10,000-letter sample.*npz:PATH"):
        load("notmnist", root=tmp_path)


def test_the_expected_notmnist_is_read(tmp_path, idx_arrays, write_idx, monkeypatch):
    import hashlib

    write_layout(tmp_path, "notMNIST", idx_arrays, write_idx, only="t10k")
    for file in (tmp_path / "notMNIST/raw").iterdir():
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        changed = dataclasses.replace(mnist.NOTMNIST_ARCHIVES[file.name], content=content)
        monkeypatch.setitem(mnist.NOTMNIST_ARCHIVES, file.name, changed)
    assert len(load("notmnist", root=tmp_path)) == 12


def test_facts_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        info("mnist").licence = "mine"


def test_torch_is_not_imported():
    script = (
        "import sys; from hvae.datasets import load, available, names; load('digits'); load('glyphs'); "
        "[available(name) for name in names()]; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
