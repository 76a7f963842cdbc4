"""CIFAR's batches as Python 2 pickled them, and their archive."""

import dataclasses
import hashlib
import io
import os
import pickle
import struct
import tarfile

import numpy as np
import pytest

from hvae.datasets import available, fetch, load, registry
from hvae.datasets.known import cifar
from hvae.errors import DataError


def text(value: str) -> bytes:
    return b"U" + bytes([len(value)]) + value.encode()


def whole(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def python_2_batch(rows: np.ndarray, labels: list[int], key: str) -> bytes:
    """A batch in the opcodes of the published files: protocol 2, strings of Python 2 for text and for pixels."""
    shape = whole(rows.shape[0]) + whole(rows.shape[1]) + b"\x86"
    dtype = b"cnumpy\ndtype\n" + text("u1") + b"K\x00K\x01\x87R(K\x03" + text("|") + b"NNN" + whole(-1) * 2 + b"K\x00tb"
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + text("b") + b"\x87R"
    pixels = b"T" + struct.pack("<i", rows.size) + rows.tobytes()
    state = b"(K\x01" + shape + dtype + b"\x89" + pixels + b"tb"
    listed = b"](" + b"".join(whole(label) for label in labels) + b"e"
    return b"\x80\x02}(" + text("data") + array + state + text(key) + listed + b"u."


def sample(seed: int, n: int = 6) -> tuple[np.ndarray, list[int]]:
    generator = np.random.default_rng(seed)
    return generator.integers(0, 256, (n, 3_072), dtype=np.uint8), generator.integers(0, 10, n).tolist()


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


def tar(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


@pytest.fixture
def batches() -> dict[str, bytes]:
    names = [name for split in cifar.CIFAR10.batches.values() for name, _ in split]
    return {name: python_2_batch(*sample(seed), key="labels") for seed, name in enumerate(names)}


@pytest.fixture
def publish(monkeypatch):
    """Make some batches the published ones, and an archive at some address."""

    def register(batches: dict[str, bytes], archive: bytes = b"", url: str = "") -> None:
        renewed = {
            split: tuple((name, md5(batches[name])) for name, _ in listed)
            for split, listed in cifar.CIFAR10.batches.items()
        }
        source = dataclasses.replace(
            cifar.CIFAR10.archive, urls=(f"{url}cifar-10-python.tar.gz",), checksum=md5(archive), size=len(archive)
        )
        changed = dataclasses.replace(cifar.CIFAR10, batches=renewed, archive=source)
        monkeypatch.setitem(registry._DATA_SETS, "cifar10", changed)

    return register


@pytest.fixture
def folder(tmp_path, batches):
    place = tmp_path / "cifar-10-batches-py"
    place.mkdir()
    for name, content in batches.items():
        (place / name).write_bytes(content)
    return place


def test_batches_are_read_in_the_official_order(tmp_path, folder, batches, publish):
    publish(batches)
    assert available("cifar10", tmp_path)
    train = load("cifar10", "train", tmp_path)
    for place in range(5):
        rows, labels = sample(place)
        np.testing.assert_array_equal(train.images[6 * place : 6 * place + 6].reshape(6, -1), rows)
        assert train.labels[6 * place : 6 * place + 6].tolist() == labels
    np.testing.assert_array_equal(load("cifar10", "test", tmp_path).images.reshape(6, -1), sample(5)[0])


def test_missing_batch(tmp_path, folder, batches, publish):
    publish(batches)
    (folder / "data_batch_3").unlink()
    assert not available("cifar10", tmp_path)
    with pytest.raises(DataError, match="CIFAR-10 is not in .*hvae data fetch cifar10.*data_batch_3.*HVAE_DATA"):
        load("cifar10", "train", tmp_path)
    assert len(load("cifar10", "test", tmp_path)) == 6


@pytest.mark.parametrize("damage", ["cut", "another"])
def test_a_batch_that_is_not_the_published_one(tmp_path, folder, batches, publish, damage):
    publish(batches)
    content = batches["test_batch"]
    (folder / "test_batch").write_bytes(content[:-9] if damage == "cut" else python_2_batch(*sample(9), key="labels"))
    with pytest.raises(DataError, match="test_batch is damaged or another file .*MD5 differs"):
        load("cifar10", "test", tmp_path)


class Hostile:
    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_hostile_batch_is_refused_before_it_is_read(tmp_path, folder, batches, publish, monkeypatch):
    publish(batches)
    (folder / "test_batch").write_bytes(pickle.dumps(Hostile(tmp_path / "executed"), protocol=2))
    monkeypatch.setattr(cifar, "read_pickle", lambda content: pytest.fail("unpickled without its checksum"))
    with pytest.raises(DataError, match="MD5 differs"):
        load("cifar10", "test", tmp_path)


def test_hostile_batch_of_the_right_checksum_is_not_executed(tmp_path, folder, batches, publish):
    (folder / "test_batch").write_bytes(pickle.dumps(Hostile(tmp_path / "executed"), protocol=2))
    publish({name: (folder / name).read_bytes() for name in batches})
    with pytest.raises(DataError, match="test_batch: the pickle names .*mkdir, which is never called"):
        load("cifar10", "test", tmp_path)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (python_2_batch(sample(0)[0], [1] * 5, "labels"), "6 images, but not as many labels"),
        (python_2_batch(sample(0)[0], [10] * 6, "labels"), "no classes from 0 to 9"),
        (python_2_batch(sample(0)[0][:, :1_024], [1] * 6, "labels"), r"`data` is \(6, 1024\) uint8"),
        (python_2_batch(*sample(0), "fine_labels"), "no batch of CIFAR-10"),
        (pickle.dumps([1, 2]), "no batch of CIFAR-10"),
        (pickle.dumps({"data": [1, 2], "labels": [1, 2]}), "`data` is no array"),
        (python_2_batch(*sample(0), "labels")[:-9], "damaged pickle"),
    ],
)
def test_batches_of_another_content(tmp_path, folder, batches, publish, content, message):
    publish(batches | {"test_batch": content})
    (folder / "test_batch").write_bytes(content)
    with pytest.raises(DataError, match=message) as raised:
        load("cifar10", "test", tmp_path)
    assert str(folder / "test_batch") in str(raised.value)


