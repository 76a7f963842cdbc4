import gzip
import struct

import numpy as np
import pytest

from hvae.datasets import available, fetch, load
from hvae.datasets.known.mnist import read_idx
from hvae.errors import DataError


@pytest.mark.parametrize("shape", [(7,), (3, 5, 4)])
def test_round_trip(tmp_path, write_idx, shape):
    array = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    path = write_idx(tmp_path / "file", array)
    np.testing.assert_array_equal(read_idx(path, axes=len(shape)), array)
    assert read_idx(path, axes=len(shape)).shape == shape


def header(kind: int, *shape: int) -> bytes:
    return bytes((0, 0, kind, len(shape))) + struct.pack(f">{len(shape)}I", *shape)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no idx file"),
        (b"<html>not found</html>", "no idx file"),
        (b"\x1f\x8b\x08\x00" + b"0" * 40, "no idx file"),
        (header(8, 2, 2, 2)[:9], "no idx file"),
        (header(13, 2, 2, 2) + b"0" * 32, "type 13"),
        (header(8, 8) + b"0" * 8, "1 axes"),
        (header(8, 2, 2, 2) + b"0" * 7, "truncated"),
        (header(8, 2, 2, 2) + b"0" * 9, "longer than"),
        # A header that asks for 10^28 bytes must fail on arithmetic, before any allocation.
        (header(8, 2**32 - 1, 2**32 - 1, 2**32 - 1) + b"0" * 8, "truncated"),
    ],
)
def test_damaged_files_are_refused_with_their_name(tmp_path, content, message):
    path = tmp_path / "images"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as raised:
        read_idx(path, axes=3)
    assert str(path) in str(raised.value)


def test_missing_file(tmp_path):
    with pytest.raises(DataError, match="cannot read"):
        read_idx(tmp_path / "none", axes=1)


def test_size_limit(tmp_path, write_idx, monkeypatch):
    monkeypatch.setattr("hvae.datasets.known.mnist.MAX_BYTES", 100)
    with pytest.raises(DataError, match="more than the 100"):
        read_idx(write_idx(tmp_path / "file", np.zeros(200, np.uint8)), axes=1)


@pytest.mark.parametrize(
    "spelled", ["{}", "{}.gz", "dot {}", "dot {}.gz"], ids=["plain", "packed", "with a dot", "both"]
)
def test_other_spellings_of_the_files_are_the_same_set(tmp_path, write_idx, idx_arrays, spelled):
    for name, array in idx_arrays.items():
        path = write_idx(tmp_path / "MNIST" / "raw" / name, array)
        other = spelled.format(name).removeprefix("dot ")
        other = other.replace("-idx", ".idx") if spelled.startswith("dot") else other
        content = path.read_bytes()
        path.unlink()
        path.with_name(other).write_bytes(gzip.compress(content) if other.endswith(".gz") else content)
    assert available("mnist", tmp_path)
    images = load("mnist", "test", root=tmp_path)
    np.testing.assert_array_equal(images.images[:, 0], idx_arrays["t10k-images-idx3-ubyte"])
    np.testing.assert_array_equal(images.labels, idx_arrays["t10k-labels-idx1-ubyte"])
    fetch("mnist", tmp_path)
    assert len(list((tmp_path / "MNIST" / "raw").iterdir())) == 4, "nothing is downloaded for what is there"


def test_a_damaged_archive_is_refused_with_its_name(tmp_path):
    for content in (gzip.compress(header(8, 2, 2, 2) + b"0" * 8)[:-9], b"words", b""):
        (tmp_path / "images.gz").write_bytes(content)
        with pytest.raises(DataError, match=r"images\.gz"):
            read_idx(tmp_path / "images.gz", axes=3)
