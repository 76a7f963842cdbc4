"""Downloads over real sockets on the loopback interface."""

import gzip
import socket

import numpy as np
import pytest

from hvae.datasets import available, fetch, load
from hvae.datasets.known import mnist
from hvae.errors import DataError

TRAIN = "train-images-idx3-ubyte"


def leftovers(root):
    return sorted(path.name for path in root.rglob("*") if path.is_file())


def test_download_and_progress(tmp_path, mirror, idx_arrays):
    seen = []
    fetch("fashionmnist", tmp_path, lambda done, total: seen.append((done, total)))
    assert leftovers(tmp_path) == sorted(idx_arrays)
    np.testing.assert_array_equal(load("fashionmnist", "train", tmp_path).images[:, 0], idx_arrays[TRAIN])
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1][0] == seen[-1][1] > 0


def test_intact_files_are_not_downloaded_again(tmp_path, mirror, idx_arrays, write_idx):
    for name, array in idx_arrays.items():
        write_idx(tmp_path / "FashionMNIST/raw" / name, array)
    fetch("fashionmnist", tmp_path)
    assert mirror.requests == []
    cut = tmp_path / "FashionMNIST/raw" / TRAIN
    cut.write_bytes(cut.read_bytes()[:-1])
    fetch("fashionmnist", tmp_path)
    assert mirror.requests == [f"{TRAIN}.gz"]
    assert len(load("fashionmnist", "train", tmp_path)) == 30


def test_archive_placed_by_hand_is_unpacked(tmp_path, mirror):
    raw = tmp_path / "FashionMNIST/raw"
    raw.mkdir(parents=True)
    for name, archive in mirror.files.items():
        (raw / name).write_bytes(archive)
    fetch("fashionmnist", tmp_path)
    assert mirror.requests == []
    assert available("fashionmnist", tmp_path)


@pytest.mark.parametrize("damage", ["truncated", "other file", "missing", "endless"])
def test_bad_answer_leaves_nothing_behind(tmp_path, mirror, monkeypatch, damage):
    archive = f"{TRAIN}.gz"
    if damage == "truncated":
        mirror.truncate, reason = archive, "the connection broke after"
    elif damage == "other file":
        mirror.files[archive] = gzip.compress(b"<html>log in first</html>")
        reason = "MD5 differs"
    elif damage == "missing":
        del mirror.files[archive]
        reason = "404 Not Found"
    else:
        monkeypatch.setattr("hvae.datasets.fetching.published_files.MAX_BYTES", 1_000)
        reason = "longer than 1,000 bytes"
    with pytest.raises(DataError, match=reason) as raised:
        fetch("fashionmnist", tmp_path)
    message = str(raised.value)
    assert message.startswith(f"could not download FashionMNIST from {mirror.url}{archive}")
    assert message.endswith(f"put the files under {tmp_path / 'FashionMNIST/raw'} or set HVAE_DATA")
    assert leftovers(tmp_path) == []


def test_failed_download_keeps_the_good_files(tmp_path, mirror, idx_arrays, write_idx):
    raw = tmp_path / "FashionMNIST/raw"
    write_idx(raw / "train-labels-idx1-ubyte", idx_arrays["train-labels-idx1-ubyte"])
    before = (raw / "train-labels-idx1-ubyte").read_bytes()
    mirror.truncate = f"{TRAIN}.gz"
    with pytest.raises(DataError):
        fetch("fashionmnist", tmp_path)
    assert leftovers(tmp_path) == ["train-labels-idx1-ubyte"]
    assert (raw / "train-labels-idx1-ubyte").read_bytes() == before


@pytest.fixture
def closed_port():
    """An address that refuses connections: bound, but not listening."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/"


def test_no_network(tmp_path, mirror, monkeypatch, closed_port):
    monkeypatch.setattr("torchvision.datasets.FashionMNIST.mirrors", [closed_port])
    with pytest.raises(DataError, match="no connection .*refused"):
        fetch("fashionmnist", tmp_path)
    assert leftovers(tmp_path) == []


def test_second_mirror_steps_in(tmp_path, mirror, monkeypatch, closed_port):
    monkeypatch.setattr("torchvision.datasets.FashionMNIST.mirrors", [closed_port, mirror.url])
    fetch("fashionmnist", tmp_path)
    assert available("fashionmnist", tmp_path)


def test_silent_server_is_given_up(tmp_path, mirror, monkeypatch):
    monkeypatch.setattr("hvae.datasets.fetching.download.TIMEOUT", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        monkeypatch.setattr("torchvision.datasets.FashionMNIST.mirrors", [url])
        with pytest.raises(DataError, match="timed out"):
            fetch("fashionmnist", tmp_path)


def test_progress_may_cancel(tmp_path, mirror):
    class Cancelled(Exception):
        pass

    def cancel(done, total):
        raise Cancelled

    with pytest.raises(Cancelled):
        fetch("fashionmnist", tmp_path, cancel)
    assert leftovers(tmp_path) == []


def test_unwritable_root(tmp_path, monkeypatch):
    (tmp_path / "FashionMNIST").write_text("a file where the folder should be")
    monkeypatch.setattr("hvae.datasets.fetching.published_files.download", None)  # it is not called
    with pytest.raises(DataError, match="cannot write .* set HVAE_DATA to another folder"):
        fetch("fashionmnist", tmp_path)


@pytest.mark.parametrize("name", ["fashionmnist", "mnist", "kmnist"])
def test_torchvision_offers_the_files(tmp_path, name):
    from torchvision import datasets

    data_set = getattr(mnist, name.upper())
    files = [f"{path.name}.gz" for split in ("train", "test") for path in data_set.files(split, tmp_path)]
    assert [archive for archive, _ in getattr(datasets, data_set.info.title).resources] == files
    assert len(data_set.archive_bytes) == len(files)
