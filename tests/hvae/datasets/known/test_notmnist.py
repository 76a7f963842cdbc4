"""notMNIST's published sample, downloaded over real sockets on the loopback interface."""

import dataclasses
import gzip
import hashlib

import numpy as np
import pytest

from hvae.datasets import available, fetch, info, load
from hvae.datasets.known import mnist
from hvae.errors import DataError

IMAGES, LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"


@pytest.fixture
def root(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def sample(tmp_path, idx_arrays, write_idx, monkeypatch) -> dict[str, bytes]:
    """A tiny sample that passes for the published one."""
    files = {name: write_idx(tmp_path / "sample" / name, idx_arrays[name]).read_bytes() for name in (IMAGES, LABELS)}
    archives = {
        name: dataclasses.replace(archive, content=hashlib.sha256(files[name]).hexdigest())
        for name, archive in mnist.NOTMNIST_ARCHIVES.items()
    }
    monkeypatch.setattr(mnist, "NOTMNIST_ARCHIVES", archives)
    return files


@pytest.fixture
def publish(serve, monkeypatch):
    """Serves files as the published archives, known by their MD5."""

    def start(files: dict[str, bytes]):
        archives = {f"{name}.gz": gzip.compress(content, mtime=0) for name, content in files.items()}
        server = serve(archives)
        published = {
            name: dataclasses.replace(
                archive,
                urls=(f"{server.url}{archive.name}",),
                checksum=hashlib.md5(archives[archive.name]).hexdigest(),
                size=len(archives[archive.name]),
            )
            for name, archive in mnist.NOTMNIST_ARCHIVES.items()
        }
        monkeypatch.setattr(mnist, "NOTMNIST_ARCHIVES", published)
        return server

    return start


def kept(root):
    return sorted(path.name for path in root.rglob("*") if path.is_file())


def test_the_sample_is_downloaded_once(root, sample, publish, idx_arrays):
    assert info("notmnist").downloadable
    server, seen = publish(sample), []
    fetch("notmnist", root, lambda done, total: seen.append((done, total)))
    assert kept(root) == [IMAGES, LABELS]
    np.testing.assert_array_equal(load("notmnist", root=root).images[:, 0], idx_arrays[IMAGES])
    assert seen == sorted(seen) and seen[-1][0] == seen[-1][1] > 0
    server.requests.clear()
    fetch("notmnist", root)
    assert server.requests == []


def test_only_what_is_missing_or_damaged_is_downloaded(root, sample, publish):
    server = publish(sample)
    fetch("notmnist", root)
    server.requests.clear()
    cut = root / "notMNIST/raw" / IMAGES
    cut.write_bytes(sample[IMAGES][:-1])
    fetch("notmnist", root)
    assert server.requests == [f"{IMAGES}.gz"]
    assert cut.read_bytes() == sample[IMAGES]


def test_archives_placed_by_hand_are_unpacked(root, sample, publish):
    server = publish(sample)
    (root / "notMNIST/raw").mkdir(parents=True)
    for name, archive in server.files.items():
        (root / "notMNIST/raw" / name).write_bytes(archive)
    fetch("notmnist", root)
    assert server.requests == []
    assert len(load("notmnist", root=root)) == 12


def test_an_archive_of_another_checksum_is_refused(root, sample, publish):
    server = publish(sample)
    server.files[f"{IMAGES}.gz"] = gzip.compress(b"<html>log in first</html>")
    with pytest.raises(DataError, match="MD5 differs.*put the files under .*notMNIST/raw or set HVAE_DATA"):
        fetch("notmnist", root)
    assert kept(root) == []


def test_an_archive_of_another_sample_is_refused(root, sample, publish):
    other = sample | {IMAGES: bytes(reversed(sample[IMAGES]))}
    publish(other)
    with pytest.raises(DataError, match=f"{IMAGES}.gz: .*not hold the expected {IMAGES}.*SHA-256 differs") as raised:
        fetch("notmnist", root)
    assert "\n" not in str(raised.value)
    assert kept(root) == []


def test_another_sample_in_its_place_is_not_replaced(root, sample, publish, idx_arrays, write_idx):
    server = publish(sample)
    path = write_idx(root / "notMNIST/raw" / IMAGES, 255 - idx_arrays[IMAGES])
    before = path.read_bytes()
    with pytest.raises(DataError, match="not the 10,000-letter sample.*move it away.*npz:PATH"):
        fetch("notmnist", root)
    assert path.read_bytes() == before
    assert server.requests == []


def test_no_network(root, sample, publish):
    publish(sample).close()
    with pytest.raises(DataError, match="could not download notMNIST from .*no connection"):
        fetch("notmnist", root)
    assert not available("notmnist", root)
    with pytest.raises(DataError, match="hvae data fetch notmnist.*HVAE_DATA"):
        load("notmnist", root=root)


def test_each_file_has_an_archive_and_a_checksum(root):
    names = [path.name for path in mnist.NOTMNIST.files("test", root)]
    assert names == list(mnist.NOTMNIST_ARCHIVES)
    assert all(len(archive.content) == 64 for archive in mnist.NOTMNIST_ARCHIVES.values())
    assert all(archive.urls[0].startswith("https://") for archive in mnist.NOTMNIST_ARCHIVES.values())