def archived(batches):
    return tar({f"cifar-10-batches-py/{name}": content for name, content in batches.items()})


def test_download(tmp_path, batches, publish, serve):
    archive = archived(batches)
    server = serve({"cifar-10-python.tar.gz": archive})
    publish(batches, archive, server.url)
    seen = []
    fetch("cifar10", tmp_path, lambda done, total: seen.append((done, total)))
    assert seen[-1] == (len(archive), len(archive))
    assert len(load("cifar10", "train", tmp_path)) == 30
    fetch("cifar10", tmp_path)
    assert len(server.requests) == 1


def test_download_of_another_archive_leaves_nothing(tmp_path, batches, publish, serve):
    server = serve({"cifar-10-python.tar.gz": archived({"test_batch": b"another"})})
    publish(batches, archived(batches), server.url)
    with pytest.raises(DataError, match="could not download CIFAR-10 from .*MD5 differs.*put the files under"):
        fetch("cifar10", tmp_path)
    assert not list(tmp_path.iterdir())


def test_archive_beside_the_batches_is_unpacked(tmp_path, folder, batches, publish):
    archive = archived(batches)
    publish(batches, archive)
    (folder / "data_batch_1").write_bytes(b"damaged")
    (folder / "cifar-10-python.tar.gz").write_bytes(archive)
    fetch("cifar10", tmp_path)
    assert (folder / "data_batch_1").read_bytes() == batches["data_batch_1"]


@pytest.mark.parametrize("name", ["CIFAR10", "CIFAR100"])
def test_addresses_and_checksums_are_those_of_torchvision(name):
    from torchvision import datasets

    ours, theirs = getattr(cifar, name), getattr(datasets, name)
    assert (ours.folder, ours.archive.urls) == (theirs.base_folder, (theirs.url,))
    assert (ours.archive.name, ours.archive.checksum) == (theirs.filename, theirs.tgz_md5)
    assert [list(batch) for batch in ours.batches["train"]] == theirs.train_list
    assert [list(batch) for batch in ours.batches["test"]] == theirs.test_list


def test_fine_labels_of_cifar100(tmp_path, monkeypatch):
    rows, _ = sample(1)
    content = python_2_batch(rows, [0, 99, 50, 7, 7, 12], "fine_labels")
    (tmp_path / "cifar-100-python").mkdir()
    (tmp_path / "cifar-100-python/test").write_bytes(content)
    changed = dataclasses.replace(cifar.CIFAR100, batches={"test": (("test", md5(content)),)})
    monkeypatch.setitem(registry._DATA_SETS, "cifar100", changed)
    images = load("cifar100", "test", tmp_path)
    np.testing.assert_array_equal(images.images.reshape(6, -1), rows)
    assert images.labels.tolist() == [0, 99, 50, 7, 7, 12]
