"""SmallNORB's matrix files."""

import dataclasses
import gzip
import hashlib
import struct

import numpy as np
import pytest

from hvae.datasets import available, fetch, load
from hvae.datasets.known import released
from hvae.errors import DataError

TEST = "smallnorb-5x01235x9x18x6x2x96x96-testing"
GENERATOR = np.random.default_rng(0)
PHOTOGRAPHS = GENERATOR.integers(0, 256, (4, 2, 96, 96), dtype=np.uint8)
CATEGORIES = np.array([0, 4, 2, 1], dtype=np.int32)


def matrix(array: np.ndarray, magic: int | None = None) -> bytes:
    sides = array.shape + (1,) * (3 - array.ndim)
    magic = magic or (0x1E3D4C55 if array.dtype == np.uint8 else 0x1E3D4C54)
    return struct.pack(f"<{2 + len(sides)}i", magic, array.ndim, *sides) + array.tobytes()


@pytest.fixture
def files(monkeypatch) -> dict[str, bytes]:
    monkeypatch.setattr(released, "PAIRS", 4)
    contents = {"dat": matrix(PHOTOGRAPHS), "cat": matrix(CATEGORIES)}
    return {name: contents[name.removesuffix(".mat")[-3:]] for name in released.NORB_ARCHIVES}


@pytest.fixture
def folder(tmp_path, files):
    place = tmp_path / "smallNORB"
    place.mkdir()
    for name, content in files.items():
        (place / name).write_bytes(content)
    return place


def test_both_cameras_and_their_inversion(tmp_path, folder):
    assert available("smallnorb28", tmp_path)
    plain, inverted = (load(name, "test", tmp_path) for name in ("smallnorb28", "smallnorb28_inverted"))
    assert plain.images.shape == (8, 1, 28, 28)
    assert plain.labels.tolist() == [0, 0, 4, 4, 2, 2, 1, 1]
    np.testing.assert_array_equal(inverted.images, 255 - plain.images)
    assert "both cameras" in plain.note
    assert inverted.note.endswith("inverted (255 - v)")


def test_resizing_averages(tmp_path, folder):
    flat = np.zeros((4, 2, 96, 96), np.uint8)
    flat[1, 1] = 200
    # Stripes finer than the resolution become their mean.
    flat[2, 0, ::2] = 100
    (folder / f"{TEST}-dat.mat").write_bytes(matrix(flat))
    images = load("smallnorb28", "test", tmp_path).images[:, 0]
    assert (images[3] == 200).all()
    np.testing.assert_allclose(images[4], 50, atol=8)
    assert images[[0, 1, 2, 5, 6, 7]].max() == 0


def test_missing_file(tmp_path, folder):
    (folder / f"{TEST}-cat.mat").unlink()
    assert not available("smallnorb28", tmp_path)
    with pytest.raises(DataError, match="SmallNORB is not in .*hvae data fetch smallnorb28.*testing-cat.mat.*HVAE_DAT"):
        load("smallnorb28", "test", tmp_path)


@pytest.mark.parametrize(
    ("kind", "content", "message"),
    [
        ("dat", matrix(PHOTOGRAPHS)[:-1], "dat.mat is truncated"),
        ("dat", matrix(PHOTOGRAPHS) + b"0", "longer than its header"),
        ("dat", matrix(PHOTOGRAPHS)[:10], "10 bytes are too few"),
        ("dat", matrix(PHOTOGRAPHS, 0x1E3D4C51), "no NORB matrix file .*51 4c 3d 1e"),
        ("dat", matrix(PHOTOGRAPHS[:3]), r"uint8 of shape \(3, 2, 96, 96\), not uint8 of \(4, 2, 96, 96\)"),
        ("dat", matrix(PHOTOGRAPHS.astype(np.int32)), "holds int32"),
        ("dat", b"<html>" * 20, "no NORB matrix file"),
        ("cat", matrix(CATEGORIES[:3]), r"int32 of shape \(3,\), not int32 of \(4,\)"),
        ("cat", matrix(CATEGORIES + 1), "no classes from 0 to 4"),
        ("cat", matrix(CATEGORIES)[:-2], "cat.mat is truncated"),
    ],
)
def test_other_content(tmp_path, folder, kind, content, message):
    (folder / f"{TEST}-{kind}.mat").write_bytes(content)
    with pytest.raises(DataError, match=message):
        load("smallnorb28", "test", tmp_path)


@pytest.fixture
def server(monkeypatch, files, serve):
    archives = {f"{name}.gz": gzip.compress(content, mtime=0) for name, content in files.items()}
    started = serve(archives)
    published = {
        name: dataclasses.replace(
            file,
            urls=(started.url + file.name,),
            checksum=hashlib.sha256(archives[file.name]).hexdigest(),
            size=len(archives[file.name]),
        )
        for name, file in released.NORB_ARCHIVES.items()
    }
    monkeypatch.setattr(released, "NORB_ARCHIVES", published)
    return started


def test_download_of_what_is_missing(tmp_path, folder, server):
    fetch("smallnorb28_inverted", tmp_path)
    assert server.requests == []
    (folder / f"{TEST}-dat.mat").write_bytes(b"damaged")
    fetch("smallnorb28_inverted", tmp_path)
    assert server.requests == [f"{TEST}-dat.mat.gz"]
    assert len(load("smallnorb28_inverted", "test", tmp_path)) == 8


def test_download_of_another_file(tmp_path, server):
    server.files[f"{TEST}-dat.mat.gz"] = gzip.compress(matrix(PHOTOGRAPHS[::-1]))
    with pytest.raises(DataError, match="could not download SmallNORB from .*SHA-256 differs.*put the files under"):
        fetch("smallnorb28", tmp_path)
    assert not (tmp_path / "smallNORB" / f"{TEST}-dat.mat").exists()


def test_addresses_are_those_of_the_authors():
    for name, file in released.NORB_ARCHIVES.items():
        assert file.urls == (f"https://cs.nyu.edu/~ylclab/data/norb-v1.0-small/{name}.gz",)
        assert len(file.checksum) == 64
