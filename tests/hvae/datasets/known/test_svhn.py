"""SVHN's MATLAB files."""

import dataclasses
import hashlib
import io

import numpy as np
import pytest
from scipy.io import savemat

from hvae.datasets import available, fetch, load
from hvae.datasets.known import svhn
from hvae.errors import DataError

GENERATOR = np.random.default_rng(0)
PIXELS = GENERATOR.integers(0, 256, (32, 32, 3, 12), dtype=np.uint8)
LABELS = np.array([[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 1]], dtype=np.uint8).T


def mat(**arrays) -> bytes:
    stream = io.BytesIO()
    savemat(stream, arrays, do_compression=True)
    return stream.getvalue()


@pytest.fixture
def publish(monkeypatch):
    def register(content: bytes, url: str = "") -> None:
        for split, file in svhn.FILES.items():
            changed = dataclasses.replace(
                file, urls=(url + file.name,), checksum=hashlib.md5(content).hexdigest(), size=len(content)
            )
            monkeypatch.setitem(svhn.FILES, split, changed)

    return register


def test_round_trip(tmp_path, publish):
    content = mat(X=PIXELS, y=LABELS)
    publish(content)
    (tmp_path / "test_32x32.mat").write_bytes(content)
    images = load("svhn", "test", tmp_path, (3, 32, 32))
    np.testing.assert_array_equal(images.images[7], PIXELS[..., 7].transpose(2, 0, 1))
    assert images.labels.tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0, 1]
    assert not available("svhn", tmp_path)
    with pytest.raises(DataError, match="SVHN is not in .*hvae data fetch svhn.*train_32x32.mat.*HVAE_DATA"):
        load("svhn", "train", tmp_path)


def test_truncated_file(tmp_path, publish):
    content = mat(X=PIXELS, y=LABELS)
    publish(content)
    (tmp_path / "test_32x32.mat").write_bytes(content[:-20])
    with pytest.raises(DataError, match="test_32x32.mat is damaged or another file .*MD5 differs"):
        load("svhn", "test", tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (mat(X=PIXELS, y=LABELS[:11]), r"`y` is \(11, 1\) uint8; needed is \(12, 1\)"),
        (mat(X=PIXELS, y=LABELS + 1), "no classes from 1 to 10"),
        (mat(X=PIXELS[:, :, :1], y=LABELS), r"needed is \(32, 32, 3, n\) uint8"),
        (mat(X=PIXELS.astype(float), y=LABELS), "float64; needed"),
        (mat(X=PIXELS), "no `X` and `y`"),
        (mat(X=PIXELS, y=LABELS)[:-20], "no MATLAB file"),
        (b"<html>", "no MATLAB file"),
    ],
)
def test_other_content(tmp_path, publish, content, message):
    publish(content)
    (tmp_path / "test_32x32.mat").write_bytes(content)
    with pytest.raises(DataError, match=message) as raised:
        load("svhn", "test", tmp_path)
    assert str(tmp_path / "test_32x32.mat") in str(raised.value)


def test_download(tmp_path, publish, serve):
    content = mat(X=PIXELS, y=LABELS)
    server = serve({"train_32x32.mat": content, "test_32x32.mat": content})
    publish(content, server.url)
    fetch("svhn", tmp_path)
    assert len(load("svhn", "train", tmp_path)) == 12
    server.files["test_32x32.mat"] = mat(X=PIXELS, y=LABELS[::-1])
    (tmp_path / "test_32x32.mat").unlink()
    with pytest.raises(DataError, match="could not download SVHN from .*test_32x32.mat: .*MD5 differs"):
        fetch("svhn", tmp_path)
    assert server.requests == ["train_32x32.mat", "test_32x32.mat", "test_32x32.mat"]
    assert [path.name for path in tmp_path.iterdir()] == ["train_32x32.mat"]


def test_addresses_and_checksums_are_those_of_torchvision():
    from torchvision.datasets import SVHN

    for split, file in svhn.FILES.items():
        assert [*file.urls, file.name, file.checksum] == SVHN.split_list[split]
