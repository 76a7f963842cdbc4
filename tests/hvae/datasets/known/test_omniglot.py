"""Omniglot's tree of drawings."""

import dataclasses
import hashlib
import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from hvae.datasets import available, fetch, load
from hvae.datasets.known import released
from hvae.errors import DataError

NAMES = [
    f"{alphabet}/{character}/{number:04}_{drawer:02}.png"
    for number, (alphabet, character) in enumerate(
        [("Korean", "character01"), ("Korean", "character02"), ("Malay_(Jawi_-_Arabic)", "character01")]
    )
    for drawer in (1, 2)
]
GENERATOR = np.random.default_rng(0)
DRAWINGS = {name: GENERATOR.integers(0, 2, (105, 105)).astype(bool) for name in NAMES}


def png(drawing: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(drawing).save(stream, "PNG")
    return stream.getvalue()


def zipped(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(released, "DRAWINGS", dict.fromkeys(released.SPLITS.values(), len(NAMES)))


@pytest.fixture
def folder(tmp_path):
    for split in ("images_background", "images_evaluation"):
        for name, drawing in DRAWINGS.items():
            path = tmp_path / "omniglot-py" / split / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(png(drawing))
    return tmp_path / "omniglot-py" / "images_evaluation"


def test_drawings_come_back(tmp_path, folder):
    assert available("omniglot28", tmp_path)
    plain, inverted = (load(name, "test", tmp_path) for name in ("omniglot28", "omniglot28_inverted"))
    assert plain.labels.tolist() == [0, 0, 1, 1, 2, 2]
    # The nearest neighbour of pixel i of 28 is at (i + 1/2) 105 / 28.
    nearest = ((np.arange(28) + 0.5) * 105 / 28).astype(int)
    expected = np.stack([drawing[np.ix_(nearest, nearest)] for drawing in DRAWINGS.values()])
    np.testing.assert_array_equal(plain.images[:, 0], 255 * expected)
    np.testing.assert_array_equal(inverted.images, 255 - plain.images)
    assert "dark on white" in plain.note
    assert "white on black as in Burda" in inverted.note


def test_missing_folder_and_drawing(tmp_path, folder):
    (folder / NAMES[0]).unlink()
    with pytest.raises(DataError, match="holds 5 drawings, not 6: run `hvae data fetch omniglot28`"):
        load("omniglot28", "test", tmp_path)
    with pytest.raises(DataError, match="Omniglot is not in .*images_background.zip.*HVAE_DATA"):
        load("omniglot28", "train", tmp_path / "elsewhere")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (png(DRAWINGS[NAMES[0]])[:-60], "truncated|damaged"),
        (png(DRAWINGS[NAMES[0]][:100]), "no grey drawing of 105x105 pixels"),
        (b"<html>", "not an image"),
    ],
)
def test_other_drawings(tmp_path, folder, content, message):
    (folder / NAMES[3]).write_bytes(content)
    with pytest.raises(DataError, match=message) as raised:
        load("omniglot28", "test", tmp_path)
    assert str(folder / NAMES[3]) in str(raised.value)


@pytest.fixture
def server(monkeypatch, serve):
    archives = {}
    for split in released.SPLITS.values():
        members = {f"{split}/{name}": png(drawing) for name, drawing in DRAWINGS.items()}
        escaping = {"../escaped.png": b"", f"{split}/../../escaped.png": b"", f"{split}/a/readme": b""}
        archives[f"{split}.zip"] = zipped(escaping | members)
    started = serve(archives)
    for split, file in released._ARCHIVES.items():
        content = archives[file.name]
        changed = dataclasses.replace(
            file, urls=(started.url + file.name,), checksum=hashlib.md5(content).hexdigest(), size=len(content)
        )
        monkeypatch.setitem(released._ARCHIVES, split, changed)
    return started


def test_download_unpacks_drawings_alone(tmp_path, server):
    root = tmp_path / "data"
    fetch("omniglot28", root)
    assert len(load("omniglot28", "train", root)) == 6
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) == 12
    assert all(path.is_relative_to(root / "omniglot-py") for path in written)
    next(root.rglob("images_background/*/*/*.png")).unlink()
    fetch("omniglot28", root)
    assert server.requests == ["images_background.zip", "images_evaluation.zip", "images_background.zip"]


def test_download_of_another_archive(tmp_path, server):
    server.files["images_background.zip"] = zipped({})
    with pytest.raises(DataError, match="could not download Omniglot from .*MD5 differs"):
        fetch("omniglot28", tmp_path)
    assert not list(tmp_path.iterdir())


def test_addresses_and_checksums_are_those_of_torchvision():
    from torchvision.datasets import Omniglot

    assert list(released._ARCHIVES) == list(released.SPLITS.values())
    for name, file in released._ARCHIVES.items():
        assert file.urls == (f"{Omniglot.download_url_prefix}/{name}.zip",)
        assert file.checksum == Omniglot.zips_md5[name]
